/**
 * log: opens what is in a partition's directory.
 *
 * After a clean stop the files are believed: only what lies behind the last index entry of the last segment is read. Otherwise the end is found
 * batch by batch (segment-recovery.ts). What was durable, all after a clean stop and what is below the recovery point, is never cut: where it is
 * damaged the log is not opened. Producers: see producer-recovery.ts.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { finishSwaps } from './compaction/segment-swap.ts'
import { closedRemedy, type Damage, damageError, lookThrough } from './damage.ts'
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
import { largestRelativeOffset, segmentFileName } from './segment-files.ts'
import { type LoadOptions, recoverSegments } from './segment-recovery.ts'
import { newSegment, preallocatedBytes, rollJitterMs, Segments } from './segments.ts'

const segmentFilePattern = /^(\d{20})\.(log|index|timeindex|txnindex|snapshot)$/

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
  const { storage, isClean, mayHaveGaps } = options
  const names = await finishSwaps(storage.files, directory, present, storage.logger)
  const segments = await listSegments(directory, names, options)
  const epochs = await loadEpochs(directory, names, options)
  if (!isClean && options.logStartOffset !== undefined) {
    // What lies below was being removed, or is to be: some may be there, some not. It must not come back once the checkpoint forgets it.
    await segments.removeBelow(options.logStartOffset)
    await storage.files.syncDirectory(directory)
  }
  let followed = await findEnd(segments, epochs, names, options)
  const logStartOffset = startOf(segments, options)
  if (logStartOffset > segments.active.nextOffset) {
    await emptyAt(segments, epochs, logStartOffset, options)
    followed = undefined
  }
  // Names that a dead process has made or removed may not be durable; nor are those of a log without records.
  segments.isDirectoryChanged ||= !isClean || segments.sizeInBytes === 0
  segments.isDirectoryNew = segments.isDirectoryChanged
  segments.mayHaveDropped = !isClean
  const logEndOffset = segments.active.nextOffset
  const found = (damage: Damage): KafkaError => damageError(damage, closedRemedy(directory))
  const producers = await lookThrough(segments, () => findProducers(segments, names, followed, options), {
    mayHaveGaps,
    found,
  })
  await lookThrough(segments, () => repairTransactionIndexes(segments, storage), { mayHaveGaps, found })
  return { segments, epochs, logStartOffset, logEndOffset, ...producers, mayHaveGaps }
}

/** The end is behind the active segment then. Returns the producers that were told of what was read; undefined where none were. */
async function findEnd(
  segments: Segments,
  epochs: LeaderEpochs,
  names: readonly string[],
  options: LoadOptions,
): Promise<FollowedProducers | undefined> {
  if (segments.all.length === 0) {
    requireNothingLost(segments.directory, options)
    await restartAt(segments, options.logStartOffset ?? 0, options)
    return undefined
  }
  if (options.isClean && (await resumeClean(segments, options))) return undefined
  const followed = await followProducers(segments, names, options)
  await recoverSegments(segments, { epochs, followed }, options)
  return followed
}

/** May lie behind its end. */
function startOf(segments: Segments, { logStartOffset = 0, leastEndOffset }: LoadOptions): number {
  const start = Math.max(logStartOffset, segments.all[0]!.baseOffset)
  return segments.active.nextOffset < leastEndOffset ? Math.max(start, leastEndOffset) : start
}

async function emptyAt(
  segments: Segments,
  epochs: LeaderEpochs,
  logStartOffset: number,
  options: LoadOptions,
): Promise<void> {
  const { directory, active } = segments
  options.storage.logger.warn(
    { directory, logStartOffset, logEndOffset: active.nextOffset },
    'the log ends before its start offset: it is emptied',
  )
  await restartAt(segments, logStartOffset, options)
  epochs.truncateFromEnd(logStartOffset)
}

/** Those that recovery has told of all that is there, or else read now. */
async function findProducers(
  segments: Segments,
  names: readonly string[],
  followed: FollowedProducers | undefined,
  options: LoadOptions,
): ReturnType<typeof loadProducers> {
  const { storage, isClean } = options
  const logEndOffset = segments.active.nextOffset
  if (followed?.isTrueOf(logEndOffset)) return followed.end(storage)
  const namesNow = isClean ? names : await storage.files.list(segments.directory)
  return await loadProducers({ segments, logEndOffset }, namesNow, options)
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
  // A copy has no room for more, which thousands of partitions never need.
  return new Segments(directory, storage, segments.slice())
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
