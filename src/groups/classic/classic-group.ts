/**
 * groups: the state machine of one classic group (JoinGroup, SyncGroup, Heartbeat, LeaveGroup), without I/O: each method puts
 * records to append and answers to give into an Outcome, and `wakeAtMs` says when `expire` is next due.
 * Source: Kafka's GroupMetadataManager and ClassicGroup; KIP-62, 134, 345, 394, 559, 800, 814.
 */
import { type ErrorName, KafkaError } from '../../../protocol/errors.ts'
import type { GroupMetadata, OffsetAndMetadata } from '../group-records.ts'
import type { OffsetRetention } from '../offsets.ts'
import type { Outcome, Poll } from '../poll.ts'
import { ClassicGroupJoin } from './classic-group-join.ts'
import { type ClassicGroupMember, noAssignment } from './classic-group-member.ts'
import type { ClassicGroupMembers } from './classic-group-members.ts'
import type { ClassicGroupOptions } from './classic-group-options.ts'
import { ClassicGroupRebalance } from './classic-group-rebalance.ts'
import type {
  DescribedGroup,
  Joining,
  LeavingMember,
  LeftMember,
  MemberIdentity,
  SyncGroup,
  SyncGroupResult,
} from './classic-group-requests.ts'
import type { ClassicGroupState } from './classic-group-state.ts'
import { subscribedTopics } from './subscribed-topics.ts'

const consumerProtocolType = 'consumer'

export class ClassicGroup {
  readonly #rebalance: ClassicGroupRebalance
  readonly #members: ClassicGroupMembers
  readonly #join: ClassicGroupJoin

  /** `members`: those of `stored`, where they are known with all their protocols. */
  constructor(
    groupId: string,
    options: ClassicGroupOptions,
    stored?: GroupMetadata,
    members?: Iterable<ClassicGroupMember>,
  ) {
    this.#rebalance = new ClassicGroupRebalance(groupId, options, stored, members)
    this.#members = this.#rebalance.members
    this.#join = new ClassicGroupJoin(this.#rebalance)
  }

  get groupId(): string {
    return this.#rebalance.groupId
  }

  get generationId(): number {
    return this.#rebalance.generationId
  }

  /** null before the first generation. */
  get protocolName(): string | null {
    return this.#rebalance.protocolName
  }

  get members(): Iterable<ClassicGroupMember> {
    return this.#members
  }

  get size(): number {
    return this.#members.size
  }

  get state(): ClassicGroupState {
    return this.#rebalance.state
  }

  get protocolType(): string {
    return this.#rebalance.protocolType ?? ''
  }

  /** When `expire` is due, on the monotonic clock; it may find nothing to do. */
  get wakeAtMs(): number {
    return this.#rebalance.wakeAtMs
  }

  join(joining: Joining, outcome: Outcome): void {
    this.#join.join(joining, outcome)
  }

  /** @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, INCONSISTENT_GROUP_PROTOCOL, REBALANCE_IN_PROGRESS */
  sync(request: SyncGroup, poll: Poll<SyncGroupResult>, outcome: Outcome): void {
    this.#rebalance.sync(this.#requireMember(request), request, poll, outcome)
  }

