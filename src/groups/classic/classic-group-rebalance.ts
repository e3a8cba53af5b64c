/**
 * groups: the rebalance of one classic group: its members and generation, how the join phase and the sync phase begin and end, and what
 * is due when. What members ask for comes in by ClassicGroup and ClassicGroupJoin.
 *
 * What is written is a picture of a generation with its assignment, of a static member's new id, or of the group being
 * empty. Joining and waiting leave no record: after a restart members find the last generation and go on from there.
 */
import assert from 'node:assert/strict'
import { type ErrorName, KafkaError } from '../../../protocol/errors.ts'
import type { GroupMetadata, GroupMetadataRecord } from '../group-records.ts'
import type { Outcome, Poll } from '../poll.ts'
import { ClassicGroupMember, noAssignment } from './classic-group-member.ts'
import { ClassicGroupMembers } from './classic-group-members.ts'
import { groupMetadataRecord, memberFrom, metadataOf } from './classic-group-metadata.ts'
import type { ClassicGroupOptions } from './classic-group-options.ts'
import {
  type JoinGroupResult,
  joinError,
  type SyncGroup,
  type SyncGroupResult,
  syncError,
} from './classic-group-requests.ts'
import { type ClassicGroupState, nextStates } from './classic-group-state.ts'

const never = Number.POSITIVE_INFINITY

/** The first rebalance of an empty group waits for others to come, and longer while they do. */
interface InitialRebalance {
  delayMs: number
  remainingMs: number
  memberAdded: boolean
}

export class ClassicGroupRebalance {
  readonly groupId: string
  readonly options: ClassicGroupOptions
  #state: ClassicGroupState
  #currentStateTimestampMs: number
  #generationId: number
  #protocolType: string | null
  #protocolName: string | null
  readonly members = new ClassicGroupMembers()
  /** Members that were given an id to join with, and when that is forgotten. */
  readonly #pendingMembers = new Map<string, number>()
  /** Members of this generation that have not asked for their assignment. */
  readonly #pendingSync = new Set<string>()
  #initialRebalance: InitialRebalance | undefined
  #joinDeadlineMs = never
  #syncDeadlineMs = never
  #wakeAtMs = never

