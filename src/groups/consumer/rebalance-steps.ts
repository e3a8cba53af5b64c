/**
 * groups/consumer: the steps that follow from what a member says, in this order: the group epoch, the targets, the member's own next
 * assignment. Source: Kafka's GroupMetadataManager.
 *
 *     a subscription or a topic changed ─► group epoch + 1 ─► targets, at most one per assignment interval ─► reconciliation, member by member
 */

import type { ConsumerGroupChange } from './consumer-group-change.ts'
import type { ConsumerGroupContext, ConsumerGroupEntry } from './consumer-group-context.ts'
import { type ConsumerGroupMember, isReconciled } from './consumer-group-member.ts'
import { metadataHash } from './metadata-hash.ts'
import { sameEpochs, type TopicPartitions } from './partitions.ts'
import { reconcile } from './reconciliation.ts'
import { preferredAssignor, updateTargets } from './target-assignment.ts'

/** The next group epoch, if `mustBump`, or if one of the group's topics has changed since the last one. */
export function updateGroupEpoch(
  { topics }: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  change: ConsumerGroupChange,
  mustBump: boolean,
): void {
  if (!mustBump && entry.checkedVersion === topics.version) return
  const hash = metadataHash(change.subscribedTopics(), topics)
  if (mustBump || hash !== change.metadataHash) change.bumpGroupEpoch(hash)
  else entry.checkedVersion = topics.version
  if (entry.group.hasPartitionMetadata) change.removePartitionMetadata()
}

/** New targets for a new group epoch; if the last ones are too fresh, a later heartbeat brings them. */
export function updateTargetsIfDue(
  { clock, configs, topics }: ConsumerGroupContext,
  change: ConsumerGroupChange,
): void {
  if (change.assignmentEpoch >= change.groupEpoch) return
  const nowMs = clock.now()
  const sinceLastMs = nowMs - change.group.assignmentTimestampMs
  // Less than nothing: the clock was set back, which must hold nobody up.
  if (sinceLastMs >= 0 && sinceLastMs < configs.assignmentIntervalMs(change.groupId)) return
  const preferred = preferredAssignor(change.members.values())
  const assignor = configs.assignors.find(({ name }) => name === preferred) ?? configs.assignors[0]!
  updateTargets(change, assignor, topics, nowMs)
}

export interface MemberStep {
  readonly member: ConsumerGroupMember
  readonly subscriptionChanged: boolean
  /** What the member says it owns. */
  readonly owned: readonly TopicPartitions[] | null
}

/** The member's next assignment; what it has to give back, it gives back within its rebalance timeout. */
export function reconcileMember(
  { clock, topics }: ConsumerGroupContext,
  { deadlines, group }: ConsumerGroupEntry,
  change: ConsumerGroupChange,
  { member, subscriptionChanged, owned }: MemberStep,
): ConsumerGroupMember {
  if (!subscriptionChanged && isReconciled(member, change.assignmentEpoch)) return member
  const next = reconcile(member, {
    targetEpoch: change.assignmentEpoch,
    target: change.target(member.memberId),
    subscribedTopicIds: change.subscribedTopicIds(member, topics),
    subscriptionChanged,
    owned,
    isOwned: (topicId, partition) => group.isOwned(topicId, partition),
  })
  if (isSameAssignment(next, member)) return member
  change.putCurrent(next)
  if (next.classic !== null) return next
  if (next.state === 'UNREVOKED_PARTITIONS')
    deadlines.set(next.memberId, 'rebalance', clock.monotonicMs() + next.rebalanceTimeoutMs)
  else deadlines.cancel(next.memberId, 'rebalance')
  return next
}

function isSameAssignment(a: ConsumerGroupMember, b: ConsumerGroupMember): boolean {
  return (
    a === b ||
    (a.memberEpoch === b.memberEpoch &&
      a.previousMemberEpoch === b.previousMemberEpoch &&
      a.state === b.state &&
      sameEpochs(a.assigned, b.assigned) &&
      sameEpochs(a.pendingRevocation, b.pendingRevocation))
  )
}
