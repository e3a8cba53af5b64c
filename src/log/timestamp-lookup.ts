/** log: finds records by their timestamp. Exact: the batch that is found is searched record by record, decompressed if need be. */
import { batchesIn } from '../../protocol/records/batches.ts'
import { type KafkaRecord, recordsOf } from '../../protocol/records/record.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { segmentRuns, UnreadableSegment } from './batch-scan.ts'
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
    const found = await findIn(segment, timestampMs, fromOffset, endOffset)
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
  let largest = -1
  let holder: Segment | undefined
  for (const segment of segments.all.slice(segments.indexOf(fromOffset))) {
    const timestampMs =
      segment.baseOffset >= fromOffset
        ? (await segment.maxTimestamp()).timestampMs
        : await maxTimestampFrom(segment, fromOffset)
    if (timestampMs <= largest) continue
    largest = timestampMs
    holder = segment
  }
  return holder === undefined ? undefined : await findIn(holder, largest, fromOffset, endOffset)
}

async function findIn(
  segment: Segment,
  timestampMs: number,
  fromOffset: number,
  endOffset: number,
): Promise<TimestampAndOffset | undefined> {
  const indexedOffset = (await segment.timeIndex()).offsetFor(timestampMs)
  const position = await segment.positionFor(Math.max(indexedOffset, fromOffset))
  return await segment.log.use(async (file) => {
    for await (const { bytes } of segmentRuns(segment, file, position)) {
      for (const batch of batchesIn(bytes)) {
        if (batch.lastOffset < fromOffset || batch.maxTimestamp < timestampMs) continue
        for (const record of readRecords(segment, batch)) {
          if (record.offset >= endOffset) return undefined
          if (record.offset < fromOffset || record.timestamp < timestampMs) continue
          return { timestampMs: record.timestamp, offset: record.offset, leaderEpoch: batch.partitionLeaderEpoch }
        }
      }
    }
    return undefined
  })
}

/** Of the records at `fromOffset` and behind it, which lies within the segment; -1 when there is none. */
async function maxTimestampFrom(segment: Segment, fromOffset: number): Promise<number> {
  const position = await segment.positionFor(fromOffset)
  let largest = -1
  await segment.log.use(async (file) => {
    for await (const { bytes } of segmentRuns(segment, file, position)) {
      for (const batch of batchesIn(bytes)) {
        // The header of a batch without records has the timestamp of what compaction has taken.
        if (batch.lastOffset < fromOffset || batch.recordCount === 0) continue
        if (batch.baseOffset >= fromOffset) {
          largest = Math.max(largest, batch.maxTimestamp)
          continue
        }
        for (const { offset, timestamp } of readRecords(segment, batch))
          if (offset >= fromOffset) largest = Math.max(largest, timestamp)
      }
    }
  })
  return largest
}

/** Of a batch that is what was stored. @throws UnreadableSegment */
function readRecords(segment: Segment, batch: RecordBatchView): Generator<KafkaRecord, void> {
  if (!batch.isCrcValid()) throw new UnreadableSegment(segment.log.path)
  return recordsOf(batch)
}
