/** test: the groups of one partition on a log in memory, on simulated time. */
import { errorByCode, KafkaError } from '../../protocol/errors.ts'
import { batchesIn } from '../../protocol/records/batches.ts'
import { recordsOf } from '../../protocol/records/index.ts'
import { consumerProtocolSubscription } from '../../protocol/state/index.ts'
import { sizeBound } from '../../src/coordinator/coordinator-batches.ts'
import { CoordinatorPartition } from '../../src/coordinator/coordinator-partition.ts'
import type { StoredRecord, TransactionMarker } from '../../src/coordinator/state-machine.ts'
import type {
  JoinGroup,
  JoinGroupResult,
  SyncGroup,
  SyncGroupResult,
} from '../../src/groups/classic/classic-group-requests.ts'
import { GroupCoordinatorShard, type GroupCoordinatorShardOptions } from '../../src/groups/group-coordinator-shard.ts'
import { type GroupRecord, groupRecordCodec, noTopicId } from '../../src/groups/group-records.ts'
import { allGroups, type OffsetCommit, type TransactionalOffsetCommit } from '../../src/groups/group-requests.ts'
import { Poll } from '../../src/groups/poll.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { UnreliablePartitionLog } from '../log/unreliable-partition-log.ts'
import { TestTopics, testConfigs } from './consumer/surroundings.ts'

export interface HarnessOptions {
  readonly seed?: number
  readonly maxSize?: number
  readonly initialRebalanceDelayMs?: number
  readonly maxBatchBytes?: number
  readonly offsetMetadataMaxSize?: number
  readonly offsetsRetentionMs?: number
  readonly offsetsRetentionCheckIntervalMs?: number
  readonly consumer?: GroupCoordinatorShardOptions['consumer']
}

export interface Joined extends JoinGroupResult {
  readonly error: string
}

export interface Synced extends SyncGroupResult {
  readonly error: string
}

export const groupId = 'group'

export class GroupHarness {
  readonly clock = new SimulatedClock()
  readonly log: UnreliablePartitionLog
  readonly #options: HarnessOptions
  readonly #random: SeededRandom
  #partition: CoordinatorPartition<GroupCoordinatorShard, GroupRecord>

  constructor(options: HarnessOptions = {}) {
    this.#options = options
    this.#random = new SeededRandom(options.seed ?? 1)
    this.log = new UnreliablePartitionLog({
      topic: '__consumer_offsets',
      clock: this.clock,
      random: this.#random,
      maxTurns: 1,
    })
    this.#partition = this.#open()
  }

