/** cluster: blocks of producer ids, each recorded in the metadata log before anybody uses it, so that none is given twice. */
import { producerIdsRecord } from '../../protocol/state/index.ts'
import { type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'

/** Kafka's. */
export const producerIdBlockSize = 1000

export class ProducerIdBlocks {
  readonly #metadata: MetadataLog
  #nextProducerId = 0n

  constructor(metadata: MetadataLog) {
    this.#metadata = metadata
    const register = metadata.image('producerIds', () => this.#records())
    register(producerIdsRecord, ({ nextProducerId }) => {
      this.#nextProducerId = nextProducerId
    })
  }

  /** Whose the last block was does not matter any more: Kafka's snapshots have -1 there, too. */
  *#records(): Generator<MetadataRecord, void> {
    if (this.#nextProducerId === 0n) return
    const nextProducerId = this.#nextProducerId
    yield metadataRecord(producerIdsRecord, 0, { brokerId: -1, brokerEpoch: -1, nextProducerId })
  }

  allocate(brokerId: number, brokerEpoch: number): Promise<{ firstProducerId: bigint; length: number }> {
    return this.#metadata.run(() => {
      const firstProducerId = this.#nextProducerId
      const nextProducerId = firstProducerId + BigInt(producerIdBlockSize)
      return {
        records: [metadataRecord(producerIdsRecord, 0, { brokerId, brokerEpoch, nextProducerId })],
        response: { firstProducerId, length: producerIdBlockSize },
      }
    })
  }
}
