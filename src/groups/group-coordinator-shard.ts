/**
 * groups: the groups and committed offsets of one partition of `__consumer_offsets`, as a replayable state machine. Each method is a
 * command: it decides, and says what to append and whom to answer.
 *
 * Offsets are changed by replay alone. A classic group changes as its members come and wait, and its record is a picture of
 * it: replay makes a group of it when loading, and finds nothing to do in the group that wrote it.
 */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import type { Decision, StateMachine } from '../coordinator/state-machine.ts'
import type { Cancel } from '../runtime/clock.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import { groupMetadataRecord, newGroupRecord } from './classic/classic-group-metadata.ts'
import type { ClassicGroupOptions } from './classic/classic-group-options.ts'
import {
  type DescribedGroup,
  type Joining,
  joinError,
  type LeavingMember,
  type LeftMember,
  type MemberIdentity,
  type SyncGroup,
  type SyncGroupResult,
} from './classic/classic-group-requests.ts'
import type { ConsumerGroupContext } from './consumer/consumer-group-context.ts'
import { ConsumerGroups } from './consumer/consumer-groups.ts'
import { requireCommit, requireFetch, requireTransactionalCommit } from './consumer/offset-checks.ts'
import { type GroupMetadata, type GroupRecord, noTopicId, type UnservedGroupType } from './group-records.ts'
import type {
  DeletedOffsets,
  FetchedTopic,
  GroupFilter,
  ListedGroup,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  TopicAnswer,
  TransactionalOffsetCommit,
} from './group-requests.ts'
import { decideOffsetCommit, decideOffsetDelete, fetchedOffsets } from './offset-commands.ts'
import { CommittedOffsets } from './offsets.ts'
import { Outcome, type Poll } from './poll.ts'

export interface GroupCoordinatorShardOptions extends ClassicGroupOptions {
  /** What consumer groups are made with. */
  readonly consumer: Pick<ConsumerGroupContext, 'topics' | 'configs'>
  /** offset.metadata.max.bytes; counted in characters, as Kafka does. */
  readonly offsetMetadataMaxSize: number
  /** offsets.retention.minutes */
  readonly offsetsRetentionMs: number
  /** offsets.retention.check.interval.ms */
  readonly offsetsRetentionCheckIntervalMs: number
}

type GroupDecision<R = void> = Decision<GroupRecord, R>

/** A group and the one timer that wakes it. */
interface Entry {
  readonly group: ClassicGroup
  timerAtMs: number
  cancelTimer: Cancel | undefined
}

const nothing: GroupDecision = { records: [], response: undefined }

export class GroupCoordinatorShard implements StateMachine<GroupRecord> {
  readonly #options: GroupCoordinatorShardOptions
  readonly #run: (decide: () => GroupDecision) => void
  /** Classic groups. */
  readonly #groups = new Map<string, Entry>()
  readonly consumerGroups: ConsumerGroups
  readonly #offsets = new CommittedOffsets()
  /** Groups whose records are kept, but that can't be joined here. */
  readonly #unserved = new Map<string, UnservedGroupType>()
  #isLoaded = false
  #cancelExpiry: Cancel | undefined

  /** `run`: for commands that time brings. */
  constructor(options: GroupCoordinatorShardOptions, run: (decide: () => GroupDecision) => void) {
    this.#options = options
    this.#run = run
    const { clock, random, logger } = options
    const classicGroups = {
      options,
      get: (groupId: string) => this.#groups.get(groupId)?.group,
      isTaken: (groupId: string) => this.#unserved.has(groupId),
      add: (group: ClassicGroup) => this.#arm(this.#addEntry(group)),
    }
    this.consumerGroups = new ConsumerGroups({ clock, random, logger, classicGroups, ...options.consumer }, run)
  }

  // ---- replay

