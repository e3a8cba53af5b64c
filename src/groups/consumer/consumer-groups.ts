/**
 * groups/consumer: the consumer groups of one partition of `__consumer_offsets`, and the timers that wake them. Each method that answers a
 * client decides, and changes no group: that is done by replay.
 */
import { KafkaError } from '../../../protocol/errors.ts'
import type { Decision } from '../../coordinator/state-machine.ts'
import type {
  Joining,
  LeavingMember,
  LeftMember,
  MemberIdentity,
  SyncGroup,
  SyncGroupResult,
} from '../classic/classic-group-requests.ts'
import type { GroupRecord } from '../group-records.ts'
import { Outcome, type Poll } from '../poll.ts'
import {
  heartbeatWithClassicProtocol,
  joinWithClassicProtocol,
  leaveWithClassicProtocol,
  syncWithClassicProtocol,
} from './classic-protocol-members.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { ConsumerGroupChange } from './consumer-group-change.ts'
import type { ConsumerGroupContext, ConsumerGroupEntry } from './consumer-group-context.ts'
import { describeConsumerGroup } from './consumer-group-description.ts'
import type { ConsumerGroupRecord } from './consumer-group-records.ts'
import {
  type ConsumerGroupClient,
  type ConsumerGroupHeartbeat,
  type ConsumerGroupHeartbeatResult,
  type DescribedConsumerGroup,
  requireValidHeartbeat,
} from './consumer-group-requests.ts'
import { expireMembers } from './fencing.ts'
import { heartbeat, leave } from './heartbeats.ts'
import { MemberDeadlines } from './member-deadlines.ts'
import { upgrade } from './migration.ts'
import { putResolved } from './regular-expression-steps.ts'
import { matchingTopics } from './topic-regular-expressions.ts'

type GroupDecision<R = void> = Decision<GroupRecord, R>

export class ConsumerGroups {
  readonly #context: ConsumerGroupContext
  readonly #run: (decide: () => GroupDecision) => void
  readonly #entries = new Map<string, ConsumerGroupEntry>()
  /** A group that the command now at work makes: its first record brings it among the others. */
  #forming: ConsumerGroupEntry | undefined

  /** `run`: for commands that time brings. */
  constructor(context: ConsumerGroupContext, run: (decide: () => GroupDecision) => void) {
    this.#context = context
    this.#run = run
  }

  get(groupId: string): ConsumerGroup | undefined {
    return this.#entries.get(groupId)?.group
  }

  *values(): Generator<ConsumerGroup> {
    for (const { group } of this.#entries.values()) yield group
  }

  // ---- replay

  replay(record: ConsumerGroupRecord): void {
    const { groupId } = record
    const known = this.#entries.get(groupId)
    if (known === undefined) {
      if (record.value !== null) this.#add(groupId).group.replay(record)
    } else if (record.kind === 'ConsumerGroupMetadata' && record.value === null) {
      this.#entries.delete(groupId)
      known.cancelTimer?.()
    } else known.group.replay(record)
  }

  #add(groupId: string): ConsumerGroupEntry {
    const entry = this.#forming?.group.groupId === groupId ? this.#forming : newEntry(new ConsumerGroup(groupId))
    this.#forming = undefined
    this.#entries.set(groupId, entry)
    return entry
  }

  /** All of the log is replayed: members have as long as after a heartbeat. */
  loaded(): void {
    const { clock, configs } = this.#context
    const nowMs = clock.monotonicMs()
    for (const entry of this.#entries.values()) {
      const sessionTimeoutMs = configs.sessionTimeoutMs(entry.group.groupId)
      for (const { memberId, state, rebalanceTimeoutMs } of entry.group.members.values()) {
        entry.deadlines.set(memberId, 'session', nowMs + sessionTimeoutMs)
        if (state === 'UNREVOKED_PARTITIONS') entry.deadlines.set(memberId, 'rebalance', nowMs + rebalanceTimeoutMs)
      }
      this.#arm(entry)
    }
  }

