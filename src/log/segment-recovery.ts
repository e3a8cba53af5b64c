/**
 * log: recovers the segments of a log that was not stopped cleanly. Every batch from the recovery point on is checked; the log ends before the first
 * that is not whole and true, and what lies behind it is cut off. Indexes and leader epochs behind the recovery point are built again, and
 * producers told of what is read anyway. What is below the recovery point was durable and is never cut.
 */
import { batchesIn } from '../../protocol/records/batches.ts'
import { recordBatchOverhead } from '../../protocol/records/record-batch.ts'
import { batchRuns } from './batch-scan.ts'
import { closedRemedy, damageError, findDamage } from './damage.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogConfig } from './log-config.ts'
import type { LogStorage } from './log-storage.ts'
import type { FollowedProducers } from './producer-recovery.ts'
import type { Segment } from './segment.ts'
import { largestRelativeOffset } from './segment-files.ts'
import type { Segments } from './segments.ts'

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

/** Who hears of each batch that is accepted. */
interface Informed {
  readonly epochs: LeaderEpochs
  readonly followed: FollowedProducers | undefined
}

/** Which batches of a segment are read, and accepted. */
interface Accepted {
  /** What lies below was durable: its indexes are believed, and its batches are read for the producers alone. */
  readonly durableEnd: number
  /** No batch reaches so far. */
  readonly endOffset: number
}

/** Those from the recovery point on. @throws KafkaError KAFKA_STORAGE_ERROR when what was durable is damaged */
export async function recoverSegments(segments: Segments, informed: Informed, options: LoadOptions): Promise<void> {
  const recoveryPoint = options.isClean ? segments.active.baseOffset : options.recoveryPoint
  const durableEnd = options.isClean ? 0 : recoveryPoint
  // The segment that was the active one when the recovery point moved may lack the end of its time index.
  for (let index = segments.indexOf(recoveryPoint - 1); index < segments.all.length; index += 1) {
    const segment = segments.all[index]!
    const fileBytes = segment.size
    const nextBaseOffset = segments.all[index + 1]?.baseOffset
    await recoverSegment(
      segment,
      informed,
      { durableEnd, endOffset: nextBaseOffset ?? Number.POSITIVE_INFINITY },
      options,
    )
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

/** Ends `segment` before the first batch that is not accepted, with indexes that agree with it. */
async function recoverSegment(
  segment: Segment,
  informed: Informed,
  accepted: Accepted,
  { config, storage }: LoadOptions,
): Promise<void> {
  const { epochs, followed } = informed
  const fileBytes = segment.size
  let doIndexesAgree = await readBatches(segment, informed, accepted, config)
  if (followed !== undefined) {
    if (segment.size === 0) (await segment.transactionIndex()).truncateToOffset(segment.baseOffset)
    const isReadThrough = segment.nextOffset >= accepted.durableEnd || segment.size === fileBytes
    if (!doIndexesAgree || !isReadThrough) followed.isWhole = false
    if (doIndexesAgree && !isReadThrough) {
      // It ended within what only the producers have to read.
      segment.size = fileBytes
      doIndexesAgree = await readBatches(segment, { epochs, followed: undefined }, accepted, config)
    }
  }
  if (doIndexesAgree) return
  await segment.indexes.emptyFiles()
  segment.size = fileBytes
  await readBatches(segment, { epochs, followed: undefined }, { ...accepted, durableEnd: 0 }, config)
  await segment.saveTimeIndex()
  await storage.files.syncDirectory(segment.directory)
}

/** False when the indexes contradict the log. */
async function readBatches(
  segment: Segment,
  { epochs, followed }: Informed,
  { durableEnd, endOffset }: Accepted,
  { indexIntervalBytes }: LogConfig,
): Promise<boolean> {
  const trustedOffset = Math.min(durableEnd, followed?.fromOffset ?? durableEnd)
  let expectedOffset = -1
  let knowsEpochs = false
  return await segment.resume(indexIntervalBytes, trustedOffset, (batch) => {
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
  throw damageError({ ...lost, nextOffset: nextBaseOffset ?? durableEnd }, closedRemedy(segment.directory))
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
