import { api, array, bool, bytes, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * DescribeGroups (key 15): state and members of classic groups.
 * v1 throttleTimeMs · v3 includeAuthorizedOperations, authorizedOperations (KIP-430) · v4 groupInstanceId
 * (KIP-345) · v5 flexible (KIP-482) · v6 errorMessage
 */
export const describeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: '0-6',
  flexible: '5+',
  request: { groups: array(string()), includeAuthorizedOperations: bool({ versions: '3+' }) },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ versions: '6+', nullable: '6+', default: null }),
      groupId: string(),
      groupState: string(),
      protocolType: string(),
      protocolData: string(),
      members: array({
        memberId: string(),
        groupInstanceId: string({ versions: '4+', nullable: '4+', default: null }),
        clientId: string(),
        clientHost: string(),
        memberMetadata: bytes(),
        memberAssignment: bytes(),
      }),
      authorizedOperations: int32({ versions: '3+', default: -2147483648 }),
    }),
  },
})
export type DescribeGroupsRequest = Request<typeof describeGroups>
export type DescribeGroupsResponse = Response<typeof describeGroups>
