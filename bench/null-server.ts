/**
 * bench: the floor under a broker that is written in JavaScript: it takes Produce frames, joins their chunks once, checks each batch's
 * CRC-32C, writes the bytes to a file with writev and acknowledges them. Nothing else a broker does: no indexes, no waiting
 * consumers, no limits, no recovery. What Odradek's CPU is above this server's is the price of being a broker.
 *   null-server --port 0 --data-dir DIR --partitions N      prints a line with localhost:<port> when ready
 */
import fs from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import path from 'node:path'
import { parseArgs } from 'node:util'
import {
  apiVersions,
  fetch,
  findCoordinator,
  metadata,
  type ProduceRequest,
  produce,
  requestHeader,
  requestHeaderVersion,
  responseHeader,
  responseHeaderVersion,
} from '../protocol/messages/index.ts'
import { assignOffsetAndEpochAt, batchSizeAt, ensureCrcValidAt, RecordBatchView } from '../protocol/records/index.ts'
import { type Api, type EncodableOf, Reader, Writer } from '../protocol/schema/index.ts'

const sizeBytes = 4
const leaderEpoch = 0
/** Fetch and FindCoordinator are never served, but librdkafka takes them as the sign that it may send today's batches and lz4. */
const advertised: readonly Api[] = [produce, fetch, metadata, findCoordinator, apiVersions]

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
    this.#queued.push(bytes)
  }

  flush(): void {
    if (this.#queued.length === 0) return
    this.#position += fs.writevSync(this.#descriptor, this.#queued, this.#position)
    this.#queued = []
  }
}

const files = new Map<string, PartitionFile>()

function fileOf(topic: string, partition: number): PartitionFile {
  const name = `${topic}-${partition}.log`
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
    for (const file of files.values()) file.flush()
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
    const api = advertised.find((known) => known.key === frame.readInt16BE(0))
    const version = frame.readInt16BE(2)
    if (api === undefined) throw new Error(`API ${frame.readInt16BE(0)} is not served here`)
    const reader = new Reader(frame)
    const { correlationId } = requestHeader.codec(requestHeaderVersion(api, version)).decode(reader)
    if (api === produce) this.#produce(version, correlationId, produce.request.codec(version).decode(reader))
    else if (api === metadata) {
      const { topics } = metadata.request.codec(version).decode(reader)
      this.#answer(metadata, version, correlationId, metadataOf((topics ?? []).map((topic) => topic.name ?? '')))
    } else if (api === apiVersions) this.#answer(apiVersions, version, correlationId, { apiKeys: versionsServed })
    else throw new Error(`${api.name} is advertised, but not served here`)
  }

  #produce(version: number, correlationId: number, request: ProduceRequest): void {
    const responses = request.topicData.map((topic) => ({
      name: topic.name,
      partitionResponses: topic.partitionData.map(({ index, records }) => ({
        index,
        baseOffset: records === null ? 0 : append(fileOf(topic.name, index), records),
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

const versionsServed = advertised.map((api) => ({
  apiKey: api.key,
  minVersion: api.versions.first,
  maxVersion: Math.min(api.versions.last, api === produce ? 9 : api.versions.last),
}))

function metadataOf(names: readonly string[]): EncodableOf<typeof metadata.response> {
  const partition = { leaderId: 1, leaderEpoch, replicaNodes: [1], isrNodes: [1] }
  const partitions = Array.from({ length: partitionCount }, (_, partitionIndex) => ({ ...partition, partitionIndex }))
  return {
    brokers: [{ nodeId: 1, host: 'localhost', port: (server.address() as AddressInfo).port }],
    clusterId: 'null-server',
    controllerId: 1,
    topics: names.map((name) => ({ name, partitions })),
  }
}

const server = createServer((socket) => new Connection(socket))
server.listen({ host: '127.0.0.1', port: Number(values.port) }, () => {
  console.log(`ready on localhost:${(server.address() as AddressInfo).port}`)
})
process.on('SIGTERM', () => process.exit(0))
