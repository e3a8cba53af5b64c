/** bench/long-run: what a broker is asked to do meanwhile, each on a connection of its own, until it is stopped. */
import { setTimeout as delay } from 'node:timers/promises'
import {
  addPartitionsToTxn,
  apiVersions,
  endTxn,
  fetch,
  findCoordinator,
  initProducerId,
  offsetCommit,
  produce,
} from '../../protocol/messages/index.ts'
import { batchesIn, buildRecordBatch } from '../../protocol/records/index.ts'
import { FrameConnection } from '../frames.ts'
import {
  batchOf,
  fetchVersion,
  produceErrorAt,
  produceFrame,
  requestFrame,
  untilServed,
  WireClient,
} from '../wire-client.ts'

/** All take one topic of so many partitions. */
export const partitions = 3
const recordBytes = 1024
const batchBytes = 65_536
const smallRecordBytes = 100
const onTheirWay = 5
const keys = 1000
const keyedBatches = 50
const fetchedBytes = 4_000_000
const fetchWaitMs = 200
const offsetOutOfRange = 1
const probeEveryMs = 10
const commitEveryMs = 100
const transactionEveryMs = 200
const transactionTimeoutMs = 60_000
const secondsAhead = 1
const transactionKey = 1
const concurrentTransactions = 51

/** One turn of a load; it is called again until the run ends. */
export type Turn = () => Promise<void>

/** Runs `turn` every `everyMs`, or as soon as the last one has ended where that took longer. */
export async function repeated(turn: Turn, everyMs: number, signal: AbortSignal): Promise<void> {
  for (let nextMs = performance.now(); !signal.aborted; ) {
    await turn()
    nextMs = Math.max(nextMs + everyMs, performance.now() - secondsAhead * 1000)
    await delay(Math.max(0, nextMs - performance.now()))
  }
}

/** 64 KB batches, a second's worth in ten portions. */
export async function producing(port: number, topic: string, mbPerSecond: number, signal: AbortSignal): Promise<void> {
  const batch = batchOf(recordBytes, batchBytes)
  const frames = Array.from({ length: partitions }, (_, index) => produceFrame(topic, index, batch))
  await portions(port, topic, frames, mbPerSecond, signal)
}

/** The same records of 1,000 keys over and over, so that there is always something to compact. */
export async function producingKeyed(
  port: number,
  topic: string,
  mbPerSecond: number,
  signal: AbortSignal,
): Promise<void> {
  const value = Buffer.alloc(recordBytes, 'x')
  const timestamp = Date.now()
  const perBatch = batchBytes / recordBytes
  const frames = Array.from({ length: keyedBatches }, (_, batch) => {
    const records = Array.from({ length: perBatch }, (_, index) => {
      const key = Buffer.from(String((batch * perBatch + index) % keys))
      return { timestamp, key, value }
    })
    return produceFrame(topic, batch % partitions, buildRecordBatch({}, records))
  })
  await portions(port, topic, frames, mbPerSecond, signal)
}

async function portions(
  port: number,
  topic: string,
  frames: readonly Buffer[],
  mbPerSecond: number,
  signal: AbortSignal,
) {
  const connection = await FrameConnection.open(port)
  const portionMs = 100
  const count = Math.max(1, Math.round((mbPerSecond * 1e6 * portionMs) / 1000 / batchBytes))
  const turn = async () => {
    await connection.send(frames, count, onTheirWay, produceErrorAt(topic))
  }
  await repeated(turn, (count * batchBytes) / (mbPerSecond * 1e3), signal)
  connection.close()
}

/** Follows all partitions from their beginning; what retention has taken meanwhile is passed over. */
export async function consuming(port: number, topic: string, signal: AbortSignal): Promise<void> {
  await WireClient.with(port, async (client) => {
    const offsets = new Array<number>(partitions).fill(0)
    while (!signal.aborted) {
      const asked = offsets.map((fetchOffset, partition) => ({
        partition,
        fetchOffset,
        partitionMaxBytes: fetchedBytes,
      }))
      const { responses } = await client.request(fetch, fetchVersion, {
        maxWaitMs: fetchWaitMs,
        minBytes: 1,
        maxBytes: fetchedBytes,
        sessionEpoch: -1,
        topics: [{ topic, partitions: asked }],
        forgottenTopicsData: [],
      })
      for (const { partitionIndex, errorCode, records, logStartOffset } of responses[0]!.partitions) {
        if (errorCode === offsetOutOfRange) offsets[partitionIndex] = Math.max(0, logStartOffset)
        else if (errorCode !== 0) throw new Error(`Fetch answered error ${errorCode}`)
        for (const batch of records === null ? [] : batchesIn(records)) offsets[partitionIndex] = batch.nextOffset
      }
    }
  })
}

