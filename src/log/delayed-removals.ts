/** log: files of a log directory that were put aside and are removed later, with one timer for all. What is left at a stop goes at the next start. */
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'

interface Removal {
  readonly path: string
  readonly dueMs: number
}

export class DelayedRemovals {
  readonly #files: FileSystem
  readonly #clock: Clock
  readonly #logger: Logger
  #waiting: Removal[] = []
  #timer: { readonly dueMs: number; readonly cancel: Cancel } | undefined
  #isClosed = false

  constructor(parts: { files: FileSystem; clock: Clock; logger: Logger }) {
    this.#files = parts.files
    this.#clock = parts.clock
    this.#logger = parts.logger
  }

  add(paths: readonly string[], delayMs: number): void {
    const dueMs = this.#clock.monotonicMs() + delayMs
    for (const path of paths) this.#waiting.push({ path, dueMs })
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    const dueMs = this.#waiting.reduce(
      (earliest, removal) => Math.min(earliest, removal.dueMs),
      Number.POSITIVE_INFINITY,
    )
    if (this.#isClosed || dueMs === Number.POSITIVE_INFINITY) return
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return
    this.#timer?.cancel()
    const cancel = this.#clock.after(dueMs - this.#clock.monotonicMs(), () => void this.#removeDue())
    this.#timer = { dueMs, cancel }
  }

  async #removeDue(): Promise<void> {
    const nowMs = Math.max(this.#clock.monotonicMs(), this.#timer?.dueMs ?? 0)
    this.#timer = undefined
    const due = this.#waiting.filter(({ dueMs }) => dueMs <= nowMs)
    this.#waiting = this.#waiting.filter(({ dueMs }) => dueMs > nowMs)
    for (const { path } of due) {
      if (this.#isClosed) return
      try {
        await this.#files.remove(path)
      } catch (error) {
        this.#logger.warn(
          { path, error },
          'a file of a deleted segment could not be removed: the next start tries again',
        )
      }
    }
    this.#schedule()
  }
}
