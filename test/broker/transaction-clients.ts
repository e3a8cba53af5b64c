/**
 * test: clients of several brokers with transactions: they look for the leader or coordinator before each request, and ask again whenever
 * an answer says that this is no longer the one.
 */
import { errorByCode } from '../../protocol/errors.ts'
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  fetch,
  findCoordinator,
  initProducerId,
  listOffsets,
  metadata,
  offsetFetch,
  produce,
  txnOffsetCommit,
} from '../../protocol/messages/index.ts'
import { batchesIn, buildRecordBatch, endTransactionMarkerOf, recordsOf } from '../../protocol/records/index.ts'
import type { Api, DecodedResponse, EncodableOf } from '../../protocol/schema/index.ts'
import type { RunningBroker } from '../../src/broker.ts'
import { Peer } from '../comparison/peer.ts'

const givesUpAfterMs = 20_000
const keyTypes = { group: 0, transaction: 1 } as const

/** A request to whoever serves it now. */
interface Request<A extends Api> {
  readonly api: A
  readonly version: number
  readonly body: EncodableOf<A['request']>
  errorOf(answer: DecodedResponse<A>): number
}

/** Connections of one client, which has one request at a time. */
export class Requests {
  readonly #cluster: RunningBroker
  readonly #peers = new Map<number, Peer>()

  constructor(cluster: RunningBroker) {
    this.#cluster = cluster
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.close()
  }

  toLeader<A extends Api>(topic: string, partition: number, request: Request<A>): Promise<DecodedResponse<A>> {
    return this.#persist(() => this.#leaderOf(topic, partition), request)
  }

  toCoordinator<A extends Api>(
    type: keyof typeof keyTypes,
    key: string,
    request: Request<A>,
  ): Promise<DecodedResponse<A>> {
    return this.#persist(() => this.#coordinatorOf(type, key), request)
  }

  /** Without a second try. @throws Error when the broker does not answer */
  async ask<A extends Api>(id: number, api: A, version: number, body: EncodableOf<A['request']>) {
    let peer = this.#peers.get(id)
    if (peer === undefined) {
      peer = new Peer(Number(this.#cluster.broker(id).bootstrapServers.split(':')[1]))
      this.#peers.set(id, peer)
    }
    const answer = await peer.ask(api, version, body)
    if (typeof answer === 'string') throw new Error(answer)
    return answer
  }

  async #leaderOf(topic: string, partition: number): Promise<number> {
    const { topics } = await this.ask(this.#anyId(), metadata, 9, { topics: [{ name: topic }] })
    return topics[0]!.partitions.find(({ partitionIndex }) => partitionIndex === partition)?.leaderId ?? -1
  }

  async #coordinatorOf(type: keyof typeof keyTypes, key: string): Promise<number> {
    const answer = await this.ask(this.#anyId(), findCoordinator, 3, { key, keyType: keyTypes[type] })
    return answer.errorCode === 0 ? answer.nodeId : -1
  }

  #anyId(): number {
    return this.#cluster.brokers.find(({ state }) => state === 'running')!.id
  }

  async #persist<A extends Api>(find: () => Promise<number>, request: Request<A>): Promise<DecodedResponse<A>> {
    const { api, version, body, errorOf } = request
    const deadline = Date.now() + givesUpAfterMs
    let last = 'nobody serves it'
    while (Date.now() < deadline) {
      try {
        const id = await find()
        if (id < 0) continue
        const answer = await this.ask(id, api, version, body)
        const error = errorByCode(errorOf(answer))
        if (error.code === 0) return answer
        last = error.name
        if (!error.retriable) break
      } catch (error) {
        last = String(error)
      }
    }
    throw new Error(`${api.name}: ${last}`)
  }
}

/** A producer of one transactional id, which has offsets of a group of its own in its transactions. */
export class TransactionalProducer {
  readonly transactionalId: string
  readonly groupId: string
  readonly #requests: Requests
  /** It leaves adding partitions to the broker, and has a new epoch for each transaction: transaction version 2. */
  readonly #isAdding: boolean
  readonly #sequences = new Map<number, number>()
  #producer = { producerId: -1n, producerEpoch: -1 }

  constructor(requests: Requests, transactionalId: string, { isAdding }: { isAdding: boolean }) {
    this.#requests = requests
    this.transactionalId = transactionalId
    this.groupId = `group of ${transactionalId}`
    this.#isAdding = isAdding
  }

