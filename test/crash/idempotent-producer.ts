/** A producer that never gives up: it sends each batch, the same bytes, until it is acknowledged, with several on their way. */
import { initProducerId, metadata, produce } from '../../protocol/messages/index.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Api, DecodedResponse, EncodableOf } from '../../protocol/schema/index.ts'
import { RawClient } from '../network/raw-client.ts'
import { answer, request } from '../server/serving.ts'

const clientId = 'crash'
const maxInFlight = 4
const produceVersion = 11
const maxRecords = 20

interface Batch {
  readonly baseSequence: number
  readonly recordCount: number
  readonly bytes: Buffer
}

/** Asks once, over a connection of its own. */
export async function askOnce<A extends Api>(
  port: number,
  api: A,
  version: number,
  body: EncodableOf<A['request']>,
): Promise<DecodedResponse<A>> {
  const client = await RawClient.connect(port)
  try {
    client.send(request(api, version, body as object, { correlationId: 1, clientId }))
    return answer<DecodedResponse<A>>(api, version, await client.frame()).body
  } finally {
    client.destroy()
  }
}

export class IdempotentProducer {
  readonly name: string
  readonly partition: number
  /** Records that were acknowledged: those with the sequences below. */
  acknowledged = 0
  /** What can't be: an error that says that the broker forgot or doubled something. */
  problem: string | undefined
  readonly #topic: string
  #producerId = -1n
  #nextSequence = 0
  #unacknowledged: Batch[] = []

  constructor(name: string, topic: string, partition: number) {
    this.name = name
    this.#topic = topic
    this.partition = partition
  }

  async start(port: number): Promise<void> {
    await askOnce(port, metadata, 12, { topics: [{ name: this.#topic }], allowAutoTopicCreation: true })
    const body = { transactionalId: null, transactionTimeoutMs: 0 }
    this.#producerId = (await askOnce(port, initProducerId, 4, body)).producerId
  }

  /** Sends until the connection breaks, or `isDone` says so. What was not acknowledged is sent again first. */
  async run(port: number, isDone: () => boolean): Promise<void> {
    let client: RawClient
    try {
      client = await RawClient.connect(port)
    } catch {
      return
    }
    const again = [...this.#unacknowledged]
    let inFlight = 0
    try {
      while (this.problem === undefined) {
        while (inFlight < maxInFlight && (again.length > 0 || !isDone())) {
          const batch = again.shift() ?? this.#nextBatch()
          client.send(this.#request(batch))
          inFlight += 1
        }
        if (inFlight === 0) return
        this.#take(answer<DecodedResponse<typeof produce>>(produce, produceVersion, await client.frame()).body)
        inFlight -= 1
      }
    } catch {
      // The broker was killed: the next run sends again what it had not acknowledged.
    } finally {
      client.destroy()
    }
  }

  #take(response: DecodedResponse<typeof produce>): void {
    const { errorCode } = response.responses[0]!.partitionResponses[0]!
    if (errorCode !== 0) {
      this.problem = `${this.name}: batch from ${this.#unacknowledged[0]!.baseSequence} was refused with error ${errorCode}`
      return
    }
    const batch = this.#unacknowledged.shift()!
    this.acknowledged = batch.baseSequence + batch.recordCount
  }

  #nextBatch(): Batch {
    const recordCount = 1 + Math.floor(Math.random() * maxRecords)
    const baseSequence = this.#nextSequence
    this.#nextSequence += recordCount
    const records = Array.from({ length: recordCount }, (_, index) => ({
      timestamp: Date.now(),
      key: Buffer.from(this.name),
      value: Buffer.from(`${baseSequence + index}`.padEnd(100 + ((baseSequence + index) % 900))),
    }))
    const bytes = buildRecordBatch({ producerId: this.#producerId, producerEpoch: 0, baseSequence }, records)
    const batch = { baseSequence, recordCount, bytes }
    this.#unacknowledged.push(batch)
    return batch
  }

  #request({ bytes, baseSequence }: Batch): Buffer {
    const partitionData = [{ index: this.partition, records: bytes }]
    const body = { acks: -1, timeoutMs: 5000, topicData: [{ name: this.#topic, partitionData }] }
    return request(produce, produceVersion, body, { correlationId: baseSequence, clientId })
  }
}
