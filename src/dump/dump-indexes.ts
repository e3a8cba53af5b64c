/**
 * dump: a segment's indexes, entry by entry, and whether each entry says the truth of the `.log` beside it. Zeros at the end are room that
 * Kafka has made and not used. An index's entries ascend with the log's batches, so one walk over each, side by side, checks them all.
 */
import { readInt64 } from '../../protocol/records/record-batch.ts'
import type { FileHandle } from '../runtime/file-system.ts'
import type { Fields } from './entry.ts'
import type { Report } from './report.ts'
import { BatchWalk, type WalkedBatch } from './walk-batches.ts'

export type IndexSuffix = '.index' | '.timeindex' | '.txnindex'

export interface IndexFile {
  readonly path: string
  /** The segment's; entries count from it. */
  readonly baseOffset: number
  /** Of the segment's `.log`. */
  readonly logPath: string
}

const pieceEntries = 16 * 1024

/** One kind of index; `V`: an entry decoded. */
interface IndexKind<V extends Fields> {
  readonly entryType: string
  readonly entryBytes: number
  decode(bytes: Buffer, at: number, baseOffset: number): V
  /** What is wrong between neighbours, or with an entry itself. */
  order(previous: V | undefined, entry: V): string | undefined
  /** What is wrong with it by the log. */
  compare(entry: V, log: LogCursor): Promise<string | undefined>
}

type OffsetEntry = { offset: number; position: number }
type TimeEntry = { timestamp: number; offset: number }
type AbortedEntry = {
  version: number
  producerId: bigint
  firstOffset: number
  lastOffset: number
  lastStableOffset: number
}

const offsetIndex: IndexKind<OffsetEntry> = {
  entryType: 'offsetIndex',
  entryBytes: 8,
  decode: (bytes, at, baseOffset) => ({
    offset: baseOffset + bytes.readInt32BE(at),
    position: bytes.readInt32BE(at + 4),
  }),
  order(previous, { offset, position }) {
    if (position < 0) return `position ${position} is negative`
    if (previous === undefined) return undefined
    if (offset <= previous.offset) return `offset ${offset} is not above ${previous.offset} of the entry before`
    return position > previous.position
      ? undefined
      : `position ${position} is not above ${previous.position} of the entry before`
  },
  async compare({ offset, position }, log) {
    const batch = await log.advance((each) => each.position >= position)
    if (batch?.position !== position) return `offset ${offset} points to byte ${position}, where no batch starts`
    if (batch.view.lastOffset === offset) return undefined
    return `offset ${offset} points to byte ${position}, where a batch ends with offset ${batch.view.lastOffset}`
  },
}

const timeIndex: IndexKind<TimeEntry> = {
  entryType: 'timeIndex',
  entryBytes: 12,
  decode: (bytes, at, baseOffset) => ({
    timestamp: readInt64(bytes, at),
    offset: baseOffset + bytes.readInt32BE(at + 8),
  }),
  order(previous, { timestamp, offset }) {
    if (previous === undefined) return undefined
    if (timestamp <= previous.timestamp) {
      return `timestamp ${timestamp} is not above ${previous.timestamp} of the entry before`
    }
    return offset >= previous.offset ? undefined : `offset ${offset} is below ${previous.offset} of the entry before`
  },
  async compare({ timestamp, offset }, log) {
    const batch = await log.advance((each) => each.view.lastOffset >= offset)
    if (batch === undefined || batch.view.baseOffset > offset) return `offset ${offset} is in no batch`
    const { position, view } = batch
    if (view.maxTimestamp !== timestamp) {
      return `timestamp ${timestamp} is said of offset ${offset}, but its batch at byte ${position} has ${view.maxTimestamp}`
    }
    if (log.maxTimestamp === timestamp) return undefined
    return `timestamp ${timestamp} of offset ${offset} is not the largest up to there: ${log.maxTimestamp} is`
  },
}

