/** log: cuts the end off one partition's log. Nothing else may write to it meanwhile, or take segments from it. */
import type { LogParts } from './log-parts.ts'
import { believedFrom, repairTransactionIndexes, replayProducers } from './producer-recovery.ts'
import type { Segment } from './segment.ts'

/** Cuts at the start of the batch that holds `offset`. `recoveryPointLowered`: makes it durable that less is. */
export async function truncateLog(
  { segments, offsets, producers, epochs, reader, sideFiles, flush, tail, storage, config }: LogParts,
  offset: number,
  recoveryPointLowered: () => Promise<void>,
): Promise<void> {
  const index = segments.indexOf(offset)
  const segment = segments.all[index]!
  storage.tailCache.clear(tail)
  reader.forgetCursors()
  flush.beginTruncation()
  if (flush.recoveryPoint > offset) {
    // Before the bytes go: others will lie in their place, which are not durable yet.
    flush.lower(segment.baseOffset)
    await recoveryPointLowered()
  }
  await segments.dropBehind(index)
  const cutAt = await segment.positionOfBatch(offset)
  if (cutAt !== undefined) await segment.truncate(cutAt.position, cutAt.baseOffset)
  else await segment.indexes.save()
  await sideFiles.truncateSnapshots(cutAt?.baseOffset ?? segment.nextOffset)
  // Or a power failure might bring back what readers have seen go, behind what is appended from now on.
  await flush.syncRecords()
  await resumeOrRebuild(segment, config.indexIntervalBytes)
  await segment.vouchForEntries()
  producers.clear()
  const { mayHaveGaps } = reader
  await replayProducers(segments, producers, believedFrom({ mayHaveGaps, logStartOffset: offsets.logStartOffset }))
  await repairTransactionIndexes(segments, storage)
  offsets.truncated(segment.nextOffset, producers.firstOpenTransactionOffset ?? -1)
  flush.lower(segment.nextOffset)
  epochs.truncateFromEnd(segment.nextOffset)
}

/** What a crash has taken of the indexes is made again. */
async function resumeOrRebuild(segment: Segment, indexIntervalBytes: number): Promise<void> {
  const { size } = segment
  if (await segment.resume(indexIntervalBytes)) return
  segment.size = size
  await segment.indexes.emptyFiles()
  await segment.resume(indexIntervalBytes, 0)
}
