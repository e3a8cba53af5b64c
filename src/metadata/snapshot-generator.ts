/**
 * metadata: decides when the next snapshot is made: after so many bytes of records, or so long after the last one if anything was written
 * since. Source: Kafka's SnapshotGenerator.
 */
import type { Cancel, Clock } from '../runtime/clock.ts'

export interface SnapshotGeneratorOptions {
  readonly clock: Clock
  /** metadata.log.max.record.bytes.between.snapshots */
  readonly maxBytes: number
  /** metadata.log.max.snapshot.interval.ms; 0: time alone asks for none. */
  readonly maxIntervalMs: number
  /** Not while a metadata transaction is open. */
  readonly isPossible: () => boolean
  /** Makes one; `frozen` is called when it is settled what it holds. */
  readonly generate: (frozen: () => void) => Promise<void>
}

export class SnapshotGenerator {
  readonly #options: SnapshotGeneratorOptions
  /** Since the last one. */
  #bytes = 0
  #lastMs: number
  #cancelTimer: Cancel | undefined
  #generating: Promise<void> | undefined
  #isStarted = false

  constructor(options: SnapshotGeneratorOptions) {
    this.#options = options
    this.#lastMs = options.clock.monotonicMs()
  }

  /** From here on snapshots are made; what was loaded counts. */
  start(): void {
    this.#isStarted = true
    this.check()
  }

  /** Records of so many bytes are in the log that no snapshot holds. */
  appended(bytes: number): void {
    this.#bytes += bytes
  }

  /** Starts the next one if it is time; to be called when records were replayed. */
  check(): void {
    if (!this.#isStarted || this.#bytes === 0 || this.#generating !== undefined) return
    if (!this.#isDue()) this.#schedule()
    else if (this.#options.isPossible()) this.#start()
  }

  /** Resolves when the last one is made. */
  async close(): Promise<void> {
    this.#isStarted = false
    this.#cancelTimer?.()
    await this.#generating
  }

  #start(): void {
    this.#generating = this.#options
      .generate(() => this.#reset())
      .finally(() => {
        this.#generating = undefined
        this.check()
      })
  }

  #isDue(): boolean {
    const { maxBytes, maxIntervalMs, clock } = this.#options
    return this.#bytes >= maxBytes || (maxIntervalMs > 0 && clock.monotonicMs() - this.#lastMs >= maxIntervalMs)
  }

  #reset(): void {
    this.#bytes = 0
    this.#lastMs = this.#options.clock.monotonicMs()
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #schedule(): void {
    const { clock, maxIntervalMs } = this.#options
    if (maxIntervalMs === 0 || this.#cancelTimer !== undefined) return
    const delayMs = this.#lastMs + maxIntervalMs - clock.monotonicMs()
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#cancelTimer = undefined
      this.check()
    })
  }
}
