/** test: the transactional ids of one partition on a log in memory, on simulated time, with partitions that take markers or don't. */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import { batchesIn, recordsOf } from '../../protocol/records/index.ts'
import { CoordinatorPartition } from '../../src/coordinator/coordinator-partition.ts'
import type { Decision, StoredRecord, TransactionMarker } from '../../src/coordinator/state-machine.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { needsProducerId } from '../../src/transactions/transaction.ts'
import type { WritesMarkers } from '../../src/transactions/transaction-completion.ts'
import { TransactionCoordinatorShard } from '../../src/transactions/transaction-coordinator-shard.ts'
import {
  type TopicPartition,
  type TransactionMetadata,
  type TransactionRecord,
  transactionRecordCodec,
} from '../../src/transactions/transaction-records.ts'
import type { ProducerIdAndEpoch } from '../../src/transactions/transaction-requests.ts'
import { outcomeOf } from '../groups/group-harness.ts'
import { UnreliablePartitionLog } from '../log/unreliable-partition-log.ts'

export const transactionalId = 'transfer'
const coordinatorEpoch = 7
export const accounts: TopicPartition[] = [
  { topic: 'accounts', partition: 0 },
  { topic: 'accounts', partition: 1 },
]

/** `topic-partition`: takes markers as long as it is not told otherwise. */
class Partitions implements WritesMarkers {
  readonly written: (TransactionMarker & TopicPartition)[] = []
  /** What a partition answers instead: `topic-partition`. */
  readonly errors = new Map<string, ErrorName>()
  readonly #held = new Map<string, (() => void)[]>()
  attempts = 0

  async write(marker: TransactionMarker, topic: string, partition: number): Promise<void> {
    this.attempts += 1
    const name = `${topic}-${partition}`
    const held = this.#held.get(name)
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve))
    const error = this.errors.get(name)
    if (error !== undefined) throw new KafkaError(error)
    this.written.push({ ...marker, topic, partition })
  }

  /** Markers don't arrive there until the returned function is called. */
  hold(name: string): () => void {
    const waiting: (() => void)[] = []
    this.#held.set(name, waiting)
    return () => {
      this.#held.delete(name)
      for (const go of waiting) go()
    }
  }
}

type Command<R> = (
  shard: TransactionCoordinatorShard,
  newProducerId: bigint | undefined,
) => Decision<TransactionRecord, R | typeof needsProducerId>

export class TransactionHarness {
  readonly clock = new SimulatedClock()
  readonly log: UnreliablePartitionLog
  readonly partitions = new Partitions()
  /** transaction.version */
  level: number
  nextProducerId = 1000n
  readonly #codec = transactionRecordCodec(() => this.level)
  #partition: CoordinatorPartition<TransactionCoordinatorShard, TransactionRecord>

  constructor(level = 2) {
    this.level = level
    const random = new SeededRandom(1)
    this.log = new UnreliablePartitionLog({ topic: '__transaction_state', clock: this.clock, random, maxTurns: 1 })
    this.#partition = this.#open()
  }

  #open(): CoordinatorPartition<TransactionCoordinatorShard, TransactionRecord> {
    const { clock, partitions: markers } = this
    const transactionVersion = (): number => this.level
    const options = { clock, logger: silentLogger, markers, coordinatorEpoch, transactionVersion }
    return new CoordinatorPartition<TransactionCoordinatorShard, TransactionRecord>({
      log: this.log,
      codec: this.#codec,
      createMachine: (run) => new TransactionCoordinatorShard(options, run),
      clock,
      logger: silentLogger,
      maxBatchBytes: 1_000_000,
    })
  }

  /** As after a crash: all that is not in the log is gone. */
  async restart(): Promise<void> {
    await this.#partition.close()
    this.#partition = this.#open()
    await this.#partition.load()
  }

  close(): Promise<void> {
    return this.#partition.close()
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 12; turn += 1) await settle()
  }

  async advance(byMs: number): Promise<void> {
    await this.clock.advance(byMs)
    await this.settle()
  }

  async run<R>(decide: Command<R>): Promise<R> {
    const decided = await this.#partition.run((shard) => decide(shard, undefined))
    if (decided !== needsProducerId) return decided
    const newProducerId = this.nextProducerId
    this.nextProducerId += 1n
    return (await this.#partition.run((shard) => decide(shard, newProducerId))) as R
  }

  // ---- what producers ask

  async init(
    expected?: ProducerIdAndEpoch,
    transactionTimeoutMs = 60_000,
    id = transactionalId,
  ): Promise<ProducerIdAndEpoch> {
    const request = { transactionalId: id, transactionTimeoutMs, expected }
    const answer = await this.run((shard, newProducerId) => shard.initProducerId(request, newProducerId))
    if (answer === 'fenced') throw new KafkaError('CONCURRENT_TRANSACTIONS')
    return answer
  }

  async add(producer: ProducerIdAndEpoch, clientVersion: number, partitions = accounts): Promise<void> {
    const request = { transactionalId, ...producer, partitions, clientVersion }
    await this.run((shard) => shard.addPartitions(request))
  }

  async verify(producer: ProducerIdAndEpoch, partitions = accounts): Promise<(ErrorName | undefined)[]> {
    return this.run((shard) => shard.verifyPartitions({ transactionalId, ...producer, partitions }))
  }

  async end(producer: ProducerIdAndEpoch, isCommit: boolean, clientVersion: number): Promise<ProducerIdAndEpoch> {
    const request = { transactionalId, ...producer, isCommit, clientVersion }
    return this.run((shard, newProducerId) => shard.endTransactionOf(request, newProducerId))
  }

  /** 'NONE' or the error's name. */
  outcome(command: Promise<unknown>): Promise<string> {
    return outcomeOf(async () => {
      await command
    })
  }

  // ---- what is known

  async describe() {
    return this.run((shard) => shard.describe(transactionalId))
  }

  async state(): Promise<string> {
    return (await this.describe()).transactionState
  }

  /** All records, decoded. */
  async records(): Promise<TransactionRecord[]> {
    return (await this.stored()).map((record) => this.#codec.decode(record)!)
  }

  async stored(): Promise<StoredRecord[]> {
    const { records } = await this.log.read(0, { maxBytes: 1e9, minOneBatch: true, isolation: 'log_end' })
    const stored: StoredRecord[] = []
    for (const buffer of records) {
      for (const batch of batchesIn(buffer)) {
        for (const { key, value } of recordsOf(batch)) stored.push({ key: key!, value })
      }
    }
    return stored
  }

  /** The states that were written, in order. */
  async written(): Promise<(string | undefined)[]> {
    return (await this.records()).map(({ metadata }) => metadata?.state)
  }

  // ---- how it got there

  /** Writes what an earlier coordinator may have left, and loads it. */
  async given(metadata: Partial<TransactionMetadata>): Promise<TransactionMetadata> {
    const whole: TransactionMetadata = {
      state: 'Empty',
      producerId: 1n,
      previousProducerId: -1n,
      nextProducerId: -1n,
      producerEpoch: 0,
      lastProducerEpoch: -1,
      timeoutMs: 60_000,
      partitions: [],
      startMs: -1,
      lastUpdateMs: this.clock.now(),
      clientVersion: 0,
      ...metadata,
    }
    await this.run(() => ({ records: [{ transactionalId, metadata: whole }], response: undefined }))
    await this.restart()
    return whole
  }

  /** A producer in an open transaction on `accounts`. */
  async open(clientVersion: number): Promise<ProducerIdAndEpoch> {
    const producer = await this.init()
    await this.add(producer, clientVersion)
    return producer
  }
}
