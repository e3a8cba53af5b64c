/** transactions: gives producers of one broker their ids, from blocks of which the cluster has recorded that they are taken. */
import type { Broker } from '../cluster/broker.ts'

export class ProducerIds {
  readonly #broker: Broker
  #next = 0n
  #end = 0n
  #allocating: Promise<void> | undefined

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** An id that nobody had before, also before a crash. */
  async next(): Promise<bigint> {
    while (this.#next >= this.#end) {
      this.#allocating ??= this.#allocate().finally(() => {
        this.#allocating = undefined
      })
      await this.#allocating
    }
    const producerId = this.#next
    this.#next += 1n
    return producerId
  }

  async #allocate(): Promise<void> {
    const { firstProducerId, length } = await this.#broker.cluster.allocateProducerIds(this.#broker)
    this.#next = firstProducerId
    this.#end = firstProducerId + BigInt(length)
  }
}
