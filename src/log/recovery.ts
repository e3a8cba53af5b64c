/**
 * log: opens what is in a partition's directory.
 *
 * After a clean stop the files are believed: only what lies behind the last index entry of the last segment is read. Otherwise every
 * batch from the recovery point on is checked; the log ends before the first that is not whole and true, indexes and leader epochs
 * behind it are built again. What was durable, all after a clean stop and what is below the recovery point, is never cut: where it is
 * damaged the log is not opened. Producers are those of the newest snapshot plus the batches behind it.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn } from '../../protocol/records/batches.ts'
import { endTransactionMarkerOf } from '../../protocol/records/control-records.ts'
import { type RecordBatchView, recordBatchOverhead } from '../../protocol/records/record-batch.ts'
import { batchRuns, segmentRuns } from './batch-scan.ts'
import { finishSwaps } from './compaction/segment-swap.ts'
import { closedRemedy, type Damage, damageError, findDamage, lookThrough } from './damage.ts'
import { LeaderEpochs, leaderEpochFileName } from './leader-epochs.ts'
import type { LogConfig } from './log-config.ts'
import type { LogStorage } from './log-storage.ts'
import { decodeProducerSnapshot } from './producer-snapshot.ts'
import { ProducerStates } from './producer-states.ts'
import { Segment, segmentFileName } from './segment.ts'
import { newSegment, preallocatedBytes, rollJitterMs, Segments } from './segments.ts'

const segmentFilePattern = /^(\d{20})\.(log|index|timeindex|txnindex|snapshot)$/
const largestRelativeOffset = 0x7fffffff

export interface LoadOptions {
  readonly storage: LogStorage
  readonly config: LogConfig
  /** Everything below was synced. */
  readonly recoveryPoint: number
  /** Undefined: that of the first segment. */
  readonly logStartOffset: number | undefined
  /** A log that ends before it is emptied and starts there. */
  readonly leastEndOffset: number
  readonly isClean: boolean
  /** Offsets may be missing between batches: it is or was compacted. */
  readonly mayHaveGaps: boolean
}

export interface LoadedLog {
  readonly segments: Segments
  readonly producers: ProducerStates
  readonly epochs: LeaderEpochs
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** -1 when there is none. */
  readonly newestSnapshotOffset: number
  readonly mayHaveGaps: boolean
}

/** `present`: the files in `directory`. @throws KafkaError KAFKA_STORAGE_ERROR when what was durable is damaged */
export async function loadLog(directory: string, present: readonly string[], options: LoadOptions): Promise<LoadedLog> {
  const { storage, config } = options
  const names = await finishSwaps(storage.files, directory, present, storage.logger)
  const segments = await listSegments(directory, names, options)
  const epochs = await loadEpochs(directory, names, storage)
  if (segments.all.length === 0) {
    requireNothingLost(directory, options)
    await segments.restartAt(options.logStartOffset ?? 0, config)
  } else if (!(options.isClean && (await resumeClean(segments, options)))) {
    await recoverSegments(segments, epochs, options)
  }
  let logEndOffset = segments.active.nextOffset
  let logStartOffset = Math.max(options.logStartOffset ?? 0, segments.all[0]!.baseOffset)
  if (logEndOffset < options.leastEndOffset) logStartOffset = Math.max(logStartOffset, options.leastEndOffset)
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
  const found = (damage: Damage): KafkaError => damageError(damage, closedRemedy(parentOf(directory)))
  const { mayHaveGaps } = options
  const producers = await lookThrough(segments, () => loadProducers(known, names, options), { mayHaveGaps, found })
  return { ...known, ...producers, mayHaveGaps }
}

/** A log of which there was something is not begun anew because its segments are gone. */
function requireNothingLost(directory: string, options: LoadOptions): void {
  const { recoveryPoint, logStartOffset = 0, leastEndOffset } = options
  if (recoveryPoint <= Math.max(logStartOffset, leastEndOffset)) return
  throw new KafkaError(
    'KAFKA_STORAGE_ERROR',
    `${directory} has no segment file, but what it held reached up to offset ${recoveryPoint - 1}: stop the broker and put back a copy of the files, or move the directory away to begin with an empty one`,
  )
}

