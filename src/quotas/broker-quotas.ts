/**
 * quotas: what the clients of one broker have used, and for how long they are throttled. `isEnforced` is all that a request costs as long
 * as nobody has a quota. Source: KIP-13, KIP-124, KIP-219, KIP-599; Kafka's ClientQuotaManager and its likes.
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ClientQuotas } from './client-quotas.ts'
import type { QuotaClient } from './quota-levels.ts'
import { QuotaRate, type QuotaWindow } from './quota-rate.ts'
import { TokenBucket } from './token-bucket.ts'
import { type Metering, Usage } from './usage.ts'

export interface BrokerQuotaOptions {
  readonly quotas: ClientQuotas
  readonly clock: Clock
  /** quota.window.num and quota.window.size.seconds */
  readonly window: QuotaWindow
  /** controller.quota.window.num and controller.quota.window.size.seconds */
  readonly controllerWindow: QuotaWindow
}

/** What one request has used when it is answered. */
export interface RequestUsage {
  /** Milliseconds in which the event loop did nothing else. */
  readonly threadMs: number
  /** Bytes that count to a byte rate: those of a Produce request, or of the answer to a Fetch. */
  readonly bytes: number
  readonly counts: 'produce' | 'fetch' | 'nothing'
  /** Nothing is sent, so there is no answer that could tell of a throttle time for the time it took (acks=0). */
  readonly isUnanswered: boolean
}

/** What one request may change in the metadata. */
export interface MutationQuota {
  /**
   * Counts partitions that are created or deleted.
   * @throws KafkaError THROTTLING_QUOTA_EXCEEDED, of a strict quota that is used up
   */
  record(partitions: number): void
  /** What the answer tells the client. */
  readonly throttleMs: number
}

const unlimited: MutationQuota = { record: () => {}, throttleMs: 0 }

export class BrokerQuotas {
  readonly #options: BrokerQuotaOptions
  readonly #produced: Usage<QuotaRate>
  readonly #fetched: Usage<QuotaRate>
  /** Percents of the event loop. */
  readonly #requests: Usage<QuotaRate>
  readonly #mutations: Usage<TokenBucket>
  #changes = -1
  #isEnforced = false

  constructor(options: BrokerQuotaOptions) {
    this.#options = options
    const { quotas, clock, window, controllerWindow } = options
    const rate = (key: 'producer_byte_rate' | 'consumer_byte_rate' | 'request_percentage'): Metering<QuotaRate> => ({
      key,
      make: () => new QuotaRate(window),
      isOver: (meter, _bound, nowMs) => meter.isOver(nowMs),
    })
    this.#produced = new Usage(quotas, clock, rate('producer_byte_rate'))
    this.#fetched = new Usage(quotas, clock, rate('consumer_byte_rate'))
    this.#requests = new Usage(quotas, clock, rate('request_percentage'))
    this.#mutations = new Usage(quotas, clock, {
      key: 'controller_mutation_rate',
      make: () => new TokenBucket(controllerWindow),
      isOver: (meter, bound, nowMs) => meter.isFull(bound, nowMs),
    })
  }

  /** Some user or client id has a quota. */
  get isEnforced(): boolean {
    if (this.#changes !== this.#options.quotas.changes) this.#look()
    return this.#isEnforced
  }

  /** Users and client ids of which more is known than that they have no quota. */
  get rememberedClients(): number {
    return Math.max(this.#produced.size, this.#fetched.size, this.#requests.size, this.#mutations.size)
  }

  /** Counts a request, and tells for how many milliseconds its connection is to be muted. */
  record(client: QuotaClient, usage: RequestUsage): number {
    const nowMs = this.#options.clock.monotonicMs()
    const bytesMs = usage.counts === 'nothing' ? 0 : this.#recordBytes(client, usage, nowMs)
    const requestMs = usage.isUnanswered ? 0 : this.#recordTime(client, usage.threadMs, nowMs)
    const throttleMs = Math.max(bytesMs, requestMs)
    // The client gets an empty answer instead, and asks for the bytes again.
    if (throttleMs > 0 && usage.counts === 'fetch') this.#fetched.of(client)?.meter.record(-usage.bytes, nowMs)
    return throttleMs
  }

  /** The most that a Fetch may bring: more than that would always be throttled. */
  maxFetchBytes(client: QuotaClient): number {
    const bound = this.#fetched.of(client)?.quota.bound
    if (bound === undefined) return Number.POSITIVE_INFINITY
    const { samples, sampleMs } = this.#options.window
    return Math.floor((bound * (samples - 1) * sampleMs) / 1000)
  }

  /** @param isStrict the client knows THROTTLING_QUOTA_EXCEEDED; others are throttled afterwards */
  mutationQuota(client: QuotaClient, isStrict: boolean): MutationQuota {
    const used = this.isEnforced ? this.#mutations.of(client) : undefined
    if (used === undefined) return unlimited
    const { clock } = this.#options
    const { meter, quota } = used
    let throttledUntilMs = Number.NEGATIVE_INFINITY
    const check = (nowMs: number): boolean => {
      const throttleMs = meter.throttleMs(quota.bound, nowMs)
      if (throttleMs > 0) throttledUntilMs = nowMs + throttleMs
      return throttleMs === 0
    }
    return {
      record(partitions) {
        const nowMs = clock.monotonicMs()
        if (isStrict && !check(nowMs)) throw new KafkaError('THROTTLING_QUOTA_EXCEEDED')
        meter.take(partitions, quota.bound, nowMs)
        if (!isStrict) check(nowMs)
      },
      get throttleMs() {
        return Math.max(0, Math.round(throttledUntilMs - clock.monotonicMs()))
      },
    }
  }

  #recordBytes(client: QuotaClient, { counts, bytes }: RequestUsage, nowMs: number): number {
    const used = (counts === 'produce' ? this.#produced : this.#fetched).of(client)
    if (used === undefined) return 0
    used.meter.record(bytes, nowMs)
    return used.meter.throttleMs(used.quota.bound, nowMs)
  }

  /** As in Kafka, no longer than one sample. */
  #recordTime(client: QuotaClient, threadMs: number, nowMs: number): number {
    const used = this.#requests.of(client)
    if (used === undefined) return 0
    used.meter.record(threadMs / 10, nowMs)
    return Math.min(used.meter.throttleMs(used.quota.bound, nowMs), this.#options.window.sampleMs)
  }

  #look(): void {
    this.#changes = this.#options.quotas.changes
    this.#isEnforced = [...this.#options.quotas.entities()].some(({ entity }) => !entity.has('ip'))
  }
}
