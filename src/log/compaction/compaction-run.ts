/** log: carries out the compaction of one partition: reads what is dirty into the offset map, then writes each group of segments anew. */
import { batchesIn } from '../../../protocol/records/batches.ts'
import { recordCursor, recordsOf } from '../../../protocol/records/record.ts'
import type { RecordBatchView } from '../../../protocol/records/record-batch.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { FileSystem } from '../../runtime/file-system.ts'
import { forEachLimited } from '../../runtime/serial-queue.ts'
import { passingRuns } from '../batch-scan.ts'
import { OpenFiles } from '../open-files.ts'
import { indexedTimestamp, Segment } from '../segment.ts'
import { type SegmentSuffix, segmentFileName } from '../segment-files.ts'
import { follows } from '../tail-cache.ts'
import { BatchFilter } from './batch-filter.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import type { CleanedSegment, Compaction, CompactionPlan, Compactor, SourceSegment } from './compaction.ts'
import { OffsetMap } from './offset-map.ts'

export const cleanedSuffix = '.cleaned'
/** The new segment's four files. */
const openFiles = 8
const largestFile = 0x7fffffff
/** Two at a time share the commits of the disk's journal, for which others wait too. */
const concurrentSyncs = 2

export interface RunParts {
  readonly files: FileSystem
  readonly clock: Clock
  /** How much is read before others may go on. */
  readonly bytesPerTurn: number
  /** Lets others go on; for `workedMs` they were kept from it. */
  giveWay(workedMs: number): Promise<void> | void
}

/** In this thread. */
export function compactorHere(parts: RunParts): Compactor {
  return { start: (plan) => new CompactionRun(plan, parts) }
}

