/** quotas: what the clients of one broker have used of one kind of quota. Looked up by client; forgotten once it can't matter any more. */
import type { Clock } from '../runtime/clock.ts'
import type { ClientQuotas } from './client-quotas.ts'
import type { QuotaKey } from './quota-keys.ts'
import { type AppliedQuota, appliedQuota, type QuotaClient } from './quota-levels.ts'

interface Resolved<Meter> {
  readonly quota: AppliedQuota
  readonly meter: Meter
}

export interface Metering<Meter> {
  readonly key: QuotaKey
  make(): Meter
  /** Whether a new one would tell the same. */
  isOver(meter: Meter, bound: number, nowMs: number): boolean
}

/** Meters, and clients that were looked up, above which those that are over are dropped. */
const sweepAbove = 10_000
/** Above this the oldest are dropped, also when they still matter: whoever invents so many client ids has a quota for each. */
const maxEntries = 100_000

export class Usage<Meter> {
  readonly #quotas: ClientQuotas
  readonly #clock: Clock
  readonly #metering: Metering<Meter>
  readonly #meters = new Map<string, Meter>()
  /** By user and client id, as of `#changes`; null: no quota. */
  readonly #clients = new Map<string, Resolved<Meter> | null>()
  #changes = -1
  #sweepAt = sweepAbove

  constructor(quotas: ClientQuotas, clock: Clock, metering: Metering<Meter>) {
    this.#quotas = quotas
    this.#clock = clock
    this.#metering = metering
  }

  /** Clients that are remembered. */
  get size(): number {
    return Math.max(this.#clients.size, this.#meters.size)
  }

  /** Undefined for a client without a quota. */
  of(client: QuotaClient): Resolved<Meter> | undefined {
    if (this.#changes !== this.#quotas.changes) {
      this.#clients.clear()
      this.#changes = this.#quotas.changes
    }
    const key = `${client.user}\0${client.clientId ?? ''}`
    let known = this.#clients.get(key)
    if (known === undefined) {
      known = this.#resolve(client)
      this.#clients.set(key, known)
      if (this.size > this.#sweepAt) this.#sweep()
    }
    return known ?? undefined
  }

  #resolve(client: QuotaClient): Resolved<Meter> | null {
    const quota = appliedQuota(this.#quotas, this.#metering.key, client)
    if (quota === undefined) return null
    let meter = this.#meters.get(quota.sharedBy)
    if (meter === undefined) {
      meter = this.#metering.make()
      this.#meters.set(quota.sharedBy, meter)
    }
    return { quota, meter }
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs()
    const kept = new Set<Meter>()
    for (const resolved of this.#clients.values()) {
      if (resolved !== null && !this.#metering.isOver(resolved.meter, resolved.quota.bound, nowMs)) {
        kept.add(resolved.meter)
      }
    }
    this.#clients.clear()
    for (const [key, meter] of this.#meters) {
      if (!kept.has(meter) || this.#meters.size > maxEntries) this.#meters.delete(key)
    }
    this.#sweepAt = Math.max(sweepAbove, this.#meters.size * 2)
  }
}