  unload(): void {
    for (const { cancelTimer } of this.#entries.values()) cancelTimer?.()
    this.#entries.clear()
  }

  // ---- members

  /** @throws KafkaError INVALID_REQUEST, UNSUPPORTED_ASSIGNOR, GROUP_ID_NOT_FOUND, and as `heartbeat` and `leave` */
  heartbeat(request: ConsumerGroupHeartbeat, client: ConsumerGroupClient): GroupDecision<ConsumerGroupHeartbeatResult> {
    const { assignors } = this.#context.configs
    requireValidHeartbeat(
      request,
      client,
      assignors.map(({ name }) => name),
    )
    const outcome = new Outcome()
    if (request.memberEpoch < 0) {
      const entry = this.#require(request.groupId, 'Group')
      const result = leave(this.#context, entry, request, outcome)
      this.#arm(entry)
      return { ...outcome, response: result }
    }
    const entry = request.memberEpoch === 0 ? this.#joined(request.groupId, outcome) : this.#require(request.groupId)
    const { result, toResolve } = heartbeat(this.#context, entry, { request, client }, outcome)
    // A classic group in whose place this one is: whoever waits there has to join this one.
    this.#context.classicGroups.get(request.groupId)?.answerAll('REBALANCE_IN_PROGRESS', outcome)
    if (toResolve.size > 0) void this.#resolve(entry, toResolve, client)
    this.#arm(entry)
    return { ...outcome, response: result }
  }

  /** The group; where there is none, a new one, or one in the place of a classic group. */
  #joined(groupId: string, outcome: Outcome): ConsumerGroupEntry {
    const known = this.#entries.get(groupId)
    if (known !== undefined) return known
    if (this.#context.classicGroups.isTaken(groupId)) throw this.#notFound(groupId)
    const classic = this.#context.classicGroups.get(groupId)
    const group = classic === undefined ? new ConsumerGroup(groupId) : upgrade(this.#context, classic, outcome)
    const entry = newEntry(group)
    const nowMs = this.#context.clock.monotonicMs()
    for (const { memberId, classic } of group.members.values()) {
      if (classic !== null) entry.deadlines.set(memberId, 'session', nowMs + classic.sessionTimeoutMs)
    }
    this.#forming = entry
    return entry
  }

  #require(groupId: string, kind = 'Consumer group'): ConsumerGroupEntry {
    const entry = this.#entries.get(groupId)
    if (entry === undefined) throw this.#notFound(groupId, kind)
    return entry
  }

  #notFound(groupId: string, kind = 'Consumer group'): KafkaError {
    const isOther =
      this.#context.classicGroups.get(groupId) !== undefined || this.#context.classicGroups.isTaken(groupId)
    const message = isOther ? `Group ${groupId} is not a consumer group.` : `${kind} ${groupId} not found.`
    return new KafkaError('GROUP_ID_NOT_FOUND', message)
  }

  /** Looks for the topics outside of the command, and takes them in with another one. */
  async #resolve(
    entry: ConsumerGroupEntry,
    regularExpressions: ReadonlySet<string>,
    client: ConsumerGroupClient,
  ): Promise<void> {
    const { clock, topics } = this.#context
    entry.isResolving = true
    const as = { version: topics.version, timestampMs: clock.now() }
    let found = new Map<string, ReadonlySet<string>>()
    try {
      for (const [text, matching] of await matchingTopics(regularExpressions, topics.names(), clock)) {
        found.set(text, new Set([...matching].filter((topic) => client.canDescribe(topic))))
      }
    } catch (error) {
      found = new Map()
      const { groupId } = entry.group
      this.#context.logger.error({ groupId, error }, 'Topics could not be found by regular expression')
    }
    this.#run(() => {
      entry.isResolving = false
      const outcome = new Outcome()
      const isThere = this.#entries.get(entry.group.groupId) === entry
      if (isThere) putResolved(this.#context, new ConsumerGroupChange(entry.group, outcome), found, as)
      return { ...outcome, response: undefined }
    })
  }

  // ---- members that use the classic protocol

  joinGroup(joining: Joining): GroupDecision {
    return this.#change(joining.request.groupId, (entry, outcome) =>
      joinWithClassicProtocol(this.#context, entry, joining, outcome),
    )
  }

  syncGroup(request: SyncGroup, poll: Poll<SyncGroupResult>): GroupDecision {
    return this.#change(request.groupId, (entry, outcome) =>
      outcome.answer(poll, syncWithClassicProtocol(this.#context, entry, request)),
    )
  }

  classicHeartbeat(request: MemberIdentity & { readonly groupId: string }): GroupDecision {
    return this.#change(request.groupId, (entry) => heartbeatWithClassicProtocol(this.#context, entry, request))
  }

  leaveGroup(groupId: string, members: readonly LeavingMember[]): GroupDecision<LeftMember[]> {
    return this.#change(groupId, (entry, outcome) => leaveWithClassicProtocol(this.#context, entry, members, outcome))
  }

  /** The deadlines that it sets count, also when it throws. */
  #change<R>(groupId: string, decide: (entry: ConsumerGroupEntry, outcome: Outcome) => R): GroupDecision<R> {
    const entry = this.#require(groupId)
    const outcome = new Outcome()
    try {
      const response = decide(entry, outcome)
      return { ...outcome, response }
    } finally {
      this.#arm(entry)
    }
  }

  // ---- administration

  /** @throws KafkaError GROUP_ID_NOT_FOUND with a message */
  describe(groupId: string): DescribedConsumerGroup {
    return describeConsumerGroup(this.#context, this.#require(groupId, 'Group').group)
  }

  // ---- time

  /** Sets the group's timer if it has to wake sooner. One that fires too early finds out and is set again. */
  #arm(entry: ConsumerGroupEntry): void {
    const { clock } = this.#context
    const { wakeAtMs } = entry.deadlines
    if (wakeAtMs >= entry.timerAtMs) return
    entry.cancelTimer?.()
    entry.timerAtMs = wakeAtMs
    entry.cancelTimer = clock.after(wakeAtMs - clock.monotonicMs(), () => {
      entry.timerAtMs = Number.POSITIVE_INFINITY
      if (this.#entries.get(entry.group.groupId) !== entry) return
      this.#run(() => {
        const outcome = new Outcome()
        expireMembers(this.#context, entry, outcome)
        this.#arm(entry)
        return { ...outcome, response: undefined }
      })
    })
  }
}

function newEntry(group: ConsumerGroup): ConsumerGroupEntry {
  return {
    group,
    deadlines: new MemberDeadlines(),
    checkedVersion: -1,
    isResolving: false,
    timerAtMs: Number.POSITIVE_INFINITY,
    cancelTimer: undefined,
  }
}
