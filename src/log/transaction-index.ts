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
  readonly #entries: IndexEntries

  private constructor(entries: IndexEntries) {
    this.#entries = entries
  }

  static empty(): TransactionIndex {
    return new TransactionIndex(new IndexEntries(entryBytes))
  }

  /** The entries before the first that can't be one: a crash may have cut off what was written last. */
  static parse(content: Buffer): TransactionIndex {
    const whole = Math.floor(content.length / entryBytes)
    const index = new TransactionIndex(new IndexEntries(entryBytes, content, whole))
    let lastOffset = -1
    for (let entry = 0; entry < whole; entry += 1) {
      const read = index.entryAt(entry)
      const isEntry = content.readInt16BE(entry * entryBytes) === 0 && read.firstOffset < read.lastOffset
      if (!isEntry || read.lastOffset <= lastOffset) {
        index.#entries.truncate(entry)
        break
      }
      lastOffset = read.lastOffset
    }
    return index
  }

  get count(): number {
    return this.#entries.count
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
    this.#entries.truncate(lastWhere(this.count, (entry) => this.entryAt(entry).lastOffset < offset) + 1)
  }

  save(files: FileSystem, path: string): Promise<void> {
    return this.#entries.save(files, path)
  }
}
