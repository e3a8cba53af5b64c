/** cluster: gives partitions back to their preferred leaders, the first of their replicas, as Kafka's controller does from time to time. */
import type { BrokerConfig } from '../config/index.ts'
import type { Cancel, Clock } from '../runtime/clock.ts'

export interface PreferredLeadersOptions {
  readonly clock: Clock
  /** With the dynamic ones of that moment. */
  config(): BrokerConfig
  /** Lets preferred leaders lead where they can; failures are its own. */
  elect(): Promise<void>
}

export class PreferredLeaders {
  readonly #options: PreferredLeadersOptions
  #cancel: Cancel | undefined
  #electing: Promise<void> = Promise.resolve()

  constructor(options: PreferredLeadersOptions) {
    this.#options = options
  }

  /** Every leader.imbalance.check.interval.seconds from now on. */
  start(): void {
    const { clock, config, elect } = this.#options
    this.#cancel = clock.after(config().get('leader.imbalance.check.interval.seconds') * 1000, () => {
      if (config().get('auto.leader.rebalance.enable')) this.#electing = elect()
      void this.#electing.then(() => {
        if (this.#cancel !== undefined) this.start()
      })
    })
  }

  /** Resolves when an election under way has ended. */
  async stop(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    await this.#electing
  }
}
