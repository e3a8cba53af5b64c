/**
 * log: the sparse time index of one segment.
 *
 * Entry, 12 bytes, both ascending: timestamp (int64, ms) | relative offset (int32): no record up to and including that
 * offset has a larger timestamp. Written with the offset index's entries and when the segment is rolled or closed. Source: Kafka's TimeIndex.
 */
import { readInt64, writeInt64 } from '../../protocol/records/record-batch.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import { IndexEntries, lastWhere } from './index-entries.ts'

const entryBytes = 12

export class TimeIndex {
  readonly #baseOffset: number
  readonly #entries: IndexEntries

  private constructor(baseOffset: number, entries: IndexEntries) {
    this.#baseOffset = baseOffset
    this.#entries = entries
  }

  static empty(baseOffset: number): TimeIndex {
    return new TimeIndex(baseOffset, new IndexEntries(entryBytes))
  }

  /** Undefined when `content` can't be a time index. */
  static parse(baseOffset: number, content: Buffer): TimeIndex | undefined {
    if (content.length % entryBytes !== 0) return undefined
    let count = content.length / entryBytes
    while (count > 0 && readInt64(content, (count - 1) * entryBytes) === 0) count -= 1
    if (count > 0) {
      const last = (count - 1) * entryBytes
      if (readInt64(content, last) < readInt64(content, 0)) return undefined
      if (content.readInt32BE(last + 8) < content.readInt32BE(8) || content.readInt32BE(8) < 0) return undefined
    }
    return new TimeIndex(baseOffset, new IndexEntries(entryBytes, content, count))
  }

  get count(): number {
    return this.#entries.count
  }

  get sizeInBytes(): number {
    return this.#entries.sizeInBytes
  }

  get isSaved(): boolean {
    return this.#entries.isSaved
  }

  timestampAt(entry: number): number {
    return readInt64(this.#entries.bytes, entry * entryBytes)
  }

  offsetAt(entry: number): number {
    return this.#baseOffset + this.#entries.bytes.readInt32BE(entry * entryBytes + 8)
  }

  /** -1 when there is no entry. */
  get lastTimestampMs(): number {
    return this.count === 0 ? -1 : this.timestampAt(this.count - 1)
  }

  get lastOffset(): number {
    return this.count === 0 ? this.#baseOffset : this.offsetAt(this.count - 1)
  }

  /** Of the batches from here on it says nothing. */
  get nextOffset(): number {
    return this.count === 0 ? this.#baseOffset : this.lastOffset + 1
  }

  /** Adds an entry unless the last one says as much already. */
  maybeAppend(timestampMs: number, offset: number): void {
    if (timestampMs <= this.lastTimestampMs) return
    const at = this.#entries.grow()
    writeInt64(this.#entries.bytes, at, timestampMs)
    this.#entries.bytes.writeInt32BE(offset - this.#baseOffset, at + 8)
  }

  /** No record below the offset returned has a timestamp of `timestampMs` or more. */
  offsetFor(timestampMs: number): number {
    const entry = lastWhere(this.count, (candidate) => this.timestampAt(candidate) <= timestampMs)
    return entry < 0 ? this.#baseOffset : this.offsetAt(entry)
  }

  /** Drops the entries of `offset` and above. */
  truncateToOffset(offset: number): void {
    this.#entries.truncate(lastWhere(this.count, (entry) => this.offsetAt(entry) < offset) + 1)
  }

  save(files: FileSystem, path: string): Promise<void> {
    return this.#entries.save(files, path)
  }
}
