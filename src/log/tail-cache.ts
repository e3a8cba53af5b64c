/**
 * log: the bytes last written to all partitions, so that a consumer that keeps up needs no read from a file.
 *
 * One budget for all; what is oldest goes first, whichever partition it belongs to. It counts the memory that an entry keeps
 * alive: a view counts for all that is beneath it, once. A small part of a chunk is copied into a slab instead, one batch behind
 * the other, which also makes one write and one buffer to send of them. Entries hold the slabs that they lie in.
 */
import { batchSizeAt } from '../../protocol/records/batches.ts'
import { lastOffsetAt } from '../../protocol/records/record-batch.ts'
import { type Slab, SlabFiller, SlabPool, slabOf } from '../runtime/slabs.ts'

const copySlabBytes = 64 * 1024
const maxIdleCopySlabs = 64
/** Below this size a batch is always copied: joined they are cheaper to write and to send. */
const smallBytes = 1024
/** A view is copied when the chunk beneath it is more than this times as large. */
const wasteFactor = 3
/** So it is on a slab, which others use as well, and which is there again when it is given back. */
const slabWasteFactor = 16

interface TailEntry {
  readonly tail: PartitionTail
  readonly baseOffset: number
  nextOffset: number
  /** Whole batches; empty once it was dropped. */
  bytes: Buffer
  /** Undefined once it was dropped, too: dropped entries may stay in the lists for long. */
  slab: Slab | undefined
  /** Of what it alone keeps alive. */
  cost: number
}

export class TailCache {
  readonly #budgetBytes: number
  #usedBytes = 0
  #entries: TailEntry[] = []
  #oldest = 0
  readonly #copySlabs = new SlabPool(copySlabBytes, maxIdleCopySlabs)
  readonly #copies = new SlabFiller(this.#copySlabs)
  /** Entries in each slab of others. */
  readonly #kept = new Map<Slab, number>()

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** `bytes`, or a copy of them where keeping them would keep much more memory alive. */
  compact(bytes: Buffer): Buffer {
    const size = bytes.length
    const factor = slabOf(bytes) === undefined ? wasteFactor : slabWasteFactor
    if (size >= smallBytes && size * factor >= bytes.buffer.byteLength) return bytes
    if (size > copySlabBytes / 4) return Buffer.from(bytes)
    return this.#copies.copy(bytes)
  }

  /** `bytes`: what `compact` returned for the batches `baseOffset` to `nextOffset` - 1, now written. */
  add(tail: PartitionTail, baseOffset: number, nextOffset: number, bytes: Buffer): void {
    const slab = slabOf(bytes)
    // Ours go in the order of their entries: their parts count for themselves.
    const isShared = slab !== undefined && slab.pool !== this.#copySlabs
    const last = tail.newest
    if (last !== undefined && last.nextOffset === baseOffset && follows(last.bytes, bytes)) {
      last.bytes = Buffer.from(bytes.buffer, last.bytes.byteOffset, last.bytes.length + bytes.length)
      last.nextOffset = nextOffset
      const more = isShared ? 0 : bytes.length
      last.cost += more
      this.#usedBytes += more
    } else {
      const own = slab === undefined ? bytes.buffer.byteLength : bytes.length
      const entry = { tail, baseOffset, nextOffset, bytes, slab, cost: isShared ? 0 : own }
      if (last !== undefined && last.nextOffset !== baseOffset) this.clear(tail)
      tail.entries.push(entry)
      this.#entries.push(entry)
      this.#usedBytes += entry.cost
      slab?.retain()
      if (isShared) this.#keep(slab)
    }
    this.#evict()
  }

  clear(tail: PartitionTail): void {
    for (let index = tail.oldest; index < tail.entries.length; index += 1) this.#drop(tail.entries[index]!)
    tail.entries = []
    tail.oldest = 0
  }

