/**
 * A PartitionLog in memory that takes its time and fails by chance, both from a seed: for whoever builds on the interface. It shares the
 * rules (what may be appended, what is known of producers) with the local log, and nothing of its storage.
 *
 *     new UnreliablePartitionLog({ random: new SeededRandom(seed), failureRate: 0.1 })
 *
 * A failed append fails all that are queued behind it; then it goes on, as a log on a remote store would.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn } from '../../protocol/records/batches.ts'
import { recordsOf } from '../../protocol/records/record.ts'
import { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { checkRecords } from '../../src/log/append-validation.ts'
import { LeaderEpochs } from '../../src/log/leader-epochs.ts'
import { defaultLogConfig, type LogConfig } from '../../src/log/log-config.ts'
import type {
  AbortedTransaction,
  AppendOrigin,
  AppendResult,
  EpochEndOffset,
  Isolation,
  PartitionLog,
  ProducerState,
  ReadOptions,
  ReadResult,
  TimestampAndOffset,
  TransactionAppend,
  VerificationGuard,
  VerifyingProducer,
} from '../../src/log/partition-log.ts'
import { PendingAppend } from '../../src/log/pending-append.ts'
import { ProducerChecks } from '../../src/log/producer-checks.ts'
import { noteProduced } from '../../src/log/producer-recovery.ts'
import { ProducerStates } from '../../src/log/producer-states.ts'
import { type Clock, SimulatedClock } from '../../src/runtime/clock.ts'
import { type Random, SeededRandom } from '../../src/runtime/random.ts'
import { nextTurn } from '../../src/runtime/turns.ts'

export interface UnreliableOptions {
  readonly topic?: string
  readonly partition?: number
  readonly config?: LogConfig
  readonly clock?: Clock
  readonly random?: Random
  /** Share of writes that fail, 0 to 1. */
  readonly failureRate?: number
  /** A write or read takes up to so many turns of the event loop. */
  readonly maxTurns?: number
}

interface Aborted extends AbortedTransaction {
  readonly lastOffset: number
}

export class UnreliablePartitionLog implements PartitionLog {
  readonly topic: string
  readonly partition: number
  logStartOffset = 0
  leaderEpoch = -1
  readonly #clock: Clock
  readonly #random: Random
  readonly #failureRate: number
  readonly #maxTurns: number
  readonly #epochs = new LeaderEpochs()
  readonly #listeners = new Set<() => void>()
  readonly #queue: PendingAppend[] = []
  #config: LogConfig
  #batches: RecordBatchView[] = []
  #aborted: Aborted[] = []
  #producers = new ProducerStates()
  #nextOffset = 0
  #writing: Promise<void> | undefined
  #stopped: KafkaError | undefined
  #failNext = false
  #held: { readonly highWatermark: number; readonly lastStableOffset: number } | undefined

  constructor(options: UnreliableOptions = {}) {
    this.topic = options.topic ?? 'topic'
    this.partition = options.partition ?? 0
    this.#config = options.config ?? defaultLogConfig
    this.#clock = options.clock ?? new SimulatedClock()
    this.#random = options.random ?? new SeededRandom(1)
    this.#failureRate = options.failureRate ?? 0
    this.#maxTurns = options.maxTurns ?? 3
  }

