/**
 * bench: the floor under a broker that is written in JavaScript: it takes Produce frames, joins their chunks once, checks each batch's
 * CRC-32C, writes the bytes to a file with writev and acknowledges them; of a transaction it writes one record when it ends. A Fetch gets what
 * one read of each partition's file finds, unseen. Nothing else a broker does: no indexes on disk, no consumers that are woken, no
 * sequence numbers, no markers, no limits, no recovery. What Odradek's CPU is above this server's is the price of being a broker.
 *   null-server --port 0 --data-dir DIR --partitions N      prints a line with localhost:<port> when ready
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  addPartitionsToTxn,
  apiVersions,
  createTopics,
  endTxn,
  type FetchRequest,
  fetch,
  findCoordinator,
  initProducerId,
  listOffsets,
  metadata,
  type ProduceRequest,
  produce,
  requestHeader,
  requestHeaderVersion,
  responseHeader,
  responseHeaderVersion,
} from '../protocol/messages/index.ts'
import { type Api, type EncodableOf, Reader, type Request, Writer } from '../protocol/schema/index.ts'
import { leaderEpoch, NullPartition, type Part } from './null-partition.ts'

const sizeBytes = 4
/** The last ones with topics by name, and those that ask for one coordinator and one transaction. */
const lastVersions = new Map<Api, number>([
  [produce, 9],
  [fetch, 12],
  [findCoordinator, 3],
  [addPartitionsToTxn, 3],
  [endTxn, 3],
])
/** What ListOffsets calls the first offset. */
const earliest = -2
/** What is written when a transaction ends: as large as the state of one. */
const transactionRecord = Buffer.alloc(128)

const { values } = parseArgs({
  options: { port: { type: 'string' }, 'data-dir': { type: 'string' }, partitions: { type: 'string' } },
})
const dataDir = values['data-dir']!
const partitionCount = Number(values.partitions)

const partitions = new Map<string, NullPartition>()
/** Those with something queued. */
const unwritten = new Set<NullPartition>()

/** `name`: that of its file. */
function partitionOf(name: string): NullPartition {
  let partition = partitions.get(name)
  if (partition === undefined) {
    partition = new NullPartition(path.join(dataDir, name))
    partitions.set(name, partition)
  }
  return partition
}

const fileName = (topic: string, partition: number): string => `${topic}-${partition}.log`

/** What is answered once this turn's bytes are written. */
let answers: (() => void)[] = []

function answerWhenWritten(answer: () => void): void {
  answers.push(answer)
  if (answers.length > 1) return
  setImmediate(() => {
    for (const partition of unwritten) partition.flush()
    unwritten.clear()
    const due = answers
    answers = []
    for (const send of due) send()
  })
}

function append(partition: NullPartition, records: Buffer): number {
  unwritten.add(partition)
  return partition.append(records)
}

class Connection {
  readonly #socket: Socket
  #chunks: Buffer[] = []
  #received = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => socket.destroy())
  }

  /** Frames: size (int32) | request. The chunks of a frame are joined when all are there. */
  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#received += chunk.length
    while (this.#received >= sizeBytes) {
      if (this.#chunks[0]!.length < sizeBytes) this.#chunks = [Buffer.concat(this.#chunks)]
      const frameBytes = sizeBytes + this.#chunks[0]!.readInt32BE(0)
      if (this.#received < frameBytes) return
      // The frame ends in the last chunk: with the one before it, it was not whole yet.
      const last = this.#chunks.at(-1)!
      const restBytes = this.#received - frameBytes
      const frame = this.#chunks.length === 1 ? last.subarray(0, frameBytes) : Buffer.concat(this.#chunks, frameBytes)
      this.#chunks = restBytes === 0 ? [] : [last.subarray(last.length - restBytes)]
      this.#received = restBytes
      this.#serve(frame.subarray(sizeBytes))
    }
  }

  #serve(frame: Buffer): void {
    const key = frame.readInt16BE(0)
    const version = frame.readInt16BE(2)
    const api = key === produce.key ? produce : key === fetch.key ? fetch : answered.get(key)?.api
    if (api === undefined) throw new Error(`API ${key} is not served here`)
    const reader = new Reader(frame)
    const { correlationId } = requestHeader.codec(requestHeaderVersion(api, version)).decode(reader)
    if (api === produce) {
      this.#produce(version, correlationId, produce.request.codec(version).decode(reader))
      return
    }
    if (api === fetch) {
      void this.#fetch(version, correlationId, fetch.request.codec(version).decode(reader))
      return
    }
    const body = answered.get(key)!.answer(api.request.codec(version).decode(reader))
    if (api === endTxn) answerWhenWritten(() => this.#answer(api, version, correlationId, body))
    else this.#answer(api, version, correlationId, body)
  }

  #produce(version: number, correlationId: number, request: ProduceRequest): void {
    const responses = request.topicData.map((topic) => ({
      name: topic.name,
      partitionResponses: topic.partitionData.map(({ index, records }) => ({
        index,
        baseOffset: records === null ? 0 : append(partitionOf(fileName(topic.name, index)), records),
      })),
    }))
    answerWhenWritten(() => {
      if (request.acks !== 0) this.#answer(produce, version, correlationId, { responses })
    })
  }

  async #fetch(version: number, correlationId: number, request: FetchRequest): Promise<void> {
    let left = request.maxBytes
    const parts: Part[] = []
    const responses: { topic: string; partitions: object[] }[] = []
    for (const { topic, partitions: asked } of request.topics) {
      const found: object[] = []
      for (const { partition: partitionIndex, fetchOffset, partitionMaxBytes } of asked) {
        const partition = partitionOf(fileName(topic, partitionIndex))
        const part = await partition.read(fetchOffset, Math.min(partitionMaxBytes, left))
        if (part !== undefined) parts.push(part)
        left -= part?.bytes.length ?? 0
        found.push({ partitionIndex, highWatermark: partition.nextOffset, records: part?.bytes ?? null })
      }
      responses.push({ topic, partitions: found })
    }
    if (parts.length === 0) await delay(request.maxWaitMs)
    const body = { responses } as EncodableOf<typeof fetch.response>
    this.#answer(fetch, version, correlationId, body, () => {
      for (const part of parts) part.release()
    })
  }

  #answer<A extends Api>(
    api: A,
    version: number,
    correlationId: number,
    body: EncodableOf<A['response']>,
    written?: () => void,
  ): void {
    const writer = new Writer()
    writer.int32(0)
    responseHeader.codec(responseHeaderVersion(api, version)).encode(writer, { correlationId })
    api.response.codec(version).encode(writer, body)
    const { length } = writer
    const buffers = writer.finish()
    buffers[0]!.writeInt32BE(length - sizeBytes, 0)
    if (buffers.length > 1) this.#socket.cork()
    for (const buffer of buffers.slice(0, -1)) this.#socket.write(buffer)
    this.#socket.write(buffers.at(-1)!, written)
    if (buffers.length > 1) this.#socket.uncork()
  }
}

