/**
 * log: opens what is in a partition's directory.
 *
 * After a clean stop the files are believed: only what lies behind the last index entry of the last segment is read. Otherwise every
 * batch from the recovery point on is checked; the log ends before the first that is not whole and true, indexes and leader epochs
 * behind it are built again. What was durable, all after a clean stop and what is below the recovery point, is never cut: where it is
 * damaged the log is not opened. Producers: see producer-recovery.ts.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn } from '../../protocol/records/batches.ts'
import { recordBatchOverhead } from '../../protocol/records/record-batch.ts'
import { batchRuns } from './batch-scan.ts'
import { finishSwaps } from './compaction/segment-swap.ts'
import { closedRemedy, type Damage, damageError, findDamage, lookThrough } from './damage.ts'
import { LeaderEpochs, leaderEpochFileName } from './leader-epochs.ts'
import type { LogConfig } from './log-config.ts'
import type { LogStorage } from './log-storage.ts'
import {
  type FollowedProducers,
  followProducers,
  loadProducers,
  repairTransactionIndexes,
} from './producer-recovery.ts'
import { ProducerStates } from './producer-states.ts'
import { Segment } from './segment.ts'
import { segmentFileName } from './segment-files.ts'
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
  const { storage } = options
  const names = await finishSwaps(storage.files, directory, present, storage.logger)
  const segments = await listSegments(directory, names, options)
  const epochs = await loadEpochs(directory, names, options)
  let followed: FollowedProducers | undefined
  if (!options.isClean && options.logStartOffset !== undefined) {
    // What lies below was being removed, or is to be: some may be there, some not. It must not come back once the checkpoint forgets it.
    await segments.removeBelow(options.logStartOffset)
    await storage.files.syncDirectory(directory)
  }
  if (segments.all.length === 0) {
    requireNothingLost(directory, options)
    await restartAt(segments, options.logStartOffset ?? 0, options)
  } else if (!(options.isClean && (await resumeClean(segments, options)))) {
    followed = await followProducers(segments, names, options)
    await recoverSegments(segments, { epochs, followed }, options)
  }
  let logEndOffset = segments.active.nextOffset
  let logStartOffset = Math.max(options.logStartOffset ?? 0, segments.all[0]!.baseOffset)
  if (logEndOffset < options.leastEndOffset) logStartOffset = Math.max(logStartOffset, options.leastEndOffset)
  if (logStartOffset > logEndOffset) {
    storage.logger.warn(
      { directory, logStartOffset, logEndOffset },
      'the log ends before its start offset: it is emptied',
    )
    await restartAt(segments, logStartOffset, options)
    followed = undefined
    epochs.truncateFromEnd(logStartOffset)
    logEndOffset = logStartOffset
  }
  // Names that a dead process has made or removed may not be durable; nor are those of a log without records.
  segments.isDirectoryChanged ||= !options.isClean || segments.sizeInBytes === 0
  segments.isDirectoryNew = segments.isDirectoryChanged
  segments.mayHaveDropped = !options.isClean
  const known = { segments, epochs, logStartOffset, logEndOffset }
  const found = (damage: Damage): KafkaError => damageError(damage, closedRemedy(parentOf(directory)))
  const { mayHaveGaps } = options
  const through = <T>(look: () => Promise<T>): Promise<T> => lookThrough(segments, look, { mayHaveGaps, found })
  let producers = followed?.isTrueOf(logEndOffset) ? followed.end(storage) : undefined
  if (producers === undefined) {
    const namesNow = options.isClean ? names : await storage.files.list(directory)
    producers = await through(() => loadProducers(known, namesNow, options))
  }
  await through(() => repairTransactionIndexes(segments, storage))
  return { ...known, ...producers, mayHaveGaps }
}

/** Its only segment's name is durable: the checkpoint need not say any more where the log starts. */
async function restartAt(segments: Segments, offset: number, { storage, config }: LoadOptions): Promise<void> {
  await segments.restartAt(offset, config)
  await storage.files.syncDirectory(segments.directory)
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

async function loadEpochs(directory: string, names: readonly string[], options: LoadOptions): Promise<LeaderEpochs> {
  const { storage, isClean } = options
  if (!names.includes(leaderEpochFileName)) return new LeaderEpochs()
  const content = await storage.files.readFile(`${directory}/${leaderEpochFileName}`)
  return LeaderEpochs.parse(content.toString('utf8'), isClean) ?? new LeaderEpochs()
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
  if (isWhole) await active.vouchForEntries()
  return isWhole
}

/** What recovery tells of each batch that it checks. */
interface Informed {
  readonly epochs: LeaderEpochs
  readonly followed: FollowedProducers | undefined
}

/** Which batches of a segment are accepted. */
interface Accepted {
  /** Indexes below are believed. */
  readonly trustedOffset: number
  /** Below, batches are read for the producers alone. */
  readonly durableEnd: number
  /** None reaches so far. */
  readonly endOffset: number
}

async function recoverSegments(segments: Segments, informed: Informed, options: LoadOptions): Promise<void> {
  const { config, storage } = options
  const recoveryPoint = options.isClean ? segments.active.baseOffset : options.recoveryPoint
  // The segment that was the active one when the recovery point moved may lack the end of its time index.
  for (let index = segments.indexOf(recoveryPoint - 1); index < segments.all.length; index += 1) {
    const segment = segments.all[index]!
    const fileBytes = segment.size
    const nextBaseOffset = segments.all[index + 1]?.baseOffset
    const trustedOffset = options.isClean ? 0 : recoveryPoint
    const endOffset = nextBaseOffset ?? Number.POSITIVE_INFINITY
    const accepted = { trustedOffset, durableEnd: trustedOffset, endOffset }
    if (!(await recoverFollowed(segment, informed, accepted, config))) {
      await segment.indexes.emptyFiles()
      segment.size = fileBytes
      const unfollowed = { ...informed, followed: undefined }
      await recoverSegment(segment, unfollowed, { ...accepted, trustedOffset: 0, durableEnd: 0 }, config)
      await segment.saveTimeIndex()
      await storage.files.syncDirectory(segments.directory)
    }
    // Entries may have been made again below the recovery point.
    if (segment.baseOffset < recoveryPoint) await segment.saveTimeIndex()
    await requireDurable(segment, fileBytes, nextBaseOffset, options)
    // Nothing is known to be, not even that the file ends here: the process before may have cut it.
    segment.syncedSize = -1
    segment.indexes.doubtFiles()
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
  const { isClean, recoveryPoint, mayHaveGaps, leastEndOffset, logStartOffset = 0 } = options
  if (recoveryPoint <= leastEndOffset) return
  const { size, nextOffset } = segment
  const isCut = size < fileBytes
  // What is missing behind its end was to go: the log starts there.
  if (!isCut && recoveryPoint <= logStartOffset) return
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

/** As `recoverSegment`, once more without the producers where they have to read more than can be read. */
async function recoverFollowed(
  segment: Segment,
  informed: Informed,
  accepted: Accepted,
  config: LogConfig,
): Promise<boolean> {
  const { followed } = informed
  if (followed === undefined) return await recoverSegment(segment, informed, accepted, config)
  const fileBytes = segment.size
  const trustedOffset = Math.min(accepted.trustedOffset, followed.fromOffset)
  const isTrue = await recoverSegment(segment, informed, { ...accepted, trustedOffset }, config)
  if (segment.size === 0) (await segment.transactionIndex()).truncateToOffset(segment.baseOffset)
  const isReadUpToThere = segment.nextOffset >= accepted.durableEnd || segment.size === fileBytes
  if (isTrue && isReadUpToThere) return true
  followed.isWhole = false
  if (!isTrue) return false
  segment.size = fileBytes
  return await recoverSegment(segment, { ...informed, followed: undefined }, accepted, config)
}

/** False when the indexes contradict the log. */
async function recoverSegment(
  segment: Segment,
  { epochs, followed }: Informed,
  { trustedOffset, durableEnd, endOffset }: Accepted,
  config: LogConfig,
): Promise<boolean> {
  let expectedOffset = -1
  let knowsEpochs = false
  return await segment.resume(config.indexIntervalBytes, trustedOffset, (batch) => {
    if (batch.lastOffset >= endOffset) return false
    const firstOffset = batch.magic < 2 ? batch.lastOffset : batch.baseOffset
    if (firstOffset < Math.max(expectedOffset, segment.baseOffset) || batch.lastOffset < firstOffset) return false
    if (batch.lastOffset - segment.baseOffset > largestRelativeOffset || !batch.isCrcValid()) return false
    if (followed === undefined || batch.lastOffset >= durableEnd) {
      if (!knowsEpochs) epochs.truncateFromEnd(firstOffset)
      knowsEpochs = true
      epochs.assign(batch.partitionLeaderEpoch, firstOffset)
    }
    expectedOffset = batch.lastOffset + 1
    followed?.note(batch, segment)
    return true
  })
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
  if (index < segments.all.length - 1) {
    await segments.dropBehind(index)
    await storage.files.syncDirectory(segments.directory)
  }
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