  replay(record: GroupRecord, producerId: bigint): void {
    switch (record.kind) {
      case 'OffsetCommit':
        this.#offsets.replay(record, producerId)
        if (this.#isLoaded && record.value !== null) this.#ensureGroup(record.groupId)
        break
      case 'GroupMetadata':
        if (record.value === null) this.#removeGroup(record.groupId)
        else if (!this.#isLoaded) this.#addGroup(record.groupId, record.value)
        break
      case 'UnservedGroup':
        if (record.exists) this.#unserved.set(record.groupId, record.type)
        else this.#unserved.delete(record.groupId)
        break
      default:
        this.consumerGroups.replay(record)
    }
  }

  endTransaction(producerId: bigint, committed: boolean): void {
    this.#offsets.endTransaction(producerId, committed)
  }

  loaded(): void {
    this.#isLoaded = true
    this.#expireLater()
    for (const groupId of this.#offsets.groupIds()) this.#ensureGroup(groupId)
    this.consumerGroups.loaded()
    this.#run(() => {
      const outcome = new Outcome()
      for (const entry of this.#groups.values()) {
        entry.group.loaded(outcome)
        this.#arm(entry)
      }
      return decision(outcome)
    })
  }

  unload(error: KafkaError): void {
    this.#cancelExpiry?.()
    for (const { group, cancelTimer } of this.#groups.values()) {
      cancelTimer?.()
      group.abandon(error)
    }
    this.#groups.clear()
    this.consumerGroups.unload()
  }

  /** Offsets that nobody's membership stands behind make a group, too: an empty one without a protocol. */
  #ensureGroup(groupId: string): void {
    const isThere = this.#groups.has(groupId) || this.#unserved.has(groupId)
    if (!isThere && this.consumerGroups.get(groupId) === undefined) this.#addGroup(groupId)
  }

