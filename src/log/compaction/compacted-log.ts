/** log: one partition's log as its compaction sees it. */
import type { LogParts } from '../log-parts.ts'
import { Segment } from '../segment.ts'
import type { CompactedLog } from './log-compaction.ts'

/** `isBusy`: segments may not be exchanged now. */
export function compactedLog(
  parts: LogParts,
  { flush, saveRecoveryPoint, isBusy }: Pick<CompactedLog, 'flush' | 'saveRecoveryPoint'> & { isBusy(): boolean },
): CompactedLog {
  const { segments, producers, offsets, condition, reader, storage, tail, removals } = parts
  return {
    directory: segments.directory,
    segments,
    producers,
    get config() {
      return parts.config
    },
    get logStartOffset() {
      return offsets.logStartOffset
    },
    get lastStableOffset() {
      return offsets.lastStableOffset
    },
    get logEndOffset() {
      return offsets.logEndOffset
    },
    get recoveryPoint() {
      return parts.flush.recoveryPoint
    },
    get isStopped() {
      return condition.isStopped || isBusy()
    },
    flush,
    saveRecoveryPoint,
    exclusively: (run) => removals.run(run),
    newSegment: (baseOffset, { size, hasTransactionIndex }) =>
      new Segment(segments.directory, baseOffset, storage.openFiles, {
        size,
        nextOffset: baseOffset,
        createdMs: storage.clock.now(),
        rollJitterMs: 0,
        hasTransactionIndex,
      }),
    replaced: (old, paths) => {
      reader.forgetCursors()
      // With what it has of aborted transactions their records would look committed.
      storage.tailCache.clear(tail)
      for (const segment of old) segments.closeUnused(segment)
      storage.removals.add(paths, parts.config.fileDeleteDelayMs)
    },
    failed: (error) => parts.failed(error),
  }
}
