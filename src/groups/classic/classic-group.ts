/**
 * groups: the state machine of one classic group (JoinGroup, SyncGroup, Heartbeat, LeaveGroup), without I/O: each method puts
 * records to append and answers to give into an Outcome, and `wakeAtMs` says when `expire` is next due.
 * Source: Kafka's GroupMetadataManager and ClassicGroup; KIP-62, 134, 345, 394, 559, 800, 814.
 *
 * What is written is a picture of a generation with its assignment, of a static member's new id, or of the group being
 * empty. Joining and waiting leave no record: after a restart members find the last generation and go on from there.
 */
import assert from 'node:assert/strict'
import { type ErrorName, KafkaError } from '../../../protocol/errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Random } from '../../runtime/random.ts'
import type { GroupMetadata, GroupMetadataRecord, GroupRecord } from '../group-records.ts'
import type { Outcome, Poll } from '../poll.ts'
import { ClassicGroupMember, noAssignment } from './classic-group-member.ts'
import { ClassicGroupMembers, keptProtocols, newMemberId } from './classic-group-members.ts'
import { groupMetadataRecord, memberFrom, metadataOf } from './classic-group-metadata.ts'
import {
  type DescribedGroup,
  type JoinGroup,
  type JoinGroupResult,
  type Joining,
  joinError,
  type LeavingMember,
  type LeftMember,
  type MemberIdentity,
  type SyncGroup,
  type SyncGroupResult,
  syncError,
} from './classic-group-requests.ts'
import { type ClassicGroupState, nextStates } from './classic-group-state.ts'
import { isSubscribed } from './subscribed-topics.ts'

/** How long a new member may wait in JoinGroup: it can't send heartbeats yet, and nobody sees its connection end. */
const newMemberJoinTimeoutMs = 5 * 60 * 1000
const consumerProtocolType = 'consumer'
const never = Number.POSITIVE_INFINITY

export interface ClassicGroupOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** group.max.size */
  readonly maxSize: number
  /** group.initial.rebalance.delay.ms */
  readonly initialRebalanceDelayMs: number
  /** Whether the log takes a record of this size. */
  fits(record: GroupRecord): boolean
}

/** The first rebalance of an empty group waits for others to come, and longer while they do. */
interface InitialRebalance {
  delayMs: number
  remainingMs: number
  memberAdded: boolean
}

export class ClassicGroup {
  readonly groupId: string
  readonly #options: ClassicGroupOptions
  #state: ClassicGroupState
  #currentStateTimestampMs: number
  #generationId: number
  #protocolType: string | null
  #protocolName: string | null
  readonly #members = new ClassicGroupMembers()
  /** Members that were given an id to join with, and when that is forgotten. */
  readonly #pendingMembers = new Map<string, number>()
  /** Members of this generation that have not asked for their assignment. */
  readonly #pendingSync = new Set<string>()
  #initialRebalance: InitialRebalance | undefined
  #joinDeadlineMs = never
  #syncDeadlineMs = never
  #wakeAtMs = never

  constructor(groupId: string, options: ClassicGroupOptions, stored?: GroupMetadata) {
    this.groupId = groupId
    this.#options = options
    this.#state = stored === undefined || stored.members.length === 0 ? 'Empty' : 'Stable'
    this.#currentStateTimestampMs = stored?.currentStateTimestamp ?? options.clock.now()
    this.#generationId = stored?.generation ?? 0
    this.#protocolType = stored?.protocolType || null
    this.#protocolName = stored?.protocol ?? null
    for (const member of stored?.members ?? []) this.#members.add(memberFrom(member, this.#protocolName))
    if (stored !== undefined) this.#members.leaderId = stored.leader
  }

  get state(): ClassicGroupState {
    return this.#state
  }

  get protocolType(): string {
    return this.#protocolType ?? ''
  }

  /** When `expire` is due, on the monotonic clock; it may find nothing to do. */
  get wakeAtMs(): number {
    return this.#wakeAtMs
  }

  // ---- JoinGroup

