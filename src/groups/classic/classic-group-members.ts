/** groups: the members of a classic group: who leads, who waits for the rebalance, and which protocols all of them share. */
import assert from 'node:assert/strict'
import { KafkaError } from '../../../protocol/errors.ts'
import type { Random } from '../../runtime/random.ts'
import type { Poll } from '../poll.ts'
import type { ClassicGroupMember } from './classic-group-member.ts'
import type { JoinGroup, JoinGroupResult, JoinProtocol } from './classic-group-requests.ts'

export class ClassicGroupMembers {
  readonly #byId = new Map<string, ClassicGroupMember>()
  /** Member id by group instance id (KIP-345). */
  readonly #staticIds = new Map<string, string>()
  /** How many members support a protocol. */
  readonly #supporters = new Map<string, number>()
  #awaitingJoin = 0
  leaderId: string | null = null

  get size(): number {
    return this.#byId.size
  }

  /** Members that have joined this rebalance and wait for its end. */
  get awaitingJoin(): number {
    return this.#awaitingJoin
  }

  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { rebalanceTimeoutMs } of this.#byId.values()) longest = Math.max(longest, rebalanceTimeoutMs)
    return longest
  }

  [Symbol.iterator](): IterableIterator<ClassicGroupMember> {
    return this.#byId.values()
  }

  get(memberId: string): ClassicGroupMember | undefined {
    return this.#byId.get(memberId)
  }

  staticMemberId(groupInstanceId: string): string | undefined {
    return this.#staticIds.get(groupInstanceId)
  }

  /** The member, if it is the one that it says it is; else UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID. */
  find(memberId: string, groupInstanceId: string | null): ClassicGroupMember | KafkaError {
    if (groupInstanceId !== null) {
      const currentId = this.#staticIds.get(groupInstanceId)
      if (currentId === undefined) return new KafkaError('UNKNOWN_MEMBER_ID')
      if (currentId !== memberId) return new KafkaError('FENCED_INSTANCE_ID')
    }
    return this.#byId.get(memberId) ?? new KafkaError('UNKNOWN_MEMBER_ID')
  }

  /** The first member leads. */
  add(member: ClassicGroupMember): void {
    assert(!this.#byId.has(member.memberId))
    this.leaderId ??= member.memberId
    this.#byId.set(member.memberId, member)
    if (member.groupInstanceId !== null) this.#staticIds.set(member.groupInstanceId, member.memberId)
    this.#countProtocols(member, 1)
    if (member.joinPoll !== undefined) this.#awaitingJoin += 1
  }

  /** Its polls are the caller's to answer. */
  remove(member: ClassicGroupMember): void {
    this.#byId.delete(member.memberId)
    if (member.groupInstanceId !== null) this.#staticIds.delete(member.groupInstanceId)
    this.#countProtocols(member, -1)
    if (member.joinPoll !== undefined) this.#awaitingJoin -= 1
    if (this.leaderId === member.memberId) this.leaderId = this.#byId.keys().next().value ?? null
  }

  /** What a member says when it joins again. */
  update(member: ClassicGroupMember, request: JoinGroup): void {
    this.#countProtocols(member, -1)
    member.protocols = keptProtocols(request.protocols)
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    member.sessionTimeoutMs = request.sessionTimeoutMs
    this.#countProtocols(member, 1)
  }

  /** Lets the member wait; returns the poll that waited before. */
  awaitJoin(member: ClassicGroupMember, poll: Poll<JoinGroupResult>): Poll<JoinGroupResult> | undefined {
    const earlier = member.joinPoll
    if (earlier === undefined) this.#awaitingJoin += 1
    member.joinPoll = poll
    return earlier
  }

  /** Ends the member's wait; returns the poll to answer. */
  takeJoinPoll(member: ClassicGroupMember): Poll<JoinGroupResult> | undefined {
    const poll = member.joinPoll
    if (poll !== undefined) this.#awaitingJoin -= 1
    member.joinPoll = undefined
    return poll
  }

  /** Makes a member that has joined the leader, unless the leader has. False when nobody has joined. */
  electJoinedLeader(): boolean {
    if (this.leaderId === null) return false
    if (this.#byId.get(this.leaderId)?.joinPoll !== undefined) return true
    for (const { memberId, joinPoll } of this.#byId.values()) {
      if (joinPoll === undefined) continue
      this.leaderId = memberId
      return true
    }
    return false
  }

  /** Whether one of `protocols` is supported by every member. */
  share(protocols: readonly JoinProtocol[]): boolean {
    return protocols.some(({ name }) => this.#isShared(name))
  }

  /** Each member votes for the first of its protocols that all share. */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    for (const { protocols } of this.#byId.values()) {
      const choice = protocols.find(({ name }) => this.#isShared(name))
      assert(choice !== undefined, 'members without a shared protocol')
      votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
    }
    let selected: string | undefined
    for (const [name, count] of votes) if (selected === undefined || count > votes.get(selected)!) selected = name
    assert(selected !== undefined, 'no member to vote')
    return selected
  }

  #isShared(protocolName: string): boolean {
    return (this.#supporters.get(protocolName) ?? 0) === this.#byId.size
  }

  #countProtocols({ protocols }: ClassicGroupMember, by: 1 | -1): void {
    for (const { name } of protocols) {
      const count = (this.#supporters.get(name) ?? 0) + by
      if (count === 0) this.#supporters.delete(name)
      else this.#supporters.set(name, count)
    }
  }
}

/** Copies without the memory of the request, each name once. */
export function keptProtocols(protocols: readonly JoinProtocol[]): JoinProtocol[] {
  const kept = new Map<string, JoinProtocol>()
  for (const { name, metadata } of protocols) {
    if (!kept.has(name)) kept.set(name, { name, metadata: Buffer.from(metadata) })
  }
  return [...kept.values()]
}

/** Kafka's form: the client or instance id and a version 4 UUID. */
export function newMemberId(prefix: string, random: Random): string {
  const bytes = random.bytes(16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  return `${prefix}-${uuid}`
}
