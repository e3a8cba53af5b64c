/**
 * log: one partition's log in Kafka's files, the `PartitionLog` that a broker uses. `LogDirectory` opens them.
 *
 *     log-appends    checks batches, gives them their offsets in the order of the calls; the writer takes them to the file
 *     log-reads      what is written, from the tail cache or the files
 *     log-start      retention and DeleteRecords
 *     log-truncation the end is cut off
 *     log-offsets · log-condition · log-flush    how far it reaches, whether it serves, what of it is durable
 */
import { KafkaError } from '../../protocol/errors.ts'
import { SerialQueue } from '../runtime/serial-queue.ts'
import { compactedLog } from './compaction/compacted-log.ts'
import { LogCompaction } from './compaction/log-compaction.ts'
import { LogAppends } from './log-appends.ts'
import { LogCondition } from './log-condition.ts'
import type { LogConfig } from './log-config.ts'
import { LogFlush } from './log-flush.ts'
import { LogOffsets } from './log-offsets.ts'
import type { LogParts } from './log-parts.ts'
import { LogReader } from './log-reader.ts'
import { LogReads } from './log-reads.ts'
import { LogStart, type LogStartKeeper } from './log-start.ts'
import type { LogStorage } from './log-storage.ts'
import { truncateLog } from './log-truncation.ts'
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
} from './partition-log.ts'
import type { LoadedLog } from './recovery.ts'
import { SideFiles } from './side-files.ts'
import { PartitionTail } from './tail-cache.ts'

/** What a log needs of the directory that it lies in. */
export interface LogOwner extends LogStartKeeper {
  highWatermarkMoved(): void
  /** `bytes` were made durable. */
  recoveryPointMoved(bytes: number): void
  /** Brings recovery-point-offset-checkpoint up to date. */
  saveRecoveryPoints(): Promise<void>
  /** There are bytes to be made durable. */
  dirtied(log: LocalPartitionLog): void
  /** Renames `log`'s directory away and removes it. */
  removeDirectory(log: LocalPartitionLog): Promise<void>
}

