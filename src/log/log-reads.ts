/** log: reads of one partition's log, and what they do where its files change meanwhile, or are damaged. */
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn, batchSizeAt } from '../../protocol/records/batches.ts'
import { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { holdSlabsOf } from '../runtime/slabs.ts'
import { abortedBetween } from './aborted-transactions.ts'
import { UnreadableSegment } from './batch-scan.ts'
import { type Damage, lookThrough } from './damage.ts'
import type { LogParts } from './log-parts.ts'
import { removed } from './open-files.ts'
import type { AbortedTransaction, Isolation, ReadOptions, ReadResult, TimestampAndOffset } from './partition-log.ts'
import { findMaxTimestamp, findTimestamp } from './timestamp-lookup.ts'

export class LogReads {
  readonly #parts: LogParts

  constructor(parts: LogParts) {
    this.#parts = parts
  }

  read(fromOffset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    const { condition, offsets, tail } = this.#parts
    condition.ensureOpen()
    offsets.ensureInRange(fromOffset)
    const endOffset = offsets.endOf(options.isolation)
    const mayTakeSome = options.maxBytes > 0 || options.minOneBatch
    if (fromOffset >= endOffset || !mayTakeSome) return this.#result([], fromOffset, options)
    const found = tail.read(fromOffset, endOffset, options.maxBytes, options.minOneBatch)
    const result = found && this.#result(found, fromOffset, options)
    if (result !== undefined && !(result instanceof Promise)) return { ...result, release: holdSlabsOf(result.records) }
    return this.guarded(this.#again(() => this.#readFiles(fromOffset, options)))
  }

  async offsetForTimestamp(timestampMs: number, isolation: Isolation): Promise<TimestampAndOffset | undefined> {
    const { condition, offsets, segments } = this.#parts
    condition.ensureOpen()
    const endOffset = offsets.endOf(isolation)
    const look = () => findTimestamp(segments, timestampMs, offsets.logStartOffset, endOffset)
    return await this.guarded(this.#again(() => this.lookThrough(look)))
  }

  async offsetOfMaxTimestamp(): Promise<TimestampAndOffset | undefined> {
    const { condition, offsets, segments } = this.#parts
    condition.ensureOpen()
    const look = () => findMaxTimestamp(segments, offsets.logStartOffset, offsets.highWatermark)
    return await this.guarded(this.#again(() => this.lookThrough(look)))
  }

  async abortedTransactions(fromOffset: number, upToOffset: number): Promise<readonly AbortedTransaction[]> {
    return await this.guarded(this.#again(async () => abortedBetween(this.#parts.segments, fromOffset, upToOffset)))
  }

  /** What fails in files is the storage's error to a caller, or what has stopped this log meanwhile. */
  async guarded<T>(access: Promise<T>): Promise<T> {
    const { condition, offsets } = this.#parts
    try {
      return await access
    } catch (error) {
      if (condition.stopped === undefined && (error as NodeJS.ErrnoException).code === 'EIO') {
        condition.unreadable(error)
        offsets.advanced()
      }
      throw condition.failedAccess(error)
    }
  }

  /** Looks again when a segment that was looked through has been removed or replaced meanwhile. */
  async #again<T>(look: () => Promise<T>): Promise<T> {
    const { segments, condition } = this.#parts
    for (;;) {
      const { changes } = segments
      try {
        return await look()
      } catch (error) {
        if (!(error instanceof KafkaError && error.kafkaError === 'OFFSET_OUT_OF_RANGE')) throw error
        await segments.settled()
        if (segments.changes === changes) throw error
        condition.ensureOpen()
      }
    }
  }

  async #readFiles(fromOffset: number, options: ReadOptions): Promise<ReadResult> {
    const { offsets, segments, reader } = this.#parts
    offsets.ensureInRange(fromOffset)
    const { changes } = segments
    const endOffset = offsets.endOf(options.isolation)
    const { records, release } = await this.lookThrough(async () => {
      const batches = await reader.read(fromOffset, endOffset, options.maxBytes, options.minOneBatch)
      if (options.verifies === true) this.#verify(batches.records)
      return batches
    })
    const result = await this.#result(records, fromOffset, options)
    // Compaction takes aborted records first, and then forgets the transaction: both must be of the same time.
    if (options.isolation !== 'txn_committed' || segments.changes === changes) return { ...result, release }
    release?.()
    throw removed(segments.directory)
  }

  /** Again where an index was wrong. Damage ends it all. */
  lookThrough<T>(look: () => Promise<T>): Promise<T> {
    const found = (damage: Damage): KafkaError => this.#damaged(damage)
    return lookThrough(this.#parts.segments, look, { mayHaveGaps: this.#parts.reader.mayHaveGaps, found })
  }

  #damaged(damage: Damage): KafkaError {
    const { condition, offsets } = this.#parts
    if (condition.stopped !== undefined) return condition.stopped
    const error = condition.damaged(damage)
    offsets.advanced()
    return error
  }

  #verify(records: readonly Buffer[]): void {
    const { segments } = this.#parts
    for (const part of records) {
      for (const batch of batchesIn(part)) {
        if (batch.isCrcValid()) continue
        throw new UnreadableSegment(segments.all[segments.indexOf(batch.baseOffset)]!.log.path)
      }
    }
  }

  #result(
    records: readonly Buffer[],
    fromOffset: number,
    { isolation }: ReadOptions,
  ): ReadResult | Promise<ReadResult> {
    const { offsets, segments } = this.#parts
    const finish = (abortedTransactions: readonly AbortedTransaction[] | undefined): ReadResult => ({
      records,
      sizeInBytes: records.reduce((sum, part) => sum + part.length, 0),
      highWatermark: offsets.highWatermark,
      lastStableOffset: offsets.lastStableOffset,
      logStartOffset: offsets.logStartOffset,
      abortedTransactions,
    })
    if (isolation !== 'txn_committed') return finish(undefined)
    if (records.length === 0) return finish([])
    const aborted = abortedBetween(segments, fromOffset, endOf(records.at(-1)!))
    return aborted instanceof Promise ? aborted.then(finish) : finish(aborted)
  }
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
