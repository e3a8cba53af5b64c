/**
 * log: what a compaction of one partition is asked and answers, whoever carries it out: this thread (`compaction-run.ts`) or another.
 *
 *     start(plan) → readDirty: the last offset of each key → clean(group) …: a group of segments becomes one, in `.cleaned` files → end
 *
 * Everything here can be sent to another thread.
 */
import type { AbortedTransactionEntry } from '../transaction-index.ts'
import type { LastBatchOfProducer } from './batch-filter.ts'

export interface SourceSegment {
  readonly baseOffset: number
  readonly size: number
  /** Of magic 0 and 1: tombstones stay. */
  readonly keepsLegacyTombstones: boolean
}

export interface CompactionPlan {
  /** Of the partition. */
  readonly directory: string
  /** What was not compacted yet: whole segments, in their order; all they hold is durable, and older than any open transaction. */
  readonly dirty: readonly SourceSegment[]
  /** Where to begin in the first of them, the start of a batch. */
  readonly dirtyPosition: number
  readonly firstDirtyOffset: number
  /** Where the last of them ends. */
  readonly firstUncleanableOffset: number
  /** All that overlap the log up to there. */
  readonly aborted: readonly AbortedTransactionEntry[]
  readonly lastBatches: ReadonlyMap<bigint, LastBatchOfProducer>
  readonly nowMs: number
  readonly deleteRetentionMs: number
  readonly indexIntervalBytes: number
  readonly mapBytes: number
  /** Any 32 bits. */
  readonly seed: number
  /** Read and written. */
  readonly maxBytesPerSecond: number
}

export interface CleanedSegment {
  readonly size: number
  readonly hasTransactionIndex: boolean
}

export interface Compaction {
  /** Resolves with the offset behind the last record that the map knows: less than the end where its memory did not suffice. */
  readDirty(): Promise<number>
  /** Neighbours; groups come in the order of their offsets. All files are durable when it resolves. */
  clean(group: readonly SourceSegment[]): Promise<CleanedSegment>
  /** Gives up what is under way, which then fails; resolves when no file is touched any more. May be called again. */
  end(): Promise<void>
}

export interface Compactor {
  start(plan: CompactionPlan): Compaction
}
