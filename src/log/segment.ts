/**
 * log: one segment of a partition: `<base offset>.log` with whole batches one behind the other, and its indexes.
 *
 * Indexes live in memory while the segment is the active one; those of older segments are read when needed and go again with
 * the file's descriptor. The files get what is new when the segment is rolled, flushed or closed: what a crash loses, recovery builds again.
 */
import { batchesIn } from '../../protocol/records/batches.ts'
import { RecordBatchView, recordBatchOverhead } from '../../protocol/records/record-batch.ts'
import { passingRuns, segmentRuns } from './batch-scan.ts'
import { OffsetIndex } from './offset-index.ts'
import { OpenFile, type OpenFiles, removed } from './open-files.ts'
import { TimeIndex } from './time-index.ts'
import { TransactionIndex } from './transaction-index.ts'

export type SegmentSuffix = '.log' | '.index' | '.timeindex' | '.txnindex' | '.snapshot'

const allSuffixes = ['.log', '.index', '.timeindex', '.txnindex', '.snapshot'] as const
const largestRelativeOffset = 0x7fffffff
const offsetEntryBytes = 8
const timeEntryBytes = 12
const unknown = -1
/** index.interval.bytes for indexes that are built again. */
const rebuiltIntervalBytes = 4096

/** `00000000000000000042.log` */
export function segmentFileName(baseOffset: number, suffix: SegmentSuffix): string {
  return `${String(baseOffset).padStart(20, '0')}${suffix}`
}

/** What the time index is to know of a batch: nothing of one whose records compaction has taken. */
export function indexedTimestamp(batch: RecordBatchView): number {
  return batch.recordCount === 0 ? unknown : batch.maxTimestamp
}

export class Segment {
  readonly baseOffset: number
  readonly log: OpenFile
  readonly #directory: string
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
  #offsetIndex: OffsetIndex | undefined
  #timeIndex: TimeIndex | undefined
  #transactionIndex: TransactionIndex | undefined
  #hasTransactionIndexFile: boolean
  /** Its name is not durable yet. */
  #isTransactionIndexNew = false
  /** Index files that were written since they were synced. */
  readonly #unsynced = new Set<SegmentSuffix>()
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
    this.#directory = directory
    this.#nameSuffix = options.nameSuffix ?? ''
    this.#openFiles = openFiles
    this.baseOffset = baseOffset
    this.size = options.size
    this.syncedSize = options.size
    this.nextOffset = options.nextOffset
    this.createdMs = options.createdMs
    this.modifiedMs = options.createdMs
    this.rollJitterMs = options.rollJitterMs
    this.#hasTransactionIndexFile = options.hasTransactionIndex
    this.#offsetOfMaxTimestamp = baseOffset
    this.log = new OpenFile(this.path('.log'), openFiles, () => this.#dropIndexes())
  }

  path(suffix: SegmentSuffix): string {
    return `${this.#directory}/${segmentFileName(this.baseOffset, suffix)}${this.#nameSuffix}`
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
    this.#offsetIndex = OffsetIndex.empty(this.baseOffset)
    this.#timeIndex = TimeIndex.empty(this.baseOffset)
    this.#transactionIndex = this.#hasTransactionIndexFile ? undefined : TransactionIndex.empty(this.baseOffset)
    this.#bytesSinceIndexEntry = 0
    this.#maxTimestampMs = unknown
    this.#offsetOfMaxTimestamp = this.baseOffset
  }

