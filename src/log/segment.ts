/** log: one segment of a partition: `<base offset>.log` with whole batches one behind the other, and its indexes. */
import { batchesIn } from '../../protocol/records/batches.ts'
import { RecordBatchView, recordBatchOverhead } from '../../protocol/records/record-batch.ts'
import { passingRuns, segmentRuns } from './batch-scan.ts'
import type { OffsetIndex } from './offset-index.ts'
import { OpenFile, type OpenFiles } from './open-files.ts'
import { allSuffixes, largestRelativeOffset, type SegmentSuffix, segmentFileName } from './segment-files.ts'
import { type IndexedSegment, type RebuiltIndexes, SegmentIndexes } from './segment-indexes.ts'
import type { TimeIndex } from './time-index.ts'
import type { TransactionIndex } from './transaction-index.ts'

const offsetEntryBytes = 8
const timeEntryBytes = 12
const unknown = -1
/** index.interval.bytes for indexes that are built again. */
const rebuiltIntervalBytes = 4096

/** What the time index is to know of a batch: nothing of one whose records compaction has taken. */
export function indexedTimestamp(batch: RecordBatchView): number {
  return batch.recordCount === 0 ? unknown : batch.maxTimestamp
}

export class Segment implements IndexedSegment {
  readonly baseOffset: number
  readonly directory: string
  readonly log: OpenFile
  readonly indexes: SegmentIndexes
  readonly #openFiles: OpenFiles
  /** Bytes of whole batches. */
  size: number
  /** Offset behind the last batch. */
  nextOffset: number
  /** Bytes from here on have not been synced. */
  syncedSize: number
  readonly createdMs: number
  /** When it was last written to, as far as this process knows: its age where no record has a timestamp. */
  modifiedMs: number
  /** So much earlier than segment.ms this one is rolled. */
  readonly rollJitterMs: number
  /** Largest timestamp of the first batch; -1: unknown or none. Rolling by time counts from it. */
  firstTimestampMs = unknown
  isActive = false

  readonly #nameSuffix: string
  #bytesSinceIndexEntry = 0
  /** Behind `size` are zeros. */
  #isPreallocated = false
  #maxTimestampMs = unknown
  /** It was looked for one, and nothing is appended any more. */
  #hasNoTimestamps = false
  #offsetOfMaxTimestamp: number

