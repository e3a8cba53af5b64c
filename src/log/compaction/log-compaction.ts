/** log: the compaction of one partition's log: what is asked of the compactor, and the exchange of segments. One run at a time. */
import { KafkaError } from '../../../protocol/errors.ts'
import type { FileSystem } from '../../runtime/file-system.ts'
import type { Logger } from '../../runtime/logger.ts'
import { abortedEntriesBetween } from '../aborted-transactions.ts'
import type { LogConfig } from '../log-config.ts'
import type { ProducerStates } from '../producer-states.ts'
import type { Segment } from '../segment.ts'
import { largestRelativeOffset, segmentFileName, syncFile } from '../segment-files.ts'
import type { LastBatchOfProducer } from './batch-filter.ts'
import { type Cleanable, type Compactable, findCleanable } from './cleanable.ts'
import type { Compaction, Compactor, SourceSegment } from './compaction.ts'
import { renameIntoPlace } from './segment-swap.ts'

/** The log, as its compaction sees it. */
export interface CompactedLog extends Compactable {
  readonly directory: string
  readonly recoveryPoint: number
  readonly producers: ProducerStates
  /** Nothing goes any more. */
  readonly isStopped: boolean
  flush(): Promise<void>
  /** Brings recovery-point-offset-checkpoint up to date. */
  saveRecoveryPoint(): Promise<void>
  /** Nothing else takes segments out of the log meanwhile. */
  exclusively<T>(run: () => Promise<T>): Promise<T>
  newSegment(baseOffset: number, options: { size: number; hasTransactionIndex: boolean }): Segment
  /** `paths` are to be removed later; what was remembered of the old segments is not true any more. */
  replaced(old: readonly Segment[], paths: readonly string[]): void
  failed(error: unknown): void
}

export interface CompactionSettings {
  readonly mapBytes: number
  readonly maxBytesPerSecond: number
  readonly seed: number
}

export class LogCompaction {
  readonly #log: CompactedLog
  readonly #files: FileSystem
  readonly #logger: Logger
  #compaction: Compaction | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false
  /** Up to where the log was compacted. */
  cleanedOffset = 0
  /** It was compacted once, or is about to be: from then on offsets may be missing in it. */
  hasBegun = false
  /** What it has run into: it is not tried again before the next start. */
  failure: unknown

  constructor(log: CompactedLog, parts: { files: FileSystem; logger: Logger }) {
    this.#log = log
    this.#files = parts.files
    this.#logger = parts.logger
  }

  /** What cleaner-offset-checkpoint says. */
  resumeAt(cleanedOffset: number): void {
    this.cleanedOffset = cleanedOffset
    this.hasBegun = true
  }

  /** The log now ends at `offset`. */
  truncated(offset: number): void {
    this.cleanedOffset = Math.min(this.cleanedOffset, offset)
  }

  /** False: `cleanable` would find nothing. */
  get mayBeDirty(): boolean {
    const { config, segments } = this.#log
    return config.compacted && segments.all.length > 1
  }