  /** The active segment's. */
  get activeTransactionIndex(): TransactionIndex {
    return this.#transactionIndex!
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
    const offsetBytes = this.#offsetIndex?.sizeInBytes ?? 0
    const timeBytes = this.#timeIndex?.sizeInBytes ?? 0
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
      this.#offsetIndex!.append(lastOffset, this.size)
      this.#timeIndex!.maybeAppend(this.#maxTimestampMs, this.#offsetOfMaxTimestamp)
      this.#bytesSinceIndexEntry = 0
      // Also what a clean stop has written of it without a sync: the new entry vouches for that.
      this.#unsynced.add('.timeindex')
    }
    this.#bytesSinceIndexEntry += bytes
    this.size += bytes
    this.nextOffset = lastOffset + 1
  }

  /** In this turn if the index is in memory, as are the others. */
  offsetIndex(): OffsetIndex | Promise<OffsetIndex> {
    return this.#offsetIndex ?? this.#loadOffsetIndex()
  }

  timeIndex(): TimeIndex | Promise<TimeIndex> {
    return this.#timeIndex ?? this.#loadTimeIndex()
  }

  transactionIndex(): TransactionIndex | Promise<TransactionIndex> {
    if (this.#transactionIndex !== undefined) return this.#transactionIndex
    if (!this.#hasTransactionIndexFile) {
      this.#transactionIndex = TransactionIndex.empty(this.baseOffset)
      return this.#transactionIndex
    }
    return this.#loadTransactionIndex()
  }

  /** Largest timestamp in the segment and the last offset of the first batch that has it; -1 when there is none. */
  async maxTimestamp(): Promise<{ timestampMs: number; offset: number }> {
    if (this.#maxTimestampMs === unknown && this.size > 0 && !this.#hasNoTimestamps) {
      const index = this.#timeIndex ?? (await this.#readTimeIndex()) ?? (await this.timeIndex())
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
    const { files } = this.#openFiles
    const offsetIndexBytes = await readIfExists(files, this.path('.index'))
    const timeIndexBytes = await readIfExists(files, this.path('.timeindex'))
    const offsetIndex = offsetIndexBytes && OffsetIndex.parse(this.baseOffset, offsetIndexBytes, logBytes)
    const timeIndex = timeIndexBytes && TimeIndex.parse(this.baseOffset, timeIndexBytes)
    if (offsetIndex === undefined || timeIndex === undefined) return false
    this.#offsetIndex = offsetIndex
    this.#timeIndex = timeIndex
    offsetIndex.truncateToOffset(trustedOffset)
    timeIndex.truncateToOffset(trustedOffset)
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

  /**
   * Forgets the indexes, in the files too, which are made anew without an entry. That the offset index is empty is durable first: with its
   * entries a start would believe whatever is left of the time index.
   */
  async emptyIndexFiles(): Promise<void> {
    const { files } = this.#openFiles
    await files.replaceFile(this.path('.index'), '')
    await files.remove(this.path('.timeindex'))
    await (await files.open(this.path('.timeindex'), 'write')).close()
  }

  /** Makes the time index durable, but for a new file's name: before the file of the offset index gets its entries back. */
  async saveTimeIndex(): Promise<void> {
    await this.#save('.timeindex', this.#timeIndex)
    await this.#syncIndexes(['.timeindex'])
  }

  /** Cuts the file to `size`, the end of a batch whose successor is `nextOffset`. The indexes are up to date. */
  async truncate(size: number, nextOffset: number): Promise<void> {
    const offsetIndex = await this.offsetIndex()
    const timeIndex = await this.timeIndex()
    const transactionIndex = await this.transactionIndex()
    await this.log.use((file) => file.truncate(size))
    this.size = size
    // The cut itself is to be synced, also where nothing is left.
    this.syncedSize = -1
    offsetIndex.truncateToOffset(nextOffset)
    timeIndex.truncateToOffset(nextOffset)
    transactionIndex.truncateToOffset(nextOffset)
    await this.saveIndexes()
    // What is cut off must not come back behind what is appended from now on.
    await this.#syncIndexes(allSuffixes)
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

  /** Brings the index files up to date, that of the offset index last: its entries vouch for the time index. */
  async saveIndexes(): Promise<void> {
    await this.#save('.timeindex', this.#timeIndex)
    await this.#saveTransactionIndex()
    await this.#save('.index', this.#offsetIndex)
  }

  async #saveTransactionIndex(): Promise<void> {
    if (this.#transactionIndex?.isSaved === false && !this.#hasTransactionIndexFile) {
      this.#hasTransactionIndexFile = true
      this.#isTransactionIndexNew = true
    }
    await this.#save('.txnindex', this.#transactionIndex)
  }

  /** Makes the transaction index durable: a snapshot of the producers vouches for it. */
  async syncTransactionIndex(): Promise<void> {
    await this.#saveTransactionIndex()
    await this.#syncIndexes(['.txnindex'])
  }

  async #save(suffix: SegmentSuffix, index: OffsetIndex | TimeIndex | TransactionIndex | undefined): Promise<void> {
    if (index === undefined || index.isSaved) return
    await index.save(this.#openFiles.files, this.path(suffix))
    this.#unsynced.add(suffix)
  }

  /** Nothing will be appended any more: the time index gets its last entry. */
  async seal(): Promise<void> {
    if (this.#maxTimestampMs >= 0) this.#timeIndex?.maybeAppend(this.#maxTimestampMs, this.#offsetOfMaxTimestamp)
    await this.saveIndexes()
    this.isActive = false
    this.doubtIndexFiles()
    if (!this.#isPreallocated) return
    // Durable, for a start after a proper stop takes the file as it is.
    await this.log.use(async (file) => {
      await file.truncate(this.size)
      await file.sync()
    })
    this.#isPreallocated = false
  }

  /** They may have been written by an earlier process that did not sync them. */
  doubtIndexFiles(): void {
    this.#unsynced.add('.index').add('.timeindex')
    if (this.#hasTransactionIndexFile) this.#unsynced.add('.txnindex')
  }

  /** Makes the records durable: from them alone recovery makes the rest again. */
  async syncRecords(): Promise<void> {
    const { size } = this
    if (this.syncedSize >= size) return
    await this.log.use((file) => file.sync())
    this.syncedSize = Math.max(this.syncedSize, Math.min(size, this.size))
  }

  /**
   * Makes it durable. The offset index of the active segment is left out: from what a power failure leaves of it, or from nothing, it is made
   * again. The time index is not: what it lacks below an entry of the offset index no start would look for.
   */
  async sync(): Promise<void> {
    await this.syncRecords()
    if (this.isRetired) return
    await this.saveTimeIndex()
    await this.saveIndexes()
    await this.#syncIndexes(this.isActive ? ['.timeindex', '.txnindex'] : allSuffixes)
  }

  async #syncIndexes(suffixes: readonly SegmentSuffix[]): Promise<void> {
    for (const suffix of suffixes) {
      // Opening would make the file anew.
      if (this.isRetired) return
      if (!this.#unsynced.delete(suffix)) continue
      const file = await this.#openFiles.files.open(this.path(suffix), 'write')
      try {
        await file.sync()
      } finally {
        await file.close()
      }
    }
    if (this.#isTransactionIndexNew) await this.#openFiles.files.syncDirectory(this.#directory)
    this.#isTransactionIndexNew = false
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
    if (this.isActive) return
    this.#offsetIndex = undefined
    this.#timeIndex = undefined
  }

  async #loadOffsetIndex(): Promise<OffsetIndex> {
    const content = await this.#readIndexFile('.index')
    const index = content && OffsetIndex.parse(this.baseOffset, content, this.size)
    this.#offsetIndex ??= index ?? (await this.#rebuild()).offsetIndex
    this.#weigh()
    return this.#offsetIndex
  }

  async #loadTimeIndex(): Promise<TimeIndex> {
    const index = await this.#readTimeIndex()
    this.#timeIndex ??= index ?? (await this.#rebuild()).timeIndex
    this.#weigh()
    return this.#timeIndex
  }

  /** That of the file; undefined when it was lost. */
  async #readTimeIndex(): Promise<TimeIndex | undefined> {
    const content = await this.#readIndexFile('.timeindex')
    const index = content && TimeIndex.parse(this.baseOffset, content)
    // Sealing gives each index an entry; without one it was lost, unless no record has a timestamp.
    return index !== undefined && (index.count > 0 || this.size === 0) ? index : undefined
  }

  async #loadTransactionIndex(): Promise<TransactionIndex> {
    const content = await this.#readIndexFile('.txnindex')
    this.#transactionIndex ??=
      content === undefined ? TransactionIndex.empty(this.baseOffset) : TransactionIndex.parse(this.baseOffset, content)
    return this.#transactionIndex
  }

  /** Takes the place of one that was damaged, durably. */
  async replaceTransactionIndex(index: TransactionIndex): Promise<void> {
    await this.#openFiles.files.replaceFile(this.path('.txnindex'), index.content)
    this.#transactionIndex = TransactionIndex.parse(this.baseOffset, Buffer.from(index.content))
  }

  /** A retired segment's is gone, and its name may be another's by now. */
  async #readIndexFile(suffix: SegmentSuffix): Promise<Buffer | undefined> {
    const content = await readIfExists(this.#openFiles.files, this.path(suffix))
    if (this.isRetired) throw removed(this.path(suffix))
    return content
  }

  #weigh(): void {
    this.log.weigh((this.#offsetIndex?.sizeInBytes ?? 0) + (this.#timeIndex?.sizeInBytes ?? 0))
  }

  /** For a segment that is not the active one: its indexes contradict its batches. @throws UnreadableSegment */
  async rebuildIndexes(): Promise<void> {
    const { offsetIndex, timeIndex } = await this.#rebuild()
    this.#offsetIndex = offsetIndex
    this.#timeIndex = timeIndex
    this.#weigh()
  }

  /** Both indexes of a segment that is not the active one, from its batches; the files are replaced. @throws UnreadableSegment */
  async #rebuild(): Promise<{ offsetIndex: OffsetIndex; timeIndex: TimeIndex }> {
    const copy = new Segment(this.#directory, this.baseOffset, this.#openFiles, {
      size: 0,
      nextOffset: this.baseOffset,
      createdMs: this.createdMs,
      rollJitterMs: 0,
      hasTransactionIndex: this.#hasTransactionIndexFile,
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
    const timeIndex = copy.#timeIndex!
    if (this.isRetired) return { offsetIndex: copy.#offsetIndex!, timeIndex }
    if (timestampMs >= 0) timeIndex.maybeAppend(timestampMs, offset)
    await this.emptyIndexFiles()
    await copy.#offsetIndex!.save(this.#openFiles.files, this.path('.index'))
    await timeIndex.save(this.#openFiles.files, this.path('.timeindex'))
    await copy.log.close()
    return { offsetIndex: copy.#offsetIndex!, timeIndex }
  }
}

/** Undefined when there is no such file. */
export async function readIfExists(files: OpenFiles['files'], path: string): Promise<Buffer | undefined> {
  try {
    return await files.readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
