/** log: finds records by their timestamp. Exact: the batch that is found is searched record by record, decompressed if need be. */
import { batchesIn } from '../../protocol/records/batches.ts'
import { recordsOf } from '../../protocol/records/record.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { batchRuns } from './batch-scan.ts'
import type { TimestampAndOffset } from './partition-log.ts'
import type { Segment } from './segment.ts'
import type { Segments } from './segments.ts'

/** The first record at `fromOffset` or behind it, below `endOffset`, with at least `timestampMs`. */
export async function findTimestamp(
  segments: Segments,
  timestampMs: number,
  fromOffset: number,
  endOffset: number,
): Promise<TimestampAndOffset | undefined> {
  for (const segment of segments.all.slice(segments.indexOf(fromOffset))) {
    if (segment.baseOffset >= endOffset) return undefined
    if ((await segment.maxTimestamp()).timestampMs < timestampMs) continue
    const indexed = (await segment.timeIndex()).offsetFor(timestampMs)
    const from = Math.max(indexed, fromOffset)
    const found = await firstIn(segment, from, endOffset, (batch) => batch.maxTimestamp >= timestampMs, timestampMs)
    if (found !== undefined) return found
  }
  return undefined
}

/** The first record with the largest timestamp at `fromOffset` or behind it, below `endOffset`. */
export async function findMaxTimestamp(
  segments: Segments,
  fromOffset: number,
  endOffset: number,
): Promise<TimestampAndOffset | undefined> {
  let best: { segment: Segment; timestampMs: number } | undefined
  for (const segment of segments.all.slice(segments.indexOf(fromOffset))) {
    const { timestampMs } = await segment.maxTimestamp()
    if (timestampMs >= 0 && timestampMs > (best?.timestampMs ?? -1)) best = { segment, timestampMs }
  }
  if (best === undefined) return undefined
  const { segment, timestampMs } = best
  const indexed = (await segment.timeIndex()).offsetFor(timestampMs)
  return (
    (await firstIn(
      segment,
      Math.max(indexed, fromOffset),
      endOffset,
      (batch) => batch.maxTimestamp >= timestampMs,
      timestampMs,
    )) ?? (await findTimestamp(segments, timestampMs, fromOffset, endOffset))
  )
}

async function firstIn(
  segment: Segment,
  fromOffset: number,
  endOffset: number,
  mayHold: (batch: RecordBatchView) => boolean,
  timestampMs: number,
): Promise<TimestampAndOffset | undefined> {
  const position = await segment.positionFor(fromOffset)
  return await segment.log.use(async (file) => {
    for await (const { bytes } of batchRuns(file, position, segment.size)) {
      for (const batch of batchesIn(bytes)) {
        if (batch.lastOffset < fromOffset || !mayHold(batch)) continue
        for (const record of recordsOf(batch)) {
          if (record.offset >= endOffset) return undefined
          if (record.offset < fromOffset || record.timestamp < timestampMs) continue
          return { timestampMs: record.timestamp, offset: record.offset, leaderEpoch: batch.partitionLeaderEpoch }
        }
      }
    }
    return undefined
  })
}