  get logEndOffset(): number {
    return (this.#batches.at(-1)?.lastOffset ?? this.logStartOffset - 1) + 1
  }

  get failure(): KafkaError | undefined {
    return this.#stopped
  }

  get highWatermark(): number {
    return Math.min(this.#held?.highWatermark ?? this.logEndOffset, this.logEndOffset)
  }

  get lastStableOffset(): number {
    const lastStableOffset = this.#producers.firstOpenTransactionOffset ?? this.logEndOffset
    return Math.min(this.#held?.lastStableOffset ?? lastStableOffset, this.logEndOffset)
  }

  holdHighWatermark(isHeld: boolean): void {
    const { highWatermark, lastStableOffset } = this
    if (isHeld) this.#held ??= { highWatermark, lastStableOffset }
    else if (this.#held !== undefined) {
      this.#held = undefined
      this.#advanced()
    }
  }

  get sizeInBytes(): number {
    return this.#batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0)
  }

  /** The next write fails, whatever chance says. */
  failNextWrite(): void {
    this.#failNext = true
  }

  async append(records: Buffer, origin: AppendOrigin, transaction?: TransactionAppend): Promise<AppendResult> {
    const { checked, found } = this.#check(records, origin, transaction)
    const { first, bytes } = checked
    const duplicate = found?.duplicate
    if (duplicate instanceof PendingAppend) return await duplicate.written
    if (duplicate !== undefined) {
      return {
        baseOffset: duplicate.baseOffset,
        logAppendTimeMs: duplicate.timestampMs,
        logStartOffset: this.logStartOffset,
      }
    }
    const baseOffset = this.#nextOffset
    for (const batch of batchesIn(bytes)) {
      batch.baseOffset = this.#nextOffset
      if (origin !== 'raft' || batch.partitionLeaderEpoch < 0) batch.partitionLeaderEpoch = this.leaderEpoch
      this.#nextOffset = batch.lastOffset + 1
    }
    const { maxTimestampMs, logAppendTimeMs } = checked
    const append = new PendingAppend(bytes, baseOffset, this.#nextOffset, maxTimestampMs, logAppendTimeMs)
    if (found !== undefined) this.#producers.addPending(first, append, found.marker)
    this.#queue.push(append)
    this.#writing ??= this.#writeQueued()
    return await append.written
  }

  checkAppend(records: Buffer, transaction?: TransactionAppend): void {
    this.#check(records, 'coordinator', transaction)
  }

  startVerification(producer: VerifyingProducer): VerificationGuard | undefined {
    this.#ensureOpen()
    return this.#producers.guardFor(producer, this.#clock.now())
  }

  async read(fromOffset: number, options: ReadOptions): Promise<ReadResult> {
    this.#ensureOpen()
    if (fromOffset < this.logStartOffset || fromOffset > this.logEndOffset) throw new KafkaError('OFFSET_OUT_OF_RANGE')
    const endOffset = this.#endOf(options.isolation)
    const found: RecordBatchView[] = []
    let sizeInBytes = 0
    for (const batch of this.#batches) {
      if (batch.lastOffset < fromOffset || fromOffset >= endOffset) continue
      const isFree = found.length === 0 && options.minOneBatch
      if (batch.lastOffset >= endOffset || (sizeInBytes + batch.sizeInBytes > options.maxBytes && !isFree)) break
      found.push(batch)
      sizeInBytes += batch.sizeInBytes
    }
    await this.#takeTime()
    const upTo = found.length === 0 ? fromOffset : found.at(-1)!.nextOffset
    return {
      records: found.map((batch) => batch.bytes),
      sizeInBytes,
      highWatermark: this.highWatermark,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: this.logStartOffset,
      abortedTransactions: options.isolation === 'txn_committed' ? this.#abortedBetween(fromOffset, upTo) : undefined,
    }
  }

  async offsetForTimestamp(timestampMs: number, isolation: Isolation): Promise<TimestampAndOffset | undefined> {
    await this.#takeTime()
    const endOffset = this.#endOf(isolation)
    return this.#records().find((record) => record.timestampMs >= timestampMs && record.offset < endOffset)
  }

  async offsetOfMaxTimestamp(): Promise<TimestampAndOffset | undefined> {
    await this.#takeTime()
    let largest: TimestampAndOffset | undefined
    for (const record of this.#records()) if (record.timestampMs > (largest?.timestampMs ?? -1)) largest = record
    return largest
  }

  endOffsetForEpoch(leaderEpoch: number): EpochEndOffset {
    return this.#epochs.endOffsetFor(leaderEpoch, this.logEndOffset)
  }

  epochForOffset(offset: number): number {
    return this.#epochs.epochForOffset(offset)
  }

  async becomeLeader(leaderEpoch: number): Promise<void> {
    if (leaderEpoch <= this.leaderEpoch) return
    this.leaderEpoch = leaderEpoch
    this.#epochs.assign(leaderEpoch, this.#nextOffset)
  }

  async abortedTransactions(fromOffset: number, upToOffset: number): Promise<readonly AbortedTransaction[]> {
    await this.#takeTime()
    return this.#abortedBetween(fromOffset, upToOffset)
  }

  producerStates(): readonly ProducerState[] {
    return this.#producers.states()
  }

  async deleteRecordsBefore(offset: number): Promise<number> {
    const newStart = offset === -1 ? this.highWatermark : offset
    if (newStart < 0 || newStart > this.highWatermark) throw new KafkaError('OFFSET_OUT_OF_RANGE')
    this.logStartOffset = Math.max(this.logStartOffset, newStart)
    this.#epochs.truncateFromStart(this.logStartOffset)
    this.#advanced()
    await this.#takeTime()
    return this.logStartOffset
  }

  applyConfig(config: LogConfig): void {
    this.#config = config
  }

  async flush(): Promise<void> {
    await this.#writing
  }

  async truncate(offset: number): Promise<void> {
    await this.#writing
    const kept = this.#batches.filter((batch) => batch.lastOffset < offset)
    this.#batches = []
    this.#aborted = []
    this.#producers = new ProducerStates()
    for (const batch of kept) this.#keep(batch)
    this.#nextOffset = this.logEndOffset
    const { highWatermark, lastStableOffset } = this
    if (this.#held !== undefined) this.#held = { highWatermark, lastStableOffset }
    this.#epochs.truncateFromEnd(this.logEndOffset)
    this.#advanced()
  }

  async close(): Promise<void> {
    await this.#writing
    this.#stopped ??= new KafkaError('KAFKA_STORAGE_ERROR', 'The log is closed')
  }

  async delete(): Promise<void> {
    this.#stopped = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    for (const append of this.#queue.splice(0)) append.reject(this.#stopped)
    await this.#writing
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #check(records: Buffer, origin: AppendOrigin, transaction: TransactionAppend | undefined) {
    this.#ensureOpen()
    const checking = { config: this.#config, nowMs: this.#clock.now(), partitionName: 'topic-0' }
    const checked = checkRecords(records, origin, checking)
    const { first } = checked
    const checks = new ProducerChecks(this.#producers, { verifiesTransactions: true })
    return { checked, found: first.hasProducerId ? checks.check(first, origin, transaction) : undefined }
  }

  async #writeQueued(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#takeTime()
      const append = this.#queue.shift()
      if (append === undefined) break
      if (this.#failNext || this.#random.fraction() < this.#failureRate) {
        this.#failNext = false
        this.#fail([append, ...this.#queue.splice(0)])
        continue
      }
      for (const batch of batchesIn(append.bytes)) this.#keep(new RecordBatchView(Buffer.from(batch.bytes)), append)
      this.leaderEpoch = Math.max(this.leaderEpoch, this.#batches.at(-1)!.partitionLeaderEpoch)
      const { baseOffset, logAppendTimeMs } = append
      append.resolve({ baseOffset, logAppendTimeMs, logStartOffset: this.logStartOffset })
      this.#advanced()
    }
    this.#writing = undefined
  }

  #fail(appends: readonly PendingAppend[]): void {
    this.#nextOffset = this.logEndOffset
    this.#producers.dropPending()
    for (const append of appends) append.reject(new KafkaError('KAFKA_STORAGE_ERROR', 'This write was to fail'))
  }

  #keep(batch: RecordBatchView, append?: PendingAppend): void {
    this.#batches.push(batch)
    const epoch = batch.partitionLeaderEpoch
    if (epoch > this.#epochs.latestEpoch) this.#epochs.assign(epoch, batch.baseOffset)
    if (!batch.hasProducerId) return
    const aborted = noteProduced(batch, this.#producers, append)
    if (aborted !== undefined) this.#aborted.push(aborted)
  }

  #records(): TimestampAndOffset[] {
    return this.#batches.flatMap((batch) =>
      [...recordsOf(batch)]
        .map(({ timestamp, offset }) => ({ timestampMs: timestamp, offset, leaderEpoch: batch.partitionLeaderEpoch }))
        .filter(({ offset }) => offset >= this.logStartOffset),
    )
  }

  #abortedBetween(fromOffset: number, upToOffset: number): AbortedTransaction[] {
    return this.#aborted
      .filter(({ firstOffset, lastOffset }) => lastOffset >= fromOffset && firstOffset < upToOffset)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
  }

  #endOf(isolation: Isolation): number {
    if (isolation === 'log_end') return this.logEndOffset
    return isolation === 'txn_committed' ? this.lastStableOffset : this.highWatermark
  }

  #ensureOpen(): void {
    if (this.#stopped !== undefined) throw this.#stopped
  }

  #advanced(): void {
    for (const listener of this.#listeners) listener()
  }

  async #takeTime(): Promise<void> {
    const turns = 1 + Math.floor(this.#random.fraction() * this.#maxTurns)
    for (let turn = 0; turn < turns; turn += 1) await nextTurn()
  }
}
