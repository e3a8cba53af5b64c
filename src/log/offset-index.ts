/**
 * log: the sparse offset index of one segment.
 *
 * Entry, 8 bytes, ascending: relative offset (int32) of a batch's last record | file position (int32) of the batch. The first batch has none.
 * Not checksummed: built again when it contradicts the segment. A file that Kafka left open ends in zeros. Source: Kafka's OffsetIndex.
 */
import type { FileSystem } from '../runtime/file-system.ts'
import { IndexEntries, lastWhere } from './index-entries.ts'

const entryBytes = 8

export class OffsetIndex {
  readonly #baseOffset: number
  readonly #entries: IndexEntries

  private constructor(baseOffset: number, entries: IndexEntries) {
    this.#baseOffset = baseOffset
    this.#entries = entries
  }

  static empty(baseOffset: number): OffsetIndex {
    return new OffsetIndex(baseOffset, new IndexEntries(entryBytes))
  }

  /** Undefined when `content` can't be the index of a segment with `segmentBytes` bytes. */
  static parse(baseOffset: number, content: Buffer, segmentBytes: number): OffsetIndex | undefined {
    if (content.length % entryBytes !== 0) return undefined
    let count = content.length / entryBytes
    while (count > 0 && content.readInt32BE((count - 1) * entryBytes + 4) === 0) count -= 1
    if (count > 0) {
      const last = (count - 1) * entryBytes
      if (content.readInt32BE(0) < 0 || content.readInt32BE(last) < content.readInt32BE(0)) return undefined
      if (content.readInt32BE(4) <= 0 || content.readInt32BE(last + 4) >= segmentBytes) return undefined
    }
    return new OffsetIndex(baseOffset, new IndexEntries(entryBytes, content, count))
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

  append(lastOffset: number, position: number): void {
    const at = this.#entries.grow()
    this.#entries.bytes.writeInt32BE(lastOffset - this.#baseOffset, at)
    this.#entries.bytes.writeInt32BE(position, at + 4)
  }

  offsetAt(entry: number): number {
    return this.#baseOffset + this.#entries.bytes.readInt32BE(entry * entryBytes)
  }

  positionAt(entry: number): number {
    return this.#entries.bytes.readInt32BE(entry * entryBytes + 4)
  }

  /** Where to start looking for `offset`: the position of the last entry whose offset is not above it, 0 if there is none. */
  positionFor(offset: number): number {
    const entry = lastWhere(this.count, (candidate) => this.offsetAt(candidate) <= offset)
    return entry < 0 ? 0 : this.positionAt(entry)
  }

  /** Drops the entries of `offset` and above. */
  truncateToOffset(offset: number): void {
    this.#entries.truncate(lastWhere(this.count, (entry) => this.offsetAt(entry) < offset) + 1)
  }

  save(files: FileSystem, path: string): Promise<void> {
    return this.#entries.save(files, path)
  }
}
