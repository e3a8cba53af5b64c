/**
 * test: one scenario told to one broker: asks, and keeps each answer in comparable form under the step's name and the request's version.
 */
import {
  createTopics,
  findCoordinator,
  initProducerId,
  listGroups,
  listOffsets,
  metadata,
  offsetFetch,
  produce,
} from '../../protocol/messages/index.ts'
import { buildRecordBatch, type RecordBatchOptions } from '../../protocol/records/index.ts'
import type { Api, DecodedResponse, EncodableOf } from '../../protocol/schema/index.ts'
import { type Json, Masks } from './masks.ts'
import { type Outcome, Peer } from './peer.ts'

/** Versions by API name that are compared: those that both brokers serve. */
export type Versions = Readonly<Record<string, { readonly first: number; readonly last: number }>>
/** Step, version, outcome. */
export type Told = Record<string, Record<number, Json>>

export interface Scenario {
  readonly name: string
  readonly run: (broker: Conversation) => Promise<void>
}

export function scenario(name: string, run: Scenario['run']): Scenario {
  return { name, run }
}

export interface CreatedTopic {
  readonly name: string
  readonly id: string
}

/** A time that is never now: answers show it as it is. */
export const longAgo = 1_600_000_000_000
export const unknownTopicId = 'odradekodradekodradekw'

export class Conversation {
  readonly #outcomes: Record<string, Record<number, unknown>> = {}
  readonly masks = new Masks()
  readonly #port: number
  readonly #versions: Versions
  readonly #changesSettleMs: number
  readonly #peers: Peer[] = []

  /** `changesSettleMs`: how long after its answer a change may still be unheard of: 0 at Odradek. */
  constructor(port: number, versions: Versions, changesSettleMs = 0) {
    this.#port = port
    this.#versions = versions
    this.#changesSettleMs = changesSettleMs
    this.masks.name(unknownTopicId, 'unknown topic id')
  }

