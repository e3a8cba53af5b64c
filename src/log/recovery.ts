/**
 * log: opens what is in a partition's directory.
 *
 * After a clean stop the files are believed: only what lies behind the last index entry of the last segment is read. Otherwise every
 * batch from the recovery point on is checked; the log ends before the first that is not whole and true, indexes and leader epochs
 * behind it are built again. Producers are those of the newest snapshot plus the batches behind it.
 */
import { batchesIn } from '../../protocol/records/batches.ts'
import { endTransactionMarkerOf } from '../../protocol/records/control-records.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { batchRuns } from './batch-scan.ts'
import { finishSwaps } from './compaction/segment-swap.ts'
import { LeaderEpochs, leaderEpochFileName } from './leader-epochs.ts'
import type { LogConfig } from './log-config.ts'
import type { LogStorage } from './log-storage.ts'
import { decodeProducerSnapshot } from './producer-snapshot.ts'
import { ProducerStates } from './producer-states.ts'
import { Segment, segmentFileName } from './segment.ts'
import { newSegment, rollJitterMs, Segments } from './segments.ts'

const segmentFilePattern = /^(\d{20})\.(log|index|timeindex|txnindex|snapshot)$/
const largestRelativeOffset = 0x7fffffff

export interface LoadOptions {
  readonly storage: LogStorage
  readonly config: LogConfig
  /** Everything below was synced. */
  readonly recoveryPoint: number
  /** Undefined: that of the first segment. */
  readonly logStartOffset: number | undefined
  readonly isClean: boolean
}

export interface LoadedLog {
  readonly segments: Segments
  readonly producers: ProducerStates
  readonly epochs: LeaderEpochs
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** -1 when there is none. */
  readonly newestSnapshotOffset: number
}

/** `found`: the files in `directory`. */
export async function loadLog(directory: string, found: readonly string[], options: LoadOptions): Promise<LoadedLog> {
  const { storage, config } = options
  const names = await finishSwaps(storage.files, directory, found, storage.logger)
  const segments = await listSegments(directory, names, options)
  const epochs = await loadEpochs(directory, names, storage)
  if (segments.all.length === 0) {
    await segments.restartAt(options.logStartOffset ?? 0, config)
  } else if (!(options.isClean && (await resumeClean(segments, config)))) {
    await recoverSegments(segments, epochs, options)
  }
  let logEndOffset = segments.active.nextOffset
  const logStartOffset = Math.max(options.logStartOffset ?? 0, segments.all[0]!.baseOffset)
  if (logStartOffset > logEndOffset) {
    storage.logger.warn(
      { directory, logStartOffset, logEndOffset },
      'the log ends before its start offset: it is emptied',
    )
    await segments.restartAt(logStartOffset, config)
    epochs.truncateFromEnd(logStartOffset)
    logEndOffset = logStartOffset
  }
  const known = { segments, epochs, logStartOffset, logEndOffset }
  return { ...known, ...(await loadProducers(known, names, options)) }
}

async function listSegments(directory: string, names: readonly string[], options: LoadOptions): Promise<Segments> {
  const { storage, config } = options
  const present = new Set(names)
  const baseOffsets: number[] = []
  for (const name of names) {
    const match = segmentFilePattern.exec(name)
    if (match?.[2] === 'log') baseOffsets.push(Number(match[1]))
    const isLeftOver = name.endsWith('.deleted') || name.endsWith('.tmp')
    const isOrphan = /^(index|timeindex|txnindex)$/.test(match?.[2] ?? '') && !present.has(`${match![1]}.log`)
    if (isLeftOver || isOrphan) await storage.files.remove(`${directory}/${name}`)
  }
  baseOffsets.sort((left, right) => left - right)
  const segments: Segment[] = []
  for (const [index, baseOffset] of baseOffsets.entries()) {
    const size = await storage.files.sizeOf(`${directory}/${segmentFileName(baseOffset, '.log')}`)
    segments.push(
      new Segment(directory, baseOffset, storage.openFiles, {
        size,
        nextOffset: baseOffsets[index + 1] ?? baseOffset,
        createdMs: storage.clock.now(),
        rollJitterMs: rollJitterMs(storage, config),
        hasTransactionIndex: present.has(segmentFileName(baseOffset, '.txnindex')),
      }),
    )
  }
  return new Segments(directory, storage, segments)
}

