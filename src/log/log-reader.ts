/**
 * log: reads whole batches from the segments' files: one index look-up and, as a rule, one positioned read.
 * A consumer that reads on where its last read ended is remembered, so that its read starts at the very batch.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { batchSizeAt } from '../../protocol/records/batches.ts'
import { lastOffsetAt, magicAt, readInt64 } from '../../protocol/records/record-batch.ts'
import type { FileHandle } from '../runtime/file-system.ts'
import { holdSlabsOf, largeSlabs, type Slab, slabOf } from '../runtime/slabs.ts'
import { UnreadableSegment } from './batch-scan.ts'
import type { Segment } from './segment.ts'
import type { Segments } from './segments.ts'
import { cut } from './tail-cache.ts'

/** Enough for the headers that an index look-up lands before the one that is wanted, where batches are small: index.interval.bytes and a bit. */
const searchBytes = 8 * 1024
const sizeUpToMagic = 17
/** Up to lastOffsetDelta. */
const headerBytes = 27
/** For as many readers of one partition. */
const rememberedCursors = 64
/** Reads below this size get memory of their own, and a part of a slab below it is copied, so that the rest can be used. */
const smallestSlabRead = 64 * 1024

/** Whole batches, and the way to give back the memory that they lie in. */
export interface FoundBatches {
  readonly records: readonly Buffer[]
  readonly release?: (() => void) | undefined
}

const nothing: FoundBatches = { records: [] }

interface Cursor {
  readonly segment: Segment
  readonly position: number
}

export class LogReader {
  readonly #segments: Segments
  /** By the offset behind what was read; the oldest come first. */
  #cursors: Map<number, Cursor> | undefined
  /** Offsets may be missing, as compaction leaves them. */
  mayHaveGaps: boolean

  constructor(segments: Segments, mayHaveGaps: boolean) {
    this.#segments = segments
    this.mayHaveGaps = mayHaveGaps
  }

  /** Segments have gone or shrunk. */
  forgetCursors(): void {
    this.#cursors = undefined
  }

  /** As PartitionTail.read, from the files. Ends with the segment. @throws UnreadableSegment rather than to skip what can't be read */
  async read(fromOffset: number, endOffset: number, maxBytes: number, minOneBatch: boolean): Promise<FoundBatches> {
    const { all } = this.#segments
    for (let index = this.#segments.indexOf(fromOffset); index < all.length; index += 1) {
      const segment = all[index]!
      if (segment.baseOffset >= endOffset) break
      const found = await this.#readSegment(segment, fromOffset, endOffset, maxBytes, minOneBatch)
      if (found !== undefined) return found
      const isMissing = !this.mayHaveGaps && !segment.isRetired && fromOffset < segment.nextOffset
      if (isMissing) throw new UnreadableSegment(segment.log.path)
    }
    return nothing
  }

  /** Undefined when the segment has no batch at or behind `fromOffset`. */
  async #readSegment(
    segment: Segment,
    fromOffset: number,
    endOffset: number,
    maxBytes: number,
    minOneBatch: boolean,
  ): Promise<FoundBatches | undefined> {
    const known = fromOffset <= segment.baseOffset ? 0 : this.#positionOf(segment, fromOffset)
    const start = known ?? (await segment.positionFor(fromOffset))
    const { size } = segment
    // Where the batch is still to be looked for, what is read before it is of no use.
    const wanted = known === undefined ? Math.min(maxBytes, searchBytes) : maxBytes
    const memory = new ReadMemory()
    const reading = segment.log.use(async (file): Promise<FoundBatches | undefined> => {
      let bytes = await memory.read(file, start, Math.min(Math.max(wanted, sizeUpToMagic), size - start))
      const first = await skipTo(file, bytes, { position: start, end: size }, segment, fromOffset)
      if (first === undefined) return undefined
      const { position } = first
      if (first.size > maxBytes && !minOneBatch) return nothing
      bytes = bytes.subarray(Math.min(position - start, bytes.length))
      const most = Math.min(Math.max(maxBytes, first.size), size - position)
      if (bytes.length < (known === undefined ? most : first.size)) bytes = await memory.read(file, position, most)
      const found = cutSound(segment, () => cut(bytes, fromOffset, endOffset, maxBytes, minOneBatch))
      const isBehindGap = !this.mayHaveGaps && found.length > 0 && firstOffsetOf(found) > fromOffset
      if (isBehindGap) throw new UnreadableSegment(segment.log.path)
      this.#remember(found, segment, position)
      if (found.length === 0) return nothing
      if (slabOf(found) === undefined) return { records: [worthKeeping(found)] }
      const records = [found.length >= smallestSlabRead ? found : Buffer.from(found)]
      return { records, release: holdSlabsOf(records) }
    })
    return await reading.finally(() => memory.release())
  }

  #positionOf(segment: Segment, offset: number): number | undefined {
    const cursor = this.#cursors?.get(offset)
    return cursor?.segment === segment ? cursor.position : undefined
  }

  #remember(found: Buffer, segment: Segment, position: number): void {
    if (found.length === 0) return
    let last = 0
    for (let size = batchSizeAt(found, 0), at = 0; size > 0; size = batchSizeAt(found, at)) {
      last = at
      at += size
    }
    const offset = lastOffsetAt(found, last) + 1
    this.#cursors ??= new Map()
    const cursors = this.#cursors
    cursors.delete(offset)
    cursors.set(offset, { segment, position: position + found.length })
    if (cursors.size <= rememberedCursors) return
    const [oldest] = cursors.keys()
    cursors.delete(oldest!)
  }
}