export class LocalPartitionLog implements PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly #parts: LogParts
  readonly #owner: LogOwner
  readonly #appends: LogAppends
  readonly #reads: LogReads
  readonly #start: LogStart
  #compaction: LogCompaction | undefined
  /** That of a clean stop, until it is first said whether it is still held. */
  checkpointedHighWatermark: number | undefined
  /** A truncation is under way: appends wait for it. */
  #exclusive: Promise<void> | undefined

  constructor(
    name: { topic: string; partition: number },
    config: LogConfig,
    loaded: LoadedLog,
    storage: LogStorage,
    owner: LogOwner,
    recoveryPoint: number,
  ) {
    this.topic = name.topic
    this.partition = name.partition
    this.#owner = owner
    this.#parts = this.#partsOf(config, loaded, storage, recoveryPoint)
    this.#appends = new LogAppends(this.#parts, () => owner.highWatermarkMoved())
    this.#reads = new LogReads(this.#parts)
    this.#start = new LogStart(this.#parts, this.#reads, this.#appends.writer, owner)
    // After a crash: what was found behind the recovery point may lie in the page cache only.
    if (this.recoveryPoint < loaded.logEndOffset) this.#parts.flush.becomeDirty(loaded.segments.unsyncedBytes)
  }

  #partsOf(config: LogConfig, loaded: LoadedLog, storage: LogStorage, recoveryPoint: number): LogParts {
    const { segments, producers, epochs, logStartOffset, logEndOffset, newestSnapshotOffset: offset } = loaded
    const { directory } = segments
    const isWithinSegment = offset > segments.all[0]!.baseOffset && !segments.beginsAt(offset)
    const sideFiles = new SideFiles(directory, storage, epochs, { offset, isWithinSegment })
    const tail = new PartitionTail()
    const flush = new LogFlush(
      {
        storage,
        segments,
        sideFiles,
        producers,
        dirtied: () => this.#owner.dirtied(this),
        recoveryPointMoved: (bytes) => this.#owner.recoveryPointMoved(bytes),
      },
      Math.min(recoveryPoint, logEndOffset),
    )
    return {
      name: `${this.topic}-${this.partition}`,
      storage,
      segments,
      producers,
      epochs,
      offsets: new LogOffsets(logStartOffset, logEndOffset, producers.firstOpenTransactionOffset ?? -1),
      condition: new LogCondition(directory, storage, () => storage.tailCache.clear(tail)),
      reader: new LogReader(segments, loaded.mayHaveGaps),
      sideFiles,
      flush,
      tail,
      removals: new SerialQueue(),
      config,
      failed: (error) => this.#failed(error),
    }
  }

  get logStartOffset(): number {
    return this.#parts.offsets.logStartOffset
  }

  get lastStableOffset(): number {
    return this.#parts.offsets.lastStableOffset
  }

  get highWatermark(): number {
    return this.#parts.offsets.highWatermark
  }

  get logEndOffset(): number {
    return this.#parts.offsets.logEndOffset
  }

  get leaderEpoch(): number {
    return this.#appends.leaderEpoch
  }

  get sizeInBytes(): number {
    return this.#parts.segments.sizeInBytes
  }

  /** What is written of each segment. */
  get segmentFiles(): { name: string; size: number }[] {
    return this.#parts.segments.all.map(({ log, size }) => ({ name: log.path.slice(this.directory.length + 1), size }))
  }

  /** Everything below is on disk. */
  get recoveryPoint(): number {
    return this.#parts.flush.recoveryPoint
  }

  /** Base offset of the oldest segment; the log start offset may lie behind it. */
  get firstSegmentOffset(): number {
    return this.#parts.segments.all[0]!.baseOffset
  }

  /** Base offset of the oldest segment that a crash may bring back. */
  get oldestOffsetOnDisk(): number {
    return this.#start.oldestOffsetOnDisk
  }

  get directory(): string {
    return this.#parts.segments.directory
  }

  get dirtyBytes(): number {
    return this.#parts.flush.dirtyBytes
  }

  get flushDueMs(): number {
    return this.#parts.flush.lastFlushMs + this.#parts.config.flushMs
  }

  /** Made when it is asked for: most logs are never compacted. */
  get compaction(): LogCompaction {
    const log = {
      flush: () => this.flush(),
      saveRecoveryPoint: () => this.#owner.saveRecoveryPoints(),
      isBusy: () => this.#exclusive !== undefined,
    }
    this.#compaction ??= new LogCompaction(compactedLog(this.#parts, log), this.#parts.storage)
    return this.#compaction
  }

  /** cleanup.policy contains compact. */
  get isCompacted(): boolean {
    return this.#parts.config.compacted
  }

  /** Up to where it was compacted; undefined: never. */
  get cleanedOffset(): number | undefined {
    return this.#compaction?.hasBegun === true ? this.#compaction.cleanedOffset : undefined
  }

  /** A storage failure has ended it: its files are not those of a clean stop. */
  get hasFailed(): boolean {
    return this.#parts.condition.hasFailed
  }

  get failure(): KafkaError | undefined {
    return this.#parts.condition.failure
  }

  append(records: Buffer, origin: AppendOrigin, transaction?: TransactionAppend): Promise<AppendResult> {
    if (this.#exclusive !== undefined) return this.#exclusive.then(() => this.append(records, origin, transaction))
    return this.#appends.append(records, origin, transaction)
  }

  /** Resolves when all that was appended until now is acknowledged, or has failed. */
  async idle(): Promise<void> {
    await this.#exclusive
    await this.#appends.writer.idle()
  }

  checkAppend(records: Buffer, transaction?: TransactionAppend): void {
    this.#appends.checkAppend(records, transaction)
  }

  startVerification(producer: VerifyingProducer): VerificationGuard | undefined {
    return this.#appends.startVerification(producer)
  }

  async becomeLeader(leaderEpoch: number): Promise<void> {
    this.#appends.becomeLeader(leaderEpoch)
  }

  /** `from`: where it was when the log was closed, which then was held, too. */
  holdHighWatermark(isHeld: boolean, from?: number): void {
    const { offsets } = this.#parts
    const checkpointed = this.checkpointedHighWatermark
    this.checkpointedHighWatermark = undefined
    if (isHeld) offsets.hold(from ?? checkpointed)
    else if (offsets.letGo()) {
      offsets.advanced()
      this.#owner.highWatermarkMoved()
    }
  }

  read(fromOffset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    return this.#reads.read(fromOffset, options)
  }

  offsetForTimestamp(timestampMs: number, isolation: Isolation): Promise<TimestampAndOffset | undefined> {
    return this.#reads.offsetForTimestamp(timestampMs, isolation)
  }

  offsetOfMaxTimestamp(): Promise<TimestampAndOffset | undefined> {
    return this.#reads.offsetOfMaxTimestamp()
  }

  abortedTransactions(fromOffset: number, upToOffset: number): Promise<readonly AbortedTransaction[]> {
    return this.#reads.abortedTransactions(fromOffset, upToOffset)
  }

  endOffsetForEpoch(leaderEpoch: number): EpochEndOffset {
    return this.#parts.epochs.endOffsetFor(leaderEpoch, this.#parts.offsets.logEndOffset)
  }

  epochForOffset(offset: number): number {
    return this.#parts.epochs.epochForOffset(offset)
  }

  producerStates(): readonly ProducerState[] {
    return this.#parts.producers.states()
  }

  deleteRecordsBefore(offset: number): Promise<number> {
    return this.#start.deleteRecordsBefore(offset)
  }

  /** Removes the oldest segments, as far as the topic's config does not want them any more. */
  enforceRetention(): Promise<void> {
    return this.#start.enforceRetention()
  }

  applyConfig(config: LogConfig): void {
    this.#parts.config = config
    if (config.compacted) this.#parts.reader.mayHaveGaps = true
  }

  async flush(): Promise<void> {
    this.#parts.condition.ensureOpen()
    await this.#appends.writer.writtenUpTo(this.#parts.offsets.nextOffset)
    this.#parts.condition.ensureOpen()
    await this.#parts.flush.flush(this.#parts.offsets.logEndOffset)
  }

  async flushInBackground(): Promise<void> {
    if (this.#parts.condition.isStopped) return
    await this.#parts.flush.flush(this.#parts.offsets.logEndOffset)
  }

  async truncate(offset: number): Promise<void> {
    this.#parts.condition.ensureOpen()
    if (offset >= this.#parts.offsets.nextOffset) return
    let done!: () => void
    this.#exclusive = new Promise((resolve) => {
      done = resolve
    })
    try {
      await this.#compaction?.stop()
      await this.#parts.removals.run(async () => {
        await this.#appends.writer.idle()
        await this.#truncateTo(Math.max(offset, this.firstSegmentOffset))
      })
    } catch (error) {
      this.#failed(error)
      throw this.#parts.condition.stopped
    } finally {
      this.#exclusive = undefined
      done()
      this.#compaction?.resume()
    }
    this.#parts.offsets.advanced()
  }

  async close(): Promise<void> {
    if (this.#parts.condition.isClosed) return
    this.#parts.condition.close()
    this.#parts.flush.close()
    await this.#exclusive
    await this.#compaction?.stop()
    await this.#parts.removals.idle()
    await this.#appends.writer.idle()
    await this.#parts.flush.idle()
    try {
      await this.#parts.sideFiles.settle()
      if (!this.#parts.condition.hasFailed && this.#parts.storage.failure === undefined) {
        await this.#parts.flush.flush(this.#parts.offsets.logEndOffset)
        await this.#parts.segments.active.seal()
        await this.#parts.sideFiles.takeSnapshot(this.#parts.offsets.logEndOffset, this.#parts.producers)
        await this.#parts.sideFiles.saveEpochs(this.#parts.offsets.logEndOffset)
      }
    } finally {
      await this.#parts.segments.close()
    }
  }

  async delete(): Promise<void> {
    const reason = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    this.#parts.condition.delete()
    this.#parts.flush.close()
    for (const append of this.#appends.writer.takeQueued()) append.reject(reason)
    await this.#compaction?.stop()
    await this.#parts.removals.idle()
    await this.#appends.writer.idle()
    await this.#parts.flush.idle()
    await this.#parts.segments.close()
    await this.#parts.sideFiles.settle()
    await this.#owner.removeDirectory(this)
  }

  onAdvance(listener: () => void): () => void {
    return this.#parts.offsets.onAdvance(listener)
  }

  /** Forgets idle producers: producer.id.expiration.ms. */
  expireProducers(): void {
    this.#parts.producers.expire(this.#parts.storage.clock.now(), this.#parts.storage.producerIdExpirationMs)
  }

  #failed(error: unknown): void {
    this.#parts.condition.failed(error)
    this.#parts.offsets.nextOffset = this.#parts.offsets.logEndOffset
    this.#parts.producers.dropPending()
    this.#parts.offsets.advanced()
  }

  async #truncateTo(offset: number): Promise<void> {
    const { offsets, epochs } = this.#parts
    await truncateLog(this.#parts, offset, () => this.#owner.saveRecoveryPoints())
    this.#compaction?.truncated(offsets.logEndOffset)
    // That of what is appended from now on, also when a later one begins before that is written.
    epochs.assign(this.leaderEpoch, offsets.logEndOffset)
  }
}
