/** log: the growing array of equal, big-endian entries that the offset, time and transaction index of a segment are made of. */
import type { FileSystem } from '../runtime/file-system.ts'
import { settled } from '../runtime/serial-queue.ts'

const firstCapacity = 8
/** One for all: most partitions of a large broker are empty, and have three indexes. */
const noEntries = Buffer.alloc(0)

/** Entries live in memory as in the file; `save` writes those that the file does not have yet. */
export class IndexEntries {
  readonly entryBytes: number
  bytes: Buffer
  count: number
  /** Entries that the file is known to hold. */
  #savedCount: number
  #fileBytes: number
  #saving: Promise<void> = settled

  /** `content`: the file's bytes, taken over; `count` of its entries are kept. Without `count` its length must be a multiple of `entryBytes`. */
  constructor(entryBytes: number, content: Buffer = noEntries, count = content.length / entryBytes) {
    this.entryBytes = entryBytes
    this.bytes = content.length === 0 ? noEntries : content
    this.count = count
    this.#savedCount = count
    this.#fileBytes = content.length
  }

  /** Makes room for one more entry and returns its position in `bytes`. */
  grow(): number {
    const at = this.count * this.entryBytes
    if (at + this.entryBytes > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(firstCapacity * this.entryBytes, at * 2))
      this.bytes.copy(larger, 0, 0, at)
      this.bytes = larger
    }
    this.count += 1
    return at
  }

  truncate(count: number): void {
    if (count >= this.count) return
    this.count = count
    this.#savedCount = Math.min(this.#savedCount, count)
  }

  get sizeInBytes(): number {
    return this.count * this.entryBytes
  }

  get isSaved(): boolean {
    return this.#savedCount === this.count && this.#fileBytes === this.sizeInBytes
  }

  /** Brings the file `path` up to date, one save after the other: a roll and a flush may ask at the same time. It is not synced. */
  save(files: FileSystem, path: string): Promise<void> {
    const saved = this.#saving.then(() => this.#saveNow(files, path))
    this.#saving = saved.catch(() => {})
    return saved
  }

  async #saveNow(files: FileSystem, path: string): Promise<void> {
    if (this.isSaved) return
    const from = this.#savedCount * this.entryBytes
    const size = this.sizeInBytes
    const count = this.count
    const file = await files.open(path, 'write')
    try {
      if (size > from) file.writeNow(from, [this.bytes.subarray(from, size)])
      if (this.#fileBytes > size) await file.truncate(size)
    } finally {
      await file.close()
    }
    this.#savedCount = Math.min(count, this.count)
    this.#fileBytes = size
  }
}

/** The last entry's number for which `isBefore` holds; it must hold for a beginning of the entries only. -1 if for none. */
export function lastWhere(count: number, isBefore: (entry: number) => boolean): number {
  let low = -1
  let high = count - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (isBefore(middle)) low = middle
    else high = middle - 1
  }
  return low
}
