import { api, array, bool, bytes, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * JoinGroup (key 11): a classic-protocol member joins its group or takes part in a rebalance.
 * v1 rebalanceTimeoutMs · v2 throttleTimeMs · v5 groupInstanceId (KIP-345) · v6 flexible (KIP-482) · v7
 * protocolType (KIP-559) · v8 reason (KIP-800) · v9 skipAssignment (KIP-814)
 */
export const joinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: '0-9',
  flexible: '6+',
  request: {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ versions: '1+', default: -1 }),
    memberId: string(),
    groupInstanceId: string({ versions: '5+', nullable: '5+', default: null }),
    protocolType: string(),
    protocols: array({ name: string(), metadata: bytes() }),
    reason: string({ versions: '8+', nullable: '8+', default: null }),
  },
  response: {
    throttleTimeMs: int32({ versions: '2+' }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ versions: '7+', nullable: '7+', default: null }),
    protocolName: string({ nullable: '7+' }),
    leader: string(),
    skipAssignment: bool({ versions: '9+' }),
    memberId: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string({ versions: '5+', nullable: '5+', default: null }),
      metadata: bytes(),
    }),
  },
})
export type JoinGroupRequest = Request<typeof joinGroup>
export type JoinGroupResponse = Response<typeof joinGroup>
