/**
 * log: which segments of a partition need not be kept. They go from the oldest on, and never past the high watermark.
 *
 *     oldest                                                     active
 *     [below the log start offset][over retention.bytes][over retention.ms][kept …]
 *
 * The first rule holds for every topic, the other two where cleanup.policy contains delete. Source: Kafka's UnifiedLog.deleteOldSegments.
 */
import type { LogConfig } from './log-config.ts'
import type { Segment } from './segment.ts'
import type { Segments } from './segments.ts'

interface Bounds {
  readonly highWatermark: number
  readonly logStartOffset: number
}

/** How many of the oldest segments may go; all of them only if the active one holds records, which then are in one that is not active. */
export async function countExpired(
  segments: Segments,
  bounds: Bounds,
  config: LogConfig,
  nowMs: number,
): Promise<number> {
  const { all } = segments
  let count = 0
  while (count < all.length - 1 && all[count + 1]!.baseOffset <= bounds.logStartOffset) count += 1
  if (!config.deletes) return count
  const mayGo = (segment: Segment): boolean => segment.size > 0 || segment !== segments.active
  const endOf = (index: number): number => all[index + 1]?.baseOffset ?? all[index]!.nextOffset
  const isBelowHighWatermark = (index: number): boolean => endOf(index) <= bounds.highWatermark

  if (config.retentionBytes >= 0) {
    let excess = -config.retentionBytes
    for (const segment of all.slice(count)) excess += segment.size
    while (count < all.length && mayGo(all[count]!) && all[count]!.size <= excess && isBelowHighWatermark(count)) {
      excess -= all[count]!.size
      count += 1
    }
  }
  if (config.retentionMs < 0) return count
  while (count < all.length && mayGo(all[count]!)) {
    const segment = all[count]!
    const { timestampMs } = await segment.maxTimestamp()
    const ageMs = nowMs - (timestampMs >= 0 ? timestampMs : segment.modifiedMs)
    if (ageMs <= config.retentionMs || !isBelowHighWatermark(count)) break
    count += 1
  }
  return count
}