async function loadEpochs(directory: string, names: readonly string[], storage: LogStorage): Promise<LeaderEpochs> {
  if (!names.includes(leaderEpochFileName)) return new LeaderEpochs()
  const content = await storage.files.readFile(`${directory}/${leaderEpochFileName}`)
  return LeaderEpochs.parse(content.toString('utf8')) ?? new LeaderEpochs()
}

/** False when the last segment is not what a clean stop leaves. */
async function resumeClean(segments: Segments, config: LogConfig): Promise<boolean> {
  const { active } = segments
  const { size } = active
  const isTrue = await active.resume(config.indexIntervalBytes)
  const isWhole = isTrue && active.size === size
  active.size = size
  return isWhole
}

async function recoverSegments(segments: Segments, epochs: LeaderEpochs, options: LoadOptions): Promise<void> {
  const { config, storage } = options
  const recoveryPoint = options.isClean ? segments.active.baseOffset : options.recoveryPoint
  for (let index = segments.indexOf(recoveryPoint); index < segments.all.length; index += 1) {
    const segment = segments.all[index]!
    const fileBytes = segment.size
    const trustedOffset = options.isClean ? 0 : recoveryPoint
    if (!(await recoverSegment(segment, epochs, trustedOffset, config))) {
      await segment.dropIndexFiles()
      segment.size = fileBytes
      await createIndexFiles(segment, storage)
      await recoverSegment(segment, epochs, 0, config)
    }
    segment.syncedSize = 0
    const isLast = index === segments.all.length - 1
    if (segment.size < fileBytes) {
      await cutOff(segments, index, fileBytes, storage)
    } else if (!isLast && !config.compacted && lostItsEnd(segments, index)) {
      await segments.dropBehind(index)
    } else if (!isLast) {
      await segment.seal()
    }
  }
}

/** The last batches of segment `index` are missing, and behind it are only empty segments: the log would end with a gap. */
function lostItsEnd(segments: Segments, index: number): boolean {
  const later = segments.all.slice(index + 1)
  return later[0]!.baseOffset > segments.all[index]!.nextOffset && later.every(({ size }) => size === 0)
}

/** False when the indexes contradict the log. */
async function recoverSegment(
  segment: Segment,
  epochs: LeaderEpochs,
  trustedOffset: number,
  config: LogConfig,
): Promise<boolean> {
  let expectedOffset = -1
  return await segment.resume(config.indexIntervalBytes, trustedOffset, (batch) => {
    const firstOffset = batch.magic < 2 ? batch.lastOffset : batch.baseOffset
    if (firstOffset < Math.max(expectedOffset, segment.baseOffset) || batch.lastOffset < firstOffset) return false
    if (batch.lastOffset - segment.baseOffset > largestRelativeOffset || !batch.isCrcValid()) return false
    if (expectedOffset < 0) epochs.truncateFromEnd(firstOffset)
    epochs.assign(batch.partitionLeaderEpoch, firstOffset)
    expectedOffset = batch.lastOffset + 1
    return true
  })
}

async function createIndexFiles(segment: Segment, storage: LogStorage): Promise<void> {
  for (const suffix of ['.index', '.timeindex'] as const) {
    await (await storage.files.open(segment.path(suffix), 'write')).close()
  }
}

