/**
 * log: one partition's log in Kafka's files, the `PartitionLog` that a broker uses. `LogDirectory` opens them.
 *
 * Appends are checked and get their offsets in the order of the calls; the writer takes them to the file. Offsets, producers and
 * the tail cache show what is written, checks also look at what is pending.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn, batchSizeAt } from '../../protocol/records/batches.ts'
import { assignOffsetAndEpochAt, RecordBatchView, readInt32 } from '../../protocol/records/record-batch.ts'
import { SerialQueue } from '../runtime/serial-queue.ts'
import { holdSlabsOf } from '../runtime/slabs.ts'
import { abortedBetween } from './aborted-transactions.ts'
import { type CheckedRecords, checkRecords } from './append-validation.ts'
import { UnreadableSegment } from './batch-scan.ts'
import { type CompactedLog, LogCompaction } from './compaction/log-compaction.ts'
import { type Damage, lookThrough } from './damage.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { LogCondition } from './log-condition.ts'
import type { LogConfig } from './log-config.ts'
import { LogFlush } from './log-flush.ts'
import { LogOffsets } from './log-offsets.ts'
import { LogReader } from './log-reader.ts'
import type { LogStorage } from './log-storage.ts'
import { LogWriter } from './log-writer.ts'
import { removed } from './open-files.ts'
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
import { PendingAppend } from './pending-append.ts'
import { ProducerChecks } from './producer-checks.ts'
import { noteProduced, repairTransactionIndexes, replayProducers } from './producer-recovery.ts'
import type { ProducedBatch, ProducerStates } from './producer-states.ts'
import type { LoadedLog } from './recovery.ts'
import { countExpired } from './retention.ts'
import { Segment } from './segment.ts'
import type { Segments } from './segments.ts'
import { SideFiles } from './side-files.ts'
import { PartitionTail } from './tail-cache.ts'
import { findMaxTimestamp, findTimestamp } from './timestamp-lookup.ts'

const leaderEpochField = 12

/** What a log needs of the directory that it lies in. */
export interface LogOwner {
  /** Brings log-start-offset-checkpoint up to date. */
  logStartOffsetMoved(): Promise<void>
  /** What log-start-offset-checkpoint says of it need not be there any more. */
  logStartOffsetSettled(): void
  highWatermarkMoved(): void
  /** `bytes` were made durable. */
  recoveryPointMoved(bytes: number): void
  /** Brings recovery-point-offset-checkpoint up to date. */
  recoveryPointLowered(): Promise<void>
  /** There are bytes to be made durable. */
  dirtied(log: LocalPartitionLog): void
  /** Renames `log`'s directory away and removes it. */
  removeDirectory(log: LocalPartitionLog): Promise<void>
}

