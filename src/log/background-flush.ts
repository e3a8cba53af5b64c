/**
 * log: makes what was written durable, off the append path, so that a start after a crash has little to scan.
 *
 *     written → dirty → (5 s, or 64 MiB of one partition, or flush.ms) → due → fdatasync, one partition at a time → recovery point
 *
 * A timer runs only while something is dirty. After each flush it rests for as long as the flush took, so that the disk is free for
 * others half of the time; not while more is due than a start after a crash reads in some tenths of a second.
 */
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'

const flushIntervalMs = 5000
/** So many unsynced bytes of one partition are not left to the interval. */
const mostDirtyBytes = 64 * 1024 * 1024
const longestRestMs = 1000
const mostDueBytesAtRest = 256 * 1024 * 1024

export interface Flushable {
  readonly directory: string
  /** Bytes written since the last flush began. */
  readonly dirtyBytes: number
  /** When flush.ms is over, by the monotonic clock. */
  readonly flushDueMs: number
  flushInBackground(): Promise<void>
}

export class BackgroundFlush {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #schedulerIntervalMs: number
  readonly #dirty = new Set<Flushable>()
  /** With the bytes that it had when it became due. */
  readonly #due = new Map<Flushable, number>()
  #dueBytes = 0
  #cancelInterval: Cancel | undefined
  #cancelScheduler: Cancel | undefined
  #flushing: Promise<void> | undefined
  #endRest: (() => void) | undefined
  #isClosed = false

  /** `schedulerIntervalMs`: log.flush.scheduler.interval.ms, how often flush.ms is looked at. */
  constructor(parts: { clock: Clock; logger: Logger }, schedulerIntervalMs: number) {
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#schedulerIntervalMs = schedulerIntervalMs
  }

  /** `log` has bytes that are not durable, some of them new. */
  dirtied(log: Flushable): void {
    if (this.#isClosed) return
    this.#dirty.add(log)
    if (log.dirtyBytes >= mostDirtyBytes) this.#flush([log])
    this.#cancelInterval ??= this.#clock.after(flushIntervalMs, () => {
      this.#cancelInterval = undefined
      this.#flush(this.#dirty)
    })
    this.#schedule()
  }

  forget(log: Flushable): void {
    this.#dirty.delete(log)
    this.#takeDue(log)
  }

  /** Resolves when no flush is under way; none starts any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelInterval?.()
    this.#cancelScheduler?.()
    this.#endRest?.()
    await this.#flushing
  }

  /** Looks at flush.ms once an interval, as long as anything is dirty. */
  #schedule(): void {
    if (this.#cancelScheduler !== undefined || this.#schedulerIntervalMs > Number.MAX_SAFE_INTEGER) return
    this.#cancelScheduler = this.#clock.after(this.#schedulerIntervalMs, () => {
      this.#cancelScheduler = undefined
      const nowMs = this.#clock.monotonicMs()
      this.#flush([...this.#dirty].filter((log) => log.flushDueMs <= nowMs))
      if (this.#dirty.size > 0) this.#schedule()
    })
  }

  #flush(logs: Iterable<Flushable>): void {
    for (const log of logs) {
      this.#dirty.delete(log)
      if (this.#due.has(log)) continue
      this.#due.set(log, log.dirtyBytes)
      this.#dueBytes += log.dirtyBytes
    }
    this.#flushing ??= this.#flushDue().finally(() => {
      this.#flushing = undefined
      if (this.#due.size > 0 && !this.#isClosed) this.#flush([])
    })
  }

  async #flushDue(): Promise<void> {
    for (const log of this.#due.keys()) {
      if (this.#isClosed) return
      this.#takeDue(log)
      if (log.dirtyBytes === 0) continue
      const startMs = this.#clock.monotonicMs()
      try {
        await log.flushInBackground()
      } catch (error) {
        this.#logger.error({ directory: log.directory, error }, 'a partition could not be flushed')
      }
      if (this.#dueBytes <= mostDueBytesAtRest) await this.#rest(this.#clock.monotonicMs() - startMs)
    }
  }

  #takeDue(log: Flushable): void {
    this.#dueBytes -= this.#due.get(log) ?? 0
    this.#due.delete(log)
  }

  async #rest(tookMs: number): Promise<void> {
    if (tookMs <= 0 || this.#isClosed) return
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(Math.min(tookMs, longestRestMs), resolve)
      this.#endRest = () => {
        cancel()
        resolve()
      }
    })
    this.#endRest = undefined
  }
}
