/**
 * groups/consumer: what a command does to a consumer group, before it is replayed: the records so far, and the group as it will be with
 * them. The group itself stays as it is.
 */
import type { GroupRecord } from '../group-records.ts'
import type { Outcome } from '../poll.ts'
import { type ConsumerGroup, subscribedTopicIds, targetOf, topicsOf } from './consumer-group.ts'
import { type ConsumerGroupMember, currentOf, subscriptionOf } from './consumer-group-member.ts'
import type { ResolvedRegularExpression } from './consumer-group-records.ts'
import type { Partitions } from './partitions.ts'
import type { TopicsImage } from './topics-image.ts'

export class ConsumerGroupChange {
  /** As it was before. */
  readonly group: ConsumerGroup
  readonly outcome: Outcome
  /** undefined: the member is gone. */
  readonly #members = new Map<string, ConsumerGroupMember | undefined>()
  readonly #targets = new Map<string, Partitions | undefined>()
  readonly #regularExpressions = new Map<string, ResolvedRegularExpression | undefined>()
  #groupEpoch: number
  #metadataHash: bigint
  #assignmentEpoch: number

  constructor(group: ConsumerGroup, outcome: Outcome) {
    this.group = group
    this.outcome = outcome
    this.#groupEpoch = group.groupEpoch
    this.#metadataHash = group.metadataHash
    this.#assignmentEpoch = group.assignmentEpoch
  }

  get groupId(): string {
    return this.group.groupId
  }

  get groupEpoch(): number {
    return this.#groupEpoch
  }

  get metadataHash(): bigint {
    return this.#metadataHash
  }

  get assignmentEpoch(): number {
    return this.#assignmentEpoch
  }

  get members(): Map<string, ConsumerGroupMember> {
    return layered(this.group.members, this.#members)
  }

  target(memberId: string): Partitions {
    if (this.#targets.has(memberId)) return this.#targets.get(memberId) ?? new Map()
    return targetOf(this.group.targets, memberId)
  }

  hasTarget(memberId: string): boolean {
    if (this.#targets.has(memberId)) return this.#targets.get(memberId) !== undefined
    return this.group.targets.has(memberId)
  }

  resolved(regularExpression: string): ResolvedRegularExpression | undefined {
    if (this.#regularExpressions.has(regularExpression)) return this.#regularExpressions.get(regularExpression)
    return this.group.regularExpressions.get(regularExpression)
  }

  /** The names of all topics that the group is subscribed to. */
  subscribedTopics(): Set<string> {
    return topicsOf(this.members.values(), layered(this.group.regularExpressions, this.#regularExpressions).values())
  }

  subscribedTopicIds(member: ConsumerGroupMember, topics: TopicsImage): Set<string> {
    return subscribedTopicIds(
      member,
      (regularExpression) => this.resolved(regularExpression),
      (topic) => topics.idOf(topic),
    )
  }

  // ---- records

  putSubscription(member: ConsumerGroupMember): void {
    this.#members.set(member.memberId, member)
    const { memberId } = member
    this.#append({
      kind: 'ConsumerGroupMemberMetadata',
      groupId: this.groupId,
      memberId,
      value: subscriptionOf(member),
    })
  }

  putCurrent(member: ConsumerGroupMember): void {
    this.#members.set(member.memberId, member)
    const { memberId } = member
    this.#append({
      kind: 'ConsumerGroupCurrentMemberAssignment',
      groupId: this.groupId,
      memberId,
      value: currentOf(member),
    })
  }

  putTarget(memberId: string, value: Partitions): void {
    this.#targets.set(memberId, value)
    this.#append({ kind: 'ConsumerGroupTargetAssignmentMember', groupId: this.groupId, memberId, value })
  }

  /** The targets are for the group epoch now. */
  putTargetEpoch(assignmentTimestampMs: number): void {
    this.#assignmentEpoch = this.#groupEpoch
    const value = { assignmentEpoch: this.#groupEpoch, assignmentTimestampMs }
    this.#append({ kind: 'ConsumerGroupTargetAssignmentMetadata', groupId: this.groupId, value })
  }

  bumpGroupEpoch(metadataHash: bigint): void {
    this.#groupEpoch += 1
    this.#metadataHash = metadataHash
    const value = { epoch: this.#groupEpoch, metadataHash }
    this.#append({ kind: 'ConsumerGroupMetadata', groupId: this.groupId, value })
  }

  removeMember(memberId: string): void {
    this.#members.set(memberId, undefined)
    this.#targets.set(memberId, undefined)
    const { groupId } = this
    this.#append({ kind: 'ConsumerGroupCurrentMemberAssignment', groupId, memberId, value: null })
    this.#append({ kind: 'ConsumerGroupTargetAssignmentMember', groupId, memberId, value: null })
    this.#append({ kind: 'ConsumerGroupMemberMetadata', groupId, memberId, value: null })
  }

  putRegularExpression(regularExpression: string, value: ResolvedRegularExpression | null): void {
    this.#regularExpressions.set(regularExpression, value ?? undefined)
    this.#append({ kind: 'ConsumerGroupRegularExpression', groupId: this.groupId, regularExpression, value })
  }

  removePartitionMetadata(): void {
    this.#append({ kind: 'ConsumerGroupPartitionMetadata', groupId: this.groupId, value: null })
  }

  #append(record: GroupRecord): void {
    this.outcome.records.push(record)
  }
}

function layered<V>(below: ReadonlyMap<string, V>, above: ReadonlyMap<string, V | undefined>): Map<string, V> {
  const all = new Map(below)
  for (const [key, value] of above) {
    if (value === undefined) all.delete(key)
    else all.set(key, value)
  }
  return all
}
