/**
 * log: what a partition's files tell of its producers: those of the newest snapshot, plus the batches behind it. After a crash recovery reads most
 * of these anyway, so it tells of them as it goes, where the snapshot is near enough.
 */
import { batchesIn } from '../../protocol/records/batches.ts'
import { endTransactionMarkerOf } from '../../protocol/records/control-records.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { segmentRuns } from './batch-scan.ts'
import type { LogStorage } from './log-storage.ts'
import { decodeProducerSnapshot } from './producer-snapshot.ts'
import { ProducerStates } from './producer-states.ts'
import type { Segment } from './segment.ts'
import { readIfExists, segmentFileName } from './segment-files.ts'
import type { Segments } from './segments.ts'
import { TransactionIndex } from './transaction-index.ts'

const snapshotPattern = /^(\d{20})\.snapshot$/

interface ProducersToLoad {
  readonly storage: LogStorage
  readonly recoveryPoint: number
  readonly isClean: boolean
  /** Offsets may be missing between batches: what is lost there is not seen. */
  readonly mayHaveGaps: boolean
  /** Undefined: that of the first segment. */
  readonly logStartOffset: number | undefined
}

/**
 * Before it no open transaction is believed: where offsets may be missing, its marker may be what was lost, and as consumers get nothing from
 * before the log start, nobody misses it who could end it once more. Kafka tells its producers of nothing before the log start.
 */
export function believedFrom({ mayHaveGaps, logStartOffset = 0 }: Partial<ProducersToLoad>): number {
  return mayHaveGaps === true ? logStartOffset : 0
}

/** What producers are told of a log, from `fromOffset` on. */
class Replay {
  readonly producers: ProducerStates
  readonly fromOffset: number
  readonly #believedFrom: number
  #isBelieved: boolean

  constructor(producers: ProducerStates, fromOffset: number, believedFrom = 0) {
    this.producers = producers
    this.fromOffset = fromOffset
    this.#believedFrom = believedFrom
    this.#isBelieved = fromOffset >= believedFrom
  }