/** An API that is answered from its request alone. */
interface Answered {
  readonly api: Api
  answer(request: object): object
}

function answering<A extends Api>(api: A, answer: (request: Request<A>) => EncodableOf<A['response']>): Answered {
  return { api, answer: (request) => answer(request as Request<A>) as object }
}

let nextProducerId = 1n
/** Of topics that were created; any other has the default. */
const partitionCounts = new Map<string, number>()
const self = () => ({ nodeId: 1, host: 'localhost', port: (server.address() as AddressInfo).port })

const answered = new Map<number, Answered>(
  [
    answering(apiVersions, () => ({ apiKeys: versionsServed })),
    answering(metadata, ({ topics }) => metadataOf((topics ?? []).map((topic) => topic.name ?? ''))),
    answering(createTopics, ({ topics }) => {
      for (const { name, numPartitions } of topics) partitionCounts.set(name, numPartitions)
      return { topics: topics.map(({ name }) => ({ name })) }
    }),
    answering(initProducerId, () => {
      nextProducerId += 1n
      return { producerId: nextProducerId }
    }),
    answering(findCoordinator, () => self()),
    answering(addPartitionsToTxn, ({ v3AndBelowTopics }) => ({
      resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex })),
      })),
    })),
    answering(endTxn, () => {
      const partition = partitionOf('transactions.log')
      unwritten.add(partition)
      partition.queue(transactionRecord)
      return {}
    }),
    answering(listOffsets, ({ topics }) => ({
      topics: topics.map(({ name, partitions: asked }) => ({
        name,
        partitions: asked.map(({ partitionIndex, timestamp }) => ({
          partitionIndex,
          offset: timestamp === earliest ? 0 : partitionOf(fileName(name, partitionIndex)).nextOffset,
        })),
      })),
    })),
  ].map((each) => [each.api.key, each]),
)

const advertised: readonly Api[] = [produce, fetch, ...[...answered.values()].map(({ api }) => api)]
const versionsServed = advertised.map((api) => ({
  apiKey: api.key,
  minVersion: api.versions.first,
  maxVersion: lastVersions.get(api) ?? api.versions.last,
}))

function metadataOf(names: readonly string[]): EncodableOf<typeof metadata.response> {
  const partition = { leaderId: 1, leaderEpoch, replicaNodes: [1], isrNodes: [1] }
  const partitionsOf = (name: string) => Array.from({ length: partitionCounts.get(name) ?? partitionCount })
  return {
    brokers: [self()],
    clusterId: 'null-server',
    controllerId: 1,
    topics: names.map((name) => ({
      name,
      partitions: partitionsOf(name).map((_, partitionIndex) => ({ ...partition, partitionIndex })),
    })),
  }
}

const server = createServer((socket) => new Connection(socket))
server.listen({ host: '127.0.0.1', port: Number(values.port) }, () => {
  console.log(`ready on localhost:${(server.address() as AddressInfo).port}`)
})
process.on('SIGTERM', () => process.exit(0))