  /** What a run would compact now; undefined when nothing, when not worth it (min.cleanable.dirty.ratio), or when that can't be read now. */
  async cleanable(nowMs: number): Promise<Cleanable | undefined> {
    const { config, directory, isStopped } = this.#log
    if (!config.compacted || isStopped || this.#isStopped || this.failure !== undefined) return undefined
    try {
      const found = await findCleanable(this.#log, this.cleanedOffset, nowMs)
      if (found === undefined) return undefined
      return found.isOverdue || found.dirtyRatio > config.minCleanableDirtyRatio ? found : undefined
    } catch (error) {
      // Retention may take what is being looked at.
      if (error instanceof KafkaError && error.kafkaError === 'OFFSET_OUT_OF_RANGE') return undefined
      this.#logger.warn({ directory, error }, 'what there is to compact could not be read: it is tried again later')
      return undefined
    }
  }

  /** Resolves when it is done, has failed or was stopped. */
  run(cleanable: Cleanable, nowMs: number, compactor: Compactor, settings: CompactionSettings): Promise<void> {
    this.#running = this.#run(cleanable, nowMs, compactor, settings).catch((error: unknown) => this.#gaveUp(error))
    return this.#running
  }

  /** No run is under way when it resolves, and none starts before `resume`. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#compaction?.end()
    await this.#running
  }

  resume(): void {
    this.#isStopped = false
  }

  #gaveUp(error: unknown): void {
    const { directory, isStopped } = this.#log
    const { code } = error as NodeJS.ErrnoException
    // Retention may take what is being read.
    if (this.#isStopped || isStopped || code === 'ENOENT') return
    if (code === undefined) this.failure = error
    const consequence = code === undefined ? 'it stays as it is until the next start' : 'it is tried again later'
    this.#logger.error({ directory, error }, `a partition could not be compacted: ${consequence}`)
  }

  async #run(cleanable: Cleanable, nowMs: number, compactor: Compactor, settings: CompactionSettings): Promise<void> {
    const log = this.#log
    const { firstDirtyOffset, firstUncleanableOffset } = cleanable
    const { segments } = log
    const lastBatches = lastBatchesOf(log.producers)
    const aborted = await abortedEntriesBetween(segments, segments.all[0]!.baseOffset, firstUncleanableOffset)
    // A power failure must not take what something else is dropped for here: a newer value, a producer's last batch, the marker that says whether a
    // transaction counts. Where producers are known, that may be the end of the log.
    const hasProducers = lastBatches.size > 0 || aborted.length > 0
    const durableEnd = hasProducers ? log.logEndOffset : firstUncleanableOffset
    if (log.recoveryPoint < durableEnd) await log.flush()
    await this.#keepProducers(firstUncleanableOffset)
    // A start must not look there for the ends of transactions of which a snapshot from before knows: compaction takes them, too.
    await log.saveRecoveryPoint()
    const sources = segments.all.filter(({ baseOffset }) => baseOffset < firstUncleanableOffset)
    const dirty = sources.slice(segments.indexOf(firstDirtyOffset))
    if (dirty.length === 0) return
    const legacyHorizonMs = this.#legacyHorizonMs(sources, firstDirtyOffset)
    const described = (segment: Segment): SourceSegment => ({
      baseOffset: segment.baseOffset,
      size: segment.size,
      keepsLegacyTombstones: segment.modifiedMs > legacyHorizonMs,
    })
    const compaction = compactor.start({
      directory: log.directory,
      dirty: dirty.map(described),
      dirtyPosition: await dirty[0]!.positionFor(firstDirtyOffset),
      firstDirtyOffset,
      firstUncleanableOffset,
      aborted,
      lastBatches,
      nowMs,
      deleteRetentionMs: log.config.deleteRetentionMs,
      indexIntervalBytes: log.config.indexIntervalBytes,
      ...settings,
    })
    this.#compaction = compaction
    try {
      const endOffset = await compaction.readDirty()
      if (endOffset <= firstDirtyOffset) return
      const rewritten = sources.filter(({ baseOffset }) => baseOffset < endOffset)
      for (const group of groupSegments(rewritten, firstUncleanableOffset, log.config)) {
        const { size, hasTransactionIndex } = await compaction.clean(group.map(described))
        const isReplaced = await log.exclusively(() => this.#replace(group, size, hasTransactionIndex))
        if (!isReplaced) return
      }
      this.cleanedOffset = endOffset
    } finally {
      await compaction.end()
      this.#compaction = undefined
    }
  }

  /** Of a producer whose records were deleted the snapshots alone know, and those of segments that become one go: that at `offset` becomes durable. */
  async #keepProducers(offset: number): Promise<void> {
    const { directory } = this.#log
    const path = `${directory}/${segmentFileName(offset, '.snapshot')}`
    if (!(await this.#files.exists(path))) return
    await syncFile(this.#files, path)
    await this.#files.syncDirectory(directory)
  }

  #legacyHorizonMs(sources: readonly Segment[], firstDirtyOffset: number): number {
    const lastClean = sources.findLast(({ baseOffset }) => baseOffset < firstDirtyOffset)
    return lastClean === undefined ? 0 : lastClean.modifiedMs - this.#log.config.deleteRetentionMs
  }

  /** False when the log is not what it was when the group was read. */
  async #replace(group: readonly Segment[], size: number, hasTransactionIndex: boolean): Promise<boolean> {
    const log = this.#log
    const { segments } = log
    const first = segments.all.indexOf(group[0]!)
    const isSame = first >= 0 && group.every((segment, index) => segments.all[first + index] === segment)
    if (!isSame || this.#isStopped || log.isStopped) return false
    const compacted = log.newSegment(group[0]!.baseOffset, { size, hasTransactionIndex })
    compacted.nextOffset = segments.all[first + group.length]!.baseOffset
    compacted.modifiedMs = group.at(-1)!.modifiedMs
    let removed: string[] = []
    try {
      await segments.replace(group, compacted, async () => {
        removed = await renameIntoPlace(this.#files, log.directory, group, hasTransactionIndex)
      })
    } catch (error) {
      // Which files are there now is for the next start to find out.
      log.failed(error)
      throw error
    }
    log.replaced(group, removed)
    return true
  }
}

function lastBatchesOf(producers: ProducerStates): Map<bigint, LastBatchOfProducer> {
  const found = new Map<bigint, LastBatchOfProducer>()
  for (const { producerId, lastOffset, producerEpoch } of producers.snapshot()) {
    found.set(producerId, { lastOffset, producerEpoch })
  }
  return found
}

/** Neighbours that fit into one segment together, so that a log does not end as a row of nearly empty ones. */
function groupSegments(segments: readonly Segment[], endOffset: number, config: LogConfig): Segment[][] {
  const groups: Segment[][] = []
  let bytes = 0
  for (const [index, segment] of segments.entries()) {
    const group = groups.at(-1)
    const nextOffset = segments[index + 1]?.baseOffset ?? endOffset
    const fits =
      group !== undefined &&
      bytes + segment.size <= config.segmentBytes &&
      nextOffset - group[0]!.baseOffset <= largestRelativeOffset
    if (fits) {
      group.push(segment)
      bytes += segment.size
    } else {
      groups.push([segment])
      bytes = segment.size
    }
  }
  return groups
}