  #addGroup(groupId: string, stored?: GroupMetadata): Entry {
    return this.#addEntry(new ClassicGroup(groupId, this.#options, stored))
  }

  #addEntry(group: ClassicGroup): Entry {
    const entry = { group, timerAtMs: Number.POSITIVE_INFINITY, cancelTimer: undefined }
    this.#groups.set(group.groupId, entry)
    return entry
  }

  #removeGroup(groupId: string): void {
    const entry = this.#groups.get(groupId)
    if (entry === undefined) return
    this.#groups.delete(groupId)
    entry.cancelTimer?.()
    if (this.#isLoaded) entry.group.die()
  }

  // ---- members of classic groups

  /** Answers `poll`, at once or when the rebalance is done. */
  joinGroup(joining: Joining): GroupDecision {
    const { request, poll } = joining
    const { groupId, memberId } = request
    const consumerGroup = this.consumerGroups.get(groupId)
    if (consumerGroup !== undefined && !consumerGroup.isEmpty) return this.consumerGroups.joinGroup(joining)
    const outcome = new Outcome()
    const known = this.#groups.get(groupId)
    if (this.#unserved.has(groupId)) {
      outcome.answer(poll, joinError('INCONSISTENT_GROUP_PROTOCOL', ''))
    } else if (known !== undefined) {
      known.group.join(joining, outcome)
      this.#arm(known)
    } else if (memberId !== '') {
      outcome.answer(poll, joinError('UNKNOWN_MEMBER_ID', memberId))
    } else {
      // As in Kafka, asking makes the group, also when the member is refused; a consumer group without members makes way.
      if (consumerGroup !== undefined) outcome.records.push(...consumerGroup.tombstones())
      const entry = this.#addGroup(groupId)
      entry.group.join(joining, outcome)
      outcome.records.push(newGroupRecord(groupId, this.#options.clock.now()))
      this.#arm(entry)
    }
    return decision(outcome)
  }

  /** Answers `poll`, at once or when the leader has handed in the assignment. @throws KafkaError as ClassicGroup.sync */
  syncGroup(request: SyncGroup, poll: Poll<SyncGroupResult>): GroupDecision {
    if (this.#hasConsumerGroup(request.groupId)) return this.consumerGroups.syncGroup(request, poll)
    const entry = this.#requireMembersGroup(request.groupId)
    const outcome = new Outcome()
    entry.group.sync(request, poll, outcome)
    this.#arm(entry)
    return decision(outcome)
  }

  /** @throws KafkaError as ClassicGroup.heartbeat */
  heartbeat(request: MemberIdentity & { readonly groupId: string }): GroupDecision {
    if (this.#hasConsumerGroup(request.groupId)) return this.consumerGroups.classicHeartbeat(request)
    const entry = this.#requireMembersGroup(request.groupId)
    entry.group.heartbeat(request)
    this.#arm(entry)
    return nothing
  }

  leaveGroup(groupId: string, members: readonly LeavingMember[]): GroupDecision<LeftMember[]> {
    if (this.#hasConsumerGroup(groupId)) return this.consumerGroups.leaveGroup(groupId, members)
    const entry = this.#groups.get(groupId)
    const outcome = new Outcome()
    if (entry === undefined) return decision(outcome, members.map(unknownMember))
    const left = entry.group.leave(members, outcome)
    this.#arm(entry)
    return decision(outcome, left)
  }

  #hasConsumerGroup(groupId: string): boolean {
    return this.consumerGroups.get(groupId) !== undefined
  }

  #requireMembersGroup(groupId: string): Entry {
    const entry = this.#groups.get(groupId)
    if (entry === undefined) throw new KafkaError('UNKNOWN_MEMBER_ID')
    return entry
  }

  /** Sets the group's timer if it has to wake sooner. One that fires too early finds out and is set again. */
  #arm(entry: Entry): void {
    const { wakeAtMs } = entry.group
    if (wakeAtMs >= entry.timerAtMs) return
    entry.cancelTimer?.()
    entry.timerAtMs = wakeAtMs
    entry.cancelTimer = this.#options.clock.after(wakeAtMs - this.#options.clock.monotonicMs(), () => {
      entry.timerAtMs = Number.POSITIVE_INFINITY
      this.#run(() => {
        const outcome = new Outcome()
        entry.group.expire(outcome)
        this.#arm(entry)
        return decision(outcome)
      })
    })
  }

  // ---- committed offsets

  /** @throws KafkaError GROUP_ID_NOT_FOUND, and as ClassicGroup.requireCommit */
  commitOffsets(request: OffsetCommit): GroupDecision<TopicAnswer[]> {
    this.#requireCommit(request)
    return this.#offsetRecords(request, request.retentionTimeMs)
  }

  /**
   * The offsets stand aside until the marker comes. @throws KafkaError UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, FENCED_INSTANCE_ID, and from the log
   * INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE
   */
  commitTransactionalOffsets(request: TransactionalOffsetCommit): GroupDecision<TopicAnswer[]> {
    const { groupId, generationId, transaction } = request
    const consumerGroup = this.consumerGroups.get(groupId)
    const entry = this.#groups.get(groupId)
    if (consumerGroup !== undefined) requireTransactionalCommit(consumerGroup, request)
    else if (entry !== undefined) entry.group.requireTransactionalCommit(request)
    else if (generationId >= 0) throw new KafkaError('ILLEGAL_GENERATION')
    // As Kafka has it: such offsets are stored without the topic's id.
    const topics = request.topics.map((topic) => ({ ...topic, topicId: noTopicId }))
    return { ...this.#offsetRecords({ groupId, topics }, -1), transaction }
  }

  #offsetRecords(
    request: Pick<OffsetCommit, 'groupId' | 'topics'>,
    retentionTimeMs: number,
  ): { records: GroupRecord[]; response: TopicAnswer[] } {
    const { clock, offsetMetadataMaxSize } = this.#options
    return decideOffsetCommit(request, { nowMs: clock.now(), retentionTimeMs, offsetMetadataMaxSize })
  }

  #requireCommit(request: OffsetCommit): void {
    const { groupId, generationId, knowsGroupIdNotFound } = request
    const consumerGroup = this.consumerGroups.get(groupId)
    if (consumerGroup !== undefined) {
      requireCommit(consumerGroup, request)
      return
    }
    const entry = this.#groups.get(groupId)
    if (entry !== undefined) {
      entry.group.requireCommit(request)
      this.#arm(entry)
    } else if (generationId >= 0) {
      if (this.#unserved.has(groupId)) throw new KafkaError('UNKNOWN_MEMBER_ID')
      throw new KafkaError(knowsGroupIdNotFound ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION')
    }
  }

  /** @throws KafkaError as `requireFetch` of consumer groups */
  fetchOffsets(request: OffsetFetch, requireStable: boolean): GroupDecision<FetchedTopic[]> {
    const { groupId, member } = request
    const consumerGroup = this.consumerGroups.get(groupId)
    if (consumerGroup !== undefined && member !== undefined) requireFetch(consumerGroup, member)
    return { records: [], response: fetchedOffsets(this.#offsets, request, requireStable) }
  }

  /** @throws KafkaError GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP */
  deleteOffsets(request: OffsetDelete): GroupDecision<DeletedOffsets[]> {
    const group = this.consumerGroups.get(request.groupId) ?? this.#requireGroup(request.groupId)
    if (group instanceof ClassicGroup) group.requireOffsetsDeletable()
    return decideOffsetDelete(this.#offsets, request, group.subscription())
  }

  #expireLater(): void {
    this.#cancelExpiry = this.#options.clock.after(this.#options.offsetsRetentionCheckIntervalMs, () => {
      this.#expireLater()
      this.#run(() => this.#expireOffsets())
    })
  }

  /** Forgets offsets that are retained no longer, and with the last of them a group without members (KIP-211). */
  #expireOffsets(): GroupDecision {
    const { clock, offsetsRetentionMs } = this.#options
    const records: GroupRecord[] = []
    for (const [groupId, { group }] of this.#groups) {
      const retention = group.offsetRetention()
      if (retention === undefined) continue
      const { tombstones, isAll } = this.#offsets.expired(groupId, retention, offsetsRetentionMs, clock.now())
      for (const tombstone of tombstones) records.push(tombstone)
      if (isAll && group.state === 'Empty') records.push(groupMetadataRecord(groupId, null))
    }
    for (const group of this.consumerGroups.values()) {
      const retention = group.offsetRetention()
      const { tombstones, isAll } = this.#offsets.expired(group.groupId, retention, offsetsRetentionMs, clock.now())
      for (const tombstone of [...tombstones, ...(isAll && group.isEmpty ? group.tombstones() : [])])
        records.push(tombstone)
    }
    return { records, response: undefined, atomic: false }
  }

  /** Forgets what was committed for topics that are gone. */
  topicsDeleted(topics: readonly { readonly name: string; readonly topicId: string }[]): GroupDecision {
    return { records: this.#offsets.tombstonesOfTopics(topics), response: undefined, atomic: false }
  }

  // ---- administration

  /** @throws KafkaError GROUP_ID_NOT_FOUND with a message */
  describeGroup(groupId: string): GroupDecision<DescribedGroup> {
    const entry = this.#groups.get(groupId)
    if (entry !== undefined) return { records: [], response: entry.group.describe() }
    const isOther = this.#unserved.has(groupId) || this.#hasConsumerGroup(groupId)
    const problem = isOther ? 'is not a classic group' : 'not found'
    throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} ${problem}.`)
  }

  listGroups({ states, types }: GroupFilter): GroupDecision<ListedGroup[]> {
    const listed: ListedGroup[] = []
    const list = (group: ListedGroup): void => {
      if (states.size > 0 && !states.has(group.groupState.toLowerCase())) return
      if (types.size > 0 && !types.has(group.groupType)) return
      listed.push(group)
    }
    for (const [groupId, { group }] of this.#groups) {
      list({ groupId, protocolType: group.protocolType, groupState: group.state, groupType: 'classic' })
    }
    for (const { groupId, state } of this.consumerGroups.values()) {
      list({ groupId, protocolType: 'consumer', groupState: state, groupType: 'consumer' })
    }
    for (const [groupId, type] of this.#unserved) {
      list({ groupId, protocolType: type, groupState: 'Empty', groupType: type })
    }
    return { records: [], response: listed }
  }

  /** The group and all its offsets. @throws KafkaError GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP */
  deleteGroup(groupId: string): GroupDecision {
    const consumerGroup = this.consumerGroups.get(groupId)
    if (consumerGroup === undefined) this.#requireGroup(groupId).requireDeletable()
    else if (!consumerGroup.isEmpty) throw new KafkaError('NON_EMPTY_GROUP')
    const ofGroup = consumerGroup?.tombstones() ?? [groupMetadataRecord(groupId, null)]
    return { records: [...this.#offsets.tombstonesOfGroup(groupId), ...ofGroup], response: undefined, atomic: false }
  }

  #requireGroup(groupId: string): ClassicGroup {
    // Whether a group that is not served has members can't be told.
    if (this.#unserved.has(groupId)) throw new KafkaError('NON_EMPTY_GROUP')
    const entry = this.#groups.get(groupId)
    if (entry === undefined) throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`)
    return entry.group
  }
}

function decision(outcome: Outcome): GroupDecision
function decision<R>(outcome: Outcome, response: R): GroupDecision<R>
function decision({ records, answers }: Outcome, response?: unknown): GroupDecision<unknown> {
  return { records, answers, response }
}

function unknownMember({ memberId, groupInstanceId }: LeavingMember): LeftMember {
  return { memberId, groupInstanceId, errorCode: errorCode('UNKNOWN_MEMBER_ID') }
}
