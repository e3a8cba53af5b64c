/**
 * groups/consumer: one consumer group (KIP-848) as its records have it. Changed by replay alone; what is decided on top of it is a
 * ConsumerGroupChange. Source: Kafka's ConsumerGroup.
 */

import type { OffsetRetention } from '../offsets.ts'
import {
  type ConsumerGroupMember,
  isReconciled,
  leftMemberEpoch,
  newMember,
  noAssignment,
} from './consumer-group-member.ts'
import type { ConsumerGroupRecord, ResolvedRegularExpression } from './consumer-group-records.ts'
import { noPartitions, type PartitionEpochs, type Partitions } from './partitions.ts'

/** As clients and tools see it. */
export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

/** Kafka begins there: the first group epoch that is written is 2. */
const firstEpoch = 1

export class ConsumerGroup {
  readonly groupId: string
  #groupEpoch = firstEpoch
  #metadataHash = 0n
  #assignmentEpoch = firstEpoch
  #assignmentTimestampMs = 0
  #hasPartitionMetadata = false
  readonly #members = new Map<string, ConsumerGroupMember>()
  /** Member id by instance id. */
  readonly #staticIds = new Map<string, string>()
  readonly #targets = new Map<string, Partitions>()
  /** As they are resolved, which those that are new are not. */
  readonly #regularExpressions = new Map<string, ResolvedRegularExpression>()
  readonly #regularExpressionSubscribers = new Map<string, number>()
  /** Member id by topic id and partition: it has it, or has not given it back. */
  readonly #owners = new Map<string, Map<number, string>>()
  #subscribedTopics: ReadonlySet<string> | undefined

  constructor(groupId: string) {
    this.groupId = groupId
  }

  get groupEpoch(): number {
    return this.#groupEpoch
  }

  /** Of the topics for which the group epoch was made. */
  get metadataHash(): bigint {
    return this.#metadataHash
  }

  /** The group epoch that the targets are for. */
  get assignmentEpoch(): number {
    return this.#assignmentEpoch
  }

  /** 0: never. */
  get assignmentTimestampMs(): number {
    return this.#assignmentTimestampMs
  }

  /** An earlier Kafka has left its record of the topics. */
  get hasPartitionMetadata(): boolean {
    return this.#hasPartitionMetadata
  }

  get state(): ConsumerGroupState {
    if (this.#members.size === 0) return 'Empty'
    if (this.#groupEpoch > this.#assignmentEpoch) return 'Assigning'
    for (const member of this.#members.values()) {
      if (!isReconciled(member, this.#assignmentEpoch)) return 'Reconciling'
    }
    return 'Stable'
  }

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  get members(): ReadonlyMap<string, ConsumerGroupMember> {
    return this.#members
  }

  staticMember(instanceId: string): ConsumerGroupMember | undefined {
    const memberId = this.#staticIds.get(instanceId)
    return memberId === undefined ? undefined : this.#members.get(memberId)
  }

  get targets(): ReadonlyMap<string, Partitions> {
    return this.#targets
  }

  get regularExpressions(): ReadonlyMap<string, ResolvedRegularExpression> {
    return this.#regularExpressions
  }

  isOwned(topicId: string, partition: number): boolean {
    return this.#owners.get(topicId)?.has(partition) ?? false
  }

  /** How many members subscribe by each regular expression. */
  get regularExpressionSubscribers(): ReadonlyMap<string, number> {
    return this.#regularExpressionSubscribers
  }

  /** Whether a topic is subscribed to, by name or by regular expression. */
  subscription(): (topic: string) => boolean {
    this.#subscribedTopics ??= topicsOf(this.#members.values(), this.#regularExpressions.values())
    const topics = this.#subscribedTopics
    return (topic) => topics.has(topic)
  }

  /** Source: ConsumerGroup.offsetExpirationCondition (KIP-211). */
  offsetRetention(): OffsetRetention {
    return { isSubscribedTo: this.subscription(), startMs: ({ commitTimestampMs }) => commitTimestampMs }
  }

  // ---- replay

  /** All but the tombstone of ConsumerGroupMetadata, with which the group is gone. */
  replay(record: ConsumerGroupRecord): void {
    switch (record.kind) {
      case 'ConsumerGroupMetadata':
        this.#groupEpoch = record.value?.epoch ?? firstEpoch
        this.#metadataHash = record.value?.metadataHash ?? 0n
        break
      case 'ConsumerGroupPartitionMetadata':
        this.#hasPartitionMetadata = record.value !== null
        break
      case 'ConsumerGroupMemberMetadata':
        if (record.value === null) this.#remove(record.memberId)
        else this.#put({ ...this.#memberOrNew(record.memberId), ...record.value })
        break
      case 'ConsumerGroupTargetAssignmentMetadata':
        this.#assignmentEpoch = record.value?.assignmentEpoch ?? -1
        this.#assignmentTimestampMs = record.value?.assignmentTimestampMs ?? 0
        break
      case 'ConsumerGroupTargetAssignmentMember':
        if (record.value === null) this.#targets.delete(record.memberId)
        else this.#targets.set(record.memberId, record.value)
        break
      case 'ConsumerGroupCurrentMemberAssignment':
        this.#replayCurrent(record)
        break
      case 'ConsumerGroupRegularExpression':
        if (record.value === null) this.#regularExpressions.delete(record.regularExpression)
        else this.#regularExpressions.set(record.regularExpression, record.value)
        this.#subscribedTopics = undefined
    }
  }

  #replayCurrent({
    memberId,
    value,
  }: Extract<ConsumerGroupRecord, { kind: 'ConsumerGroupCurrentMemberAssignment' }>): void {
    if (value !== null) {
      this.#put({ ...this.#memberOrNew(memberId), ...value })
      return
    }
    const member = this.#members.get(memberId)
    if (member === undefined) return
    this.#put({ ...member, ...noAssignment, memberEpoch: leftMemberEpoch, previousMemberEpoch: leftMemberEpoch })
  }

  /** Either of a member's two records may come first. */
  #memberOrNew(memberId: string): ConsumerGroupMember {
    return this.#members.get(memberId) ?? newMember(memberId)
  }

  #put(member: ConsumerGroupMember): void {
    const old = this.#members.get(member.memberId)
    if (old !== undefined) this.#disown(old)
    this.#members.set(member.memberId, member)
    this.#own(member.memberId, member.assigned)
    this.#own(member.memberId, member.pendingRevocation)
    if (member.instanceId !== null) this.#staticIds.set(member.instanceId, member.memberId)
    const { subscribedTopicNames, subscribedTopicRegex } = member
    const isSubscribedAsBefore =
      old?.subscribedTopicNames === subscribedTopicNames && old.subscribedTopicRegex === subscribedTopicRegex
    if (isSubscribedAsBefore) return
    this.#subscribedTopics = undefined
    this.#countSubscriber(old?.subscribedTopicRegex, -1)
    this.#countSubscriber(subscribedTopicRegex, 1)
  }