  join(joining: Joining, outcome: Outcome): void {
    const { request, poll } = joining
    const { memberId, protocolType, protocols } = request
    if (!this.#hasRoomFor(memberId)) {
      const member = this.#members.get(memberId)
      if (member !== undefined) this.#remove(member, outcome)
      this.#pendingMembers.delete(memberId)
      outcome.answer(poll, joinError('GROUP_MAX_SIZE_REACHED', ''))
    } else if (!this.#supports(protocolType, protocols)) {
      outcome.answer(poll, joinError('INCONSISTENT_GROUP_PROTOCOL', memberId))
    } else if (memberId === '') {
      this.#joinNew(joining, outcome)
    } else {
      this.#joinExisting(joining, outcome)
    }
  }

  /** Members that wait are counted while a rebalance is prepared: the group may already be larger than is allowed now. */
  #hasRoomFor(memberId: string): boolean {
    const { maxSize } = this.#options
    switch (this.#state) {
      case 'Empty':
      case 'Dead':
        return true
      case 'PreparingRebalance':
        return this.#members.get(memberId)?.joinPoll !== undefined || this.#members.awaitingJoin < maxSize
      default:
        return this.#members.get(memberId) !== undefined || this.#members.size < maxSize
    }
  }

  #supports(protocolType: string, protocols: JoinGroup['protocols']): boolean {
    if (this.#state === 'Empty') return protocolType !== '' && protocols.length > 0
    return protocolType === this.#protocolType && this.#members.share(protocols)
  }

  #joinNew(joining: Joining, outcome: Outcome): void {
    const { request, client, poll } = joining
    const { groupInstanceId, sessionTimeoutMs } = request
    const memberId = newMemberId(groupInstanceId ?? client.clientId, this.#options.random)
    const oldMemberId = groupInstanceId === null ? undefined : this.#members.staticMemberId(groupInstanceId)
    if (oldMemberId !== undefined) {
      this.#replaceStaticMember(joining, oldMemberId, memberId, outcome)
    } else if (groupInstanceId === null && client.memberIdRequired) {
      const deadlineMs = this.#options.clock.monotonicMs() + sessionTimeoutMs
      this.#pendingMembers.set(memberId, deadlineMs)
      this.#wakeBy(deadlineMs)
      outcome.answer(poll, joinError('MEMBER_ID_REQUIRED', memberId))
    } else {
      this.#addMember(joining, memberId, outcome)
    }
  }

  #joinExisting(joining: Joining, outcome: Outcome): void {
    const { request, poll } = joining
    const { memberId, groupInstanceId } = request
    if (this.#pendingMembers.has(memberId)) {
      // Ids are handed out to dynamic members only.
      if (groupInstanceId === null) this.#addMember(joining, memberId, outcome)
      else outcome.answer(poll, joinError('UNKNOWN_MEMBER_ID', memberId))
      return
    }
    const member = this.#members.find(memberId, groupInstanceId)
    if (member instanceof KafkaError) {
      outcome.answer(poll, joinError(member.kafkaError, memberId))
      return
    }
    // Unchanged members perhaps missed the answer; but a leader of a stable group that joins again wants another assignment.
    const isUnchanged = member.hasProtocols(request.protocols)
    const wantsOther = this.#state === 'Stable' && this.#members.leaderId === memberId
    if (this.#state === 'PreparingRebalance' || !isUnchanged || wantsOther) {
      this.#members.update(member, request)
      this.#awaitJoin(member, poll, outcome)
      this.#rebalanceOrComplete(`${memberId} joins again: ${request.reason}`, outcome)
    } else {
      outcome.answer(poll, this.#joinResult(member))
    }
  }

  #awaitJoin(member: ClassicGroupMember, poll: Poll<JoinGroupResult>, outcome: Outcome): void {
    const earlier = this.#members.awaitJoin(member, poll)
    if (earlier !== undefined) outcome.answer(earlier, joinError('REBALANCE_IN_PROGRESS', member.memberId))
  }

  #addMember({ request, client, poll }: Joining, memberId: string, outcome: Outcome): void {
    const member = new ClassicGroupMember({
      memberId,
      groupInstanceId: request.groupInstanceId,
      clientId: client.clientId,
      clientHost: client.clientHost,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      sessionTimeoutMs: request.sessionTimeoutMs,
      protocols: keptProtocols(request.protocols),
      assignment: noAssignment,
    })
    member.isNew = true
    member.joinPoll = poll
    if (this.#members.size === 0) this.#protocolType = request.protocolType
    if (this.#initialRebalance !== undefined) this.#initialRebalance.memberAdded = true
    this.#pendingMembers.delete(memberId)
    this.#members.add(member)
    this.#keepAlive(member, newMemberJoinTimeoutMs)
    this.#rebalanceOrComplete(`adding ${memberId}: ${request.reason}`, outcome)
  }

  /** A static member has come back and is given a new id: whoever still uses the old one is fenced. */
  #replaceStaticMember(joining: Joining, oldMemberId: string, newMemberId: string, outcome: Outcome): void {
    const { request, client, poll } = joining
    const old = this.#members.get(oldMemberId)!
    const oldLeader = this.#members.leaderId
    const oldJoin = this.#members.takeJoinPoll(old)
    if (oldJoin !== undefined) outcome.answer(oldJoin, joinError('FENCED_INSTANCE_ID', oldMemberId))
    this.#answerSync(old, syncError('FENCED_INSTANCE_ID'), outcome)
    this.#members.remove(old)
    this.#pendingSync.delete(oldMemberId)
    const member = new ClassicGroupMember({ ...old, memberId: newMemberId })
    this.#members.add(member)
    if (oldLeader === oldMemberId) this.#members.leaderId = newMemberId
    this.#keepAlive(member)
    this.#members.update(member, request)

    if (this.#state === 'Stable' && this.#members.selectProtocol() === this.#protocolName) {
      const record = this.#metadataRecord()
      if (this.#options.fits(record)) {
        outcome.records.push(record)
        outcome.answer(poll, this.#rejoinedStaticResult(member, oldLeader, client.skipsAssignment))
        return
      }
    }
    // While members wait for the assignment, the leader makes it for the old id: nothing but a new rebalance can mend that.
    this.#awaitJoin(member, poll, outcome)
    this.#rebalanceOrComplete(`static member ${request.groupInstanceId} joins again: ${request.reason}`, outcome)
  }

  /**
   * The generation goes on with the new id. A leader that can't be told to skip the assignment is told that the old id leads,
   * so that it does not hand in another one.
   */
  #rejoinedStaticResult(
    member: ClassicGroupMember,
    oldLeader: string | null,
    skipsAssignment: boolean,
  ): JoinGroupResult {
    const result = this.#joinResult(member)
    if (!skipsAssignment) return { ...result, leader: oldLeader ?? '', members: [] }
    return { ...result, skipAssignment: this.#members.leaderId === member.memberId }
  }

  #joinResult(member: ClassicGroupMember): JoinGroupResult {
    return {
      errorCode: 0,
      generationId: this.#generationId,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leader: this.#members.leaderId ?? '',
      skipAssignment: false,
      memberId: member.memberId,
      members: this.#members.leaderId === member.memberId ? this.#subscriptions() : [],
    }
  }

  #subscriptions(): JoinGroupResult['members'] {
    return Array.from(this.#members, (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      metadata: member.metadataFor(this.#protocolName) ?? noAssignment,
    }))
  }

  // ---- the rebalance

  #rebalanceOrComplete(reason: string, outcome: Outcome): void {
    if (nextStates[this.#state].includes('PreparingRebalance')) this.#prepareRebalance(reason, outcome)
    else this.#completeJoinIfAllThere(outcome)
  }

  #prepareRebalance(reason: string, outcome: Outcome): void {
    const { clock, initialRebalanceDelayMs: delayMs, logger } = this.#options
    if (this.#state === 'CompletingRebalance') this.#answerAllSyncs('REBALANCE_IN_PROGRESS', outcome)
    this.#pendingSync.clear()
    this.#syncDeadlineMs = never
    const isInitial = this.#state === 'Empty'
    this.#become('PreparingRebalance')
    logger.debug({ groupId: this.groupId, generationId: this.#generationId, reason }, 'Preparing to rebalance group')
    if (isInitial) {
      const remainingMs = Math.max(this.#members.rebalanceTimeoutMs - delayMs, 0)
      this.#initialRebalance = { delayMs, remainingMs, memberAdded: false }
      this.#joinBy(clock.monotonicMs() + delayMs)
    } else if (this.#areAllThere) {
      this.#completeJoin(outcome)
    } else {
      this.#joinBy(clock.monotonicMs() + this.#members.rebalanceTimeoutMs)
    }
  }

  get #areAllThere(): boolean {
    return this.#members.awaitingJoin === this.#members.size && this.#pendingMembers.size === 0
  }

  #completeJoinIfAllThere(outcome: Outcome): void {
    if (this.#state !== 'PreparingRebalance' || this.#initialRebalance !== undefined || !this.#areAllThere) return
    this.#completeJoin(outcome)
  }

  #joinTimeIsUp(outcome: Outcome): void {
    const initial = this.#initialRebalance
    if (initial === undefined || !initial.memberAdded || initial.remainingMs === 0) {
      this.#completeJoin(outcome)
      return
    }
    const delayMs = Math.min(this.#options.initialRebalanceDelayMs, initial.remainingMs)
    const remainingMs = Math.max(initial.remainingMs - initial.delayMs, 0)
    this.#initialRebalance = { delayMs, remainingMs, memberAdded: false }
    this.#joinBy(this.#options.clock.monotonicMs() + delayMs)
  }

  /** Ends the join phase: dynamic members that have not joined are out, the others make the next generation. */
  #completeJoin(outcome: Outcome): void {
    const { clock, logger } = this.#options
    this.#joinDeadlineMs = never
    for (const member of [...this.#members]) {
      if (member.joinPoll === undefined && !member.isStatic) this.#remove(member, outcome)
    }
    if (!this.#members.electJoinedLeader() && this.#members.size > 0) {
      // Static members that are silent stay until their sessions end.
      this.#joinBy(clock.monotonicMs() + Math.max(this.#members.rebalanceTimeoutMs, 1))
      return
    }
    this.#generationId += 1
    this.#initialRebalance = undefined
    logger.debug(
      { groupId: this.groupId, generationId: this.#generationId, members: this.#members.size },
      'Group has a new generation',
    )
    if (this.#members.size === 0) {
      this.#protocolName = null
      this.#become('Empty')
      outcome.records.push(this.#metadataRecord())
      return
    }
    this.#protocolName = this.#members.selectProtocol()
    this.#become('CompletingRebalance')
    this.#syncDeadlineMs = clock.monotonicMs() + this.#members.rebalanceTimeoutMs
    this.#wakeBy(this.#syncDeadlineMs)
    for (const member of this.#members) {
      const poll = this.#members.takeJoinPoll(member)
      if (poll !== undefined) outcome.answer(poll, this.#joinResult(member))
      member.isNew = false
      this.#keepAlive(member)
      this.#pendingSync.add(member.memberId)
    }
  }

  // ---- SyncGroup

  /** @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, INCONSISTENT_GROUP_PROTOCOL, REBALANCE_IN_PROGRESS */
  sync(request: SyncGroup, poll: Poll<SyncGroupResult>, outcome: Outcome): void {
    if (this.#state === 'Empty') throw new KafkaError('UNKNOWN_MEMBER_ID')
    const member = this.#requireMember(request)
    if (differs(request.protocolType, this.#protocolType) || differs(request.protocolName, this.#protocolName)) {
      throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL')
    }
    if (this.#state === 'PreparingRebalance') throw new KafkaError('REBALANCE_IN_PROGRESS')
    this.#pendingSync.delete(member.memberId)
    if (this.#pendingSync.size === 0) this.#syncDeadlineMs = never
    if (this.#state === 'Stable') {
      outcome.answer(poll, this.#syncResult(member))
      return
    }
    if (member.syncPoll !== undefined) outcome.answer(member.syncPoll, syncError('REBALANCE_IN_PROGRESS'))
    member.syncPoll = poll
    if (this.#members.leaderId === member.memberId) this.#assign(request.assignments, outcome)
  }

  #assign(assignments: SyncGroup['assignments'], outcome: Outcome): void {
    const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]))
    for (const member of this.#members) {
      const assignment = byMember.get(member.memberId)
      member.assignment = assignment === undefined ? noAssignment : Buffer.from(assignment)
    }
    const record = this.#metadataRecord()
    if (!this.#options.fits(record)) {
      for (const member of this.#members) member.assignment = noAssignment
      this.#answerAllSyncs('UNKNOWN_SERVER_ERROR', outcome)
      this.#prepareRebalance('the assignment is too large to be stored', outcome)
      return
    }
    outcome.records.push(record)
    this.#become('Stable')
    for (const member of this.#members) {
      if (this.#answerSync(member, this.#syncResult(member), outcome)) this.#keepAlive(member)
    }
  }

  #syncResult({ assignment }: ClassicGroupMember): SyncGroupResult {
    return { errorCode: 0, protocolType: this.#protocolType, protocolName: this.#protocolName, assignment }
  }

  #answerAllSyncs(error: ErrorName, outcome: Outcome): void {
    for (const member of this.#members) {
      member.assignment = noAssignment
      if (this.#answerSync(member, syncError(error), outcome)) this.#keepAlive(member)
    }
  }

  #answerSync(member: ClassicGroupMember, result: SyncGroupResult, outcome: Outcome): boolean {
    if (member.syncPoll === undefined) return false
    outcome.answer(member.syncPoll, result)
    member.syncPoll = undefined
    return true
  }

  // ---- Heartbeat, LeaveGroup, OffsetCommit

  /** @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS */
  heartbeat(identity: MemberIdentity): void {
    this.#keepAlive(this.#requireMember(identity))
    if (this.#state === 'PreparingRebalance') throw new KafkaError('REBALANCE_IN_PROGRESS')
  }

  leave(leaving: readonly LeavingMember[], outcome: Outcome): LeftMember[] {
    const left = leaving.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      errorCode: this.#leave(member, outcome),
    }))
    if (left.some(({ errorCode }) => errorCode === 0) && this.#state !== 'Empty') {
      this.#rebalanceOrComplete(`left: ${leaving.map(({ memberId, reason }) => `${memberId} (${reason})`)}`, outcome)
    }
    return left
  }

  #leave({ memberId, groupInstanceId }: LeavingMember, outcome: Outcome): number {
    if (this.#pendingMembers.delete(memberId)) return 0
    // An administrator does not know the member id of a static member.
    const byInstance = memberId === '' && groupInstanceId !== null
    const currentId = byInstance ? this.#members.staticMemberId(groupInstanceId) : memberId
    const member = this.#members.find(currentId ?? '', groupInstanceId)
    if (member instanceof KafkaError) return member.code
    this.#remove(member, outcome)
    return 0
  }

  /**
   * Whether a commit of this member is taken; a sign of life, too.
   * @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS
   */
  requireCommit(identity: MemberIdentity): void {
    const { memberId, groupInstanceId, generationId } = identity
    // Generation -1: an admin client, or a consumer without group management.
    if (generationId < 0 && this.#state === 'Empty') return
    if (generationId < 0 && memberId === '' && groupInstanceId === null) throw new KafkaError('UNKNOWN_MEMBER_ID')
    const member = this.#requireMember(identity)
    if (this.#state === 'CompletingRebalance') throw new KafkaError('REBALANCE_IN_PROGRESS')
    this.#keepAlive(member)
  }

  #requireMember({ memberId, groupInstanceId, generationId }: MemberIdentity): ClassicGroupMember {
    const member = this.#members.find(memberId, groupInstanceId)
    if (member instanceof KafkaError) throw member
    if (generationId !== this.#generationId) throw new KafkaError('ILLEGAL_GENERATION')
    return member
  }

  // ---- administration

  /** @throws KafkaError NON_EMPTY_GROUP */
  requireDeletable(): void {
    if (this.#state !== 'Empty') throw new KafkaError('NON_EMPTY_GROUP')
  }

  /** @throws KafkaError NON_EMPTY_GROUP for a group with members whose subscriptions nobody here can read */
  requireOffsetsDeletable(): void {
    if (this.#state !== 'Empty' && this.#protocolType !== consumerProtocolType) throw new KafkaError('NON_EMPTY_GROUP')
  }

  isSubscribedTo(topic: string): boolean {
    if (this.#protocolType !== consumerProtocolType) return false
    return isSubscribed(
      Array.from(this.#members, (member) => member.metadataFor(this.#protocolName)),
      topic,
    )
  }

  describe(): DescribedGroup {
    const protocolName = this.#state === 'Stable' ? this.#protocolName : null
    return {
      groupState: this.#state,
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

  /** The group is deleted. */
  die(): void {
    this.#become('Dead')
    this.#wakeAtMs = never
  }

  // ---- time

  /** The group has been read from the log: its members have as long as after a heartbeat. */
  loaded(outcome: Outcome): void {
    for (const member of this.#members) this.#keepAlive(member)
    if (this.#members.size > this.#options.maxSize)
      this.#prepareRebalance('loaded with more members than allowed', outcome)
  }

  /** Does what is due by now. */
  expire(outcome: Outcome): void {
    const nowMs = this.#options.clock.monotonicMs()
    const pendingBefore = this.#pendingMembers.size
    for (const [memberId, deadlineMs] of this.#pendingMembers) {
      if (deadlineMs <= nowMs) this.#pendingMembers.delete(memberId)
    }
    const hasPendingGone = this.#pendingMembers.size < pendingBefore
    if (hasPendingGone && this.#state === 'PreparingRebalance' && this.#areAllThere) this.#completeJoin(outcome)
    for (const member of [...this.#members]) {
      if (member.sessionDeadlineMs <= nowMs) this.#expireSession(member, outcome)
    }
    if (this.#joinDeadlineMs <= nowMs) this.#joinTimeIsUp(outcome)
    if (this.#syncDeadlineMs <= nowMs) this.#syncTimeIsUp(outcome)
    this.#wakeAtMs = this.#nextDeadlineMs()
  }

  #expireSession(member: ClassicGroupMember, outcome: Outcome): void {
    if (this.#members.get(member.memberId) !== member || member.sessionDeadlineMs === never) return
    const isWaiting = member.joinPoll !== undefined || member.syncPoll !== undefined
    if (isWaiting && !member.isNew) {
      member.sessionDeadlineMs = never // the answer starts a new session
      return
    }
    this.#remove(member, outcome)
    const reason = `${member.memberId} sent no heartbeat`
    if (this.#state !== 'PreparingRebalance') this.#rebalanceOrComplete(reason, outcome)
    else if (this.#areAllThere) this.#completeJoin(outcome)
  }

  #syncTimeIsUp(outcome: Outcome): void {
    this.#syncDeadlineMs = never
    if (this.#pendingSync.size === 0) return
    const silent = [...this.#pendingSync]
    for (const memberId of silent) this.#remove(this.#members.get(memberId)!, outcome)
    this.#prepareRebalance(`no SyncGroup of ${silent}`, outcome)
  }

  #nextDeadlineMs(): number {
    let next = Math.min(this.#joinDeadlineMs, this.#syncDeadlineMs)
    for (const deadlineMs of this.#pendingMembers.values()) next = Math.min(next, deadlineMs)
    for (const { sessionDeadlineMs } of this.#members) next = Math.min(next, sessionDeadlineMs)
    return next
  }

  #keepAlive(member: ClassicGroupMember, timeoutMs = member.sessionTimeoutMs): void {
    member.sessionDeadlineMs = this.#options.clock.monotonicMs() + timeoutMs
    this.#wakeBy(member.sessionDeadlineMs)
  }

  #joinBy(deadlineMs: number): void {
    this.#joinDeadlineMs = deadlineMs
    this.#wakeBy(deadlineMs)
  }

  #wakeBy(deadlineMs: number): void {
    if (deadlineMs < this.#wakeAtMs) this.#wakeAtMs = deadlineMs
  }

  // ---- shared

  #remove(member: ClassicGroupMember, outcome: Outcome): void {
    this.#members.remove(member)
    this.#pendingSync.delete(member.memberId)
    if (member.joinPoll !== undefined) outcome.answer(member.joinPoll, joinError('UNKNOWN_MEMBER_ID', ''))
    this.#answerSync(member, syncError('UNKNOWN_MEMBER_ID'), outcome)
  }

  /** Nobody answers the members any more. */
  abandon(error: KafkaError): void {
    for (const { joinPoll, syncPoll } of this.#members) {
      joinPoll?.reject(error)
      syncPoll?.reject(error)
    }
  }

  #become(next: ClassicGroupState): void {
    assert(nextStates[this.#state].includes(next), `group ${this.groupId} can't go from ${this.#state} to ${next}`)
    this.#state = next
    this.#currentStateTimestampMs = this.#options.clock.now()
  }

  /** The group as it is now, for the log. */
  #metadataRecord(): GroupMetadataRecord {
    return groupMetadataRecord(this.groupId, {
      protocolType: this.protocolType,
      generation: this.#generationId,
      protocol: this.#protocolName,
      leader: this.#members.leaderId,
      currentStateTimestamp: this.#currentStateTimestampMs,
      members: Array.from(this.#members, (member) => metadataOf(member, this.#protocolName)),
    })
  }
}

function differs(asked: string | null, current: string | null): boolean {
  return asked !== null && current !== null && asked !== current
}