  #evict(): void {
    while (this.#usedBytes > this.#budgetBytes && this.#oldest < this.#entries.length) {
      const entry = this.#entries[this.#oldest]!
      this.#oldest += 1
      if (entry.bytes === noBytes) continue
      this.#drop(entry)
      entry.tail.dropOldest()
    }
    if (this.#oldest > 1024 && this.#oldest * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#oldest)
      this.#oldest = 0
    }
  }

  #drop(entry: TailEntry): void {
    if (entry.bytes === noBytes) return
    this.#usedBytes -= entry.cost
    entry.bytes = noBytes
    const { slab } = entry
    if (slab === undefined) return
    entry.slab = undefined
    if (this.#kept.has(slab)) this.#unkeep(slab)
    slab.release()
  }

  #keep(slab: Slab): void {
    const entries = this.#kept.get(slab) ?? 0
    if (entries === 0) this.#usedBytes += slab.buffer.length
    this.#kept.set(slab, entries + 1)
  }

  #unkeep(slab: Slab): void {
    const entries = this.#kept.get(slab)! - 1
    this.#kept.set(slab, entries)
    if (entries > 0) return
    this.#kept.delete(slab)
    this.#usedBytes -= slab.buffer.length
  }
}

const noBytes = Buffer.alloc(0)

export function follows(before: Buffer, after: Buffer): boolean {
  return before.buffer === after.buffer && before.byteOffset + before.length === after.byteOffset
}

/** One partition's part of the cache: entries without a gap up to the last written offset. */
export class PartitionTail {
  entries: TailEntry[] = []
  oldest = 0

  get newest(): TailEntry | undefined {
    return this.oldest < this.entries.length ? this.entries[this.entries.length - 1] : undefined
  }

  dropOldest(): void {
    this.oldest += 1
    if (this.oldest > 64 && this.oldest * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.oldest)
      this.oldest = 0
    }
  }

  /**
   * Whole batches from the one that holds `fromOffset`, all below `endOffset` (the start of a batch, or the log end) and together not
   * above `maxBytes`, save for the first if `minOneBatch`. Undefined when they are not all here.
   */
  read(fromOffset: number, endOffset: number, maxBytes: number, minOneBatch: boolean): Buffer[] | undefined {
    const first = this.entries[this.oldest]
    if (first === undefined || fromOffset < first.baseOffset || fromOffset >= this.newest!.nextOffset) return undefined
    const found: Buffer[] = []
    let left = maxBytes
    for (let index = this.#entryOf(fromOffset); index < this.entries.length; index += 1) {
      const entry = this.entries[index]!
      if (entry.baseOffset >= endOffset) break
      const isWhole = fromOffset <= entry.baseOffset && entry.nextOffset <= endOffset && entry.bytes.length <= left
      const part = isWhole
        ? entry.bytes
        : cut(entry.bytes, fromOffset, endOffset, left, minOneBatch && found.length === 0)
      if (part.length > 0) found.push(part)
      left -= part.length
      if (part.byteOffset + part.length < entry.bytes.byteOffset + entry.bytes.length) break
    }
    return found
  }

  #entryOf(offset: number): number {
    let low = this.oldest
    let high = this.entries.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.entries[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** The batches of `bytes` from the one that holds `fromOffset`, below `endOffset`, as many as fit `maxBytes` (the first even if not). */
export function cut(
  bytes: Buffer,
  fromOffset: number,
  endOffset: number,
  maxBytes: number,
  minOneBatch: boolean,
): Buffer {
  let position = 0
  let size = batchSizeAt(bytes, position)
  while (size > 0 && lastOffsetAt(bytes, position) < fromOffset) {
    position += size
    size = batchSizeAt(bytes, position)
  }
  const start = position
  while (size > 0 && lastOffsetAt(bytes, position) < endOffset) {
    const isFirst = position === start
    if (position + size - start > maxBytes && !(isFirst && minOneBatch)) break
    position += size
    size = batchSizeAt(bytes, position)
  }
  return bytes.subarray(start, position)
}
