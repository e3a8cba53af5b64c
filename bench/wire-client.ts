/** bench: as much of a Kafka client as the harness itself needs: one connection, one request at a time. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import {
  apiVersions,
  createTopics,
  deleteTopics,
  describeLogDirs,
  fetch,
  findCoordinator,
  incrementalAlterConfigs,
  listOffsets,
  metadata,
  produce,
  requestHeader,
  requestHeaderVersion,
  responseHeader,
  responseHeaderVersion,
} from '../protocol/messages/index.ts'
import { buildRecordBatch } from '../protocol/records/index.ts'
import { type Api, type DecodedResponse, type EncodableOf, Reader, Writer } from '../protocol/schema/index.ts'

const answerWithinMs = 60_000
const servedWithinMs = 120_000
const retryMs = 5
/** Fewer than may wait to be accepted. */
const connectionsAtOnce = 100
const sizeBytes = 4
/** The last one in which every field has its fixed place. */
const produceVersion = 8
export const fetchVersion = 12
/** The last one that asks for one group. */
const findCoordinatorVersion = 3
const listOffsetsVersion = 5
const metadataVersion = 9
/** ListOffsets: the end. */
const latest = -1
const partitionMaxBytes = 65_536
const smallRecordBytes = 100
const topicResource = 2
const setOperation = 0

