/** cluster: blocks of producer ids, each recorded in the metadata log before anybody uses it, so that none is given twice. */
import { producerIdsRecord } from '../../protocol/state/index.ts'
import { type MetadataLog, metadataRecord } from '../metadata/index.ts'

/** Kafka's. */
export const producerIdBlockSize = 1000

export class ProducerIdBlocks {
  readonly #metadata: MetadataLog
  #nextProducerId = 0n

  constructor(metadata: MetadataLog) {
    this.#metadata = metadata
    metadata.register(producerIdsRecord, ({ nextProducerId }) => {
      this.#nextProducerId = nextProducerId
    })
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
