/**
 * quotas: a bucket that fills at the rate of a quota and may be overdrawn once: as long as it is, nothing is taken. Unlike a rate, a burst
 * is forgiven as soon as it is paid off. Source: KIP-599; Kafka's TokenBucket and ControllerMutationQuotaManager.
 */
import type { QuotaWindow } from './quota-rate.ts'

export class TokenBucket {
  readonly #window: QuotaWindow
  /** Undefined: full, whatever the quota is. */
  #tokens: number | undefined
  #filledMs = 0

  constructor(window: QuotaWindow) {
    this.#window = window
  }

  /** @param rate tokens per second */
  take(tokens: number, rate: number, nowMs: number): void {
    this.#fill(rate, nowMs)
    this.#tokens = Math.min(this.#capacity(rate), this.#tokens! - tokens)
  }

  /** How long it takes until it is not overdrawn any more; 0 when it isn't. */
  throttleMs(rate: number, nowMs: number): number {
    this.#fill(rate, nowMs)
    return this.#tokens! < 0 ? Math.round((-this.#tokens! / rate) * 1000) : 0
  }

  isFull(rate: number, nowMs: number): boolean {
    this.#fill(rate, nowMs)
    return this.#tokens! >= this.#capacity(rate)
  }

  #capacity(rate: number): number {
    return (this.#window.samples * this.#window.sampleMs * rate) / 1000
  }

  #fill(rate: number, nowMs: number): void {
    const capacity = this.#capacity(rate)
    if (this.#tokens === undefined) this.#tokens = capacity
    else this.#tokens = Math.min(capacity, this.#tokens + (rate * Math.max(0, nowMs - this.#filledMs)) / 1000)
    this.#filledMs = nowMs
  }
}
