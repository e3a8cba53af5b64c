/**
 * log: the offset, time and transaction index of one segment, and which of their files are up to date and durable.
 *
 * They live in memory while the segment is the active one; those of older segments are read when needed, and go again with the file's descriptor. The
 * files get what is new when the segment is rolled, flushed or closed: what a crash loses, recovery builds again.
 */
import type { FileSystem } from '../runtime/file-system.ts'
import { OffsetIndex } from './offset-index.ts'
import { removed } from './open-files.ts'
import { allSuffixes, readIfExists, type SegmentSuffix, syncFile } from './segment-files.ts'
import { TimeIndex } from './time-index.ts'
import { TransactionIndex } from './transaction-index.ts'

export interface RebuiltIndexes {
  readonly offsetIndex: OffsetIndex
  readonly timeIndex: TimeIndex
}

/** The segment, as its indexes see it. */
export interface IndexedSegment {
  readonly directory: string
  readonly baseOffset: number
  readonly size: number
  readonly isActive: boolean
  readonly isRetired: boolean
  path(suffix: SegmentSuffix): string
  /** From the batches. */
  rebuildIndexes(): Promise<RebuiltIndexes>
  /** So much memory hangs on the segment's file. */
  weigh(bytes: number): void
}

export class SegmentIndexes {
  readonly #segment: IndexedSegment
  readonly #files: FileSystem
  #offsetIndex: OffsetIndex | undefined
  #timeIndex: TimeIndex | undefined
  #transactionIndex: TransactionIndex | undefined
  #hasTransactionIndexFile: boolean
  /** Its name is not durable yet. */
  #isTransactionIndexNew = false
  /** Index files that were written since they were synced. */
  #unsynced: Set<SegmentSuffix> | undefined

  constructor(segment: IndexedSegment, files: FileSystem, hasTransactionIndexFile: boolean) {
    this.#segment = segment
    this.#files = files
    this.#hasTransactionIndexFile = hasTransactionIndexFile
  }

  get hasTransactionIndexFile(): boolean {
    return this.#hasTransactionIndexFile
  }

  /** Empty ones, of a segment that becomes the active one; the transaction index is that of the file, if there is one. */
  start(): void {
    const { baseOffset } = this.#segment
    this.#offsetIndex = OffsetIndex.empty(baseOffset)
    this.#timeIndex = TimeIndex.empty(baseOffset)
    this.#transactionIndex = this.#hasTransactionIndexFile ? undefined : TransactionIndex.empty(baseOffset)
  }

