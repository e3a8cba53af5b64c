/**
 * groups: JoinGroup to a classic group: who may join, as whom, and what it means for the rebalance.
 * Source: Kafka's GroupMetadataManager; KIP-345, 394, 800, 814.
 */
import { KafkaError } from '../../../protocol/errors.ts'
import type { Outcome } from '../poll.ts'
import { ClassicGroupMember, noAssignment } from './classic-group-member.ts'
import { type ClassicGroupMembers, keptProtocols, newMemberId } from './classic-group-members.ts'
import type { ClassicGroupRebalance } from './classic-group-rebalance.ts'
import { type JoinGroup, type JoinGroupResult, type Joining, joinError } from './classic-group-requests.ts'

/** How long a new member may wait in JoinGroup: it can't send heartbeats yet, and nobody sees its connection end. */
const newMemberJoinTimeoutMs = 5 * 60 * 1000

export class ClassicGroupJoin {
  readonly #rebalance: ClassicGroupRebalance
  readonly #members: ClassicGroupMembers

  constructor(rebalance: ClassicGroupRebalance) {
    this.#rebalance = rebalance
    this.#members = rebalance.members
  }

  join(joining: Joining, outcome: Outcome): void {
    const { request, poll } = joining
    const { memberId, protocolType, protocols } = request
    if (!this.#hasRoomFor(memberId)) {
      const member = this.#members.get(memberId)
      if (member !== undefined) this.#rebalance.remove(member, outcome)
      this.#rebalance.removePendingMember(memberId)
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
    const { maxSize } = this.#rebalance.options
    switch (this.#rebalance.state) {
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
    if (this.#rebalance.state === 'Empty') return protocolType !== '' && protocols.length > 0
    return protocolType === this.#rebalance.protocolType && this.#members.share(protocols)
  }

  #joinNew(joining: Joining, outcome: Outcome): void {
    const { request, client, poll } = joining
    const { groupInstanceId, sessionTimeoutMs } = request
    const memberId = newMemberId(groupInstanceId ?? client.clientId, this.#rebalance.options.random)
    const oldMemberId = groupInstanceId === null ? undefined : this.#members.staticMemberId(groupInstanceId)
    if (oldMemberId !== undefined) {
      this.#replaceStaticMember(joining, oldMemberId, memberId, outcome)
    } else if (groupInstanceId === null && client.memberIdRequired) {
      this.#rebalance.addPendingMember(memberId, sessionTimeoutMs)
      outcome.answer(poll, joinError('MEMBER_ID_REQUIRED', memberId))
    } else {
      this.#addMember(joining, memberId, outcome)
    }
  }

  #joinExisting(joining: Joining, outcome: Outcome): void {
    const { request, poll } = joining
    const { memberId, groupInstanceId } = request
    if (this.#rebalance.isPendingMember(memberId)) {
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
    const wantsOther = this.#rebalance.state === 'Stable' && this.#members.leaderId === memberId
    if (this.#rebalance.state === 'PreparingRebalance' || !isUnchanged || wantsOther) {
      this.#members.update(member, request)
      this.#rebalance.awaitJoin(member, poll, outcome)
      this.#rebalance.rebalanceOrComplete(`${memberId} joins again: ${request.reason}`, outcome)
    } else {
      outcome.answer(poll, this.#rebalance.joinResult(member))
    }
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
    this.#rebalance.add(member, request.protocolType)
    this.#rebalance.keepAlive(member, newMemberJoinTimeoutMs)
    this.#rebalance.rebalanceOrComplete(`adding ${memberId}: ${request.reason}`, outcome)
  }

  /** A static member has come back and is given a new id: whoever still uses the old one is fenced. */
  #replaceStaticMember(joining: Joining, oldMemberId: string, newMemberId: string, outcome: Outcome): void {
    const { request, client, poll } = joining
    const oldLeader = this.#members.leaderId
    const old = this.#members.get(oldMemberId)!
    const member = this.#rebalance.replace(old, newMemberId, outcome)
    this.#rebalance.keepAlive(member)
    this.#members.update(member, request)

    if (this.#rebalance.state === 'Stable' && this.#members.selectProtocol() === this.#rebalance.protocolName) {
      const record = this.#rebalance.metadataRecord()
      if (this.#rebalance.options.fits(record)) {
        outcome.records.push(record)
        outcome.answer(poll, this.#rejoinedStaticResult(member, oldLeader, client.skipsAssignment))
      } else {
        this.#rebalance.takeBack(old, member, oldLeader)
        const { errorCode } = joinError('UNKNOWN_SERVER_ERROR', '')
        outcome.answer(poll, { ...this.#rebalance.joinResult(old), errorCode, memberId: '', members: [] })
      }
      return
    }
    // While members wait for the assignment, the leader makes it for the old id: nothing but a new rebalance can mend that.
    this.#rebalance.awaitJoin(member, poll, outcome)
    this.#rebalance.rebalanceOrComplete(
      `static member ${request.groupInstanceId} joins again: ${request.reason}`,
      outcome,
    )
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
    const result = this.#rebalance.joinResult(member)
    if (!skipsAssignment) return { ...result, leader: oldLeader ?? '', members: [] }
    return { ...result, skipAssignment: this.#members.leaderId === member.memberId }
  }
}