/** @throws what the socket says when nobody listens. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  return socket
}

export class WireClient {
  readonly #socket: Socket
  #correlationId = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => socket.destroy()) // the next request says that the connection is gone
  }

  /** @throws what the socket says when nobody listens. */
  static async connect(port: number): Promise<WireClient> {
    return new WireClient(await openSocket(port))
  }

  /** So many connections that have each been answered once. */
  static async many(port: number, count: number): Promise<WireClient[]> {
    const clients: WireClient[] = []
    while (clients.length < count) {
      const coming = Math.min(connectionsAtOnce, count - clients.length)
      clients.push(...(await Promise.all(Array.from({ length: coming }, () => WireClient.connect(port)))))
      await Promise.all(clients.slice(-coming).map((client) => client.apiVersions()))
    }
    return clients
  }

  /** `use` with a connection that is closed afterwards. */
  static async with<T>(port: number, use: (client: WireClient) => Promise<T>): Promise<T> {
    const client = await WireClient.connect(port)
    try {
      return await use(client)
    } finally {
      client.close()
    }
  }

  async request<A extends Api>(api: A, version: number, body: EncodableOf<A['request']>): Promise<DecodedResponse<A>> {
    this.#correlationId += 1
    this.#socket.write(requestFrame(api, version, body, this.#correlationId))
    const reader = new Reader(await this.#answer())
    responseHeader.codec(responseHeaderVersion(api, version)).decode(reader)
    return api.response.codec(version).decode(reader) as DecodedResponse<A>
  }

  async #answer(): Promise<Buffer> {
    let received = Buffer.alloc(0)
    const deadline = AbortSignal.timeout(answerWithinMs)
    while (received.length < sizeBytes || received.length < sizeBytes + received.readInt32BE()) {
      const chunk = this.#socket.read() as Buffer | null
      if (chunk !== null) received = Buffer.concat([received, chunk])
      else if (this.#socket.readableEnded || this.#socket.destroyed) throw new Error('the broker closed the connection')
      else await this.#moreOrEnd(deadline)
    }
    return received.subarray(sizeBytes)
  }

  async #moreOrEnd(deadline: AbortSignal): Promise<void> {
    const heard = new AbortController()
    const signal = AbortSignal.any([deadline, heard.signal])
    try {
      await Promise.race(['readable', 'end'].map((event) => once(this.#socket, event, { signal })))
    } finally {
      heard.abort() // takes the listener of the other event away
    }
  }

  async apiVersions(): Promise<void> {
    const { errorCode } = await this.request(apiVersions, 3, {
      clientSoftwareName: 'bench',
      clientSoftwareVersion: '1',
    })
    if (errorCode !== 0) throw new Error(`ApiVersions answered error ${errorCode}`)
  }

  async createTopic(
    name: string,
    numPartitions: number,
    configs: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    const { topics } = await this.request(createTopics, 5, {
      topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: entries }],
      timeoutMs: answerWithinMs,
      validateOnly: false,
    })
    const [topic] = topics
    if (topic?.errorCode !== 0) throw new Error(`CreateTopics of ${name}: ${topic?.errorCode} ${topic?.errorMessage}`)
  }

  async setTopicConfig(topic: string, name: string, value: string): Promise<void> {
    const configs = [{ name, configOperation: setOperation, value }]
    const { responses } = await this.request(incrementalAlterConfigs, 1, {
      resources: [{ resourceType: topicResource, resourceName: topic, configs }],
      validateOnly: false,
    })
    const [answer] = responses
    if (answer?.errorCode !== 0) throw new Error(`${name} of ${topic}: ${answer?.errorCode} ${answer?.errorMessage}`)
  }

  /** One record, acks=all. The error code. */
  async produce(topic: string, index: number): Promise<number> {
    const { responses } = await this.request(
      produce,
      produceVersion,
      produceRequest(topic, index, batchOf(smallRecordBytes)),
    )
    return responses[0]!.partitionResponses[0]!.errorCode
  }

  /** Whoever asks first has the topic of the groups made. The error code. */
  async findGroupCoordinator(group: string): Promise<number> {
    const { errorCode } = await this.request(findCoordinator, findCoordinatorVersion, { key: group })
    return errorCode
  }

  /** From the beginning, not waiting for records if not told to. The error code. */
  async fetch(topic: string, partition: number, wait = { maxWaitMs: 0, minBytes: 0 }): Promise<number> {
    const partitions = [{ partition, fetchOffset: 0, partitionMaxBytes }]
    const { errorCode, responses } = await this.request(fetch, fetchVersion, {
      ...wait,
      sessionEpoch: -1,
      topics: [{ topic, partitions }],
      forgottenTopicsData: [],
    })
    return errorCode === 0 ? responses[0]!.partitions[0]!.errorCode : errorCode
  }

  /** The ends of all partitions of `topic`. The first error code. */
  async listEnds(topic: string, count: number): Promise<number> {
    const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp: latest }))
    const { topics } = await this.request(listOffsets, listOffsetsVersion, { topics: [{ name: topic, partitions }] })
    return topics[0]!.partitions.find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0
  }

  async describeTopic(topic: string): Promise<void> {
    const { topics } = await this.request(metadata, metadataVersion, { topics: [{ name: topic }] })
    if (topics[0]?.errorCode !== 0) throw new Error(`Metadata of ${topic} answered error ${topics[0]?.errorCode}`)
  }

  /** Bytes that the logs of all partitions of `topic` take. */
  async topicBytes(topic: string, partitions: number): Promise<number> {
    const wanted = [{ topic, partitions: Array.from({ length: partitions }, (_, index) => index) }]
    const { results } = await this.request(describeLogDirs, 1, { topics: wanted })
    const sizes = results.flatMap(({ topics }) => topics.flatMap((each) => each.partitions))
    return sizes.reduce((sum, { partitionSize }) => sum + partitionSize, 0)
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    await this.request(deleteTopics, 4, { topicNames: names, timeoutMs: answerWithinMs })
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Asks until the error code is 0: a new partition may have no leader yet. */
export async function untilServed(ask: () => Promise<number>): Promise<void> {
  const deadlineMs = performance.now() + servedWithinMs
  for (;;) {
    const errorCode = await ask()
    if (errorCode === 0) return
    if (performance.now() > deadlineMs) throw new Error(`a partition still answers error ${errorCode}`)
    await delay(retryMs)
  }
}

/** A request with its size before it. */
export function requestFrame<A extends Api>(
  api: A,
  version: number,
  body: EncodableOf<A['request']>,
  correlationId: number,
): Buffer {
  const header = { requestApiKey: api.key, requestApiVersion: version, correlationId }
  const writer = new Writer()
  requestHeader.codec(requestHeaderVersion(api, version)).encode(writer, { ...header, clientId: 'bench' })
  api.request.codec(version).encode(writer, body)
  const frame = writer.toBuffer()
  const size = Buffer.alloc(sizeBytes)
  size.writeInt32BE(frame.length)
  return Buffer.concat([size, frame])
}

function produceRequest(topic: string, index: number, records: Buffer): EncodableOf<typeof produce.request> {
  return { acks: -1, timeoutMs: answerWithinMs, topicData: [{ name: topic, partitionData: [{ index, records }] }] }
}

/** A batch of about `batchBytes` with records of `recordBytes`; of one record if not told. */
export function batchOf(recordBytes: number, batchBytes = recordBytes): Buffer {
  const count = Math.max(1, Math.floor(batchBytes / recordBytes))
  const value = Buffer.alloc(recordBytes, 'x')
  const timestamp = Date.now()
  return buildRecordBatch(
    {},
    Array.from({ length: count }, () => ({ timestamp, key: null, value })),
  )
}

/** A Produce of one batch, with its size, to be sent again and again. */
export function produceFrame(topic: string, index: number, records: Buffer): Buffer {
  return requestFrame(produce, produceVersion, produceRequest(topic, index, records), 1)
}

/** Where in the answer to that, behind its size, the error code stands. */
export function produceErrorAt(topic: string): number {
  const [correlationId, arrayLength, stringLength, partition] = [4, 4, 2, 4]
  return correlationId + arrayLength + stringLength + topic.length + arrayLength + partition
}