export class LocalPartitionLog implements PartitionLog {
  readonly topic: string
  readonly partition: number
  /** `topic-0` */
  readonly #name: string
  readonly #storage: LogStorage
  readonly #owner: LogOwner
  readonly #segments: Segments
  readonly #producers: ProducerStates
  readonly #producerChecks: ProducerChecks
  readonly #epochs: LeaderEpochs
  readonly #writer: LogWriter
  readonly #reader: LogReader
  readonly #sideFiles: SideFiles
  #compaction: LogCompaction | undefined
  readonly #tail = new PartitionTail()
  readonly #offsets: LogOffsets
  #config: LogConfig
  #leaderEpoch: number
  readonly #flush: LogFlush
  readonly #condition: LogCondition
  /** A truncation is under way: appends wait for it. */
  #exclusive: Promise<void> | undefined
  /** What takes segments out of the log, one at a time. */
  readonly #removals = new SerialQueue()
  #oldestOffsetOnDisk: number

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
    this.#name = `${name.topic}-${name.partition}`
    this.#config = config
    this.#storage = storage
    this.#owner = owner
    this.#segments = loaded.segments
    this.#producers = loaded.producers
    this.#producerChecks = new ProducerChecks(loaded.producers, storage)
    this.#epochs = loaded.epochs
    this.#leaderEpoch = loaded.epochs.latestEpoch
    const firstUnstableOffset = loaded.producers.firstOpenTransactionOffset ?? -1
    this.#offsets = new LogOffsets(loaded.logStartOffset, loaded.logEndOffset, firstUnstableOffset)
    this.#oldestOffsetOnDisk = loaded.segments.all[0]!.baseOffset
    this.#reader = new LogReader(loaded.segments, loaded.mayHaveGaps)
    const offset = loaded.newestSnapshotOffset
    const isWithinSegment = offset > this.#oldestOffsetOnDisk && !loaded.segments.beginsAt(offset)
    this.#condition = new LogCondition(this.directory, storage, () => storage.tailCache.clear(this.#tail))
    this.#sideFiles = new SideFiles(this.directory, storage, loaded.epochs, { offset, isWithinSegment })
    this.#writer = new LogWriter(this.#writerTarget(), loaded.segments, storage)
    this.#flush = new LogFlush(
      {
        storage,
        segments: loaded.segments,
        sideFiles: this.#sideFiles,
        producers: loaded.producers,
        dirtied: () => owner.dirtied(this),
        recoveryPointMoved: (bytes) => owner.recoveryPointMoved(bytes),
      },
      Math.min(recoveryPoint, loaded.logEndOffset),
    )
    // After a crash: what was found behind the recovery point may lie in the page cache only.
    if (this.recoveryPoint < loaded.logEndOffset) this.#flush.becomeDirty(loaded.segments.unsyncedBytes)
  }

  get logStartOffset(): number {
    return this.#offsets.logStartOffset
  }

  get lastStableOffset(): number {
    return this.#offsets.lastStableOffset
  }

  get highWatermark(): number {
    return this.#offsets.highWatermark
  }

  get logEndOffset(): number {
    return this.#offsets.logEndOffset
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  get sizeInBytes(): number {
    return this.#segments.sizeInBytes
  }

  /** What is written of each segment. */
  get segmentFiles(): { name: string; size: number }[] {
    return this.#segments.all.map(({ log, size }) => ({ name: log.path.slice(this.directory.length + 1), size }))
  }

  /** Everything below is on disk. */
  get recoveryPoint(): number {
    return this.#flush.recoveryPoint
  }

  /** Base offset of the oldest segment; the log start offset may lie behind it. */
  get firstSegmentOffset(): number {
    return this.#segments.all[0]!.baseOffset
  }

  /** Base offset of the oldest segment that a crash may bring back. */
  get oldestOffsetOnDisk(): number {
    return this.#oldestOffsetOnDisk
  }

  get directory(): string {
    return this.#segments.directory
  }

  get dirtyBytes(): number {
    return this.#flush.dirtyBytes
  }

  get flushDueMs(): number {
    return this.#flush.lastFlushMs + this.#config.flushMs
  }

  /** Made when it is asked for: most logs are never compacted. */
  get compaction(): LogCompaction {
    this.#compaction ??= new LogCompaction(this.#compactedLog(), this.#storage)
    return this.#compaction
  }

  /** cleanup.policy contains compact. */
  get isCompacted(): boolean {
    return this.#config.compacted
  }

  /** Up to where it was compacted; undefined: never. */
  get cleanedOffset(): number | undefined {
    return this.#compaction?.hasBegun === true ? this.#compaction.cleanedOffset : undefined
  }

  /** A storage failure has ended it: its files are not those of a clean stop. */
  get hasFailed(): boolean {
    return this.#condition.hasFailed
  }

  get failure(): KafkaError | undefined {
    return this.#condition.failure
  }

  append(records: Buffer, origin: AppendOrigin, transaction?: TransactionAppend): Promise<AppendResult> {
    if (this.#exclusive !== undefined) return this.#exclusive.then(() => this.append(records, origin, transaction))
    try {
      const checked = this.#checkRecords(records, origin)
      const { first } = checked
      const found = first.hasProducerId ? this.#producerChecks.check(first, origin, transaction) : undefined
      if (found?.duplicate !== undefined) return this.#answerDuplicate(found.duplicate)
      const baseOffset = this.#offsets.nextOffset
      this.#offsets.nextOffset = baseOffset + checked.offsetCount
      this.#assignOffsets(checked.bytes, baseOffset, origin)
      const append = new PendingAppend(
        checked.bytes,
        baseOffset,
        this.#offsets.nextOffset,
        checked.maxTimestampMs,
        checked.logAppendTimeMs,
      )
      if (found !== undefined) this.#producers.addPending(first, append, found.marker)
      this.#writer.enqueue(append)
      return append.written
    } catch (error) {
      return Promise.reject(error)
    }
  }

  checkAppend(records: Buffer, transaction?: TransactionAppend): void {
    const { first } = this.#checkRecords(records, 'coordinator')
    if (first.hasProducerId) this.#producerChecks.check(first, 'coordinator', transaction)
  }

  startVerification(producer: VerifyingProducer): VerificationGuard | undefined {
    this.#condition.ensureOpen()
    return this.#producers.guardFor(producer, this.#storage.clock.now())
  }

  read(fromOffset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    this.#condition.ensureOpen()
    this.#offsets.ensureInRange(fromOffset)
    const endOffset = this.#offsets.endOf(options.isolation)
    if (fromOffset >= endOffset) return this.#result([], fromOffset, options)
    const found = this.#tail.read(fromOffset, endOffset, options.maxBytes, options.minOneBatch)
    const result = found && this.#result(found, fromOffset, options)
    if (result !== undefined && !(result instanceof Promise)) return { ...result, release: holdSlabsOf(result.records) }
    return this.#guarded(this.#again(() => this.#readFiles(fromOffset, options)))
  }

  async offsetForTimestamp(timestampMs: number, isolation: Isolation): Promise<TimestampAndOffset | undefined> {
    this.#condition.ensureOpen()
    const endOffset = this.#offsets.endOf(isolation)
    return await this.#guarded(
      this.#again(() =>
        this.#lookThrough(() => findTimestamp(this.#segments, timestampMs, this.#offsets.logStartOffset, endOffset)),
      ),
    )
  }

  async offsetOfMaxTimestamp(): Promise<TimestampAndOffset | undefined> {
    this.#condition.ensureOpen()
    return await this.#guarded(
      this.#again(() =>
        this.#lookThrough(() => findMaxTimestamp(this.#segments, this.#offsets.logStartOffset, this.highWatermark)),
      ),
    )
  }

  endOffsetForEpoch(leaderEpoch: number): EpochEndOffset {
    return this.#epochs.endOffsetFor(leaderEpoch, this.#offsets.logEndOffset)
  }

  epochForOffset(offset: number): number {
    return this.#epochs.epochForOffset(offset)
  }

  async becomeLeader(leaderEpoch: number): Promise<void> {
    if (this.#condition.isClosed) this.#condition.ensureOpen()
    if (leaderEpoch <= this.#leaderEpoch) return
    this.#leaderEpoch = leaderEpoch
    this.#epochs.assign(leaderEpoch, this.#offsets.nextOffset)
  }

  async abortedTransactions(fromOffset: number, upToOffset: number): Promise<readonly AbortedTransaction[]> {
    return await this.#guarded(this.#again(async () => abortedBetween(this.#segments, fromOffset, upToOffset)))
  }

  producerStates(): readonly ProducerState[] {
    return this.#producers.states()
  }

  async deleteRecordsBefore(offset: number): Promise<number> {
    const { damage, isClosed } = this.#condition
    if (damage === undefined || isClosed) this.#condition.ensureOpen()
    const newStart = offset === -1 ? this.highWatermark : offset
    if (newStart < 0 || newStart > this.highWatermark) {
      const message = `Records can be deleted up to the high watermark ${this.highWatermark}, not to ${offset}`
      throw new KafkaError('OFFSET_OUT_OF_RANGE', message)
    }
    if (damage !== undefined) await this.#leaveBehind(damage, newStart)
    if (newStart > this.#offsets.savedLogStartOffset) await this.#guarded(this.#moveLogStartOffset(newStart))
    return this.#offsets.logStartOffset
  }

  /** Removes the oldest segments, as far as the topic's config does not want them any more. */
  async enforceRetention(): Promise<void> {
    if (this.#segments.all.length === 1 && this.#segments.active.size === 0) return
    await this.#removals.run(async () => {
      if (this.#condition.stopped !== undefined) return
      let count = await this.#countExpired()
      if (count === this.#segments.all.length) {
        await this.#writer.roll()
        // Meanwhile it may have got records that are not old.
        count = Math.min(await this.#countExpired(), this.#segments.all.length - 1)
      }
      if (count > 0 && this.#condition.stopped === undefined) await this.#removeOldest(count)
    })
  }

  applyConfig(config: LogConfig): void {
    this.#config = config
    if (config.compacted) this.#reader.mayHaveGaps = true
  }

  async flush(): Promise<void> {
    this.#condition.ensureOpen()
    await this.#writer.writtenUpTo(this.#offsets.nextOffset)
    this.#condition.ensureOpen()
    await this.#flush.flush(this.#offsets.logEndOffset)
  }

  async flushInBackground(): Promise<void> {
    if (this.#condition.isStopped) return
    await this.#flush.flush(this.#offsets.logEndOffset)
  }

  async truncate(offset: number): Promise<void> {
    this.#condition.ensureOpen()
    if (offset >= this.#offsets.nextOffset) return
    let done!: () => void
    this.#exclusive = new Promise((resolve) => {
      done = resolve
    })
    try {
      await this.#compaction?.stop()
      await this.#removals.run(async () => {
        await this.#writer.idle()
        await this.#truncateTo(Math.max(offset, this.firstSegmentOffset))
      })
    } catch (error) {
      this.#failed(error)
      throw this.#condition.stopped
    } finally {
      this.#exclusive = undefined
      done()
      this.#compaction?.resume()
    }
    this.#offsets.advanced()
  }

  async close(): Promise<void> {
    if (this.#condition.isClosed) return
    this.#condition.close()
    this.#flush.close()
    await this.#exclusive
    await this.#compaction?.stop()
    await this.#removals.idle()
    await this.#writer.idle()
    await this.#flush.idle()
    try {
      await this.#sideFiles.settle()
      if (!this.#condition.hasFailed && this.#storage.failure === undefined) {
        await this.#flush.flush(this.#offsets.logEndOffset)
        await this.#segments.active.seal()
        await this.#sideFiles.takeSnapshot(this.#offsets.logEndOffset, this.#producers)
        await this.#sideFiles.saveEpochs(this.#offsets.logEndOffset)
      }
    } finally {
      await this.#segments.close()
    }
  }

  async delete(): Promise<void> {
    const reason = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    this.#condition.delete()
    this.#flush.close()
    for (const append of this.#writer.takeQueued()) append.reject(reason)
    await this.#compaction?.stop()
    await this.#removals.idle()
    await this.#writer.idle()
    await this.#flush.idle()
    await this.#segments.close()
    await this.#sideFiles.settle()
    await this.#owner.removeDirectory(this)
  }

  onAdvance(listener: () => void): () => void {
    return this.#offsets.onAdvance(listener)
  }

  /** Forgets idle producers: producer.id.expiration.ms. */
  expireProducers(): void {
    this.#producers.expire(this.#storage.clock.now(), this.#storage.producerIdExpirationMs)
  }

  /** What fails in files is the storage's error to a caller, or what has stopped this log meanwhile. */
  async #guarded<T>(access: Promise<T>): Promise<T> {
    try {
      return await access
    } catch (error) {
      if (this.#condition.stopped === undefined && (error as NodeJS.ErrnoException).code === 'EIO') {
        this.#condition.unreadable(error)
        this.#offsets.advanced()
      }
      throw this.#condition.failedAccess(error)
    }
  }

  /** Looks again when a segment that was looked through has been removed or replaced meanwhile. */
  async #again<T>(look: () => Promise<T>): Promise<T> {
    for (;;) {
      const { changes } = this.#segments
      try {
        return await look()
      } catch (error) {
        if (!(error instanceof KafkaError && error.kafkaError === 'OFFSET_OUT_OF_RANGE')) throw error
        await this.#segments.settled()
        if (this.#segments.changes === changes) throw error
        this.#condition.ensureOpen()
      }
    }
  }

  async #readFiles(fromOffset: number, options: ReadOptions): Promise<ReadResult> {
    this.#offsets.ensureInRange(fromOffset)
    const { changes } = this.#segments
    const endOffset = this.#offsets.endOf(options.isolation)
    const { records, release } = await this.#lookThrough(async () => {
      const batches = await this.#reader.read(fromOffset, endOffset, options.maxBytes, options.minOneBatch)
      if (options.verifies === true) this.#verify(batches.records)
      return batches
    })
    const result = await this.#result(records, fromOffset, options)
    // Compaction takes aborted records first, and then forgets the transaction: both must be of the same time.
    if (options.isolation !== 'txn_committed' || this.#segments.changes === changes) return { ...result, release }
    release?.()
    throw removed(this.directory)
  }

  #lookThrough<T>(look: () => Promise<T>): Promise<T> {
    const found = (damage: Damage): KafkaError => this.#damaged(damage)
    return lookThrough(this.#segments, look, { mayHaveGaps: this.#reader.mayHaveGaps, found })
  }

  #damaged(damage: Damage): KafkaError {
    const { stopped } = this.#condition
    if (stopped !== undefined) return stopped
    const error = this.#condition.damaged(damage)
    this.#offsets.advanced()
    return error
  }

  /** Records behind the damage are wanted, and nothing before them. */
  async #leaveBehind(damage: Damage, newStart: number): Promise<void> {
    if (newStart < damage.nextOffset) throw this.#condition.stopped
    this.#condition.leaveDamageBehind()
    this.#reader.forgetCursors()
    if (damage.path === this.#segments.active.log.path) await this.#writer.roll()
  }

  #checkRecords(records: Buffer, origin: AppendOrigin): CheckedRecords {
    this.#condition.ensureOpen()
    const nowMs = this.#storage.clock.now()
    return checkRecords(records, origin, { config: this.#config, nowMs, partitionName: this.#name })
  }

  #verify(records: readonly Buffer[]): void {
    for (const part of records) {
      for (const batch of batchesIn(part)) {
        if (batch.isCrcValid()) continue
        throw new UnreadableSegment(this.#segments.all[this.#segments.indexOf(batch.baseOffset)]!.log.path)
      }
    }
  }

  #assignOffsets(bytes: Buffer, baseOffset: number, origin: AppendOrigin): void {
    let offset = baseOffset
    let position = 0
    const batch = new RecordBatchView(bytes)
    for (let size = batchSizeAt(bytes, 0); size > 0; size = batchSizeAt(bytes, position)) {
      batch.position = position
      const own = origin === 'raft' ? readInt32(bytes, position + leaderEpochField) : -1
      assignOffsetAndEpochAt(bytes, position, offset, own >= 0 ? own : this.#leaderEpoch)
      offset += batch.lastOffsetDelta + 1
      position += size
    }
  }

  /** It is no more durable than the batch that it repeats. */
  #answerDuplicate(batch: PendingAppend | ProducedBatch): Promise<AppendResult> {
    if (batch instanceof PendingAppend) return batch.written
    const result = this.#resultOfDuplicate(batch)
    const waiting =
      batch.baseOffset < this.#offsets.highWatermark ? undefined : this.#writer.waitingForSync(batch.baseOffset)
    return waiting === undefined ? Promise.resolve(result) : waiting.written.then(() => result)
  }

  #resultOfDuplicate(batch: ProducedBatch): AppendResult {
    // With CreateTime, too: Kafka answers the time that it remembers.
    return {
      baseOffset: batch.baseOffset,
      logAppendTimeMs: batch.timestampMs,
      logStartOffset: this.#offsets.logStartOffset,
    }
  }

  #result(
    records: readonly Buffer[],
    fromOffset: number,
    { isolation }: ReadOptions,
  ): ReadResult | Promise<ReadResult> {
    const finish = (abortedTransactions: readonly AbortedTransaction[] | undefined): ReadResult => ({
      records,
      sizeInBytes: records.reduce((sum, part) => sum + part.length, 0),
      highWatermark: this.highWatermark,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: this.#offsets.logStartOffset,
      abortedTransactions,
    })
    if (isolation !== 'txn_committed') return finish(undefined)
    if (records.length === 0) return finish([])
    const aborted = abortedBetween(this.#segments, fromOffset, endOf(records.at(-1)!))
    return aborted instanceof Promise ? aborted.then(finish) : finish(aborted)
  }

  #writerTarget(): ConstructorParameters<typeof LogWriter>[0] {
    const log = this
    return {
      get config() {
        return log.#config
      },
      written: (append, segment) => this.#written(append, segment),
      sync: () => this.#flush.syncRecords(),
      acknowledge: (appends) => this.#acknowledge(appends),
      roll: (baseOffset) => this.#roll(baseOffset),
      failed: (error) => this.#failed(error),
    }
  }

  #compactedLog(): CompactedLog {
    const log = this
    return {
      directory: this.directory,
      segments: this.#segments,
      producers: this.#producers,
      get config() {
        return log.#config
      },
      get logStartOffset() {
        return log.#offsets.logStartOffset
      },
      get lastStableOffset() {
        return log.lastStableOffset
      },
      get logEndOffset() {
        return log.#offsets.logEndOffset
      },
      get recoveryPoint() {
        return log.recoveryPoint
      },
      get isStopped() {
        return log.#condition.isStopped || log.#exclusive !== undefined
      },
      flush: () => this.flush(),
      exclusively: (run) => this.#removals.run(run),
      newSegment: (baseOffset, { size, hasTransactionIndex }) =>
        new Segment(this.directory, baseOffset, this.#storage.openFiles, {
          size,
          nextOffset: baseOffset,
          createdMs: this.#storage.clock.now(),
          rollJitterMs: 0,
          hasTransactionIndex,
        }),
      replaced: (old, paths) => this.#replaced(old, paths),
      failed: (error) => this.#failed(error),
    }
  }

  #replaced(old: readonly Segment[], paths: readonly string[]): void {
    this.#reader.forgetCursors()
    // With what it has of aborted transactions their records would look committed.
    this.#storage.tailCache.clear(this.#tail)
    for (const segment of old) this.#closeUnused(segment)
    this.#storage.removals.add(paths, this.#config.fileDeleteDelayMs)
  }

  #written(append: PendingAppend, segment: Segment): void {
    const { bytes } = append
    const { indexIntervalBytes } = this.#config
    let position = 0
    const batch = new RecordBatchView(bytes)
    for (let size = batchSizeAt(bytes, 0); size > 0; size = batchSizeAt(bytes, position)) {
      batch.position = position
      segment.appended(size, batch.lastOffset, batch.maxTimestamp, indexIntervalBytes)
      const epoch = batch.partitionLeaderEpoch
      if (epoch > this.#epochs.latestEpoch) this.#epochs.assign(epoch, batch.baseOffset)
      if (batch.hasProducerId) {
        const aborted = noteProduced(batch, this.#producers, append)
        if (aborted !== undefined) segment.activeTransactionIndex.append(aborted)
      }
      position += size
    }
    this.#storage.tailCache.add(this.#tail, append.baseOffset, append.nextOffset, bytes)
    this.#offsets.logEndOffset = append.nextOffset
    append.firstUnstableOffset = this.#producers.firstOpenTransactionOffset ?? -1
    this.#flush.becomeDirty(bytes.length)
  }

  #acknowledge(appends: readonly PendingAppend[]): void {
    const logStartOffset = this.#offsets.logStartOffset
    const last = appends[appends.length - 1]!
    this.#offsets.highWatermark = last.nextOffset
    this.#offsets.firstUnstableOffset = last.firstUnstableOffset
    for (const { resolve, baseOffset, logAppendTimeMs } of appends)
      resolve({ baseOffset, logAppendTimeMs, logStartOffset })
    this.#leaderEpoch = Math.max(this.#leaderEpoch, this.#epochs.latestEpoch)
    this.#offsets.advanced()
    this.#owner.highWatermarkMoved()
  }

  async #roll(baseOffset: number): Promise<void> {
    // A crash may leave the snapshot without the segment that it is for: what it says has ended is not looked for any more.
    await this.#segments.active.syncTransactionIndex()
    await this.#sideFiles.takeSnapshot(baseOffset, this.#producers)
    await this.#sideFiles.saveEpochs(baseOffset)
    await this.#segments.roll(baseOffset, this.#config)
  }

  #countExpired(): Promise<number> {
    const { highWatermark, logStartOffset } = this
    return this.#lookThrough(() =>
      countExpired(this.#segments, { highWatermark, logStartOffset }, this.#config, this.#storage.clock.now()),
    )
  }

  /** The log start offset goes first and is on disk before any file goes, so that a crash never brings back half of what went. */
  async #removeOldest(count: number): Promise<void> {
    const start = this.#segments.all[count]!.baseOffset
    if (start > this.#offsets.logStartOffset) await this.#moveLogStartOffset(start)
    const removed = this.#segments.dropOldest(count)
    this.#reader.forgetCursors()
    try {
      const paths: string[] = []
      for (const segment of removed) paths.push(...(await segment.renameAway()))
      await this.#storage.files.syncDirectory(this.directory)
      this.#oldestOffsetOnDisk = start
      this.#owner.logStartOffsetSettled()
      this.#storage.removals.add(paths, this.#config.fileDeleteDelayMs)
    } catch (error) {
      this.#failed(error)
      throw this.#condition.stopped
    } finally {
      for (const segment of removed) this.#closeUnused(segment)
    }
    const { directory, logStartOffset } = this
    this.#storage.logger.info({ directory, logStartOffset, segments: count }, 'old segments were removed')
  }

  /** Once nobody reads it. */
  #closeUnused(segment: Segment): void {
    segment.log.close().catch((error: unknown) => {
      this.#storage.logger.warn({ path: segment.log.path, error }, 'a removed segment could not be closed')
    })
  }

  async #moveLogStartOffset(offset: number): Promise<void> {
    if (offset > this.#offsets.logStartOffset) {
      this.#offsets.logStartOffset = offset
      this.#offsets.advanced()
    }
    const moved = this.#offsets.logStartOffset
    await this.#owner.logStartOffsetMoved()
    // Not before: until then a crash leaves the old start, with the epochs of what lies behind it.
    this.#epochs.truncateFromStart(moved)
    this.#offsets.savedLogStartOffset = Math.max(this.#offsets.savedLogStartOffset, moved)
  }

  #failed(error: unknown): void {
    this.#condition.failed(error)
    this.#offsets.nextOffset = this.#offsets.logEndOffset
    this.#producers.dropPending()
    this.#offsets.advanced()
  }

  /** Cuts at the start of the batch that holds `offset`. */
  async #truncateTo(offset: number): Promise<void> {
    const index = this.#segments.indexOf(offset)
    const segment = this.#segments.all[index]!
    this.#storage.tailCache.clear(this.#tail)
    this.#reader.forgetCursors()
    this.#flush.beginTruncation()
    if (this.recoveryPoint > offset) {
      // Before the bytes go: others will lie in their place, which are not durable yet.
      this.#flush.lower(segment.baseOffset)
      await this.#owner.recoveryPointLowered()
    }
    await this.#segments.dropBehind(index)
    const cutAt = await segment.positionOfBatch(offset)
    if (cutAt !== undefined) await segment.truncate(cutAt.position, cutAt.baseOffset)
    else await segment.saveIndexes()
    await this.#sideFiles.truncateSnapshots(cutAt?.baseOffset ?? segment.nextOffset)
    // Or a power failure might bring back what readers have seen go, behind what is appended from now on.
    await this.#flush.syncRecords()
    await resumeOrRebuild(segment, this.#config.indexIntervalBytes)
    this.#producers.clear()
    await replayProducers(this.#segments, this.#producers, this.firstSegmentOffset, false)
    await repairTransactionIndexes(this.#segments, this.#storage)
    this.#offsets.truncated(segment.nextOffset, this.#producers.firstOpenTransactionOffset ?? -1)
    this.#flush.lower(segment.nextOffset)
    this.#epochs.truncateFromEnd(segment.nextOffset)
    this.#compaction?.truncated(segment.nextOffset)
    // That of what is appended from now on, also when a later one begins before that is written.
    this.#epochs.assign(this.#leaderEpoch, segment.nextOffset)
  }
}

/** What a crash has taken of the indexes is made again. */
async function resumeOrRebuild(segment: Segment, indexIntervalBytes: number): Promise<void> {
  const { size } = segment
  if (await segment.resume(indexIntervalBytes)) return
  segment.size = size
  await segment.emptyIndexFiles()
  await segment.resume(indexIntervalBytes, 0)
}

function endOf(records: Buffer): number {
  const batch = new RecordBatchView(records)
  let position = 0
  for (let size = batchSizeAt(records, 0); size > 0; size = batchSizeAt(records, position)) {
    batch.position = position
    position += size
  }
  return batch.lastOffset + 1
}
