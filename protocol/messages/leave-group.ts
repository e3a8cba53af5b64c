import { api, array, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * LeaveGroup (key 13): members leave a classic group.
 * v1 throttleTimeMs · v3 members (KIP-345) · v4 flexible (KIP-482) · v5 reason (KIP-800) · until v2 memberId
 */
export const leaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: '0-5',
  flexible: '4+',
  request: {
    groupId: string(),
    memberId: string({ versions: '0-2' }),
    members: array(
      {
        memberId: string({ versions: '3+' }),
        groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
        reason: string({ versions: '5+', nullable: '5+', default: null }),
      },
      { versions: '3+' },
    ),
  },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    errorCode: int16(),
    members: array(
      {
        memberId: string({ versions: '3+' }),
        groupInstanceId: string({ versions: '3+', nullable: '3+' }),
        errorCode: int16({ versions: '3+' }),
      },
      { versions: '3+' },
    ),
  },
})
export type LeaveGroupRequest = Request<typeof leaveGroup>
export type LeaveGroupResponse = Response<typeof leaveGroup>
