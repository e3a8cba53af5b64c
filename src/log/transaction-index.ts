/**
 * log: the aborted transactions whose abort marker lies in one segment. The file exists only if there are any.
 *
 * Entry, 34 bytes, by ascending last offset: version (int16, 0) | producer id (int64) | first offset (int64) |
 * last offset (int64, the marker's) | last stable offset once the marker was written (int64). Source: Kafka's TransactionIndex and AbortedTxn.
 */
import { readInt64, writeInt64 } from '../../protocol/records/record-batch.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import { IndexEntries, lastWhere } from './index-entries.ts'

const entryBytes = 34

export interface AbortedTransactionEntry {
  readonly producerId: bigint
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

export class TransactionIndex {
  /** Of the segment. */
  readonly #baseOffset: number
  readonly #entries: IndexEntries
  #isWhole: boolean

  private constructor(baseOffset: number, entries: IndexEntries, isWhole: boolean) {
    this.#baseOffset = baseOffset
    this.#entries = entries
    this.#isWhole = isWhole
  }

  static empty(baseOffset: number): TransactionIndex {
    return new TransactionIndex(baseOffset, new IndexEntries(entryBytes), true)
  }

  /** The entries before the first that can't be one, as a crash or damage leaves them. */
  static parse(baseOffset: number, content: Buffer): TransactionIndex {
    const entries = new IndexEntries(entryBytes, content, Math.floor(content.length / entryBytes))
    const index = new TransactionIndex(baseOffset, entries, content.length % entryBytes === 0)
    let lastOffset = baseOffset - 1
    for (let entry = 0; entry < entries.count; entry += 1) {
      const read = index.entryAt(entry)
      const isEntry = content.readInt16BE(entry * entryBytes) === 0 && read.firstOffset < read.lastOffset
      if (!isEntry || read.lastOffset <= lastOffset) {
        entries.truncate(entry)
        index.#isWhole = false
        break
      }
      lastOffset = read.lastOffset
    }
    return index
  }

  /** False: behind the last entry the file had some that could not be read. It is not saved, lest it look whole. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  get count(): number {
    return this.#entries.count
  }

  /** The entries, as they stand in the file. */
  get content(): Buffer {
    return this.#entries.bytes.subarray(0, this.#entries.sizeInBytes)
  }

  get isSaved(): boolean {
    return this.#entries.isSaved
  }

  append(entry: AbortedTransactionEntry): void {
    const at = this.#entries.grow()
    const { bytes } = this.#entries
    bytes.writeInt16BE(0, at)
    bytes.writeBigInt64BE(entry.producerId, at + 2)
    writeInt64(bytes, at + 10, entry.firstOffset)
    writeInt64(bytes, at + 18, entry.lastOffset)
    writeInt64(bytes, at + 26, entry.lastStableOffset)
  }

  entryAt(entry: number): AbortedTransactionEntry {
    const at = entry * entryBytes
    const { bytes } = this.#entries
    return {
      producerId: bytes.readBigInt64BE(at + 2),
      firstOffset: readInt64(bytes, at + 10),
      lastOffset: readInt64(bytes, at + 18),
      lastStableOffset: readInt64(bytes, at + 26),
    }
  }

  /**
   * Adds to `found` the entries that overlap fromOffset (inclusive) to upToOffset (exclusive). True when no later entry, in this
   * segment or behind it, can overlap.
   */
  collect(fromOffset: number, upToOffset: number, found: AbortedTransactionEntry[]): boolean {
    for (let index = 0; index < this.count; index += 1) {
      const entry = this.entryAt(index)
      if (entry.lastOffset >= fromOffset && entry.firstOffset < upToOffset) found.push(entry)
      if (entry.lastStableOffset >= upToOffset) return true
    }
    return false
  }

  /** Drops the entries whose marker is at `offset` or above. */
  truncateToOffset(offset: number): void {
    // What could not be read came behind the last entry: where that goes, it goes too.
    if (offset <= this.#baseOffset || (this.count > 0 && this.entryAt(this.count - 1).lastOffset >= offset)) {
      this.#isWhole = true
    }
    this.#entries.truncate(lastWhere(this.count, (entry) => this.entryAt(entry).lastOffset < offset) + 1)
  }

  async save(files: FileSystem, path: string): Promise<void> {
    if (this.#isWhole) await this.#entries.save(files, path)
  }
}