  #open(): CoordinatorPartition<GroupCoordinatorShard, GroupRecord> {
    const { maxSize = 100, initialRebalanceDelayMs = 0, offsetMetadataMaxSize = 4096 } = this.#options
    const maxBatchBytes = this.#options.maxBatchBytes ?? 1_000_000
    const { clock } = this
    const options = {
      clock,
      random: this.#random,
      logger: silentLogger,
      maxSize,
      initialRebalanceDelayMs,
      offsetMetadataMaxSize,
      offsetsRetentionMs: this.#options.offsetsRetentionMs ?? 7 * 24 * 3_600_000,
      offsetsRetentionCheckIntervalMs: this.#options.offsetsRetentionCheckIntervalMs ?? 600_000,
      consumer: this.#options.consumer ?? { topics: new TestTopics(), configs: testConfigs() },
      fits: (record: GroupRecord) => sizeBound(groupRecordCodec.encode(record)) <= maxBatchBytes - 100,
    }
    return new CoordinatorPartition<GroupCoordinatorShard, GroupRecord>({
      log: this.log,
      codec: groupRecordCodec,
      createMachine: (run) => new GroupCoordinatorShard(options, run),
      clock,
      logger: silentLogger,
      maxBatchBytes,
    })
  }

  /** As after a restart: all that is not in the log is gone. */
  async restart(): Promise<void> {
    await this.#partition.close()
    this.#partition = this.#open()
    await this.#partition.load()
  }

  /** Lets time pass, and all that it brings. */
  async advance(byMs: number): Promise<void> {
    await this.clock.advance(byMs)
    await this.settle()
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 8; turn += 1) await settle()
  }

  async join(request: Partial<JoinGroup> & { version?: number } = {}): Promise<Joined> {
    const { version = 9, ...given } = request
    const poll = new Poll<JoinGroupResult>()
    const joining = {
      request: {
        groupId,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 60_000,
        memberId: '',
        groupInstanceId: null,
        protocolType: 'consumer',
        protocols: protocols(['range']),
        reason: null,
        ...given,
      },
      client: {
        clientId: 'client',
        clientHost: '/127.0.0.1',
        memberIdRequired: version >= 4,
        skipsAssignment: version >= 9,
      },
      poll,
    }
    await this.#partition.run((shard) => shard.joinGroup(joining))
    const result = await poll.promise
    return { ...result, error: nameOf(result.errorCode) }
  }

  /** Gets a member id first, as clients do. */
  async joinAsNew(request: Partial<JoinGroup> = {}): Promise<Joined> {
    const { memberId } = await this.join(request)
    return this.join({ ...request, memberId })
  }

  async sync(member: Joined, assignments: Record<string, string> = {}, more: Partial<SyncGroup> = {}): Promise<Synced> {
    const poll = new Poll<SyncGroupResult>()
    const request: SyncGroup = {
      groupId,
      generationId: member.generationId,
      memberId: member.memberId,
      groupInstanceId: null,
      protocolType: member.protocolType,
      protocolName: member.protocolName,
      assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
      ...more,
    }
    await this.#partition.run((shard) => shard.syncGroup(request, poll))
    const result = await poll.promise
    return { ...result, error: nameOf(result.errorCode) }
  }

  /** 'NONE' or the error's name. */
  async heartbeat(
    member: Pick<Joined, 'memberId' | 'generationId'>,
    groupInstanceId: string | null = null,
  ): Promise<string> {
    return outcomeOf(async () => {
      const { memberId, generationId } = member
      await this.#partition.run((shard) => shard.heartbeat({ groupId, memberId, generationId, groupInstanceId }))
    })
  }

  async leave(...members: { memberId: string; groupInstanceId?: string }[]): Promise<string[]> {
    const leaving = members.map(({ memberId, groupInstanceId = null }) => ({ memberId, groupInstanceId, reason: null }))
    const left = await this.#partition.run((shard) => shard.leaveGroup(groupId, leaving))
    return left.map(({ errorCode }) => nameOf(errorCode))
  }

  /** `offsets`: by `topic-partition`. */
  async commit(
    offsets: Record<string, number>,
    more: Partial<OffsetCommit> & { metadata?: string } = {},
  ): Promise<string> {
    const { metadata = '', ...request } = more
    const topics = committed(offsets, metadata)
    return outcomeOf(async () => {
      const whole = {
        groupId,
        generationId: -1,
        memberId: '',
        groupInstanceId: null,
        retentionTimeMs: -1,
        knowsGroupIdNotFound: true,
        topics,
        ...request,
      }
      const answers = await this.#partition.run((shard) => shard.commitOffsets(whole))
      const codes = answers.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
      const failed = codes.find((code) => code !== 0)
      if (failed !== undefined) throw new KafkaError(errorByCode(failed).name)
    })
  }

  /** All committed offsets, by `topic-partition`. */
  async offsets(group: string = groupId, requireStable = false): Promise<Record<string, number>> {
    const topics = await this.#partition.run((shard) =>
      shard.fetchOffsets({ groupId: group, topics: null }, requireStable),
    )
    return Object.fromEntries(
      topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, committedOffset }) => [`${name}-${partitionIndex}`, committedOffset]),
      ),
    )
  }

  async run<R>(
    command: (shard: GroupCoordinatorShard) => { records: readonly GroupRecord[]; response: R },
  ): Promise<R> {
    return this.#partition.run(command)
  }

  async describe(group: string = groupId) {
    return this.run((shard) => shard.describeGroup(group))
  }

  async state(): Promise<string> {
    const listed = await this.run((shard) => shard.listGroups(allGroups))
    return listed.find((each) => each.groupId === groupId)?.groupState ?? 'none'
  }

  /** A stable group of `count` dynamic members, the leader first; every member gets its number as its assignment. */
  async stable(count: number, request: Partial<JoinGroup> = {}): Promise<Joined[]> {
    const ids: string[] = []
    for (let index = 0; index < count; index += 1) ids.push((await this.join(request)).memberId)
    const joins = ids.map((memberId) => this.join({ ...request, memberId }))
    await this.advance(this.#options.initialRebalanceDelayMs ?? 0)
    const joined = await Promise.all(joins)
    await this.syncAll(joined)
    return joined
  }

  /** Every member gets its place among `members` as its assignment. */
  async syncAll(members: readonly Joined[]): Promise<Synced[]> {
    const assignments = Object.fromEntries(members.map(({ memberId }, index) => [memberId, String(index)]))
    return Promise.all(members.map((member) => this.sync(member, member.leader === member.memberId ? assignments : {})))
  }

  /** Within a transaction that was verified; nobody's commit unless told. */
  async commitInTransaction(
    offsets: Record<string, number>,
    producerId: bigint,
    more: Partial<Omit<TransactionalOffsetCommit, 'transaction'>> & { producerEpoch?: number; metadata?: string } = {},
  ): Promise<string> {
    const { producerEpoch = 0, metadata = '', ...identity } = more
    const guard = this.log.startVerification({ producerId, producerEpoch, baseSequence: -1, bumpsEpoch: false })
    const nobody = { groupId, generationId: -1, memberId: '', groupInstanceId: null }
    const transaction = { producerId, producerEpoch, guard }
    const request = { ...nobody, topics: committed(offsets, metadata), ...identity, transaction }
    return outcomeOf(async () => {
      const answers = await this.#partition.run((shard) => shard.commitTransactionalOffsets(request))
      const failed = answers.flatMap(({ partitions }) => partitions).find(({ errorCode }) => errorCode !== 0)
      if (failed !== undefined) throw new KafkaError(errorByCode(failed.errorCode).name)
    })
  }

  async endTransaction(producerId: bigint, isCommit: boolean, more: Partial<TransactionMarker> = {}): Promise<string> {
    const marker = { producerId, producerEpoch: 0, coordinatorEpoch: 0, isCommit, transactionVersion: 1, ...more }
    return outcomeOf(async () => this.#partition.run(() => ({ records: [], response: undefined, marker })))
  }

  /** What is in the log, decoded. */
  async records(): Promise<GroupRecord[]> {
    const { records } = await this.log.read(0, { maxBytes: 1e9, minOneBatch: true, isolation: 'log_end' })
    const stored: StoredRecord[] = []
    for (const buffer of records) {
      for (const batch of batchesIn(buffer)) {
        if (batch.isControl) continue
        for (const { key, value } of recordsOf(batch)) stored.push({ key: key!, value })
      }
    }
    return stored.map((record) => groupRecordCodec.decode(record)!)
  }
}

/** Offsets by `topic-0`, as a request has them. */
function committed(offsets: Record<string, number>, committedMetadata: string): OffsetCommit['topics'] {
  return Object.entries(offsets).map(([name, committedOffset]) => {
    const dash = name.lastIndexOf('-')
    const partitionIndex = Number(name.slice(dash + 1))
    const partitions = [{ partitionIndex, committedOffset, committedLeaderEpoch: 3, committedMetadata }]
    return { name: name.slice(0, dash), topicId: noTopicId, partitions }
  })
}

/** Protocols by name, all with the same metadata. */
export function protocols(names: readonly string[], metadata: Buffer | string = subscription(['topic'])) {
  return names.map((name) => ({ name, metadata: Buffer.from(metadata) }))
}

export function subscription(topics: readonly string[]): Buffer {
  return consumerProtocolSubscription.encodeVersioned(1, { topics: [...topics], userData: null, ownedPartitions: [] })
}

function nameOf(code: number): string {
  return errorByCode(code).name
}

export async function outcomeOf(command: () => Promise<void>): Promise<string> {
  try {
    await command()
    return 'NONE'
  } catch (error) {
    if (error instanceof KafkaError) return error.kafkaError
    throw error
  }
}

/** Whether the promise is settled by now. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const waiting = Symbol('waiting')
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve(waiting)])) !== waiting
}
