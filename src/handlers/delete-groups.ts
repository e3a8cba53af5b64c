/** handlers: DeleteGroups: deletes empty groups with their offsets. */
import { deleteGroups } from '../../protocol/messages/delete-groups.ts'
import { answerEach, handle } from './handler.ts'

export const deleteGroupsHandler = handle(deleteGroups, {
  async serve({ groupsNames }, { groups, access }) {
    const results = answerEach(
      [...new Set(groupsNames)],
      async (groupId) => {
        access.require('Group', groupId, 'Delete')
        await groups.deleteGroup(groupId)
        return { groupId, errorCode: 0 }
      },
      (groupId, errorCode) => ({ groupId, errorCode }),
    )
    return { results: await results }
  },
  fail: ({ groupsNames }, errorCode) => ({ results: groupsNames.map((groupId) => ({ groupId, errorCode })) }),
})