export class CompactionRun implements Compaction {
  readonly #plan: CompactionPlan
  readonly #parts: RunParts
  readonly #map: OffsetMap
  readonly #startMs: number
  #mapEndOffset: number
  #filter: BatchFilter | undefined
  /** The segment that is being written. */
  #written: Segment | undefined
  #bytes = 0
  #turnStartMs: number
  #isEnded = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(plan: CompactionPlan, parts: RunParts) {
    this.#plan = plan
    this.#parts = parts
    this.#map = new OffsetMap(plan.mapBytes, plan.seed)
    this.#mapEndOffset = plan.firstDirtyOffset
    this.#startMs = parts.clock.monotonicMs()
    this.#turnStartMs = this.#startMs
  }

  readDirty(): Promise<number> {
    return this.#run(() => this.#readDirty())
  }

  clean(group: readonly SourceSegment[]): Promise<CleanedSegment> {
    return this.#run(() => this.#clean(group))
  }

  async end(): Promise<void> {
    this.#isEnded = true
    await this.#running.catch(() => {})
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#isEnded ? Promise.reject(ended()) : work()
    this.#running = running
    return running
  }

  async #readDirty(): Promise<number> {
    const { dirty, dirtyPosition, firstDirtyOffset, firstUncleanableOffset, aborted } = this.#plan
    const transactions = new CleanedTransactions(aborted.filter(({ lastOffset }) => lastOffset >= firstDirtyOffset))
    for (const [index, segment] of dirty.entries()) {
      let isFull = false
      await this.#read(segment, index === 0 ? dirtyPosition : 0, (batch) => {
        isFull = !this.#remember(batch, transactions)
        return !isFull
      })
      if (isFull) break
      this.#mapEndOffset = dirty[index + 1]?.baseOffset ?? firstUncleanableOffset
    }
    return this.#mapEndOffset
  }

  /** False when the map is full. The first batch always finds room, so that each run gets on. */
  #remember(batch: RecordBatchView, transactions: CleanedTransactions): boolean {
    const { firstDirtyOffset } = this.#plan
    const isAborted = transactions.read(batch)
    if (batch.lastOffset < firstDirtyOffset) return true
    if (!batch.isControl && !isAborted) {
      const force = this.#mapEndOffset === firstDirtyOffset
      if (batch.magic < 2) {
        for (const { key, offset } of recordsOf(batch)) {
          if (key !== null && offset >= firstDirtyOffset && !this.#map.put(key, 0, key.length, offset, force))
            return false
        }
      } else {
        const cursor = recordCursor(batch)
        while (cursor.next()) {
          if (!cursor.hasKey || cursor.offset < firstDirtyOffset) continue
          if (!this.#map.put(cursor.bytes, cursor.keyStart, cursor.keyLength, cursor.offset, force)) return false
        }
      }
    }
    this.#mapEndOffset = batch.nextOffset
    return true
  }

  async #clean(group: readonly SourceSegment[]): Promise<CleanedSegment> {
    const { files } = this.#parts
    const { directory, indexIntervalBytes } = this.#plan
    const { baseOffset } = group[0]!
    const written = new Segment(directory, baseOffset, new OpenFiles(files, openFiles, largestFile), {
      size: 0,
      nextOffset: baseOffset,
      createdMs: 0,
      rollJitterMs: 0,
      hasTransactionIndex: false,
      nameSuffix: cleanedSuffix,
    })
    await written.removeFiles()
    try {
      await written.create()
      this.#written = written
      const filter = this.#filterOfAll()
      const output = new SegmentOutput(written, indexIntervalBytes)
      for (const segment of group) {
        await this.#read(
          segment,
          0,
          (batch) => {
            const kept = filter.filter(batch, segment.keepsLegacyTombstones)
            if (kept !== undefined) output.add(kept)
            return true
          },
          () => output.write(),
        )
      }
      await written.seal()
      await this.#makeDurable(written)
      return { size: written.size, hasTransactionIndex: written.indexes.activeTransactionIndex.count > 0 }
    } catch (error) {
      await written.removeFiles().catch(() => {})
      throw error
    } finally {
      await written.log.close()
    }
  }

  /** The same for all groups: a transaction may reach from one into the next. By now the map is complete. */
  #filterOfAll(): BatchFilter {
    const { nowMs, deleteRetentionMs, lastBatches, firstUncleanableOffset: upperBoundOffset, aborted } = this.#plan
    const map = { map: this.#map, mapEndOffset: this.#mapEndOffset }
    this.#filter ??= new BatchFilter(
      { ...map, nowMs, deleteRetentionMs, lastBatches, upperBoundOffset },
      new CleanedTransactions(aborted, (entry) => this.#written!.indexes.activeTransactionIndex.append(entry)),
    )
    return this.#filter
  }

  /** There is a transaction index, if only an empty one: so a start after a crash knows which of two is the new one. */
  async #makeDurable(written: Segment): Promise<void> {
    const { files } = this.#parts
    const sync = async (suffix: SegmentSuffix): Promise<void> => {
      const file = await files.open(written.path(suffix), 'write')
      try {
        const isEmpty = suffix === '.txnindex' && written.indexes.activeTransactionIndex.count === 0
        if (!isEmpty) await file.sync()
      } finally {
        await file.close()
      }
    }
    // The last one has made the file of that name.
    await sync('.txnindex')
    await forEachLimited(['.log', '.index', '.timeindex', 'names'] as const, concurrentSyncs, (each) =>
      each === 'names' ? files.syncDirectory(this.#plan.directory) : sync(each),
    )
  }

  /** Every batch of the segment from `position` on, until `take` returns false; after `afterRun`, which follows each run of them, their memory is used again. */
  async #read(
    { baseOffset, size }: SourceSegment,
    position: number,
    take: (batch: RecordBatchView) => boolean,
    afterRun: () => Promise<void> = async () => {},
  ): Promise<void> {
    const path = `${this.#plan.directory}/${segmentFileName(baseOffset, '.log')}`
    const file = await this.#parts.files.open(path, 'read')
    try {
      let end = position
      for await (const { bytes } of passingRuns(file, position, size, this.#parts.bytesPerTurn)) {
        for (const batch of batchesIn(bytes)) {
          if (!batch.isCrcValid()) throw damaged(path, end + batch.position)
          if (!take(batch)) return
        }
        end += bytes.length
        await afterRun()
        await this.#pause(bytes.length)
      }
      if (end !== size) throw damaged(path, end)
    } finally {
      await file.close()
    }
  }

  /** Lets others go on, and keeps to the rate; what is written counts as much as what is read. */
  async #pause(bytes: number): Promise<void> {
    const { clock } = this.#parts
    const nowMs = clock.monotonicMs()
    this.#bytes += bytes * 2
    const aheadMs = (this.#bytes / this.#plan.maxBytesPerSecond) * 1000 - (nowMs - this.#startMs)
    if (aheadMs > 1) await new Promise<void>((resolve) => void clock.after(aheadMs, resolve))
    else await this.#parts.giveWay(nowMs - this.#turnStartMs)
    this.#turnStartMs = clock.monotonicMs()
    if (this.#isEnded) throw ended()
  }
}

/** Collects the batches that are left of a run, and writes them at once. */
class SegmentOutput {
  readonly #segment: Segment
  readonly #indexIntervalBytes: number
  #chunks: Buffer[] = []
  #queuedBytes = 0
  #position = 0

  constructor(segment: Segment, indexIntervalBytes: number) {
    this.#segment = segment
    this.#indexIntervalBytes = indexIntervalBytes
  }

  /** `bytes`: one batch, or messages of magic 0 or 1. */
  add(bytes: Buffer): void {
    for (const batch of batchesIn(bytes)) {
      this.#segment.appended(batch.sizeInBytes, batch.lastOffset, indexedTimestamp(batch), this.#indexIntervalBytes)
    }
    const last = this.#chunks.at(-1)
    if (last !== undefined && follows(last, bytes)) {
      this.#chunks[this.#chunks.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length)
    } else {
      this.#chunks.push(bytes)
    }
    this.#queuedBytes += bytes.length
  }

  async write(): Promise<void> {
    if (this.#queuedBytes === 0) return
    const chunks = this.#chunks
    const position = this.#position
    this.#position += this.#queuedBytes
    if (this.#position > largestFile) throw new Error(`${this.#segment.log.path} would get too large`)
    this.#chunks = []
    this.#queuedBytes = 0
    await this.#segment.log.use((file) => file.write(position, chunks))
  }
}

function ended(): Error {
  return new Error('the compaction was given up')
}

function damaged(path: string, position: number): Error {
  return new Error(`${path} is damaged at byte ${position}`)
}