  /** Returns the transaction that `batch` aborts. */
  note(batch: RecordBatchView): ReturnType<typeof noteProduced> {
    if (batch.lastOffset < this.fromOffset) return undefined
    if (!this.#isBelieved && batch.lastOffset >= this.#believedFrom) this.end()
    return batch.hasProducerId ? noteProduced(batch, this.producers) : undefined
  }

  /** There is nothing more. */
  end(): void {
    if (!this.#isBelieved) this.producers.forgetOpenTransactions()
    this.#isBelieved = true
  }
}

/** Producers that hear of the batches behind `fromOffset` as recovery checks them, so that none is read twice. */
export class FollowedProducers {
  /** False: they have missed something. */
  isWhole = true
  readonly #replay: Replay
  readonly #snapshotOffset: number
  #segment: Segment | undefined

  constructor(replay: Replay, snapshotOffset: number) {
    this.#replay = replay
    this.#snapshotOffset = snapshotOffset
  }

  get fromOffset(): number {
    return this.#replay.fromOffset
  }

  note(batch: RecordBatchView, segment: Segment): void {
    const index = segment.indexes.activeTransactionIndex
    if (this.#segment !== segment) index.truncateToOffset(this.fromOffset)
    this.#segment = segment
    const aborted = this.#replay.note(batch)
    if (aborted !== undefined) index.append(aborted)
  }

  /** They are what a log that ends at `logEndOffset` says of its producers. */
  isTrueOf(logEndOffset: number): boolean {
    return this.isWhole && this.fromOffset <= logEndOffset
  }

  end(storage: LogStorage): { producers: ProducerStates; newestSnapshotOffset: number } {
    const { producers } = this.#replay
    this.#replay.end()
    producers.expire(storage.clock.now(), storage.producerIdExpirationMs)
    return { producers, newestSnapshotOffset: this.#snapshotOffset }
  }
}

/** Undefined where the newest snapshot lies before the segments that have to be recovered. */
export async function followProducers(
  segments: Segments,
  names: readonly string[],
  options: ProducersToLoad,
): Promise<FollowedProducers | undefined> {
  const { isClean, recoveryPoint, mayHaveGaps, storage } = options
  if (isClean) return undefined
  const states = new ProducerStates()
  const baseOffsets = baseOffsetsOf(segments)
  // One that was taken within a segment was taken when all below it was synced, transaction index included; one taken at a roll before. Without
  // its segment that one looks like the other, but is true where nothing below it is missing.
  const isUsable = (offset: number) => offset <= recoveryPoint || !(mayHaveGaps || baseOffsets.has(offset))
  const snapshotOffset = await loadNewestSnapshot(segments, isUsable, names, states, storage)
  const fromOffset = Math.max(snapshotOffset, segments.all[0]!.baseOffset)
  if (fromOffset < segments.all[segments.indexOf(recoveryPoint)]!.baseOffset) return undefined
  return new FollowedProducers(new Replay(states, fromOffset, believedFrom(options)), snapshotOffset)
}

/** As they were where the log ends. */
export async function loadProducers(
  log: { segments: Segments; logEndOffset: number },
  names: readonly string[],
  options: ProducersToLoad,
): Promise<{ producers: ProducerStates; newestSnapshotOffset: number }> {
  const { storage } = options
  const { segments, logEndOffset } = log
  const producers = new ProducerStates()
  // Transaction indexes behind the recovery point may have been lost: what they hold is found again on the way.
  const recovered = segments.all[segments.indexOf(options.recoveryPoint)]!.baseOffset
  const upTo = options.isClean ? logEndOffset : Math.min(recovered, logEndOffset)
  const isUsable = (offset: number) => offset <= upTo
  const newestSnapshotOffset = await loadNewestSnapshot(segments, isUsable, names, producers, storage)
  const from = Math.max(newestSnapshotOffset, segments.all[0]!.baseOffset)
  const replay = new Replay(producers, from, believedFrom(options))
  if (from < logEndOffset) await replayLog(segments, replay, !options.isClean)
  producers.expire(storage.clock.now(), storage.producerIdExpirationMs)
  return { producers, newestSnapshotOffset }
}

function baseOffsetsOf(segments: Segments): ReadonlySet<number> {
  return new Set(segments.all.map((segment) => segment.baseOffset))
}

/**
 * Loads the newest that is usable. Its offset, -1 when there is none. Snapshots that are of no use any more are removed, durably: one that comes back
 * after a power failure would tell of what was there before others were written in its place.
 */
async function loadNewestSnapshot(
  segments: Segments,
  isUsable: (offset: number) => boolean,
  names: readonly string[],
  producers: ProducerStates,
  storage: LogStorage,
): Promise<number> {
  const newest = await loadSnapshot(segments, isUsable, names, producers, storage.files)
  const baseOffsets = baseOffsetsOf(segments)
  let hasRemoved = false
  for (const offset of snapshotOffsetsIn(names)) {
    // An older one where a segment starts may be needed when the transaction indexes from there on are made anew.
    const isSpare = offset < newest && isUsable(offset) && baseOffsets.has(offset)
    if (offset === newest || isSpare) continue
    await storage.files.remove(snapshotPath(segments, offset))
    hasRemoved = true
  }
  if (hasRemoved) await storage.files.syncDirectory(segments.directory)
  return newest
}

/** Loads the newest that is usable and can be read. Its offset, -1 when there is none. */
async function loadSnapshot(
  segments: Segments,
  isUsable: (offset: number) => boolean,
  names: readonly string[],
  producers: ProducerStates,
  files: LogStorage['files'],
): Promise<number> {
  const firstOffset = segments.all[0]!.baseOffset
  for (const offset of snapshotOffsetsIn(names)) {
    // One from before the first segment lacks what was between the two, the end of a transaction maybe.
    if (!isUsable(offset) || offset < firstOffset) continue
    // With a segment that was dropped, its snapshot has gone.
    const content = await readIfExists(files, snapshotPath(segments, offset))
    const entries = content && decodeProducerSnapshot(content)
    if (entries === undefined) continue
    producers.load(entries)
    return offset
  }
  return -1
}

/** The newest first. */
function snapshotOffsetsIn(names: readonly string[]): number[] {
  const offsets = names.flatMap((name) => snapshotPattern.exec(name)?.[1] ?? []).map(Number)
  return offsets.sort((left, right) => right - left)
}

function snapshotPath({ directory }: Segments, offset: number): string {
  return `${directory}/${segmentFileName(offset, '.snapshot')}`
}

/** Tells `producers` of all that is in `segments`. `believedFrom`: open transactions from before are forgotten there. */
export async function replayProducers(
  segments: Segments,
  producers: ProducerStates,
  believedFrom: number,
): Promise<void> {
  await replayLog(segments, new Replay(producers, segments.all[0]!.baseOffset, believedFrom), false)
}

/** `rebuildsIndex`: the transaction indexes behind its first offset are made anew. */
async function replayLog(segments: Segments, replay: Replay, rebuildsIndex: boolean): Promise<void> {
  const { fromOffset } = replay
  for (const segment of segments.all.slice(segments.indexOf(fromOffset))) {
    if (rebuildsIndex) (await segment.transactionIndex()).truncateToOffset(fromOffset)
    await replaySegment(segment, replay, rebuildsIndex ? await segment.transactionIndex() : undefined)
    if (rebuildsIndex) await segment.indexes.save()
  }
  replay.end()
}

/** `index` gets the transactions that are aborted there. */
async function replaySegment(segment: Segment, replay: Replay, index?: TransactionIndex): Promise<void> {
  const position = await segment.positionFor(replay.fromOffset)
  await segment.log.use(async (file) => {
    for await (const { bytes } of segmentRuns(segment, file, position)) {
      for (const batch of batchesIn(bytes)) {
        const aborted = replay.note(batch)
        if (aborted !== undefined) index?.append(aborted)
      }
    }
  })
}

/** Makes anew the transaction indexes that are damaged, each from its segment and what the newest snapshot before says of open transactions. */
export async function repairTransactionIndexes(segments: Segments, { files, logger }: LogStorage): Promise<void> {
  for (const segment of segments.all) {
    if ((await segment.transactionIndex()).isWhole) continue
    const producers = new ProducerStates()
    const names = await files.list(segments.directory)
    const isBefore = (offset: number) => offset <= segment.baseOffset
    const snapshotOffset = await loadSnapshot(segments, isBefore, names, producers, files)
    const fromOffset = Math.max(snapshotOffset, segments.all[0]!.baseOffset)
    const earlier = segments.all.slice(segments.indexOf(fromOffset), segments.all.indexOf(segment))
    const replay = new Replay(producers, fromOffset)
    for (const each of earlier) await replaySegment(each, replay)
    const index = TransactionIndex.empty(segment.baseOffset)
    await replaySegment(segment, replay, index)
    await segment.indexes.replaceTransactionIndex(index)
    const path = segment.path('.txnindex')
    logger.warn({ path, abortedTransactions: index.count }, `${path} is damaged: it was made anew from the log`)
  }
}

/** Tells `producers` of a batch in the log. Returns the transaction that it aborts, as the transaction index wants it. */
export function noteProduced(
  batch: RecordBatchView,
  producers: ProducerStates,
  append?: Parameters<ProducerStates['written']>[2],
): { producerId: bigint; firstOffset: number; lastOffset: number; lastStableOffset: number } | undefined {
  // Compaction has emptied it: the whole transaction is gone, and nothing follows from it.
  if (batch.isControl && batch.recordCount === 0) return undefined
  const marker = batch.isControl ? endTransactionMarkerOf(batch) : undefined
  const end = marker && { isAbort: marker.type === 'ABORT', coordinatorEpoch: marker.coordinatorEpoch }
  const completed = producers.written(batch, end, append)
  if (completed?.isAborted !== true) return undefined
  const { producerId, firstOffset, lastOffset } = completed
  return {
    producerId,
    firstOffset,
    lastOffset,
    lastStableOffset: producers.firstOpenTransactionOffset ?? lastOffset + 1,
  }
}