  constructor(
    directory: string,
    baseOffset: number,
    openFiles: OpenFiles,
    options: {
      size: number
      nextOffset: number
      createdMs: number
      rollJitterMs: number
      hasTransactionIndex: boolean
      /** Behind the names of its files: '.cleaned' while compaction writes it. */
      nameSuffix?: string
    },
  ) {
    this.directory = directory
    this.#nameSuffix = options.nameSuffix ?? ''
    this.#openFiles = openFiles
    this.baseOffset = baseOffset
    this.size = options.size
    this.syncedSize = options.size
    this.nextOffset = options.nextOffset
    this.createdMs = options.createdMs
    this.modifiedMs = options.createdMs
    this.rollJitterMs = options.rollJitterMs
    this.#offsetOfMaxTimestamp = baseOffset
    this.indexes = new SegmentIndexes(this, openFiles.files, options.hasTransactionIndex)
    this.log = new OpenFile(this.path('.log'), openFiles, () => this.#dropIndexes())
  }

  path(suffix: SegmentSuffix): string {
    return `${this.directory}/${segmentFileName(this.baseOffset, suffix)}${this.#nameSuffix}`
  }

  /** Makes the files of a new, empty segment; none of them is there. `preallocatedBytes`: its log has so many zeros until it is sealed. */
  async create(preallocatedBytes = 0): Promise<void> {
    this.startIndexes()
    this.#isPreallocated = preallocatedBytes > 0
    await this.log.use((file) => (this.#isPreallocated ? file.truncate(preallocatedBytes) : undefined))
    for (const suffix of ['.index', '.timeindex'] as const) {
      await (await this.#openFiles.files.open(this.path(suffix), 'write')).close()
    }
  }

  /** Makes it the one that is appended to, with empty indexes. */
  startIndexes(): void {
    this.isActive = true
    this.indexes.start()
    this.#bytesSinceIndexEntry = 0
    this.#maxTimestampMs = unknown
    this.#offsetOfMaxTimestamp = this.baseOffset
  }

  /** Would `bytes` more, up to `lastOffset` and `maxTimestampMs`, need a new segment? `queuedBytes` will be in this one before. */
  mustRoll(
    queuedBytes: number,
    bytes: number,
    lastOffset: number,
    maxTimestampMs: number,
    nowMs: number,
    limits: { segmentBytes: number; segmentMs: number; segmentIndexBytes: number },
  ): boolean {
    if (lastOffset - this.baseOffset > largestRelativeOffset) return true
    const size = this.size + queuedBytes
    if (size > limits.segmentBytes - bytes) return size > 0
    if (this.size === 0) return false
    const ageMs =
      this.firstTimestampMs >= 0 && maxTimestampMs >= 0
        ? maxTimestampMs - this.firstTimestampMs
        : nowMs - this.createdMs
    if (ageMs > limits.segmentMs - this.rollJitterMs) return true
    const [offsetBytes, timeBytes] = this.indexes.sizesInBytes
    return (
      offsetBytes + offsetEntryBytes > limits.segmentIndexBytes || timeBytes + timeEntryBytes > limits.segmentIndexBytes
    )
  }

  /** A batch of `bytes` bytes has been written behind the others. */
  appended(bytes: number, lastOffset: number, maxTimestampMs: number, indexIntervalBytes: number): void {
    if (maxTimestampMs > this.#maxTimestampMs) {
      this.#maxTimestampMs = maxTimestampMs
      this.#offsetOfMaxTimestamp = lastOffset
    }
    if (this.size === 0) this.firstTimestampMs = maxTimestampMs
    if (this.#bytesSinceIndexEntry > indexIntervalBytes) {
      this.indexes.append(this.size, lastOffset, this.#maxTimestampMs, this.#offsetOfMaxTimestamp)
      this.#bytesSinceIndexEntry = 0
    }
    this.#bytesSinceIndexEntry += bytes
    this.size += bytes
    this.nextOffset = lastOffset + 1
  }

  /** In this turn if the index is in memory, as are the others. */
  offsetIndex(): OffsetIndex | Promise<OffsetIndex> {
    return this.indexes.offsetIndex()
  }

  timeIndex(): TimeIndex | Promise<TimeIndex> {
    return this.indexes.timeIndex()
  }

  transactionIndex(): TransactionIndex | Promise<TransactionIndex> {
    return this.indexes.transactionIndex()
  }

  /** Largest timestamp in the segment and the last offset of the first batch that has it; -1 when there is none. */
  async maxTimestamp(): Promise<{ timestampMs: number; offset: number }> {
    if (this.#maxTimestampMs === unknown && this.size > 0 && !this.#hasNoTimestamps) {
      const index = await this.indexes.peekTimeIndex()
      this.#hasNoTimestamps = !this.isActive && index.lastTimestampMs === unknown
      this.noteTimestamp(index.lastTimestampMs, index.lastOffset)
    }
    return { timestampMs: this.#maxTimestampMs, offset: this.#offsetOfMaxTimestamp }
  }

  /** Largest timestamp of the first batch; -1 when there is none. */
  async firstTimestamp(): Promise<number> {
    if (this.firstTimestampMs === unknown && this.size > 0) {
      const header = await this.log.use((file) => file.readNow(0, recordBatchOverhead))
      if (header.length === recordBatchOverhead) this.firstTimestampMs = new RecordBatchView(header).maxTimestamp
    }
    return this.firstTimestampMs
  }

  noteTimestamp(timestampMs: number, offset: number): void {
    if (timestampMs <= this.#maxTimestampMs) return
    this.#maxTimestampMs = timestampMs
    this.#offsetOfMaxTimestamp = offset
  }

  /**
   * Takes the indexes from the files, as far as they are below `trustedOffset`, and reads the batches behind their last entry: how a log
   * opens the segment that it appends to. It ends before the first batch that `accept` refuses: `size` and `nextOffset` are
   * then those of what was accepted. False when the indexes contradict the log: then it must be done again with nothing trusted.
   */
  async resume(
    indexIntervalBytes: number,
    trustedOffset = Number.MAX_SAFE_INTEGER,
    accept: (batch: RecordBatchView) => boolean = () => true,
  ): Promise<boolean> {
    const logBytes = this.size
    this.startIndexes()
    this.nextOffset = this.baseOffset
    await this.transactionIndex()
    if (logBytes === 0 && trustedOffset === Number.MAX_SAFE_INTEGER) return true
    if (!(await this.indexes.resume(logBytes, trustedOffset))) return false
    const { activeOffsetIndex: offsetIndex, activeTimeIndex: timeIndex } = this.indexes
    if (logBytes === 0) return offsetIndex.count === 0
    this.noteTimestamp(timeIndex.lastTimestampMs, timeIndex.lastOffset)
    const last = offsetIndex.count - 1
    const from = last < 0 ? 0 : offsetIndex.positionAt(last)
    return await this.log.use(async (file) => {
      if (from > 0) {
        const first = file.readNow(0, recordBatchOverhead)
        if (first.length === recordBatchOverhead) this.firstTimestampMs = new RecordBatchView(first).maxTimestamp
      }
      this.size = from
      for await (const { bytes } of passingRuns(file, from, logBytes)) {
        for (const batch of batchesIn(bytes)) {
          const isIndexed = last >= 0 && this.size === from
          if (isIndexed && batch.lastOffset !== offsetIndex.offsetAt(last)) return false
          // What comes before an index entry is not known here: with nothing behind it, all must be read.
          if (!accept(batch)) return from === 0 || this.size > from
          const interval = isIndexed ? Number.MAX_SAFE_INTEGER : indexIntervalBytes
          this.appended(batch.sizeInBytes, batch.lastOffset, indexedTimestamp(batch), interval)
        }
      }
      return last < 0 || this.size > from
    })
  }

  /** Cuts the file to `size`, the end of a batch whose successor is `nextOffset`. The indexes are up to date. */
  async truncate(size: number, nextOffset: number): Promise<void> {
    await this.indexes.load()
    await this.log.use((file) => file.truncate(size))
    this.size = size
    // The cut itself is to be synced, also where nothing is left.
    this.syncedSize = -1
    await this.indexes.truncate(nextOffset)
  }

  /** Where to start reading for `offset`. In this turn if the index is in memory. */
  positionFor(offset: number): number | Promise<number> {
    const index = this.offsetIndex()
    return index instanceof Promise ? index.then((loaded) => loaded.positionFor(offset)) : index.positionFor(offset)
  }

  /** Where the batch that holds `offset` lies, or the next one; undefined when there is none. */
  async positionOfBatch(offset: number): Promise<{ position: number; baseOffset: number } | undefined> {
    const from = await this.positionFor(offset)
    return await this.log.use(async (file) => {
      for await (const { bytes, position } of segmentRuns(this, file, from)) {
        for (const batch of batchesIn(bytes)) {
          if (batch.lastOffset < offset) continue
          return { position: position + batch.position, baseOffset: batch.baseOffset }
        }
      }
      return undefined
    })
  }

  /**
   * To be called where `resume` may have found batches without entries that are known to be durable: of the time index nothing may be missing on disk
   * once the offset index has entries for them there.
   */
  async vouchForEntries(): Promise<void> {
    if (!this.indexes.activeOffsetIndex.isSaved) await this.saveTimeIndex()
  }

  /** Makes the time index durable, with the entry that it has at the end of a segment: of one that is not the active one nobody would miss that. */
  async saveTimeIndex(): Promise<void> {
    this.indexes.complete(this.#maxTimestampMs, this.#offsetOfMaxTimestamp)
    await this.indexes.saveTimeIndex()
  }

  /** Nothing will be appended any more: the time index gets its last entry. */
  async seal(): Promise<void> {
    await this.indexes.seal(this.#maxTimestampMs, this.#offsetOfMaxTimestamp)
    this.isActive = false
    this.indexes.doubtFiles()
    if (!this.#isPreallocated) return
    // Durable, for a start after a proper stop takes the file as it is.
    await this.log.use(async (file) => {
      await file.truncate(this.size)
      await file.sync()
    })
    this.#isPreallocated = false
  }

  /** Makes the records durable: from them alone recovery makes the rest again. */
  async syncRecords(): Promise<void> {
    const { size } = this
    if (this.syncedSize >= size) return
    await this.log.use((file) => file.sync())
    this.syncedSize = Math.max(this.syncedSize, Math.min(size, this.size))
  }

  /** Makes it durable. */
  async sync(): Promise<void> {
    await this.syncRecords()
    if (!this.isRetired) await this.indexes.sync()
  }

  async removeFiles(): Promise<void> {
    await this.log.close()
    for (const suffix of allSuffixes) await this.#openFiles.files.remove(this.path(suffix))
  }

  /** It is not part of the log any more: who reads it may go on while it is open, nobody starts to. */
  retire(): void {
    this.log.retire()
  }

  get isRetired(): boolean {
    return this.log.isRetired
  }

  /**
   * Gives the files of a retired segment the suffix `.deleted`, the log first: without it the others are nothing. Returns their new paths.
   * `keepsSnapshot`: another segment of that base offset takes its place.
   */
  async renameAway(keepsSnapshot = false): Promise<string[]> {
    await this.log.opened()
    const renamed: string[] = []
    for (const suffix of allSuffixes) {
      if (keepsSnapshot && suffix === '.snapshot') continue
      const path = `${this.path(suffix)}.deleted`
      try {
        await this.#openFiles.files.rename(this.path(suffix), path)
        renamed.push(path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    return renamed
  }

  #dropIndexes(): void {
    if (!this.isActive) this.indexes.drop()
  }

  weigh(bytes: number): void {
    this.log.weigh(bytes)
  }

  /** The offset and time index of a segment that is not the active one; the files are replaced. @throws UnreadableSegment */
  async rebuildIndexes(): Promise<RebuiltIndexes> {
    const copy = new Segment(this.directory, this.baseOffset, this.#openFiles, {
      size: 0,
      nextOffset: this.baseOffset,
      createdMs: this.createdMs,
      rollJitterMs: 0,
      hasTransactionIndex: this.indexes.hasTransactionIndexFile,
    })
    copy.startIndexes()
    await this.log.use(async (file) => {
      for await (const { bytes } of segmentRuns(this, file, 0)) {
        for (const batch of batchesIn(bytes)) {
          copy.appended(batch.sizeInBytes, batch.lastOffset, indexedTimestamp(batch), rebuiltIntervalBytes)
        }
      }
    })
    const { timestampMs, offset } = await copy.maxTimestamp()
    const { activeOffsetIndex: offsetIndex, activeTimeIndex: timeIndex } = copy.indexes
    if (this.isRetired) return { offsetIndex, timeIndex }
    if (timestampMs >= 0) timeIndex.maybeAppend(timestampMs, offset)
    await this.indexes.emptyFiles()
    await offsetIndex.save(this.#openFiles.files, this.path('.index'))
    await timeIndex.save(this.#openFiles.files, this.path('.timeindex'))
    await copy.log.close()
    return { offsetIndex, timeIndex }
  }
}
