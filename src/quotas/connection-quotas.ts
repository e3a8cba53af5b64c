/**
 * quotas: which connections a broker takes, and when.
 *
 *     arrives → waits in its listener's line until the rates of broker and listener allow it and both have room
 *             → closed at once (too many from its address), or later (its address connects too fast), or served
 *
 * Only the first in a line waits for something: as with Kafka's acceptor, the others wait for it. The listener for traffic between
 * brokers, where it is not the only one, is not held by the limit of the broker; when it brings the broker above, the least recently used
 * connections of the others are closed. Source: KIP-402, KIP-612; Kafka's ConnectionQuotas.
 */
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { AddressRates } from './address-rates.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { QuotaRate, type QuotaWindow } from './quota-rate.ts'

export interface ConnectionQuotaOptions {
  readonly clock: Clock
  readonly limits: ConnectionLimits
  readonly rates: AddressRates
  readonly window: QuotaWindow
  /** Upper case. */
  readonly interBrokerListener: string
  /** Closes the connection of the listener that has been idle for longest; false: it has none. */
  closeIdlest(listener: string): boolean
}

/** What becomes of a connection. One of the two is called, once. */
export interface ConnectionOutcome {
  serve(): void
  refuse(reason: string, afterMs: number): void
}

interface Arrival {
  readonly address: string
  readonly outcome: ConnectionOutcome
  /** When the rates allow it; undefined before it was counted. */
  readyMs: number | undefined
}

class Line {
  readonly waiting: Arrival[] = []
  readonly rate: QuotaRate
  connections = 0
  cancelTimer: Cancel | undefined

  constructor(window: QuotaWindow) {
    this.rate = new QuotaRate(window)
  }
}

/** Connections of a listener that wait, beyond which others are closed at once; in Kafka the system's queue, which is about as long. */
const maxWaiting = 511

export class ConnectionQuotas {
  readonly #options: ConnectionQuotaOptions
  readonly #lines = new Map<string, Line>()
  readonly #byAddress = new Map<string, number>()
  readonly #rate: QuotaRate
  #limits: ConnectionLimits
  #connections = 0
  /** Connections that are being closed for being too many. */
  #closing = 0

  constructor(options: ConnectionQuotaOptions) {
    this.#options = options
    this.#limits = options.limits
    this.#rate = new QuotaRate(options.window)
    for (const listener of options.limits.byListener.keys()) this.#lines.set(listener, new Line(options.window))
  }

  /** Served now. */
  get connections(): number {
    return this.#connections
  }

  /** Those that wait for more to be allowed go on. */
  setLimits(limits: ConnectionLimits): void {
    this.#limits = limits
    for (const [listener, line] of this.#lines) this.#advance(listener, line)
    this.#closeExcess()
  }

  /** A connection has come in. Returns what to call when it goes before its turn. */
  admit(listener: string, address: string, outcome: ConnectionOutcome): () => void {
    const line = this.#lines.get(listener)!
    if (line.waiting.length >= maxWaiting) {
      outcome.refuse(`${maxWaiting} connections wait already`, 0)
      return () => {}
    }
    const arrival: Arrival = { address, outcome, readyMs: undefined }
    line.waiting.push(arrival)
    if (line.waiting.length === 1) this.#advance(listener, line)
    return () => {
      const index = line.waiting.indexOf(arrival)
      if (index < 0) return
      line.waiting.splice(index, 1)
      if (index === 0) this.#advance(listener, line)
    }
  }

  /** A connection that was served is gone. */
  release(listener: string, address: string): void {
    const count = this.#byAddress.get(address)! - 1
    if (count === 0) this.#byAddress.delete(address)
    else this.#byAddress.set(address, count)
    this.#lines.get(listener)!.connections -= 1
    this.#connections -= 1
    this.#closing = Math.max(0, this.#closing - 1)
    for (const [name, line] of this.#lines) this.#advance(name, line)
  }

  /** Nobody who waits is served any more. */
  close(): void {
    for (const line of this.#lines.values()) {
      line.cancelTimer?.()
      line.waiting.length = 0
    }
  }

  #advance(listener: string, line: Line): void {
    line.cancelTimer?.()
    line.cancelTimer = undefined
    for (let first = line.waiting[0]; first !== undefined; first = line.waiting[0]) {
      const nowMs = this.#options.clock.monotonicMs()
      first.readyMs ??= nowMs + this.#count(listener, line, nowMs)
      if (first.readyMs > nowMs) {
        line.cancelTimer = this.#options.clock.after(first.readyMs - nowMs, () => this.#advance(listener, line))
        return
      }
      if (!this.#hasRoom(listener, line)) return
      line.waiting.shift()
      this.#decide(listener, line, first)
    }
  }

  /** Counts an arrival to the rates; for how long it has to wait, which is one sample at most. */
  #count(listener: string, line: Line, nowMs: number): number {
    const waitMs = (rate: QuotaRate, bound: number): number => {
      rate.record(1, nowMs)
      return Math.min(rate.throttleMs(bound, nowMs), this.#options.window.sampleMs)
    }
    const limits = this.#limits.byListener.get(listener)!
    const brokerMs = this.#isProtected(listener) ? 0 : waitMs(this.#rate, this.#limits.maxCreationRate)
    return Math.max(brokerMs, waitMs(line.rate, limits.maxCreationRate))
  }

  #hasRoom(listener: string, line: Line): boolean {
    if (line.connections >= this.#limits.byListener.get(listener)!.maxConnections) return false
    return this.#isProtected(listener) || this.#connections < this.#limits.maxConnections
  }

  #decide(listener: string, line: Line, { address, outcome }: Arrival): void {
    const nowMs = this.#options.clock.monotonicMs()
    const throttleMs = this.#options.rates.record(address, nowMs)
    if (throttleMs > 0) {
      if (!this.#isProtected(listener)) this.#rate.record(-1, nowMs)
      line.rate.record(-1, nowMs)
      outcome.refuse(`${address} connects faster than its connection_creation_rate`, throttleMs)
      return
    }
    const count = this.#byAddress.get(address) ?? 0
    const max = this.#limits.maxOf.get(address) ?? this.#limits.maxPerAddress
    if (count >= max) {
      outcome.refuse(`${address} already has the configured maximum of ${max} connections`, 0)
      return
    }
    this.#byAddress.set(address, count + 1)
    line.connections += 1
    this.#connections += 1
    outcome.serve()
    this.#closeExcess()
  }

  #isProtected(listener: string): boolean {
    return listener === this.#options.interBrokerListener && this.#lines.size > 1
  }

  #closeExcess(): void {
    const others = [...this.#lines.keys()].filter((listener) => !this.#isProtected(listener))
    while (this.#connections - this.#closing > this.#limits.maxConnections) {
      if (!others.some((listener) => this.#options.closeIdlest(listener))) return
      this.#closing += 1
    }
  }
}
