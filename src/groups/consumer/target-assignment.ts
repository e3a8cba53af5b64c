/** groups/consumer: the targets of all members, made anew by the server-side assignor. Source: Kafka's TargetAssignmentBuilder. */
import type { MemberSpec, ServerAssignor } from '../assignors/server-assignor.ts'
import type { ConsumerGroupChange } from './consumer-group-change.ts'
import type { ConsumerGroupMember } from './consumer-group-member.ts'
import { noPartitions, samePartitions } from './partitions.ts'
import type { TopicsImage } from './topics-image.ts'

/** Brings all targets to the group epoch; those that stay as they are leave no record. */
export function updateTargets(
  change: ConsumerGroupChange,
  assignor: ServerAssignor,
  topics: TopicsImage,
  nowMs: number,
): void {
  const { members } = change
  const specs = new Map<string, MemberSpec>()
  for (const [memberId, member] of members) {
    specs.set(memberId, {
      instanceId: member.instanceId,
      rackId: member.rackId,
      subscribedTopicIds: change.subscribedTopicIds(member, topics),
      assigned: change.target(memberId),
    })
  }
  const assigned = assignor.assign(
    { members: specs, isHomogeneous: isHomogeneous([...members.values()]) },
    {
      partitionCount: (topicId) => topics.partitionCount(topicId),
      racksOf: (topicId, partition) => new Set(topics.racks(topicId, partition)),
    },
  )
  for (const memberId of members.keys()) {
    const target = assigned.get(memberId) ?? noPartitions
    if (change.hasTarget(memberId) && samePartitions(target, change.target(memberId))) continue
    change.putTarget(memberId, target)
  }
  change.putTargetEpoch(nowMs)
}

/** The assignor that most members ask for, among equals the one that was asked for first; undefined where nobody does. */
export function preferredAssignor(members: Iterable<ConsumerGroupMember>): string | undefined {
  const votes = new Map<string, number>()
  for (const { serverAssignor } of members) {
    if (serverAssignor !== null) votes.set(serverAssignor, (votes.get(serverAssignor) ?? 0) + 1)
  }
  let preferred: string | undefined
  for (const [name, count] of votes) if (preferred === undefined || count > votes.get(preferred)!) preferred = name
  return preferred
}

/** All subscribe to the same names, or all by the same regular expression alone. */
function isHomogeneous(members: readonly ConsumerGroupMember[]): boolean {
  const [first] = members
  if (first === undefined) return true
  const { subscribedTopicNames: names, subscribedTopicRegex: regularExpression } = first
  if (regularExpression !== '' && names.size > 0) return false
  return members.every(
    (member) =>
      member.subscribedTopicRegex === regularExpression &&
      (member.subscribedTopicNames === names ||
        (member.subscribedTopicNames.size === names.size &&
          [...names].every((name) => member.subscribedTopicNames.has(name)))),
  )
}
