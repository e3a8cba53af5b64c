/**
 * quotas: how fast something happens, over the last samples, and for how long it must stop to be within a bound again.
 *
 *     samples  |----|----|----|----|-- now      rate = sum of all samples / time since the oldest began, at least all but one whole sample
 *
 * One sample more than asked for is kept, because the oldest reaches into the window only in part. Source: Kafka's Rate, SampledStat and
 * QuotaUtils, to the millisecond.
 */

export interface QuotaWindow {
  /** quota.window.num */
  readonly samples: number
  /** quota.window.size.seconds, in milliseconds. */
  readonly sampleMs: number
}

interface Sample {
  startMs: number
  lastMs: number
  value: number
}

export class QuotaRate {
  readonly #window: QuotaWindow
  readonly #samples: Sample[] = []
  #current = 0

  constructor(window: QuotaWindow) {
    this.#window = window
  }

  record(value: number, nowMs: number): void {
    let sample = this.#samples[this.#current]
    if (sample === undefined || nowMs - sample.startMs >= this.#window.sampleMs) sample = this.#next(nowMs)
    sample.value += value
    sample.lastMs = nowMs
  }

  /** Per second. */
  measure(nowMs: number): number {
    const windowMs = this.#windowMs(nowMs)
    let sum = 0
    for (const { value } of this.#samples) sum += value
    return sum / (windowMs / 1000)
  }

  /** How long nothing must be recorded for the rate to come down to `bound`; 0 when it is not above. */
  throttleMs(bound: number, nowMs: number): number {
    const rate = this.measure(nowMs)
    return rate > bound ? Math.round(((rate - bound) / bound) * this.#windowMs(nowMs)) : 0
  }

  /** All that was recorded is out of the window: it is as if new. */
  isOver(nowMs: number): boolean {
    const { samples, sampleMs } = this.#window
    return this.#samples.every(({ lastMs }) => nowMs - lastMs >= samples * sampleMs)
  }

  #next(nowMs: number): Sample {
    if (this.#samples.length > 0) this.#current = (this.#current + 1) % (this.#window.samples + 1)
    const sample = { startMs: nowMs, lastMs: nowMs, value: 0 }
    this.#samples[this.#current] = sample
    return sample
  }

  #windowMs(nowMs: number): number {
    const { samples, sampleMs } = this.#window
    let oldestMs = nowMs
    for (const sample of this.#samples) {
      if (nowMs - sample.lastMs >= samples * sampleMs)
        Object.assign(sample, { startMs: nowMs, lastMs: nowMs, value: 0 })
      oldestMs = Math.min(oldestMs, sample.startMs)
    }
    const elapsedMs = nowMs - oldestMs
    const missing = Math.max(0, samples - 1 - Math.floor(elapsedMs / sampleMs))
    // With a single sample that has just begun the elapsed time may be nothing at all.
    return Math.max(elapsedMs + missing * sampleMs, 1)
  }
}
