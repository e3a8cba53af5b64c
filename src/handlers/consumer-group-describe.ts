/** handlers: ConsumerGroupDescribe: state and members of consumer groups (KIP-848). */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import {
  type ConsumerGroupDescribeResponse,
  consumerGroupDescribe,
} from '../../protocol/messages/consumer-group-describe.ts'
import type { DescribedConsumerGroup } from '../groups/consumer/consumer-group-requests.ts'
import { authorizedOperations } from './authorized-operations.ts'
import { requireConsumerProtocol } from './consumer-protocol.ts'
import { answerEach, handle } from './handler.ts'

type Answer = NonNullable<ConsumerGroupDescribeResponse['groups']>[number]
type Assignment = DescribedConsumerGroup['members'][number]['assignment']

/** Other errors say nothing more. */
const withMessage = [errorCode('GROUP_ID_NOT_FOUND'), errorCode('TOPIC_AUTHORIZATION_FAILED')]

export const consumerGroupDescribeHandler = handle(consumerGroupDescribe, {
  async serve({ groupIds, includeAuthorizedOperations }, context) {
    const { groups, access } = context
    requireConsumerProtocol(context)
    const isDescribable = (topic: string): boolean => access.isAllowed('Topic', topic, 'Describe')
    const described = answerEach<string, Answer>(
      groupIds,
      async (groupId) => {
        access.require('Group', groupId, 'Describe')
        const { members, ...group } = await groups.describeConsumerGroup(groupId)
        const shown = members.flatMap((member) => [member.assignment, member.targetAssignment])
        if (!shown.every((assignment) => topicsOf(assignment).every(isDescribable))) {
          const message = 'The group has described topic(s) that the client is not authorized to describe.'
          throw new KafkaError('TOPIC_AUTHORIZATION_FAILED', message)
        }
        return {
          groupId,
          ...group,
          members: members.map((member) => ({
            ...member,
            subscribedTopicNames: [...member.subscribedTopicNames],
            assignment: copied(member.assignment),
            targetAssignment: copied(member.targetAssignment),
          })),
          ...(includeAuthorizedOperations
            ? { authorizedOperations: authorizedOperations(access, 'Group', groupId) }
            : {}),
        }
      },
      (groupId, errorCode, errorMessage) =>
        withMessage.includes(errorCode) ? { groupId, errorCode, errorMessage } : { groupId, errorCode },
    )
    return { groups: await described }
  },
  fail: ({ groupIds }, errorCode) => ({ groups: groupIds.map((groupId) => ({ groupId, errorCode })) }),
})

function topicsOf({ topicPartitions }: Assignment): string[] {
  return topicPartitions.map(({ topicName }) => topicName)
}

function copied({ topicPartitions }: Assignment) {
  return { topicPartitions: topicPartitions.map((each) => ({ ...each, partitions: [...each.partitions] })) }
}
