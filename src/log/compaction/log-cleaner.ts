/**
 * log: chooses which partitions of a log directory are compacted, the dirtiest first, and looks again every log.cleaner.backoff.ms.
 * Source: Kafka's LogCleaner.
 */
import type { Cancel, Clock } from '../../runtime/clock.ts'
import type { Random } from '../../runtime/random.ts'
import type { Cleanable } from './cleanable.ts'
import type { Compactor } from './compaction.ts'
import type { LogCompaction } from './log-compaction.ts'

export interface CleanerLimits {
  /** log.cleaner.enable */
  readonly isEnabled: boolean
  /** log.cleaner.threads: partitions at a time. */
  readonly threads: number
  /** log.cleaner.dedupe.buffer.size, for all threads together. */
  readonly mapBytes: number
  /** log.cleaner.io.max.bytes.per.second, for all threads together. */
  readonly maxBytesPerSecond: number
  /** log.cleaner.backoff.ms */
  readonly backoffMs: number
}

export const defaultCleanerLimits: CleanerLimits = {
  isEnabled: true,
  threads: 1,
  mapBytes: 128 * 1024 * 1024,
  maxBytesPerSecond: Number.MAX_VALUE,
  backoffMs: 15_000,
}

export interface CleanerParts {
  readonly clock: Clock
  readonly random: Random
  readonly compactor: Compactor
  /** Of all open partitions. */
  readonly compactions: () => Iterable<LogCompaction>
  /** Something was compacted, or is for the first time. */
  readonly onProgress: () => Promise<void>
}

export class LogCleaner {
  readonly #parts: CleanerParts
  #limits: CleanerLimits
  #running: Promise<void> | undefined
  readonly #busy = new Set<LogCompaction>()
  #cancel: Cancel = () => {}
  #isClosed = false

  constructor(parts: CleanerParts, limits: CleanerLimits) {
    this.#parts = parts
    this.#limits = limits
    this.#schedule()
  }

  set limits(limits: CleanerLimits) {
    this.#limits = limits
    this.#schedule()
  }

  /** Compacts every partition that is dirty enough. */
  run(): Promise<void> {
    this.#running ??= this.#cleanAll().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Starts nothing any more; what is under way ends with its log. */
  close(): void {
    this.#isClosed = true
    this.#cancel()
  }

  #schedule(): void {
    this.#cancel()
    if (this.#isClosed) return
    this.#cancel = this.#parts.clock.after(this.#limits.backoffMs, () => {
      void this.run().finally(() => this.#schedule())
    })
  }

  async #cleanAll(): Promise<void> {
    const { isEnabled, threads } = this.#limits
    if (!isEnabled || threads < 1) return
    /** They did not get on: not in this pass again. */
    const stuck = new Set<LogCompaction>()
    await Promise.all(Array.from({ length: threads }, () => this.#cleanOneByOne(stuck, threads)))
  }

  async #cleanOneByOne(stuck: Set<LogCompaction>, threads: number): Promise<void> {
    const { clock, random, compactor, onProgress } = this.#parts
    while (!this.#isClosed) {
      const dirtiest = await this.#dirtiest(stuck)
      if (dirtiest === undefined || this.#isClosed) return
      const { compaction, cleanable } = dirtiest
      const before = compaction.cleanedOffset
      this.#busy.add(compaction)
      try {
        if (!compaction.hasBegun) {
          compaction.hasBegun = true
          await onProgress()
        }
        await compaction.run(cleanable, clock.now(), compactor, {
          mapBytes: this.#limits.mapBytes / threads,
          maxBytesPerSecond: this.#limits.maxBytesPerSecond / threads,
          seed: random.bytes(4).readInt32BE(0),
        })
      } finally {
        this.#busy.delete(compaction)
      }
      if (compaction.cleanedOffset === before) stuck.add(compaction)
      else await onProgress()
    }
  }

  async #dirtiest(
    stuck: ReadonlySet<LogCompaction>,
  ): Promise<{ compaction: LogCompaction; cleanable: Cleanable } | undefined> {
    const isFree = (each: LogCompaction): boolean => !this.#busy.has(each) && !stuck.has(each)
    let dirtiest: { compaction: LogCompaction; cleanable: Cleanable } | undefined
    const nowMs = this.#parts.clock.now()
    for (const compaction of this.#parts.compactions()) {
      if (!compaction.mayBeDirty || !isFree(compaction)) continue
      const cleanable = await compaction.cleanable(nowMs)
      if (cleanable === undefined || cleanable.dirtyRatio <= (dirtiest?.cleanable.dirtyRatio ?? 0)) continue
      dirtiest = { compaction, cleanable }
    }
    // Another thread may have taken it meanwhile.
    return dirtiest === undefined || isFree(dirtiest.compaction) ? dirtiest : await this.#dirtiest(stuck)
  }
}