  /** @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS */
  heartbeat(identity: MemberIdentity): void {
    this.#rebalance.keepAlive(this.#requireMember(identity))
    if (this.#rebalance.state === 'PreparingRebalance') throw new KafkaError('REBALANCE_IN_PROGRESS')
  }

  leave(leaving: readonly LeavingMember[], outcome: Outcome): LeftMember[] {
    const left = leaving.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      errorCode: this.#leave(member, outcome),
    }))
    if (left.some(({ errorCode }) => errorCode === 0) && this.#rebalance.state !== 'Empty') {
      this.#rebalance.rebalanceOrComplete(
        `left: ${leaving.map(({ memberId, reason }) => `${memberId} (${reason})`)}`,
        outcome,
      )
    }
    return left
  }

  #leave({ memberId, groupInstanceId }: LeavingMember, outcome: Outcome): number {
    if (this.#rebalance.removePendingMember(memberId)) return 0
    // An administrator does not know the member id of a static member.
    const byInstance = memberId === '' && groupInstanceId !== null
    const currentId = byInstance ? this.#members.staticMemberId(groupInstanceId) : memberId
    const member = this.#members.find(currentId ?? '', groupInstanceId)
    if (member instanceof KafkaError) return member.code
    this.#rebalance.remove(member, outcome)
    return 0
  }

  /**
   * Whether a commit of this member is taken; a sign of life, too.
   * @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS
   */
  requireCommit(identity: MemberIdentity): void {
    const { memberId, groupInstanceId, generationId } = identity
    // Generation -1: an admin client, or a consumer without group management.
    if (generationId < 0 && this.#rebalance.state === 'Empty') return
    if (generationId < 0 && memberId === '' && groupInstanceId === null) throw new KafkaError('UNKNOWN_MEMBER_ID')
    const member = this.#requireMember(identity)
    if (this.#rebalance.state === 'CompletingRebalance') throw new KafkaError('REBALANCE_IN_PROGRESS')
    this.#rebalance.keepAlive(member)
  }

  /**
   * Whether a commit within a transaction is taken: in any state of the group, of its members, and of clients that don't say who they are (KIP-447).
   * @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION
   */
  requireTransactionalCommit(identity: MemberIdentity): void {
    const { memberId, groupInstanceId, generationId } = identity
    const isNobody = memberId === '' && groupInstanceId === null
    if (generationId < 0 && (isNobody || this.#rebalance.state === 'Empty')) return
    this.#requireMember(identity)
  }

  #requireMember({ memberId, groupInstanceId, generationId }: MemberIdentity): ClassicGroupMember {
    const member = this.#members.find(memberId, groupInstanceId)
    if (member instanceof KafkaError) throw member
    if (generationId !== this.#rebalance.generationId) throw new KafkaError('ILLEGAL_GENERATION')
    return member
  }

  // ---- administration

  /** @throws KafkaError NON_EMPTY_GROUP */
  requireDeletable(): void {
    if (this.#rebalance.state !== 'Empty') throw new KafkaError('NON_EMPTY_GROUP')
  }

  /** @throws KafkaError NON_EMPTY_GROUP for a group with members whose subscriptions nobody here can read */
  requireOffsetsDeletable(): void {
    if (this.#rebalance.state !== 'Empty' && this.#rebalance.protocolType !== consumerProtocolType)
      throw new KafkaError('NON_EMPTY_GROUP')
  }

  /** Whether the members are subscribed to a topic; true where their subscriptions can't be read. */
  subscription(): (topic: string) => boolean {
    const { protocolType, protocolName } = this.#rebalance
    if (protocolType !== consumerProtocolType) return () => false
    const topics = subscribedTopics(Array.from(this.#members, (member) => member.metadataFor(protocolName)))
    return (topic) => topics?.has(topic) ?? true
  }

  /** undefined: nothing expires now. Source: ClassicGroup.offsetExpirationCondition (KIP-211). */
  offsetRetention(): OffsetRetention | undefined {
    const { state, protocolType, currentStateTimestampMs } = this.#rebalance
    const sinceCommit = ({ commitTimestampMs }: OffsetAndMetadata): number => commitTimestampMs
    const isSubscribedTo = this.subscription()
    if (protocolType === null) return { isSubscribedTo, startMs: sinceCommit }
    if (state === 'Empty') {
      return { isSubscribedTo, startMs: currentStateTimestampMs < 0 ? sinceCommit : () => currentStateTimestampMs }
    }
    const isSettled = protocolType === consumerProtocolType && state === 'Stable'
    return isSettled ? { isSubscribedTo, startMs: sinceCommit } : undefined
  }

  describe(): DescribedGroup {
    const protocolName = this.#rebalance.state === 'Stable' ? this.#rebalance.protocolName : null
    return {
      groupState: this.#rebalance.state,
      protocolType: this.protocolType,
      protocolData: protocolName ?? '',
      members: Array.from(this.#members, (member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: member.metadataFor(protocolName) ?? noAssignment,
        memberAssignment: member.assignment,
      })),
    }
  }

  /** Asks all members to join again. */
  rebalance(reason: string, outcome: Outcome): void {
    this.#rebalance.rebalanceOrComplete(reason, outcome)
  }

  /** Nobody waits any more: the members are another group's from now on. */
  answerAll(error: ErrorName, outcome: Outcome): void {
    this.#rebalance.answerAll(error, outcome)
  }

  /** The group is deleted. */
  die(): void {
    this.#rebalance.die()
  }

  /** Nobody answers the members any more. */
  abandon(error: KafkaError): void {
    this.#rebalance.abandon(error)
  }

  /** The group has been read from the log. */
  loaded(outcome: Outcome): void {
    this.#rebalance.loaded(outcome)
  }

  /** Does what is due by now. */
  expire(outcome: Outcome): void {
    this.#rebalance.expire(outcome)
  }
}