  /** A further connection. */
  connect(localAddress?: string): Peer {
    const peer = new Peer(this.#port, localAddress)
    this.#peers.push(peer)
    return peer
  }

  /** Waits for the broker to have heard of what was changed. */
  async settle(): Promise<void> {
    if (this.#changesSettleMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#changesSettleMs))
  }

  close(): void {
    for (const peer of this.#peers) peer.close()
  }

  /** Masked at the end, when all ids have their names. */
  get told(): Told {
    const told: Told = {}
    for (const [step, outcomes] of Object.entries(this.#outcomes)) {
      const versions = Object.entries(outcomes).map(([version, outcome]): [number, Json] => [
        Number(version),
        this.masks.masked(outcome, Number(version)),
      ])
      told[step] = Object.fromEntries(versions)
    }
    return told
  }

  versions(api: Api, from = 0, to = 99): number[] {
    const { first, last } = this.#versions[api.name]!
    return Array.from({ length: last - first + 1 }, (_, index) => first + index).filter((v) => v >= from && v <= to)
  }

  /** Asks and keeps what comes; `toldAs`: under which version, where that of another request of the scenario counts. */
  async ask<A extends Api>(
    step: string,
    api: A,
    version: number,
    body: EncodableOf<A['request']>,
    { on = this.#first(), toldAs = version }: { on?: Peer | undefined; toldAs?: number } = {},
  ): Promise<DecodedResponse<A>> {
    this.tell(step, toldAs, 'no outcome')
    const hasNone = api.key === produce.key && (body as { acks?: number }).acks === 0
    const outcome = await (hasNone ? on.askUnanswered(api, version, body) : on.ask(api, version, body))
    this.#outcomes[step]![toldAs] = outcome
    return outcome as DecodedResponse<A>
  }

  /** Keeps what is no answer itself. */
  tell(step: string, version: number, outcome: unknown): void {
    this.#outcomes[step] ??= {}
    if (version in this.#outcomes[step]) throw new Error(`${step} was told at version ${version} before`)
    this.#outcomes[step][version] = outcome
  }

  /** Asks the same in every version; for what changes no state, or does so only once. */
  async every<A extends Api>(
    step: string,
    api: A,
    body: EncodableOf<A['request']> | ((version: number) => EncodableOf<A['request']>),
    { from, to }: { from?: number; to?: number } = {},
  ): Promise<void> {
    for (const version of this.versions(api, from, to)) {
      await this.ask(step, api, version, typeof body === 'function' ? body(version) : body)
    }
  }

  /** Asks without keeping the answer. @throws Error when there is none. */
  async quietly<A extends Api>(
    api: A,
    version: number,
    body: EncodableOf<A['request']>,
    on: Peer = this.#first(),
  ): Promise<DecodedResponse<A>> {
    const outcome: Outcome<A> = await on.ask(api, version, body)
    if (typeof outcome === 'string') throw new Error(`${api.name}: ${outcome}`)
    return outcome
  }

  /** Asks until `accept` likes the answer: Kafka's brokers hear of changes a moment later. */
  async until<A extends Api>(
    api: A,
    version: number,
    body: EncodableOf<A['request']>,
    accept: (answer: DecodedResponse<A>) => boolean,
    on: Peer = this.#first(),
  ): Promise<DecodedResponse<A>> {
    const deadline = Date.now() + 15_000
    for (;;) {
      const answer = await this.quietly(api, version, body, on)
      if (accept(answer)) return answer
      if (Date.now() > deadline) throw new Error(`${api.name} never answers as it should`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** A topic that can be produced to. */
  async topic(name: string, configs: Record<string, string> = {}, numPartitions = 1): Promise<CreatedTopic> {
    const topic = {
      name,
      numPartitions,
      replicationFactor: 1,
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    }
    const { topics } = await this.quietly(createTopics, 7, { topics: [topic], timeoutMs: 10_000 })
    if (topics[0]!.errorCode !== 0) throw new Error(`CreateTopics ${name}: ${topics[0]!.errorMessage}`)
    return this.ready(name, numPartitions)
  }

  /** Waits for a topic that was asked for to be there. */
  async ready(name: string, numPartitions = 1): Promise<CreatedTopic> {
    const asked = { topics: [{ name }], allowAutoTopicCreation: false }
    const { topics } = await this.until(metadata, 12, asked, (answer) => answer.topics[0]!.errorCode === 0)
    const id = topics[0]!.topicId
    this.masks.name(id, `id of ${name.replace(/-v\d+$/, '-vN')}`)
    const partitions = Array.from({ length: numPartitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -2 }))
    const isLed = (answer: DecodedResponse<typeof listOffsets>) =>
      answer.topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)
    await this.until(listOffsets, 7, { replicaId: -1, topics: [{ name, partitions }] }, isLed)
    return { name, id }
  }

  /** Waits until groups are served. */
  async coordinator(): Promise<void> {
    await this.until(findCoordinator, 3, { key: 'any', keyType: 0 }, ({ errorCode }) => errorCode === 0)
    await this.until(listGroups, 4, {}, ({ errorCode }) => errorCode === 0)
    // Each partition of the internal topic is loaded by itself.
    for (const groupId of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      await this.until(offsetFetch, 7, { groupId, topics: null }, ({ errorCode }) => errorCode === 0)
    }
  }

  /** Appends without keeping the answer; the first offset. */
  async append(topic: string, records: Buffer, partition = 0): Promise<number> {
    const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }]
    const { responses } = await this.quietly(produce, 9, { acks: -1, timeoutMs: 10_000, topicData })
    const [answer] = responses[0]!.partitionResponses
    if (answer!.errorCode !== 0) throw new Error(`Produce to ${topic}: ${answer!.errorCode} ${answer!.errorMessage}`)
    return answer!.baseOffset
  }

  async producerId(): Promise<bigint> {
    const { producerId } = await this.until(
      initProducerId,
      4,
      { transactionalId: null, transactionTimeoutMs: 60_000 },
      ({ errorCode }) => errorCode === 0,
    )
    return producerId
  }

  #first(): Peer {
    return this.#peers[0] ?? this.connect()
  }
}

/** A batch of `count` records from `longAgo` on, a second apart. */
export function batch(count = 1, options: RecordBatchOptions & { readonly valueBytes?: number } = {}): Buffer {
  return buildRecordBatch(
    options,
    Array.from({ length: count }, (_, index) => ({
      timestamp: longAgo + index * 1_000,
      key: Buffer.from(`key ${index}`),
      value: options.valueBytes === undefined ? Buffer.from(`value ${index}`) : Buffer.alloc(options.valueBytes, 'v'),
    })),
  )
}