  async init(transactionTimeoutMs = 60_000): Promise<void> {
    const { producerId, producerEpoch } = await this.#toCoordinator(
      initProducerId,
      4,
      { transactionalId: this.transactionalId, transactionTimeoutMs },
      ({ errorCode }) => errorCode,
    )
    this.#goOnWith({ producerId, producerEpoch })
  }

  async send(topic: string, partition: number, value: string): Promise<void> {
    const { transactionalId } = this
    const { producerId: id, producerEpoch: epoch } = this.#producer
    if (!this.#isAdding) {
      const asked = {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: id,
        v3AndBelowProducerEpoch: epoch,
        v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
      }
      await this.#toCoordinator(
        addPartitionsToTxn,
        3,
        asked,
        ({ resultsByTopicV3AndBelow }) => resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode,
      )
    }
    const baseSequence = this.#sequences.get(partition) ?? 0
    const options = { producerId: id, producerEpoch: epoch, baseSequence, isTransactional: true }
    const records = buildRecordBatch(options, [{ timestamp: Date.now(), key: null, value: Buffer.from(value) }])
    const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }]
    await this.#requests.toLeader(topic, partition, {
      api: produce,
      version: this.#isAdding ? 12 : 11,
      body: { transactionalId, acks: -1, timeoutMs: 10_000, topicData },
      errorOf: ({ responses }) => responses[0]!.partitionResponses[0]!.errorCode,
    })
    this.#sequences.set(partition, baseSequence + 1)
  }

  async sendOffset(topic: string, committedOffset: number): Promise<void> {
    const { transactionalId, groupId } = this
    const asked = { transactionalId, groupId, ...this.#producer }
    if (!this.#isAdding) await this.#toCoordinator(addOffsetsToTxn, 3, asked, ({ errorCode }) => errorCode)
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: '' }]
    await this.#requests.toCoordinator('group', groupId, {
      api: txnOffsetCommit,
      version: this.#isAdding ? 5 : 4,
      body: { ...asked, topics: [{ name: topic, partitions }] },
      errorOf: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    })
  }

  async end(committed: boolean): Promise<void> {
    const asked = { transactionalId: this.transactionalId, ...this.#producer, committed }
    const version = this.#isAdding ? 5 : 4
    const next = await this.#toCoordinator(endTxn, version, asked, ({ errorCode }) => errorCode)
    if (this.#isAdding) this.#goOnWith(next)
  }

  #goOnWith({ producerId, producerEpoch }: { producerId: bigint; producerEpoch: number }): void {
    this.#producer = { producerId, producerEpoch }
    this.#sequences.clear()
  }

  #toCoordinator<A extends Api>(
    api: A,
    version: number,
    body: EncodableOf<A['request']>,
    errorOf: (answer: DecodedResponse<A>) => number,
  ): Promise<DecodedResponse<A>> {
    return this.#requests.toCoordinator('transaction', this.transactionalId, { api, version, body, errorOf })
  }
}

/** The next offset of a partition, behind all that is there or behind all that is decided. */
export async function endOf(requests: Requests, topic: string, partition: number, isolation: 'all' | 'committed') {
  const partitions = [{ partitionIndex: partition, timestamp: -1 }]
  const isolationLevel = isolation === 'committed' ? 1 : 0
  const { topics } = await requests.toLeader(topic, partition, {
    api: listOffsets,
    version: 6,
    body: { replicaId: -1, isolationLevel, topics: [{ name: topic, partitions }] },
    errorOf: (answer) => answer.topics[0]!.partitions[0]!.errorCode,
  })
  return topics[0]!.partitions[0]!.offset
}

/** What a read_committed consumer gets of a partition: waits until `count` records are there. */
export async function committedValues(requests: Requests, topic: string, partition: number, count: number) {
  const values: string[] = []
  const aborted = new Set<bigint>()
  let fetchOffset = 0
  const deadline = Date.now() + givesUpAfterMs
  while (values.length < count) {
    if (Date.now() > deadline) throw new Error(`${topic}-${partition} has ${values.length} of ${count}: ${values}`)
    const partitions = [{ partition, fetchOffset, partitionMaxBytes: 1_000_000 }]
    const { responses } = await requests.toLeader(topic, partition, {
      api: fetch,
      version: 11,
      body: { maxWaitMs: 1_000, minBytes: 1, isolationLevel: 1, sessionEpoch: -1, topics: [{ topic, partitions }] },
      errorOf: (answer) => answer.responses[0]?.partitions[0]?.errorCode ?? answer.errorCode,
    })
    const { records, abortedTransactions } = responses[0]!.partitions[0]!
    const waiting = [...(abortedTransactions ?? [])]
    for (const batch of batchesIn(records ?? Buffer.alloc(0))) {
      for (const { producerId, firstOffset } of waiting) if (firstOffset === batch.baseOffset) aborted.add(producerId)
      fetchOffset = batch.nextOffset
      if (!batch.isControl && !aborted.has(batch.producerId)) {
        for (const { value } of recordsOf(batch)) values.push(String(value))
      }
      if (batch.isControl && endTransactionMarkerOf(batch) !== undefined) aborted.delete(batch.producerId)
    }
  }
  return values
}

/** Waits until it is stable; -1: none. */
export async function committedOffset(requests: Requests, groupId: string, topic: string): Promise<number> {
  const { topics } = await requests.toCoordinator('group', groupId, {
    api: offsetFetch,
    version: 7,
    body: { groupId, topics: [{ name: topic, partitionIndexes: [0] }], requireStable: true },
    errorOf: (answer) => answer.topics[0]?.partitions[0]?.errorCode ?? answer.errorCode,
  })
  return topics[0]!.partitions[0]!.committedOffset
}
