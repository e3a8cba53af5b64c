import { api, array, bytes, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * SyncGroup (key 14): a classic group's leader hands in the assignment, each member gets its part.
 * v1 throttleTimeMs · v3 groupInstanceId (KIP-345) · v4 flexible (KIP-482) · v5 protocolType (KIP-559),
 * protocolName
 */
export const syncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: '0-5',
  flexible: '4+',
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
    protocolType: string({ versions: '5+', nullable: '5+', default: null }),
    protocolName: string({ versions: '5+', nullable: '5+', default: null }),
    assignments: array({ memberId: string(), assignment: bytes() }),
  },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    errorCode: int16(),
    protocolType: string({ versions: '5+', nullable: '5+', default: null }),
    protocolName: string({ versions: '5+', nullable: '5+', default: null }),
    assignment: bytes(),
  },
})
export type SyncGroupRequest = Request<typeof syncGroup>
export type SyncGroupResponse = Response<typeof syncGroup>
