/**
 * log: appends to one partition's log: they are checked and get their offsets and epoch in the order of the calls; once the writer has them in the
 * file, the log, its producers, epochs and the tail cache show them.
 */
import { batchSizeAt } from '../../protocol/records/batches.ts'
import { assignOffsetAndEpochAt, RecordBatchView, readInt32 } from '../../protocol/records/record-batch.ts'
import { type CheckedRecords, checkRecords } from './append-validation.ts'
import type { LogConfig } from './log-config.ts'
import type { LogParts } from './log-parts.ts'
import { LogWriter, type WriterTarget } from './log-writer.ts'
import type {
  AppendOrigin,
  AppendResult,
  TransactionAppend,
  VerificationGuard,
  VerifyingProducer,
} from './partition-log.ts'
import { PendingAppend } from './pending-append.ts'
import { ProducerChecks } from './producer-checks.ts'
import { noteProduced } from './producer-recovery.ts'
import type { ProducedBatch } from './producer-states.ts'
import type { Segment } from './segment.ts'

const leaderEpochField = 12

export class LogAppends implements WriterTarget {
  readonly writer: LogWriter
  readonly #parts: LogParts
  readonly #producerChecks: ProducerChecks
  readonly #highWatermarkMoved: () => void
  #leaderEpoch: number

  constructor(parts: LogParts, highWatermarkMoved: () => void) {
    this.#parts = parts
    this.#producerChecks = new ProducerChecks(parts.producers, parts.storage)
    this.#highWatermarkMoved = highWatermarkMoved
    this.#leaderEpoch = parts.epochs.latestEpoch
    this.writer = new LogWriter(this, parts.segments, parts.storage)
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  get config(): LogConfig {
    return this.#parts.config
  }

  /** Takes effect in the order of the calls. */
  append(records: Buffer, origin: AppendOrigin, transaction?: TransactionAppend): Promise<AppendResult> {
    const { offsets, producers } = this.#parts
    try {
      const { first, bytes, offsetCount, maxTimestampMs, logAppendTimeMs } = this.#checkRecords(records, origin)
      const found = first.hasProducerId ? this.#producerChecks.check(first, origin, transaction) : undefined
      if (found?.duplicate !== undefined) return this.#answerDuplicate(found.duplicate)
      const baseOffset = offsets.nextOffset
      offsets.nextOffset = baseOffset + offsetCount
      this.#assignOffsets(bytes, baseOffset, origin)
      const append = new PendingAppend(bytes, baseOffset, offsets.nextOffset, maxTimestampMs, logAppendTimeMs)
      if (found !== undefined) producers.addPending(first, append, found.marker)
      this.writer.enqueue(append)
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
    this.#parts.condition.ensureOpen()
    return this.#parts.producers.guardFor(producer, this.#parts.storage.clock.now())
  }

  /** Batches get this epoch from now on, if it is a later one. */
  becomeLeader(leaderEpoch: number): void {
    const { condition, epochs, offsets } = this.#parts
    if (condition.isClosed) condition.ensureOpen()
    if (leaderEpoch <= this.#leaderEpoch) return
    this.#leaderEpoch = leaderEpoch
    epochs.assign(leaderEpoch, offsets.nextOffset)
  }

  sync(): Promise<void> {
    return this.#parts.flush.syncRecords()
  }

  failed(error: unknown): void {
    this.#parts.failed(error)
  }

  /** `append` is in the file: the log ends behind it. */
  written(append: PendingAppend, segment: Segment): void {
    const { producers, epochs, offsets, flush, storage, tail, config } = this.#parts
    const { bytes } = append
    const { indexIntervalBytes } = config
    let position = 0
    const batch = new RecordBatchView(bytes)
    for (let size = batchSizeAt(bytes, 0); size > 0; size = batchSizeAt(bytes, position)) {
      batch.position = position
      segment.appended(size, batch.lastOffset, batch.maxTimestamp, indexIntervalBytes)
      const epoch = batch.partitionLeaderEpoch
      if (epoch > epochs.latestEpoch) epochs.assign(epoch, batch.baseOffset)
      if (batch.hasProducerId) {
        const aborted = noteProduced(batch, producers, append)
        if (aborted !== undefined) segment.indexes.activeTransactionIndex.append(aborted)
      }
      position += size
    }
    storage.tailCache.add(tail, append.baseOffset, append.nextOffset, bytes)
    offsets.logEndOffset = append.nextOffset
    append.firstUnstableOffset = producers.firstOpenTransactionOffset ?? -1
    flush.becomeDirty(bytes.length)
  }

  /** Readers see them from now on. */
  acknowledge(appends: readonly PendingAppend[]): void {
    const { offsets, epochs } = this.#parts
    const { logStartOffset } = offsets
    const last = appends[appends.length - 1]!
    offsets.acknowledged(last.nextOffset, last.firstUnstableOffset)
    for (const append of appends) {
      const { baseOffset, logAppendTimeMs } = append
      append.resolve({ baseOffset, logAppendTimeMs, logStartOffset })
    }
    this.#leaderEpoch = Math.max(this.#leaderEpoch, epochs.latestEpoch)
    offsets.advanced()
    this.#highWatermarkMoved()
  }

  async roll(baseOffset: number): Promise<void> {
    const { segments, sideFiles, producers, config } = this.#parts
    // A crash may leave the snapshot without the segment that it is for: what it says has ended is not looked for any more.
    await segments.active.indexes.syncTransactionIndex()
    await sideFiles.takeSnapshot(baseOffset, producers)
    await sideFiles.saveEpochs(baseOffset)
    await segments.roll(baseOffset, config)
  }

  #checkRecords(records: Buffer, origin: AppendOrigin): CheckedRecords {
    const { condition, config, storage, name } = this.#parts
    condition.ensureOpen()
    return checkRecords(records, origin, { config, nowMs: storage.clock.now(), partitionName: name })
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
    const { highWatermark } = this.#parts.offsets
    const waiting = batch.baseOffset < highWatermark ? undefined : this.writer.waitingForSync(batch.baseOffset)
    return waiting === undefined ? Promise.resolve(result) : waiting.written.then(() => result)
  }

  #resultOfDuplicate(batch: ProducedBatch): AppendResult {
    // With CreateTime, too: Kafka answers the time that it remembers.
    return {
      baseOffset: batch.baseOffset,
      logAppendTimeMs: batch.timestampMs,
      logStartOffset: this.#parts.offsets.logStartOffset,
    }
  }
}
