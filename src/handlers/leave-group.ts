/** handlers: LeaveGroup: members leave a classic group, one until v2, several from v3 on. */
import { leaveGroup } from '../../protocol/messages/leave-group.ts'
import { handle } from './handler.ts'

export const leaveGroupHandler = handle(leaveGroup, {
  async serve({ groupId, memberId, members }, { groups, access, apiVersion }) {
    access.require('Group', groupId, 'Read')
    const left = await groups.leaveGroup(
      groupId,
      apiVersion < 3 ? [{ memberId, groupInstanceId: null, reason: null }] : members,
    )
    return apiVersion < 3 ? { errorCode: left[0]!.errorCode } : { members: left }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})