/** Everything behind the good part of segment `index` goes. */
async function cutOff(segments: Segments, index: number, fileBytes: number, storage: LogStorage): Promise<void> {
  const segment = segments.all[index]!
  const { size, nextOffset } = segment
  let droppedBytes = fileBytes - size
  for (const later of segments.all.slice(index + 1)) droppedBytes += later.size
  storage.logger.warn(
    { directory: segments.directory, droppedBytes, logEndOffset: nextOffset },
    `cut off ${droppedBytes} bytes that are no whole batches: the log ends at offset ${nextOffset}`,
  )
  await segments.dropBehind(index)
  await segment.truncate(size, nextOffset)
}

async function loadProducers(
  log: { segments: Segments; logEndOffset: number },
  names: readonly string[],
  options: LoadOptions,
): Promise<{ producers: ProducerStates; newestSnapshotOffset: number }> {
  const { storage } = options
  const { segments, logEndOffset } = log
  const producers = new ProducerStates()
  // Transaction indexes behind the recovery point may have been lost: what they hold is found again on the way.
  const recovered = segments.all[segments.indexOf(options.recoveryPoint)]!.baseOffset
  const upTo = options.isClean ? logEndOffset : Math.min(recovered, logEndOffset)
  const newestSnapshotOffset = await loadNewestSnapshot(segments, upTo, names, producers, storage)
  const from = Math.max(newestSnapshotOffset, segments.all[0]!.baseOffset)
  if (from < logEndOffset) await replayProducers(segments, producers, from, !options.isClean)
  producers.expire(storage.clock.now(), storage.producerIdExpirationMs)
  return { producers, newestSnapshotOffset }
}

/** Loads the newest at `upTo` or below. Its offset, -1 when there is none. Snapshots that are of no use any more are removed. */
async function loadNewestSnapshot(
  segments: Segments,
  upTo: number,
  names: readonly string[],
  producers: ProducerStates,
  storage: LogStorage,
): Promise<number> {
  const baseOffsets = new Set(segments.all.map((segment) => segment.baseOffset))
  let newest = -1
  for (const name of [...names].sort().reverse()) {
    const match = segmentFilePattern.exec(name)
    if (match?.[2] !== 'snapshot') continue
    const offset = Number(match[1])
    const path = `${segments.directory}/${name}`
    if (offset <= upTo && newest < 0) {
      const entries = decodeProducerSnapshot(await storage.files.readFile(path))
      if (entries !== undefined) {
        producers.load(entries)
        newest = offset
        continue
      }
    } else if (offset <= upTo && baseOffsets.has(offset)) {
      continue
    }
    await storage.files.remove(path)
  }
  return newest
}

/** Tells `producers` of the batches from `from` on. `rebuildsIndex`: the transaction indexes behind it are made anew. */
export async function replayProducers(
  segments: Segments,
  producers: ProducerStates,
  from: number,
  rebuildsIndex: boolean,
): Promise<void> {
  for (const segment of segments.all.slice(segments.indexOf(from))) {
    if (rebuildsIndex) (await segment.transactionIndex()).truncateToOffset(from)
    const position = await segment.positionFor(from)
    const index = rebuildsIndex ? await segment.transactionIndex() : undefined
    await segment.log.use(async (file) => {
      for await (const { bytes } of batchRuns(file, position, segment.size)) {
        for (const batch of batchesIn(bytes)) {
          if (batch.lastOffset < from || !batch.hasProducerId) continue
          const aborted = noteProduced(batch, producers)
          if (aborted !== undefined) index?.append(aborted)
        }
      }
    })
    if (rebuildsIndex) await segment.saveIndexes()
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

/** A new partition's only segment, and nothing else. */
export async function createLog(directory: string, storage: LogStorage, config: LogConfig): Promise<LoadedLog> {
  const segment = newSegment(directory, 0, storage, config)
  await segment.create()
  const segments = new Segments(directory, storage, [segment])
  segments.isDirectoryChanged = true
  segments.isDirectoryNew = true
  const producers = new ProducerStates()
  const epochs = new LeaderEpochs()
  return { segments, producers, epochs, logStartOffset: 0, logEndOffset: 0, newestSnapshotOffset: -1 }
}