function parentOf(directory: string): string {
  return directory.slice(0, directory.lastIndexOf('/'))
}

async function listSegments(directory: string, names: readonly string[], options: LoadOptions): Promise<Segments> {
  const { storage, config } = options
  const present = new Set(names)
  const baseOffsets: number[] = []
  for (const name of names) {
    const match = segmentFilePattern.exec(name)
    if (name.endsWith('.log') && !isSegmentName(match)) {
      storage.logger.warn({ path: `${directory}/${name}` }, 'a .log file without an offset as its name is left alone')
      continue
    }
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

function isSegmentName(match: RegExpExecArray | null): boolean {
  return match !== null && Number.isSafeInteger(Number(match[1]))
}

async function loadEpochs(directory: string, names: readonly string[], storage: LogStorage): Promise<LeaderEpochs> {
  if (!names.includes(leaderEpochFileName)) return new LeaderEpochs()
  const content = await storage.files.readFile(`${directory}/${leaderEpochFileName}`)
  return LeaderEpochs.parse(content.toString('utf8')) ?? new LeaderEpochs()
}

/** False when the last segment is not what a clean stop leaves. */
async function resumeClean(segments: Segments, { config, recoveryPoint }: LoadOptions): Promise<boolean> {
  const { active } = segments
  const { size } = active
  let expectedOffset = active.baseOffset
  const isTrue = await active.resume(config.indexIntervalBytes, Number.MAX_SAFE_INTEGER, ({ lastOffset }) => {
    if (lastOffset < expectedOffset || lastOffset - active.baseOffset > largestRelativeOffset) return false
    expectedOffset = lastOffset + 1
    return true
  })
  const isWhole = isTrue && active.size === size && active.nextOffset >= recoveryPoint
  active.size = size
  return isWhole
}

async function recoverSegments(segments: Segments, epochs: LeaderEpochs, options: LoadOptions): Promise<void> {
  const { config, storage } = options
  const recoveryPoint = options.isClean ? segments.active.baseOffset : options.recoveryPoint
  for (let index = segments.indexOf(recoveryPoint); index < segments.all.length; index += 1) {
    const segment = segments.all[index]!
    const fileBytes = segment.size
    const nextBaseOffset = segments.all[index + 1]?.baseOffset
    const accepted = {
      trustedOffset: options.isClean ? 0 : recoveryPoint,
      endOffset: nextBaseOffset ?? Number.POSITIVE_INFINITY,
    }
    if (!(await recoverSegment(segment, epochs, accepted, config))) {
      await segment.dropIndexFiles()
      segment.size = fileBytes
      await createIndexFiles(segment, storage)
      await recoverSegment(segment, epochs, { ...accepted, trustedOffset: 0 }, config)
    }
    await requireDurable(segment, fileBytes, nextBaseOffset, options)
    segment.syncedSize = 0
    const hasLostItsEnd = nextBaseOffset !== undefined && segment.nextOffset < nextBaseOffset && !options.mayHaveGaps
    if (segment.size < fileBytes || hasLostItsEnd) {
      await cutOff(segments, index, fileBytes, options)
    } else if (nextBaseOffset !== undefined) {
      await segment.seal()
    }
  }
}

/** What was accepted of `segment` reaches up to what was durable. @throws KafkaError */
async function requireDurable(
  segment: Segment,
  fileBytes: number,
  nextBaseOffset: number | undefined,
  options: LoadOptions,
): Promise<void> {
  const { isClean, recoveryPoint, mayHaveGaps, leastEndOffset } = options
  if (recoveryPoint <= leastEndOffset) return
  const { size, nextOffset } = segment
  const isCut = size < fileBytes
  const durableEnd = isClean && isCut ? nextOffset + 1 : Math.min(recoveryPoint, nextBaseOffset ?? recoveryPoint)
  if (nextOffset >= durableEnd || (mayHaveGaps && !isCut)) return
  // As the file was found, up to what is missing at least.
  segment.size = fileBytes
  segment.nextOffset = nextBaseOffset ?? Number.MAX_SAFE_INTEGER
  const damage = await findDamage(segment, mayHaveGaps)
  const lost = damage ?? {
    path: segment.log.path,
    position: size,
    reason: 'it was cut',
    firstOffset: nextOffset,
    nextOffset,
  }
  throw damageError(
    { ...lost, nextOffset: nextBaseOffset ?? durableEnd },
    closedRemedy(parentOf(parentOf(segment.log.path))),
  )
}

/** False when the indexes contradict the log. */
async function recoverSegment(
  segment: Segment,
  epochs: LeaderEpochs,
  { trustedOffset, endOffset }: { trustedOffset: number; endOffset: number },
  config: LogConfig,
): Promise<boolean> {
  let expectedOffset = -1
  return await segment.resume(config.indexIntervalBytes, trustedOffset, (batch) => {
    if (batch.lastOffset >= endOffset) return false
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
async function cutOff(
  segments: Segments,
  index: number,
  fileBytes: number,
  { storage, config }: LoadOptions,
): Promise<void> {
  const segment = segments.all[index]!
  const { size, nextOffset } = segment
  let droppedBytes = fileBytes - size
  for (const later of segments.all.slice(index + 1)) droppedBytes += later.size
  const isUnused = config.preallocate && (await endsInZeros(segments, index, fileBytes))
  if (droppedBytes > 0 && !isUnused) {
    const lastOffset = await lastOffsetBehind(segments, index, fileBytes)
    const offsets = lastOffset < nextOffset ? '' : `, offsets ${nextOffset} to ${lastOffset}`
    storage.logger.warn(
      { directory: segments.directory, droppedBytes, logEndOffset: nextOffset },
      `cut off ${droppedBytes} bytes that are no whole batches${offsets}: the log ends at offset ${nextOffset}`,
    )
  }
  await segments.dropBehind(index)
  await segment.truncate(size, nextOffset)
}

/** Nothing but the unused part of the last segment's file is cut off. */
async function endsInZeros(segments: Segments, index: number, fileBytes: number): Promise<boolean> {
  const segment = segments.all[index]!
  if (segment !== segments.active || fileBytes - segment.size < recordBatchOverhead) return false
  const next = await segment.log.use((file) => file.read(segment.size, recordBatchOverhead))
  return next.every((byte) => byte === 0)
}

/** The last offset that is cut off behind the good part of segment `index`, as far as headers tell it; -1 when none does. */
async function lastOffsetBehind(segments: Segments, index: number, fileBytes: number): Promise<number> {
  let lastOffset = -1
  for (const segment of segments.all.slice(index)) {
    const isFirst = segment === segments.all[index]
    await segment.log.use(async (file) => {
      for await (const { bytes } of batchRuns(file, isFirst ? segment.size : 0, isFirst ? fileBytes : segment.size)) {
        for (const batch of batchesIn(bytes)) {
          const isPlausible = batch.lastOffset - segment.baseOffset <= largestRelativeOffset
          if (isPlausible) lastOffset = Math.max(lastOffset, batch.lastOffset)
        }
      }
    })
  }
  return lastOffset
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
      for await (const { bytes } of segmentRuns(segment, file, position)) {
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
  await segment.create(preallocatedBytes(config))
  const segments = new Segments(directory, storage, [segment])
  segments.isDirectoryChanged = true
  segments.isDirectoryNew = true
  const producers = new ProducerStates()
  const epochs = new LeaderEpochs()
  return {
    segments,
    producers,
    epochs,
    logStartOffset: 0,
    logEndOffset: 0,
    newestSnapshotOffset: -1,
    mayHaveGaps: config.compacted,
  }
}
