/**
 * bench: the floor under a broker that is written in JavaScript: it takes Produce frames, joins their chunks once, checks each batch's
 * CRC-32C, writes the bytes to a file with writev and acknowledges them; of a transaction it writes one record when it ends. Nothing
 * else a broker does: no indexes, no waiting consumers, no sequence numbers, no markers, no limits, no recovery. What Odradek's CPU is
 * above this server's is the price of being a broker.
 *   null-server --port 0 --data-dir DIR --partitions N      prints a line with localhost:<port> when ready
 */
import fs from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import path from 'node:path'
import { parseArgs } from 'node:util'
import {
  addPartitionsToTxn,
  apiVersions,
  createTopics,
  endTxn,
  fetch,
  findCoordinator,
  initProducerId,
  metadata,
  type ProduceRequest,
  produce,
  requestHeader,
  requestHeaderVersion,
  responseHeader,
  responseHeaderVersion,
} from '../protocol/messages/index.ts'
import { assignOffsetAndEpochAt, batchSizeAt, ensureCrcValidAt, RecordBatchView } from '../protocol/records/index.ts'
import { type Api, type EncodableOf, Reader, type Request, Writer } from '../protocol/schema/index.ts'

const sizeBytes = 4
const leaderEpoch = 0
/** The last of Produce with topics by name, and those that ask for one coordinator and one transaction. */
const lastVersions = new Map<Api, number>([
  [produce, 9],
  [findCoordinator, 3],
  [addPartitionsToTxn, 3],
  [endTxn, 3],
])
/** What is written when a transaction ends: as large as the state of one. */
const transactionRecord = Buffer.alloc(128)

const { values } = parseArgs({
  options: { port: { type: 'string' }, 'data-dir': { type: 'string' }, partitions: { type: 'string' } },
})
const dataDir = values['data-dir']!
const partitionCount = Number(values.partitions)

/** One partition's file. Batches that arrive within one turn of the event loop go into one writev. */
class PartitionFile {
  readonly #descriptor: number
  #queued: Buffer[] = []
  #position = 0
  nextOffset = 0

  constructor(name: string) {
    this.#descriptor = fs.openSync(path.join(dataDir, name), 'w')
  }

  append(bytes: Buffer): void {
    unwritten.add(this)
    this.#queued.push(bytes)
  }

  flush(): void {
    if (this.#queued.length === 0) return
    this.#position += fs.writevSync(this.#descriptor, this.#queued, this.#position)
    this.#queued = []
  }
}

const files = new Map<string, PartitionFile>()
/** Those with something queued. */
const unwritten = new Set<PartitionFile>()

function fileOf(name: string): PartitionFile {
  let file = files.get(name)
  if (file === undefined) {
    file = new PartitionFile(name)
    files.set(name, file)
  }
  return file
}

/** What is answered once this turn's bytes are written. */
let answers: (() => void)[] = []

function answerWhenWritten(answer: () => void): void {
  answers.push(answer)
  if (answers.length > 1) return
  setImmediate(() => {
    for (const file of unwritten) file.flush()
    unwritten.clear()
    const due = answers
    answers = []
    for (const send of due) send()
  })
}

/** Checks and queues a partition's batches and gives the offset of the first. */
function append(file: PartitionFile, records: Buffer): number {
  const baseOffset = file.nextOffset
  let position = 0
  for (let size = batchSizeAt(records, position); size > 0; size = batchSizeAt(records, position)) {
    ensureCrcValidAt(records, position)
    const batch = new RecordBatchView(records, position)
    assignOffsetAndEpochAt(records, position, file.nextOffset, leaderEpoch)
    file.nextOffset = batch.nextOffset
    position += size
  }
  file.append(records)
  return baseOffset
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
    const api = key === produce.key ? produce : answered.get(key)?.api
    if (api === undefined) throw new Error(`API ${key} is not served here`)
    const reader = new Reader(frame)
    const { correlationId } = requestHeader.codec(requestHeaderVersion(api, version)).decode(reader)
    if (api === produce) {
      this.#produce(version, correlationId, produce.request.codec(version).decode(reader))
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
        baseOffset: records === null ? 0 : append(fileOf(`${topic.name}-${index}.log`), records),
      })),
    }))
    answerWhenWritten(() => {
      if (request.acks !== 0) this.#answer(produce, version, correlationId, { responses })
    })
  }

  #answer<A extends Api>(api: A, version: number, correlationId: number, body: EncodableOf<A['response']>): void {
    const writer = new Writer()
    writer.int32(0)
    responseHeader.codec(responseHeaderVersion(api, version)).encode(writer, { correlationId })
    api.response.codec(version).encode(writer, body)
    const frame = writer.toBuffer()
    frame.writeInt32BE(frame.length - sizeBytes, 0)
    this.#socket.write(frame)
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
      fileOf('transactions.log').append(transactionRecord)
      return {}
    }),
  ].map((each) => [each.api.key, each]),
)

/** Fetch is not served, but librdkafka takes it as the sign that it may send today's batches and lz4. */
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
