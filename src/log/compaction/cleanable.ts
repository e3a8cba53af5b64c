/**
 * log: which part of a log compaction may touch, and how much it would be worth.
 *
 *     [clean: compacted before | dirty: can be compacted | too young, or behind an open transaction | active segment]
 *     0                        firstDirtyOffset           firstUncleanableOffset
 *
 * Both bounds are ends of segments, save that a run whose map was full ended within one. Source: Kafka's LogCleanerManager.
 */
import type { LogConfig } from '../log-config.ts'
import type { Segments } from '../segments.ts'

export interface Cleanable {
  readonly firstDirtyOffset: number
  readonly firstUncleanableOffset: number
  /** Part of the dirty bytes in all that would be rewritten: 0 to 1. */
  readonly dirtyRatio: number
  /** Some of it has waited for max.compaction.lag.ms. */
  readonly isOverdue: boolean
}

export interface Compactable {
  readonly segments: Segments
  readonly config: LogConfig
  readonly logStartOffset: number
  readonly lastStableOffset: number
  readonly logEndOffset: number
}

/** `cleanedOffset`: up to where it was compacted the last time. Undefined when nothing is dirty. */
export async function findCleanable(
  log: Compactable,
  cleanedOffset: number,
  nowMs: number,
): Promise<Cleanable | undefined> {
  const { segments, config, logStartOffset, logEndOffset } = log
  const { all, active } = segments
  if (all.length === 1) return undefined
  const isKnown = cleanedOffset >= logStartOffset && cleanedOffset <= logEndOffset
  const firstDirtyOffset = isKnown ? cleanedOffset : logStartOffset
  const firstDirty = segments.indexOf(firstDirtyOffset)
  let limit = Math.min(active.baseOffset, log.lastStableOffset)
  if (config.minCompactionLagMs > 0) {
    for (const segment of all.slice(firstDirty, -1)) {
      if ((await segment.maxTimestamp()).timestampMs <= nowMs - config.minCompactionLagMs) continue
      limit = Math.min(limit, segment.baseOffset)
      break
    }
  }
  const firstUncleanable = segments.indexOf(Math.max(limit, firstDirtyOffset))
  let cleanBytes = 0
  let dirtyBytes = 0
  for (const [index, { size }] of all.slice(0, firstUncleanable).entries()) {
    if (index < firstDirty) cleanBytes += size
    else dirtyBytes += size
  }
  if (dirtyBytes === 0) return undefined
  return {
    firstDirtyOffset,
    firstUncleanableOffset: all[firstUncleanable]!.baseOffset,
    dirtyRatio: dirtyBytes / (cleanBytes + dirtyBytes),
    isOverdue: await isOverdue(log, firstDirty, nowMs),
  }
}

async function isOverdue({ segments, config }: Compactable, firstDirty: number, nowMs: number): Promise<boolean> {
  if (config.maxCompactionLagMs > Number.MAX_SAFE_INTEGER) return false
  for (const segment of segments.all.slice(firstDirty, -1)) {
    const timestampMs = await segment.firstTimestamp()
    if (timestampMs > 0 && timestampMs < nowMs - config.maxCompactionLagMs) return true
  }
  return false
}
