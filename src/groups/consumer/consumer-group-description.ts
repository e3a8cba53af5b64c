/** groups/consumer: a consumer group as ConsumerGroupDescribe shows it. */
import type { ConsumerGroup } from './consumer-group.ts'
import { targetOf } from './consumer-group.ts'
import type { ConsumerGroupContext } from './consumer-group-context.ts'
import type { DescribedConsumerGroup } from './consumer-group-requests.ts'
import { listed } from './partitions.ts'
import { preferredAssignor } from './target-assignment.ts'
import type { TopicsImage } from './topics-image.ts'

/** Kafka's ids of a member's type. */
const memberTypes = { classic: 0, consumer: 1 } as const

export function describeConsumerGroup(
  { topics, configs }: ConsumerGroupContext,
  group: ConsumerGroup,
): DescribedConsumerGroup {
  const { members } = group
  return {
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: preferredAssignor(members.values()) ?? configs.assignors[0]!.name,
    members: Array.from(members.values(), (member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.subscribedTopicNames],
      subscribedTopicRegex: member.subscribedTopicRegex,
      assignment: described([member.assigned, member.pendingRevocation], topics),
      targetAssignment: described([targetOf(group.targets, member.memberId)], topics),
      memberType: member.classic === null ? memberTypes.consumer : memberTypes.classic,
    })),
  }
}

/** What topics that are gone had is not shown. */
function described(
  parts: readonly ReadonlyMap<string, { keys(): Iterable<number> }>[],
  topics: TopicsImage,
): { topicPartitions: { topicId: string; topicName: string; partitions: number[] }[] } {
  const all = new Map<string, Set<number>>()
  for (const part of parts) {
    for (const [topicId, partitions] of part) {
      all.set(topicId, new Set([...(all.get(topicId) ?? []), ...partitions.keys()]))
    }
  }
  const topicPartitions = listed(all).flatMap(({ topicId, partitions }) => {
    const topicName = topics.nameOf(topicId)
    return topicName === undefined ? [] : [{ topicId, topicName, partitions: [...partitions] }]
  })
  return { topicPartitions }
}
