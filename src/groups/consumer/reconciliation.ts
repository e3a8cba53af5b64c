/**
 * groups/consumer: the next step of one member towards its target. A member first gives back what it is to lose, and only then takes
 * what others have given back; so a partition never has two owners. Source: KIP-848, Kafka's CurrentAssignmentBuilder.
 *
 *     assigned  ∩ target                      stays
 *     assigned  − target                      pending revocation: the member stays in its epoch until it no longer names them
 *     target    − assigned, owned by nobody   assigned, in the target's epoch
 *     target    − assigned, owned by another  unreleased: asked for again with each heartbeat
 */
import { KafkaError } from '../../../protocol/errors.ts'
import { type ConsumerGroupMember, inEpoch } from './consumer-group-member.ts'
import {
  hasPartition,
  noPartitions,
  type PartitionEpochs,
  type Partitions,
  type TopicPartitions,
} from './partitions.ts'

export interface ReconciliationInput {
  readonly targetEpoch: number
  readonly target: Partitions
  readonly subscribedTopicIds: ReadonlySet<string>
  /** Topics that are not subscribed to any more are taken away at once. */
  readonly subscriptionChanged: boolean
  /** What the member says it owns; null: it says nothing. */
  readonly owned: readonly TopicPartitions[] | null
  /** Whether some member has the partition, or has not given it back. */
  isOwned(topicId: string, partition: number): boolean
}

type PartitionEpochsByTopic = Map<string, Map<number, number>>

/** The member after the step; the same object where there is none. @throws KafkaError FENCED_MEMBER_EPOCH in an unknown state */
export function reconcile(member: ConsumerGroupMember, input: ReconciliationInput): ConsumerGroupMember {
  switch (member.state) {
    case 'STABLE':
      if (member.memberEpoch !== input.targetEpoch) return nextAssignment(member, input)
      return input.subscriptionChanged ? withoutUnsubscribed(member, input) : member
    case 'UNREVOKED_PARTITIONS':
      if (!ownsAny(input.owned, member.pendingRevocation)) return nextAssignment(member, input)
      return input.subscriptionChanged ? withoutUnsubscribed(member, input) : member
    case 'UNRELEASED_PARTITIONS':
      return nextAssignment(member, input)
    case 'UNKNOWN':
      if (input.owned === null || input.owned.length > 0) {
        throw new KafkaError(
          'FENCED_MEMBER_EPOCH',
          'The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.',
        )
      }
      return nextAssignment(inEpoch(member, input.targetEpoch), input)
  }
}

/** A member that says nothing may own everything. */
function ownsAny(owned: readonly TopicPartitions[] | null, partitions: PartitionEpochs): boolean {
  return (
    owned === null ||
    owned.some(({ topicId, partitions: own }) => own.some((partition) => hasPartition(partitions, topicId, partition)))
  )
}

function nextAssignment(member: ConsumerGroupMember, input: ReconciliationInput): ConsumerGroupMember {
  const { targetEpoch, target, subscribedTopicIds, owned } = input
  const kept: PartitionEpochsByTopic = new Map()
  const revoked: PartitionEpochsByTopic = new Map()
  for (const [topicId, epochs] of member.assigned) {
    const wanted = subscribedTopicIds.has(topicId) ? target.get(topicId) : undefined
    for (const [partition, epoch] of epochs) put(wanted?.has(partition) ? kept : revoked, topicId, partition, epoch)
  }
  if (revoked.size > 0 && ownsAny(owned, revoked)) {
    const { memberEpoch } = member
    return {
      ...inEpoch(member, memberEpoch),
      state: 'UNREVOKED_PARTITIONS',
      assigned: kept,
      pendingRevocation: revoked,
    }
  }
  const hasUnreleased = addReleased(kept, member, input)
  return {
    ...inEpoch(member, targetEpoch),
    state: hasUnreleased ? 'UNRELEASED_PARTITIONS' : 'STABLE',
    assigned: kept,
    pendingRevocation: noPartitions,
  }
}

/** Adds the target's partitions that nobody owns to `assigned`; whether there are others. */
function addReleased(
  assigned: PartitionEpochsByTopic,
  member: ConsumerGroupMember,
  { target, targetEpoch, subscribedTopicIds, isOwned }: ReconciliationInput,
): boolean {
  let hasUnreleased = false
  for (const [topicId, partitions] of target) {
    if (!subscribedTopicIds.has(topicId)) continue
    for (const partition of partitions) {
      if (hasPartition(assigned, topicId, partition)) continue
      // What the member itself has just given back is free for it.
      const isFree = !isOwned(topicId, partition) || hasPartition(member.pendingRevocation, topicId, partition)
      if (isFree) put(assigned, topicId, partition, targetEpoch)
      else hasUnreleased = true
    }
  }
  return hasUnreleased
}

/** The target is the old one, but topics that the member no longer subscribes to are taken from it now. */
function withoutUnsubscribed(member: ConsumerGroupMember, input: ReconciliationInput): ConsumerGroupMember {
  const kept = new Map(member.assigned)
  const revoked: PartitionEpochsByTopic = new Map()
  for (const [topicId, epochs] of member.pendingRevocation) revoked.set(topicId, new Map(epochs))
  for (const [topicId, epochs] of member.assigned) {
    if (input.subscribedTopicIds.has(topicId)) continue
    kept.delete(topicId)
    for (const [partition, epoch] of epochs) put(revoked, topicId, partition, epoch)
  }
  if (kept.size === member.assigned.size) return member
  const changed = { ...inEpoch(member, member.memberEpoch), assigned: kept }
  if (!ownsAny(input.owned, revoked)) return changed
  return { ...changed, state: 'UNREVOKED_PARTITIONS', pendingRevocation: revoked }
}

function put(partitions: PartitionEpochsByTopic, topicId: string, partition: number, epoch: number): void {
  const epochs = partitions.get(topicId)
  if (epochs === undefined) partitions.set(topicId, new Map([[partition, epoch]]))
  else epochs.set(partition, epoch)
}