  /** Those of the files, as far as they are below `trustedOffset`. False when they contradict a log of `logBytes`. */
  async resume(logBytes: number, trustedOffset: number): Promise<boolean> {
    const { baseOffset } = this.#segment
    const offsetIndexBytes = await readIfExists(this.#files, this.#segment.path('.index'))
    const timeIndexBytes = await readIfExists(this.#files, this.#segment.path('.timeindex'))
    const offsetIndex = offsetIndexBytes && OffsetIndex.parse(baseOffset, offsetIndexBytes, logBytes)
    const timeIndex = timeIndexBytes && TimeIndex.parse(baseOffset, timeIndexBytes)
    if (offsetIndex === undefined || timeIndex === undefined) return false
    const entries = offsetIndex.count + timeIndex.count
    offsetIndex.truncateToOffset(trustedOffset)
    timeIndex.truncateToOffset(trustedOffset)
    this.#offsetIndex = offsetIndex
    this.#timeIndex = timeIndex
    if (offsetIndex.count + timeIndex.count < entries) await this.#dropFromFiles(offsetIndex, timeIndex)
    return true
  }

  /**
   * Entries that were not believed go from the files durably, before others take their place: a power failure would bring them back once the recovery
   * point has moved past them, or leave some of both. The offset index first, whose entries vouch for the time index.
   */
  async #dropFromFiles(offsetIndex: OffsetIndex, timeIndex: TimeIndex): Promise<void> {
    await this.#save('.index', offsetIndex)
    await syncFile(this.#files, this.#segment.path('.index'))
    await this.#save('.timeindex', timeIndex)
    await syncFile(this.#files, this.#segment.path('.timeindex'))
  }

  /** The active segment's. */
  get activeOffsetIndex(): OffsetIndex {
    return this.#offsetIndex!
  }

  get activeTimeIndex(): TimeIndex {
    return this.#timeIndex!
  }

  get activeTransactionIndex(): TransactionIndex {
    return this.#transactionIndex!
  }

  /** That of the offset index and of the time index, as far as they are in memory. */
  get sizesInBytes(): readonly [number, number] {
    return [this.#offsetIndex?.sizeInBytes ?? 0, this.#timeIndex?.sizeInBytes ?? 0]
  }

  /** In this turn if the index is in memory, as are the others. */
  offsetIndex(): OffsetIndex | Promise<OffsetIndex> {
    return this.#offsetIndex ?? this.#loadOffsetIndex()
  }

  timeIndex(): TimeIndex | Promise<TimeIndex> {
    return this.#timeIndex ?? this.#loadTimeIndex()
  }

  /** As `timeIndex`, but one that is only looked at once does not stay in memory. */
  async peekTimeIndex(): Promise<TimeIndex> {
    return this.#timeIndex ?? (await this.#readTimeIndex()) ?? (await this.timeIndex())
  }

  transactionIndex(): TransactionIndex | Promise<TransactionIndex> {
    if (this.#transactionIndex !== undefined) return this.#transactionIndex
    if (!this.#hasTransactionIndexFile) {
      this.#transactionIndex = TransactionIndex.empty(this.#segment.baseOffset)
      return this.#transactionIndex
    }
    return this.#loadTransactionIndex()
  }

  /** An entry each, of the active segment: its last batch up to `position` ends with `lastOffset`; the largest timestamp up to there, and its batch. */
  append(position: number, lastOffset: number, maxTimestampMs: number, offsetOfMaxTimestamp: number): void {
    this.#offsetIndex!.append(lastOffset, position)
    this.#timeIndex!.maybeAppend(maxTimestampMs, offsetOfMaxTimestamp)
    // Also what a clean stop has written of it without a sync: the new entry vouches for that.
    this.#doubt('.timeindex')
  }

  /** Nothing will be appended any more: the time index gets its last entry. */
  async seal(maxTimestampMs: number, offsetOfMaxTimestamp: number): Promise<void> {
    this.complete(maxTimestampMs, offsetOfMaxTimestamp)
    await this.save()
  }

  /** All of them into memory. */
  async load(): Promise<{ offsetIndex: OffsetIndex; timeIndex: TimeIndex; transactionIndex: TransactionIndex }> {
    return {
      offsetIndex: await this.offsetIndex(),
      timeIndex: await this.timeIndex(),
      transactionIndex: await this.transactionIndex(),
    }
  }

  /** Drops what is in memory of a segment that is not the active one. */
  drop(): void {
    this.#offsetIndex = undefined
    this.#timeIndex = undefined
  }

  /**
   * Drops the entries of the batches from `offset` on; durably. With an entry of the time index goes what it says of earlier batches: entries of the
   * offset index that are left behind the time index don't vouch for it any more.
   */
  async truncate(offset: number): Promise<void> {
    const { offsetIndex, timeIndex, transactionIndex } = await this.load()
    const timeEntries = timeIndex.count
    for (const index of [offsetIndex, timeIndex, transactionIndex]) index.truncateToOffset(offset)
    if (timeIndex.count < timeEntries) offsetIndex.truncateToOffset(timeIndex.nextOffset)
    await this.save()
    // What is cut off must not come back behind what is appended from now on.
    await this.#sync(allSuffixes)
  }

  /**
   * Forgets the offset and time index, in the files too, which are made anew without an entry. That the offset index is empty is durable first: with its
   * entries a start would believe whatever is left of the time index.
   */
  async emptyFiles(): Promise<void> {
    await this.#files.replaceFile(this.#segment.path('.index'), '')
    await this.#files.remove(this.#segment.path('.timeindex'))
    await (await this.#files.open(this.#segment.path('.timeindex'), 'write')).close()
  }

  /** Brings the files up to date, that of the offset index last: its entries vouch for the time index. */
  async save(): Promise<void> {
    await this.#save('.timeindex', this.#timeIndex)
    await this.#saveTransactionIndex()
    await this.#save('.index', this.#offsetIndex)
  }

  /** Gives the time index the entry that it ends with, if it does not say as much already. */
  complete(maxTimestampMs: number, offsetOfMaxTimestamp: number): void {
    if (maxTimestampMs >= 0) this.#timeIndex?.maybeAppend(maxTimestampMs, offsetOfMaxTimestamp)
  }

  /** Makes the time index durable, but for a new file's name: before the file of the offset index gets its entries back. */
  async saveTimeIndex(): Promise<void> {
    await this.#save('.timeindex', this.#timeIndex)
    await this.#sync(['.timeindex'])
  }

  /** Makes the transaction index durable: a snapshot of the producers vouches for it. */
  async syncTransactionIndex(): Promise<void> {
    await this.#saveTransactionIndex()
    await this.#sync(['.txnindex'])
  }

  /**
   * Makes them durable. The offset index of the active segment is left out: from what a power failure leaves of it, or from nothing, it is made
   * again. The time index is not: what it lacks below an entry of the offset index no start would look for.
   */
  async sync(): Promise<void> {
    await this.saveTimeIndex()
    await this.save()
    await this.#sync(this.#segment.isActive ? ['.timeindex', '.txnindex'] : allSuffixes)
  }

  /** The files may have been written by an earlier process that did not sync them. */
  doubtFiles(): void {
    this.#doubt('.index')
    this.#doubt('.timeindex')
    if (this.#hasTransactionIndexFile) this.#doubt('.txnindex')
  }

  #doubt(suffix: SegmentSuffix): void {
    this.#unsynced ??= new Set()
    this.#unsynced.add(suffix)
  }

  /** Takes the place of a transaction index that was damaged, durably. */
  async replaceTransactionIndex(index: TransactionIndex): Promise<void> {
    await this.#files.replaceFile(this.#segment.path('.txnindex'), index.content)
    this.#transactionIndex = TransactionIndex.parse(this.#segment.baseOffset, Buffer.from(index.content))
  }

  /** For a segment that is not the active one: its indexes contradict its batches. @throws UnreadableSegment */
  async rebuild(): Promise<void> {
    const { offsetIndex, timeIndex } = await this.#segment.rebuildIndexes()
    this.#offsetIndex = offsetIndex
    this.#timeIndex = timeIndex
    this.#weigh()
  }

  async #saveTransactionIndex(): Promise<void> {
    if (this.#transactionIndex?.isSaved === false && !this.#hasTransactionIndexFile) {
      this.#hasTransactionIndexFile = true
      this.#isTransactionIndexNew = true
    }
    await this.#save('.txnindex', this.#transactionIndex)
  }

  async #save(suffix: SegmentSuffix, index: OffsetIndex | TimeIndex | TransactionIndex | undefined): Promise<void> {
    if (index === undefined || index.isSaved) return
    await index.save(this.#files, this.#segment.path(suffix))
    this.#doubt(suffix)
  }

  async #sync(suffixes: readonly SegmentSuffix[]): Promise<void> {
    for (const suffix of suffixes) {
      // Opening would make the file anew.
      if (this.#segment.isRetired) return
      if (this.#unsynced?.delete(suffix) !== true) continue
      await syncFile(this.#files, this.#segment.path(suffix))
    }
    if (this.#isTransactionIndexNew) await this.#files.syncDirectory(this.#segment.directory)
    this.#isTransactionIndexNew = false
  }

  async #loadOffsetIndex(): Promise<OffsetIndex> {
    const content = await this.#read('.index')
    const index = content && OffsetIndex.parse(this.#segment.baseOffset, content, this.#segment.size)
    this.#offsetIndex ??= index ?? (await this.#segment.rebuildIndexes()).offsetIndex
    this.#weigh()
    return this.#offsetIndex
  }

  async #loadTimeIndex(): Promise<TimeIndex> {
    const index = await this.#readTimeIndex()
    this.#timeIndex ??= index ?? (await this.#segment.rebuildIndexes()).timeIndex
    this.#weigh()
    return this.#timeIndex
  }

  /** That of the file; undefined when it was lost. */
  async #readTimeIndex(): Promise<TimeIndex | undefined> {
    const content = await this.#read('.timeindex')
    const index = content && TimeIndex.parse(this.#segment.baseOffset, content)
    // Sealing gives each index an entry; without one it was lost, unless no record has a timestamp.
    return index !== undefined && (index.count > 0 || this.#segment.size === 0) ? index : undefined
  }

  async #loadTransactionIndex(): Promise<TransactionIndex> {
    const { baseOffset } = this.#segment
    const content = await this.#read('.txnindex')
    this.#transactionIndex ??=
      content === undefined ? TransactionIndex.empty(baseOffset) : TransactionIndex.parse(baseOffset, content)
    return this.#transactionIndex
  }

  /** A retired segment's is gone, and its name may be another's by now. */
  async #read(suffix: SegmentSuffix): Promise<Buffer | undefined> {
    const content = await readIfExists(this.#files, this.#segment.path(suffix))
    if (this.#segment.isRetired) throw removed(this.#segment.path(suffix))
    return content
  }

  #weigh(): void {
    const [offsetBytes, timeBytes] = this.sizesInBytes
    this.#segment.weigh(offsetBytes + timeBytes)
  }
}