  /** `members`: those of `stored`, where they are known with all their protocols. */
  constructor(
    groupId: string,
    options: ClassicGroupOptions,
    stored?: GroupMetadata,
    members?: Iterable<ClassicGroupMember>,
  ) {
    this.groupId = groupId
    this.options = options
    this.#state = stored === undefined || stored.members.length === 0 ? 'Empty' : 'Stable'
    this.#currentStateTimestampMs = stored?.currentStateTimestamp ?? options.clock.now()
    this.#generationId = stored?.generation ?? 0
    this.#protocolType = stored?.protocolType || null
    this.#protocolName = stored?.protocol ?? null
    const known = members ?? stored?.members.map((member) => memberFrom(member, this.#protocolName)) ?? []
    for (const member of known) this.members.add(member)
    if (stored !== undefined) this.members.leaderId = stored.leader
  }

  get state(): ClassicGroupState {
    return this.#state
  }

  /** When the group got into its state, as it is stored; -1: the one who stored it did not say. */
  get currentStateTimestampMs(): number {
    return this.#currentStateTimestampMs
  }

  get generationId(): number {
    return this.#generationId
  }

  get protocolType(): string | null {
    return this.#protocolType
  }

  get protocolName(): string | null {
    return this.#protocolName
  }

  /** When `expire` is due, on the monotonic clock; it may find nothing to do. */
  get wakeAtMs(): number {
    return this.#wakeAtMs
  }

  // ---- members

  /** Gives a new member an id to join with; it is forgotten after the session timeout. */
  addPendingMember(memberId: string, sessionTimeoutMs: number): void {
    const deadlineMs = this.options.clock.monotonicMs() + sessionTimeoutMs
    this.#pendingMembers.set(memberId, deadlineMs)
    this.#wakeBy(deadlineMs)
  }

  isPendingMember(memberId: string): boolean {
    return this.#pendingMembers.has(memberId)
  }

  /** Whether the id was given to a member that has not joined. */
  removePendingMember(memberId: string): boolean {
    return this.#pendingMembers.delete(memberId)
  }

  add(member: ClassicGroupMember, protocolType: string): void {
    if (this.members.size === 0) this.#protocolType = protocolType
    if (this.#initialRebalance !== undefined) this.#initialRebalance.memberAdded = true
    this.#pendingMembers.delete(member.memberId)
    this.members.add(member)
  }

  remove(member: ClassicGroupMember, outcome: Outcome): void {
    this.members.remove(member)
    this.#pendingSync.delete(member.memberId)
    if (member.joinPoll !== undefined) outcome.answer(member.joinPoll, joinError('UNKNOWN_MEMBER_ID', ''))
    this.#answerSync(member, syncError('UNKNOWN_MEMBER_ID'), outcome)
  }

  /** A static member goes on under a new id; who waits under the old one is fenced. */
  replace(old: ClassicGroupMember, newMemberId: string, outcome: Outcome): ClassicGroupMember {
    const isLeader = this.members.leaderId === old.memberId
    const oldJoin = this.members.takeJoinPoll(old)
    if (oldJoin !== undefined) outcome.answer(oldJoin, joinError('FENCED_INSTANCE_ID', old.memberId))
    this.#answerSync(old, syncError('FENCED_INSTANCE_ID'), outcome)
    this.members.remove(old)
    this.#pendingSync.delete(old.memberId)
    const member = new ClassicGroupMember({ ...old, memberId: newMemberId })
    this.members.add(member)
    if (isLeader) this.members.leaderId = newMemberId
    return member
  }

  /** Undoes `replace` in a stable group, where nobody waits. */
  takeBack(old: ClassicGroupMember, replaced: ClassicGroupMember, leaderId: string | null): void {
    this.members.remove(replaced)
    this.members.add(old)
    this.members.leaderId = leaderId
    this.keepAlive(old)
  }

  joinResult(member: ClassicGroupMember): JoinGroupResult {
    return {
      errorCode: 0,
      generationId: this.#generationId,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leader: this.members.leaderId ?? '',
      skipAssignment: false,
      memberId: member.memberId,
      members: this.members.leaderId === member.memberId ? this.#subscriptions() : [],
    }
  }

  #subscriptions(): JoinGroupResult['members'] {
    return Array.from(this.members, (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      metadata: member.metadataFor(this.#protocolName) ?? noAssignment,
    }))
  }

  // ---- the join phase

  awaitJoin(member: ClassicGroupMember, poll: Poll<JoinGroupResult>, outcome: Outcome): void {
    const earlier = this.members.awaitJoin(member, poll)
    if (earlier !== undefined) outcome.answer(earlier, joinError('REBALANCE_IN_PROGRESS', member.memberId))
  }

  rebalanceOrComplete(reason: string, outcome: Outcome): void {
    if (nextStates[this.#state].includes('PreparingRebalance')) this.#prepareRebalance(reason, outcome)
    else this.#completeJoinIfAllThere(outcome)
  }

  #prepareRebalance(reason: string, outcome: Outcome): void {
    const { clock, initialRebalanceDelayMs: delayMs, logger } = this.options
    if (this.#state === 'CompletingRebalance') this.#answerAllSyncs('REBALANCE_IN_PROGRESS', outcome)
    this.#pendingSync.clear()
    this.#syncDeadlineMs = never
    const isInitial = this.#state === 'Empty'
    this.#become('PreparingRebalance')
    logger.debug({ groupId: this.groupId, generationId: this.#generationId, reason }, 'Preparing to rebalance group')
    if (isInitial) {
      const remainingMs = Math.max(this.members.rebalanceTimeoutMs - delayMs, 0)
      this.#initialRebalance = { delayMs, remainingMs, memberAdded: false }
      this.#joinBy(clock.monotonicMs() + delayMs)
    } else if (this.#areAllThere) {
      this.#completeJoin(outcome)
    } else {
      this.#joinBy(clock.monotonicMs() + this.members.rebalanceTimeoutMs)
    }
  }

  get #areAllThere(): boolean {
    return this.members.awaitingJoin === this.members.size && this.#pendingMembers.size === 0
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
    const delayMs = Math.min(this.options.initialRebalanceDelayMs, initial.remainingMs)
    const remainingMs = Math.max(initial.remainingMs - initial.delayMs, 0)
    this.#initialRebalance = { delayMs, remainingMs, memberAdded: false }
    this.#joinBy(this.options.clock.monotonicMs() + delayMs)
  }

  /** Ends the join phase: dynamic members that have not joined are out, the others make the next generation. */
  #completeJoin(outcome: Outcome): void {
    const { clock, logger } = this.options
    this.#joinDeadlineMs = never
    for (const member of [...this.members]) {
      if (member.joinPoll === undefined && !member.isStatic) this.remove(member, outcome)
    }
    if (!this.members.electJoinedLeader() && this.members.size > 0) {
      // Static members that are silent stay until their sessions end.
      this.#joinBy(clock.monotonicMs() + Math.max(this.members.rebalanceTimeoutMs, 1))
      return
    }
    this.#generationId += 1
    this.#initialRebalance = undefined
    logger.debug(
      { groupId: this.groupId, generationId: this.#generationId, members: this.members.size },
      'Group has a new generation',
    )
    if (this.members.size === 0) {
      this.#protocolName = null
      this.#become('Empty')
      outcome.records.push(this.metadataRecord())
      return
    }
    this.#protocolName = this.members.selectProtocol()
    this.#become('CompletingRebalance')
    this.#syncDeadlineMs = clock.monotonicMs() + this.members.rebalanceTimeoutMs
    this.#wakeBy(this.#syncDeadlineMs)
    for (const member of this.members) {
      const poll = this.members.takeJoinPoll(member)
      if (poll !== undefined) outcome.answer(poll, this.joinResult(member))
      member.isNew = false
      this.keepAlive(member)
      this.#pendingSync.add(member.memberId)
    }
  }

  // ---- the sync phase

  /** @throws KafkaError INCONSISTENT_GROUP_PROTOCOL, REBALANCE_IN_PROGRESS */
  sync(member: ClassicGroupMember, request: SyncGroup, poll: Poll<SyncGroupResult>, outcome: Outcome): void {
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
    if (this.members.leaderId === member.memberId) this.#assign(request.assignments, outcome)
  }

  #assign(assignments: SyncGroup['assignments'], outcome: Outcome): void {
    const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]))
    for (const member of this.members) {
      const assignment = byMember.get(member.memberId)
      member.assignment = assignment === undefined ? noAssignment : Buffer.from(assignment)
    }
    const record = this.metadataRecord()
    if (!this.options.fits(record)) {
      for (const member of this.members) member.assignment = noAssignment
      this.#answerAllSyncs('UNKNOWN_SERVER_ERROR', outcome)
      this.#prepareRebalance('the assignment is too large to be stored', outcome)
      return
    }
    outcome.records.push(record)
    this.#become('Stable')
    for (const member of this.members) {
      if (this.#answerSync(member, this.#syncResult(member), outcome)) this.keepAlive(member)
    }
  }

  #syncResult({ assignment }: ClassicGroupMember): SyncGroupResult {
    return { errorCode: 0, protocolType: this.#protocolType, protocolName: this.#protocolName, assignment }
  }

  /** Nobody waits any more: the members are another group's from now on. */
  answerAll(error: ErrorName, outcome: Outcome): void {
    for (const member of this.members) {
      const poll = this.members.takeJoinPoll(member)
      if (poll !== undefined) outcome.answer(poll, joinError(error, member.memberId))
      this.#answerSync(member, syncError(error), outcome)
    }
  }

  #answerAllSyncs(error: ErrorName, outcome: Outcome): void {
    for (const member of this.members) {
      member.assignment = noAssignment
      if (this.#answerSync(member, syncError(error), outcome)) this.keepAlive(member)
    }
  }

  #answerSync(member: ClassicGroupMember, result: SyncGroupResult, outcome: Outcome): boolean {
    if (member.syncPoll === undefined) return false
    outcome.answer(member.syncPoll, result)
    member.syncPoll = undefined
    return true
  }

  // ---- time

  /** The group has been read from the log: its members have as long as after a heartbeat. */
  loaded(outcome: Outcome): void {
    for (const member of this.members) this.keepAlive(member)
    if (this.members.size > this.options.maxSize)
      this.#prepareRebalance('loaded with more members than allowed', outcome)
  }

  /** Does what is due by now. */
  expire(outcome: Outcome): void {
    const nowMs = this.options.clock.monotonicMs()
    const pendingBefore = this.#pendingMembers.size
    for (const [memberId, deadlineMs] of this.#pendingMembers) {
      if (deadlineMs <= nowMs) this.#pendingMembers.delete(memberId)
    }
    const hasPendingGone = this.#pendingMembers.size < pendingBefore
    if (hasPendingGone && this.#state === 'PreparingRebalance' && this.#areAllThere) this.#completeJoin(outcome)
    for (const member of [...this.members]) {
      if (member.sessionDeadlineMs <= nowMs) this.#expireSession(member, outcome)
    }
    if (this.#joinDeadlineMs <= nowMs) this.#joinTimeIsUp(outcome)
    if (this.#syncDeadlineMs <= nowMs) this.#syncTimeIsUp(outcome)
    this.#wakeAtMs = this.#nextDeadlineMs()
  }

  #expireSession(member: ClassicGroupMember, outcome: Outcome): void {
    if (this.members.get(member.memberId) !== member || member.sessionDeadlineMs === never) return
    const isWaiting = member.joinPoll !== undefined || member.syncPoll !== undefined
    if (isWaiting && !member.isNew) {
      member.sessionDeadlineMs = never // the answer starts a new session
      return
    }
    this.remove(member, outcome)
    const reason = `${member.memberId} sent no heartbeat`
    if (this.#state !== 'PreparingRebalance') this.rebalanceOrComplete(reason, outcome)
    else if (this.#areAllThere) this.#completeJoin(outcome)
  }

  #syncTimeIsUp(outcome: Outcome): void {
    this.#syncDeadlineMs = never
    if (this.#pendingSync.size === 0) return
    const silent = [...this.#pendingSync]
    for (const memberId of silent) this.remove(this.members.get(memberId)!, outcome)
    this.#prepareRebalance(`no SyncGroup of ${silent}`, outcome)
  }

  #nextDeadlineMs(): number {
    let next = Math.min(this.#joinDeadlineMs, this.#syncDeadlineMs)
    for (const deadlineMs of this.#pendingMembers.values()) next = Math.min(next, deadlineMs)
    for (const { sessionDeadlineMs } of this.members) next = Math.min(next, sessionDeadlineMs)
    return next
  }

  keepAlive(member: ClassicGroupMember, timeoutMs = member.sessionTimeoutMs): void {
    member.sessionDeadlineMs = this.options.clock.monotonicMs() + timeoutMs
    this.#wakeBy(member.sessionDeadlineMs)
  }

  #joinBy(deadlineMs: number): void {
    this.#joinDeadlineMs = deadlineMs
    this.#wakeBy(deadlineMs)
  }

  #wakeBy(deadlineMs: number): void {
    if (deadlineMs < this.#wakeAtMs) this.#wakeAtMs = deadlineMs
  }

  // ---- state

  /** The group is deleted. */
  die(): void {
    this.#become('Dead')
    this.#wakeAtMs = never
  }

  /** Nobody answers the members any more. */
  abandon(error: KafkaError): void {
    for (const { joinPoll, syncPoll } of this.members) {
      joinPoll?.reject(error)
      syncPoll?.reject(error)
    }
  }

  #become(next: ClassicGroupState): void {
    assert(nextStates[this.#state].includes(next), `group ${this.groupId} can't go from ${this.#state} to ${next}`)
    this.#state = next
    this.#currentStateTimestampMs = this.options.clock.now()
  }

  /** The group as it is now, for the log. */
  metadataRecord(): GroupMetadataRecord {
    return groupMetadataRecord(this.groupId, {
      protocolType: this.#protocolType ?? '',
      generation: this.#generationId,
      protocol: this.#protocolName,
      leader: this.members.leaderId,
      currentStateTimestamp: this.#currentStateTimestampMs,
      members: Array.from(this.members, (member) => metadataOf(member, this.#protocolName)),
    })
  }
}

function differs(asked: string | null, current: string | null): boolean {
  return asked !== null && current !== null && asked !== current
}