/** What one look into a file reads into: a slab where it pays, for all that is read one after the other. */
class ReadMemory {
  #slab: Slab | undefined

  /** What was read before may be gone. */
  read(file: FileHandle, position: number, length: number): Promise<Buffer> {
    if (length < smallestSlabRead || length > largeSlabs.slabBytes) return file.read(position, length)
    this.#slab ??= largeSlabs.take()
    return file.read(position, length, this.#slab.buffer)
  }

  /** Whoever needs what was read holds the slab by now. */
  release(): void {
    this.#slab?.release()
  }
}

/**
 * The first batch of `segment` at or behind `part.position` that ends with `fromOffset` or later, and its size. `bytes` lie at that
 * position; further headers are read as needed. Undefined when there is none before `part.end`. @throws UnreadableSegment
 */
async function skipTo(
  file: FileHandle,
  bytes: Buffer,
  part: { readonly position: number; readonly end: number },
  segment: Segment,
  fromOffset: number,
): Promise<{ position: number; size: number } | undefined> {
  const { end } = part
  let at = part.position
  let window = bytes
  let windowStart = at
  while (at < end) {
    const windowEnd = windowStart + window.length
    if (at + headerBytes > windowEnd && windowEnd < end) {
      windowStart = at
      window = await file.read(at, Math.min(searchBytes, end - at))
    }
    const { size, lastOffset } = readHeader(window, at - windowStart, end - windowStart, segment)
    if (lastOffset >= fromOffset) return { position: at, size }
    at += size
  }
  return undefined
}

/** Size and last offset of the batch at `position` of `window`, which must end up to `end`. */
function readHeader(
  window: Buffer,
  position: number,
  end: number,
  segment: Segment,
): { size: number; lastOffset: number } {
  const size =
    window.length - position < sizeUpToMagic ? 0 : cutSound(segment, () => batchSizeAt(window, position, end))
  const lastOffset = size === 0 ? -1 : lastOffsetAt(window, position)
  const isWithin = segment.baseOffset <= lastOffset && lastOffset < segment.nextOffset
  if (size === 0 || !(isWithin || segment.isRetired)) throw new UnreadableSegment(segment.log.path)
  return { size, lastOffset }
}

/** A length or a magic that can't be is the segment's fault. */
function cutSound<T>(segment: Segment, walk: () => T): T {
  try {
    return walk()
  } catch (error) {
    throw error instanceof KafkaError ? new UnreadableSegment(segment.log.path) : error
  }
}

/** At most: a compressed message of magic 0 or 1 does not say it. */
function firstOffsetOf(batches: Buffer): number {
  return magicAt(batches, 0) === 2 ? readInt64(batches, 0) : 0
}

/** A small part of what was read does not keep all of it alive. */
function worthKeeping(found: Buffer): Buffer {
  return found.length * 2 >= found.buffer.byteLength ? found : Buffer.from(found)
}
