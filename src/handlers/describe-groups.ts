/** handlers: DescribeGroups: state and members of classic groups. */
import { errorCode } from '../../protocol/errors.ts'
import { type DescribeGroupsResponse, describeGroups } from '../../protocol/messages/describe-groups.ts'
import { authorizedOperations } from './authorized-operations.ts'
import { answerEach, handle } from './handler.ts'

type Answer = NonNullable<DescribeGroupsResponse['groups']>[number]

const groupIdNotFound = errorCode('GROUP_ID_NOT_FOUND')

export const describeGroupsHandler = handle(describeGroups, {
  async serve(request, { groups, access, apiVersion }) {
    const described = answerEach<string, Answer>(
      request.groups,
      async (groupId) => {
        access.require('Group', groupId, 'Describe')
        const group = await groups.describeGroup(groupId)
        if (!request.includeAuthorizedOperations) return { groupId, ...group }
        return { groupId, ...group, authorizedOperations: authorizedOperations(access, 'Group', groupId) }
      },
      (groupId, errorCode, errorMessage) => {
        if (errorCode !== groupIdNotFound) return { groupId, errorCode }
        // A group that is not there was a dead one before v6.
        if (apiVersion >= 6) return { groupId, groupState: 'Dead', errorCode, errorMessage }
        if (!request.includeAuthorizedOperations) return { groupId, groupState: 'Dead' }
        return { groupId, groupState: 'Dead', authorizedOperations: authorizedOperations(access, 'Group', groupId) }
      },
    )
    return { groups: await described }
  },
  fail: (request, errorCode) => ({ groups: request.groups.map((groupId) => ({ groupId, errorCode })) }),
})