/** One small record at a time. @param took is told how long each took, in milliseconds */
export async function probing(
  port: number,
  topic: string,
  took: (ms: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const connection = await FrameConnection.open(port)
  const frames = [produceFrame(topic, 0, batchOf(smallRecordBytes))]
  await timed(connection, frames, took, signal, produceErrorAt(topic))
}

/** ApiVersions, which waits for nothing but the event loop. */
export async function pinging(port: number, took: (ms: number) => void, signal: AbortSignal): Promise<void> {
  const connection = await FrameConnection.open(port)
  const body = { clientSoftwareName: 'bench', clientSoftwareVersion: '1' }
  await timed(connection, [requestFrame(apiVersions, 3, body, 1)], took, signal)
}

async function timed(
  connection: FrameConnection,
  frames: readonly Buffer[],
  took: (ms: number) => void,
  signal: AbortSignal,
  errorAt?: number,
): Promise<void> {
  const turn = async () => {
    const startMs = performance.now()
    await connection.send(frames, 1, 1, errorAt)
    took(performance.now() - startMs)
  }
  await repeated(turn, probeEveryMs, signal)
  connection.close()
}

/** A group that commits offsets without members. */
export async function committing(port: number, topic: string, signal: AbortSignal): Promise<void> {
  await WireClient.with(port, async (client) => {
    await untilServed(() => client.findGroupCoordinator('committing'))
    let committedOffset = 0
    const turn = async () => {
      committedOffset += 1
      const indexes = Array.from({ length: partitions }, (_, partitionIndex) => partitionIndex)
      const each = indexes.map((partitionIndex) => ({ partitionIndex, committedOffset, committedMetadata: null }))
      const body = { groupId: 'committing', memberId: '', topics: [{ name: topic, partitions: each }] }
      const { topics } = await client.request(offsetCommit, 8, body)
      requireNone('OffsetCommit', topics[0]!.partitions[0]!.errorCode)
    }
    await repeated(turn, commitEveryMs, signal)
  })
}

/** A record in each partition, then a commit. */
export async function transacting(port: number, topic: string, signal: AbortSignal): Promise<void> {
  await WireClient.with(port, async (client) => {
    const transactionalId = 'long-run'
    // Whoever asks first has the topic of the transactions made.
    await client.request(findCoordinator, 3, { key: transactionalId, keyType: transactionKey })
    let producer = { producerId: -1n, producerEpoch: -1 }
    await untilServed(async () => {
      const { errorCode, producerId, producerEpoch } = await client.request(initProducerId, 4, {
        transactionalId,
        transactionTimeoutMs,
      })
      producer = { producerId, producerEpoch }
      return errorCode
    })
    const indexes = Array.from({ length: partitions }, (_, index) => index)
    let baseSequence = 0
    const turn = async () => {
      const { resultsByTopicV3AndBelow } = await client.request(addPartitionsToTxn, 3, {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producer.producerId,
        v3AndBelowProducerEpoch: producer.producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions: indexes }],
      })
      const [added] = resultsByTopicV3AndBelow[0]!.resultsByPartition
      // The markers of the last transaction may not all be written yet.
      if (added!.partitionErrorCode === concurrentTransactions) return
      requireNone('AddPartitionsToTxn', added!.partitionErrorCode)
      const options = { ...producer, baseSequence, isTransactional: true }
      const records = buildRecordBatch(options, [
        { timestamp: Date.now(), key: null, value: Buffer.alloc(recordBytes) },
      ])
      const partitionData = indexes.map((index) => ({ index, records: Buffer.from(records) }))
      const body = {
        transactionalId,
        acks: -1,
        timeoutMs: transactionTimeoutMs,
        topicData: [{ name: topic, partitionData }],
      }
      const { responses } = await client.request(produce, 8, body)
      requireNone('Produce', responses[0]!.partitionResponses[0]!.errorCode)
      baseSequence += 1
      const { errorCode } = await client.request(endTxn, 3, { transactionalId, ...producer, committed: true })
      requireNone('EndTxn', errorCode)
    }
    await repeated(turn, transactionEveryMs, signal)
  })
}

function requireNone(api: string, errorCode: number): void {
  if (errorCode !== 0) throw new Error(`${api} answered error ${errorCode}`)
}