const transactionIndex: IndexKind<AbortedEntry> = {
  entryType: 'transactionIndex',
  entryBytes: 34,
  decode: (bytes, at) => ({
    version: bytes.readInt16BE(at),
    producerId: bytes.readBigInt64BE(at + 2),
    firstOffset: readInt64(bytes, at + 10),
    lastOffset: readInt64(bytes, at + 18),
    lastStableOffset: readInt64(bytes, at + 26),
  }),
  order(previous, { version, firstOffset, lastOffset }) {
    if (version !== 0) return `version ${version} is not known`
    if (lastOffset < firstOffset) return `last offset ${lastOffset} is below the first, ${firstOffset}`
    if (previous === undefined || lastOffset > previous.lastOffset) return undefined
    return `last offset ${lastOffset} is not above ${previous.lastOffset} of the entry before`
  },
  async compare({ producerId, lastOffset }, log) {
    const batch = await log.advance((each) => each.view.lastOffset >= lastOffset)
    const isMarker =
      batch?.view.isControl && batch.view.lastOffset === lastOffset && batch.view.producerId === producerId
    return isMarker ? undefined : `no marker of producer ${producerId} is at offset ${lastOffset}`
  },
}

/** Shows the entries, or checks them. */
export async function dumpIndex(
  report: Report,
  suffix: IndexSuffix,
  of: IndexFile,
  file: FileHandle,
  size: number,
): Promise<void> {
  switch (suffix) {
    case '.index':
      return await dumpKind(report, offsetIndex, of, file, size)
    case '.timeindex':
      return await dumpKind(report, timeIndex, of, file, size)
    case '.txnindex':
      return await dumpKind(report, transactionIndex, of, file, size)
  }
}

async function dumpKind<V extends Fields>(
  report: Report,
  kind: IndexKind<V>,
  of: IndexFile,
  file: FileHandle,
  size: number,
): Promise<void> {
  const { path } = of
  const { entryBytes } = kind
  const odd = size % entryBytes
  if (odd !== 0) await report.problem(path, size - odd, `${odd} bytes are left, but an entry has ${entryBytes}`)
  const end = await endOfEntries(file, size - odd, entryBytes)
  const log = report.verify && end > 0 ? await LogCursor.open(report, of) : undefined
  try {
    let previous: V | undefined
    for (let from = 0; from < end; from += pieceEntries * entryBytes) {
      const bytes = await file.read(from, Math.min(pieceEntries * entryBytes, end - from))
      for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes) {
        const entry = kind.decode(bytes, at, of.baseOffset)
        await report.show({ type: kind.entryType, file: path, ...entry, positionInFile: from + at })
        const disorder = kind.order(previous, entry)
        if (disorder !== undefined) await report.problem(path, from + at, disorder)
        // The walk over the log only goes forwards: an entry out of order can't be looked up.
        if (disorder === undefined && log !== undefined) {
          const lie = await kind.compare(entry, log)
          if (lie !== undefined) await report.problem(path, from + at, lie)
        }
        if (disorder === undefined) previous = entry
      }
    }
  } finally {
    await log?.close()
  }
}

/** Where the last entry ends that is not all zeros. */
async function endOfEntries(file: FileHandle, size: number, entryBytes: number): Promise<number> {
  const pieceBytes = pieceEntries * entryBytes
  for (let from = Math.floor(Math.max(0, size - 1) / pieceBytes) * pieceBytes; from >= 0; from -= pieceBytes) {
    const bytes = await file.read(from, Math.min(pieceBytes, size - from))
    const last = bytes.findLastIndex((byte) => byte !== 0)
    if (last >= 0) return from + Math.ceil((last + 1) / entryBytes) * entryBytes
  }
  return 0
}

/** Goes over the headers of the segment's batches, forwards only. */
class LogCursor {
  readonly #file: FileHandle
  readonly #walk: BatchWalk
  #current: WalkedBatch | undefined
  #hasEnded = false
  /** Of all batches up to the current one. */
  maxTimestamp = -1

  private constructor(file: FileHandle, size: number) {
    this.#file = file
    this.#walk = new BatchWalk(file, size, { wantsBodies: false })
  }

  /** Undefined, and a problem, when the index has no log. */
  static async open(report: Report, { path, logPath }: IndexFile): Promise<LogCursor | undefined> {
    if (!(await report.files.exists(logPath))) {
      await report.problem(path, null, 'there is no .log beside it to compare it with')
      return undefined
    }
    const file = await report.files.open(logPath, 'read')
    return new LogCursor(file, await file.size())
  }

  /** The first batch from the current one on for which `isReached` holds. */
  async advance(isReached: (batch: WalkedBatch) => boolean): Promise<WalkedBatch | undefined> {
    while (!this.#hasEnded && (this.#current === undefined || !isReached(this.#current))) {
      this.#current = await this.#walk.next()
      if (this.#current === undefined) this.#hasEnded = true
      else this.maxTimestamp = Math.max(this.maxTimestamp, this.#current.view.maxTimestamp)
    }
    return this.#current
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