  #remove(memberId: string): void {
    const member = this.#members.get(memberId)
    if (member === undefined) return
    this.#members.delete(memberId)
    this.#disown(member)
    const { instanceId } = member
    if (instanceId !== null && this.#staticIds.get(instanceId) === memberId) this.#staticIds.delete(instanceId)
    this.#subscribedTopics = undefined
    this.#countSubscriber(member.subscribedTopicRegex, -1)
  }

  #countSubscriber(regularExpression: string | undefined, by: 1 | -1): void {
    if (regularExpression === undefined || regularExpression === '') return
    const count = (this.#regularExpressionSubscribers.get(regularExpression) ?? 0) + by
    if (count === 0) this.#regularExpressionSubscribers.delete(regularExpression)
    else this.#regularExpressionSubscribers.set(regularExpression, count)
  }

  #own(memberId: string, partitions: PartitionEpochs): void {
    for (const [topicId, epochs] of partitions) {
      const owners = this.#owners.get(topicId) ?? new Map<number, string>()
      if (owners.size === 0) this.#owners.set(topicId, owners)
      for (const partition of epochs.keys()) owners.set(partition, memberId)
    }
  }

  #disown({ memberId, assigned, pendingRevocation }: ConsumerGroupMember): void {
    for (const partitions of [assigned, pendingRevocation]) {
      for (const [topicId, epochs] of partitions) {
        const owners = this.#owners.get(topicId)
        if (owners === undefined) continue
        for (const partition of epochs.keys()) if (owners.get(partition) === memberId) owners.delete(partition)
        if (owners.size === 0) this.#owners.delete(topicId)
      }
    }
  }

  /** With these the group is gone from the log. `of`: its members, where they are about to be others. */
  tombstones(of: Iterable<string> = this.#members.keys()): ConsumerGroupRecord[] {
    const { groupId } = this
    const memberIds = [...of]
    const ofMembers = <K extends ConsumerGroupRecord['kind'] & `${string}Member${string}`>(kind: K) =>
      memberIds.map((memberId) => ({ kind, groupId, memberId, value: null }) as const)
    return [
      ...ofMembers('ConsumerGroupCurrentMemberAssignment'),
      ...ofMembers('ConsumerGroupTargetAssignmentMember'),
      { kind: 'ConsumerGroupTargetAssignmentMetadata', groupId, value: null },
      ...ofMembers('ConsumerGroupMemberMetadata'),
      ...Array.from(
        this.#regularExpressions.keys(),
        (regularExpression) =>
          ({ kind: 'ConsumerGroupRegularExpression', groupId, regularExpression, value: null }) as const,
      ),
      { kind: 'ConsumerGroupPartitionMetadata', groupId, value: null },
      { kind: 'ConsumerGroupMetadata', groupId, value: null },
    ]
  }
}

/** What members and the regular expressions that some of them use are subscribed to. */
export function topicsOf(
  members: Iterable<ConsumerGroupMember>,
  regularExpressions: Iterable<ResolvedRegularExpression>,
): Set<string> {
  const topics = new Set<string>()
  for (const { subscribedTopicNames } of members) for (const topic of subscribedTopicNames) topics.add(topic)
  for (const resolved of regularExpressions) for (const topic of resolved.topics) topics.add(topic)
  return topics
}

/** What a member is subscribed to, by name and by its regular expression if that is resolved. */
export function subscribedTopicIds(
  { subscribedTopicNames, subscribedTopicRegex }: ConsumerGroupMember,
  resolved: (regularExpression: string) => ResolvedRegularExpression | undefined,
  idOf: (topic: string) => string | undefined,
): Set<string> {
  const ids = new Set<string>()
  const add = (topics: ReadonlySet<string>): void => {
    for (const topic of topics) {
      const topicId = idOf(topic)
      if (topicId !== undefined) ids.add(topicId)
    }
  }
  add(subscribedTopicNames)
  if (subscribedTopicRegex !== '') add(resolved(subscribedTopicRegex)?.topics ?? new Set())
  return ids
}

export function targetOf(targets: ReadonlyMap<string, Partitions>, memberId: string): Partitions {
  return targets.get(memberId) ?? noPartitions
}
