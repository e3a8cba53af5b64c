/** quotas: how fast each address may connect: `connection_creation_rate` of the ip entities, and what each has used of it (KIP-612). */
import { isIP } from 'node:net'
import { canonicalAddress, type HostNames } from '../runtime/host-names.ts'
import type { ClientQuotas } from './client-quotas.ts'
import { QuotaRate, type QuotaWindow } from './quota-rate.ts'

/** Addresses that are remembered, above which those that have not connected for a window are dropped. */
const sweepAbove = 10_000
/** Entities that are names of hosts and are looked up. */
const maxLookups = 1_000

export class AddressRates {
  readonly #quotas: ClientQuotas
  readonly #hostNames: HostNames
  readonly #window: QuotaWindow
  readonly #used = new Map<string, QuotaRate>()
  #bounds = new Map<string, number>()
  #defaultBound: number | undefined
  #changes = -1
  #sweepAt = sweepAbove

  constructor(quotas: ClientQuotas, hostNames: HostNames, window: QuotaWindow) {
    this.#quotas = quotas
    this.#hostNames = hostNames
    this.#window = window
  }

  /** Counts a connection, unless it is one too many: then tells for how many milliseconds its address should stay away. */
  record(address: string, nowMs: number): number {
    if (this.#changes !== this.#quotas.changes) this.#look()
    const bound = this.#bounds.get(address) ?? this.#defaultBound
    if (bound === undefined) return 0
    const rate = this.#rateOf(address, nowMs)
    rate.record(1, nowMs)
    const throttleMs = Math.min(rate.throttleMs(bound, nowMs), this.#window.sampleMs)
    if (throttleMs > 0) rate.record(-1, nowMs)
    return throttleMs
  }

  #rateOf(address: string, nowMs: number): QuotaRate {
    const known = this.#used.get(address)
    if (known !== undefined) return known
    if (this.#used.size >= this.#sweepAt) {
      for (const [each, rate] of this.#used) if (rate.isOver(nowMs)) this.#used.delete(each)
      this.#sweepAt = Math.max(sweepAbove, this.#used.size * 2)
    }
    const rate = new QuotaRate(this.#window)
    this.#used.set(address, rate)
    return rate
  }

  #look(): void {
    this.#changes = this.#quotas.changes
    const bounds = new Map<string, number>()
    this.#bounds = bounds
    this.#defaultBound = undefined
    let lookups = 0
    for (const { entity, values } of this.#quotas.entities()) {
      const name = entity.get('ip')
      const bound = values.get('connection_creation_rate')
      if (name === undefined || bound === undefined) continue
      if (name === null) this.#defaultBound = bound
      else if (isIP(name) !== 0) bounds.set(canonicalAddress(name), bound)
      else if (lookups < maxLookups) {
        lookups += 1
        void this.#hostNames.addressOf(name).then((address) => {
          if (address !== undefined) bounds.set(canonicalAddress(address), bound)
        })
      }
    }
  }
}
