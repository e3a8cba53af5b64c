/** Produce, Fetch, ListOffsets and OffsetForLeaderEpoch at all versions, also those that Kafka 4 has dropped. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { fetch } from '../../protocol/messages/fetch.ts'
import { listOffsets } from '../../protocol/messages/list-offsets.ts'
import { offsetForLeaderEpoch } from '../../protocol/messages/offset-for-leader-epoch.ts'
import { produce } from '../../protocol/messages/produce.ts'
import { batchesIn, buildMessageSet, buildRecordBatch, type Codec, recordsOf } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { Fetcher } from '../../src/fetch/fetcher.ts'
import { fetchHandler } from '../../src/handlers/fetch.ts'
import { CloseConnection } from '../../src/handlers/handler.ts'
import { listOffsetsHandler } from '../../src/handlers/list-offsets.ts'
import { offsetForLeaderEpochHandler } from '../../src/handlers/offset-for-leader-epoch.ts'
import { produceHandler } from '../../src/handlers/produce.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

const versions = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)
const timestamp = 1_700_000_000_000

let cluster: Cluster
let brokers: Broker[]
let client: Client
let topics = 0
/** A new topic for each test, with one partition that broker 1 leads. */
let topic: { name: string; topicId: string }

beforeAll(async () => {
  ;({ cluster, brokers } = await openCluster({ brokers: [1, 2] }))
})
afterAll(() => cluster.close())

beforeEach(async () => {
  topics += 1
  const name = `topic-${topics}`
  const assignments = [{ partitionIndex: 0, brokerIds: [1] }]
  await cluster.createTopics([newTopic(name, { numPartitions: -1, replicationFactor: -1, assignments })])
  topic = { name, topicId: cluster.topics.byName(name)!.id }
  const clock = new SimulatedClock()
  const limits = { maxBytes: 50_000_000, maxSessions: 10, evictionMs: 1000 }
  const fetcher = new Fetcher(brokers[0]!, { clock, random: new SeededRandom(1), ...limits })
  client = new Client(brokers[0]!, undefined, { fetcher })
})

const messages = (values: readonly string[]) =>
  values.map((value, index) => ({ timestamp: timestamp + index, key: Buffer.from('k'), value: Buffer.from(value) }))

/** Batches in the form that a version of Produce carries. */
function batch(version: number, values: readonly string[], codec: Codec = 'none'): Buffer {
  if (version < 2) return buildMessageSet(0, { codec }, messages(values))
  if (version < 3) return buildMessageSet(1, { codec }, messages(values))
  return buildRecordBatch({ codec }, messages(values))
}

async function send(version: number, records: Buffer | null, acks = 1) {
  const topicData = [{ ...topic, partitionData: [{ index: 0, records }] }]
  const { responses } = await client.ask(produceHandler, produce, version, { acks, timeoutMs: 1000, topicData })
  return responses[0]!.partitionResponses[0]!
}

async function read(version: number, fetchOffset: number, more: { isolationLevel?: number; maxBytes?: number } = {}) {
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }]
  const request = {
    maxWaitMs: 0,
    minBytes: 1,
    sessionEpoch: -1,
    topics: [{ topic: topic.name, topicId: topic.topicId, partitions }],
    ...more,
  }
  const { responses } = await client.ask(fetchHandler, fetch, version, request)
  return responses[0]!.partitions[0]!
}

const valuesIn = (records: Buffer | null): string[] =>
  [...batchesIn(records ?? Buffer.alloc(0))].flatMap((each) => [...recordsOf(each)].map(({ value }) => String(value)))
const magicsIn = (records: Buffer | null): number[] => [
  ...new Set([...batchesIn(records ?? Buffer.alloc(0))].map(({ magic }) => magic)),
]

describe('Produce', () => {
  it.each(versions(0, 13))('v%i appends and answers with the first offset', async (version) => {
    expect(await send(version, batch(version, ['a', 'b']))).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await send(version, batch(version, ['c']))).toMatchObject({ errorCode: 0, baseOffset: 2 })
    expect(valuesIn((await read(12, 0)).records)).toEqual(['a', 'b', 'c'])
  })

  it.each(['gzip', 'snappy', 'lz4'] as const)('takes message sets of magic 0 and 1 with %s', async (codec) => {
    for (const version of [1, 2]) {
      expect(await send(version, batch(version, ['x', 'y', 'z'], codec))).toMatchObject({ errorCode: 0 })
    }
    const { records } = await read(12, 0)
    expect(valuesIn(records)).toEqual(['x', 'y', 'z', 'x', 'y', 'z'])
    expect(magicsIn(records)).toEqual([2])
  })

  it.each(versions(0, 13))('v%i refuses acks that are none', async (version) => {
    expect(await send(version, batch(version, ['a']), 2)).toMatchObject({
      errorCode: errorCode('INVALID_REQUIRED_ACKS'),
      baseOffset: -1,
    })
  })

  it('refuses zstd before v7, and old magic from v3 on', async () => {
    expect((await send(6, batch(6, ['a'], 'zstd'))).errorCode).toBe(errorCode('UNSUPPORTED_COMPRESSION_TYPE'))
    expect((await send(7, batch(7, ['a'], 'zstd'))).errorCode).toBe(0)
    expect((await send(3, batch(2, ['a']))).errorCode).toBe(errorCode('INVALID_RECORD'))
    expect((await send(3, Buffer.concat([batch(3, ['a']), batch(3, ['b'])]))).errorCode).toBe(
      errorCode('INVALID_RECORD'),
    )
    expect((await send(9, null)).errorCode).toBe(errorCode('INVALID_RECORD'))
  })

  it('names the leader and where it is when it is another one (KIP-951)', async () => {
    client = new Client(brokers[1]!)
    const topicData = [{ ...topic, partitionData: [{ index: 0, records: batch(12, ['a']) }] }]
    const answer = await client.ask(produceHandler, produce, 12, { acks: 1, timeoutMs: 1000, topicData })
    expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({
      errorCode: errorCode('NOT_LEADER_OR_FOLLOWER'),
      currentLeader: { leaderId: 1 },
    })
    expect(answer.nodeEndpoints.map(({ nodeId }) => nodeId)).toEqual([1])
  })

  it('asks for the connection to be closed when acks=0 fails', async () => {
    const topicData = [{ name: 'nowhere', partitionData: [{ index: 0, records: batch(9, ['a']) }] }]
    await expect(client.ask(produceHandler, produce, 9, { acks: 0, timeoutMs: 1000, topicData })).rejects.toThrow(
      CloseConnection,
    )
  })

  it('needs the right to write', async () => {
    client.access = only()
    expect((await send(9, batch(9, ['a']))).errorCode).toBe(errorCode('TOPIC_AUTHORIZATION_FAILED'))
  })
})

describe('Fetch', () => {
  it.each(versions(0, 18))('v%i gives batches in the newest form that its clients know', async (version) => {
    await send(9, batch(9, ['a', 'b', 'c'], 'gzip'))
    const { records, highWatermark, errorCode } = await read(version, 0)
    expect({ errorCode, highWatermark }).toEqual({ errorCode: 0, highWatermark: 3 })
    expect(valuesIn(records)).toEqual(['a', 'b', 'c'])
    expect(magicsIn(records)).toEqual([version < 2 ? 0 : version < 4 ? 1 : 2])
  })

  it('leaves records before the offset asked for out of uncompressed sets of the old forms', async () => {
    await send(9, batch(9, ['a', 'b', 'c']))
    expect(valuesIn((await read(1, 1)).records)).toEqual(['b', 'c'])
    expect(valuesIn((await read(3, 2)).records)).toEqual(['c'])
    expect(valuesIn((await read(4, 2)).records)).toEqual(['a', 'b', 'c'])
  })

  it('gives zstd only from v10 on', async () => {
    await send(9, batch(9, ['a'], 'zstd'))
    expect(await read(9, 0)).toMatchObject({
      errorCode: errorCode('UNSUPPORTED_COMPRESSION_TYPE'),
      records: Buffer.alloc(0),
    })
    expect(valuesIn((await read(10, 0)).records)).toEqual(['a'])
  })

  it('keeps to max.bytes strictly for clients before v3', async () => {
    await send(9, batch(9, ['a'.repeat(1000)]))
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100 }]
    const request = { maxWaitMs: 0, minBytes: 1, topics: [{ topic: topic.name, partitions }] }
    const strict = await client.ask(fetchHandler, fetch, 2, request)
    expect(strict.responses[0]!.partitions[0]!.records).toEqual(Buffer.alloc(0))
    const generous = await client.ask(fetchHandler, fetch, 3, request)
    expect(valuesIn(generous.responses[0]!.partitions[0]!.records)).toEqual(['a'.repeat(1000)])
  })

  it.each(versions(0, 18))('v%i says where the log is when the offset is beyond it', async (version) => {
    expect(await read(version, 5)).toMatchObject({ errorCode: errorCode('OFFSET_OUT_OF_RANGE'), highWatermark: -1 })
  })

  it('names the leader when it is another one', async () => {
    const other = brokers[1]!
    const limits = {
      clock: new SimulatedClock(),
      random: new SeededRandom(1),
      maxBytes: 1000,
      maxSessions: 1,
      evictionMs: 1,
    }
    client = new Client(other, undefined, { fetcher: new Fetcher(other, limits) })
    expect(await read(16, 0)).toMatchObject({
      errorCode: errorCode('NOT_LEADER_OR_FOLLOWER'),
      currentLeader: { leaderId: 1 },
    })
  })

  it('needs the right to read', async () => {
    client.access = only()
    expect((await read(12, 0)).errorCode).toBe(errorCode('TOPIC_AUTHORIZATION_FAILED'))
  })
})

describe('ListOffsets', () => {
  async function find(version: number, at: number, more: { maxNumOffsets?: number } = {}) {
    const partitions = [{ partitionIndex: 0, timestamp: at, ...more }]
    const answer = await client.ask(listOffsetsHandler, listOffsets, version, {
      topics: [{ name: topic.name, partitions }],
    })
    return answer.topics[0]!.partitions[0]!
  }

  it.each(versions(1, 11))('v%i finds the latest, the earliest and a time', async (version) => {
    await send(9, batch(9, ['a', 'b', 'c'], 'gzip'))
    expect(await find(version, -1)).toMatchObject({ errorCode: 0, offset: 3, timestamp: -1 })
    expect(await find(version, -2)).toMatchObject({ errorCode: 0, offset: 0, timestamp: -1 })
    expect(await find(version, timestamp + 1)).toMatchObject({ errorCode: 0, offset: 1, timestamp: timestamp + 1 })
    expect(await find(version, timestamp + 9)).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1 })
  })

  it.each([
    [-3, 7, 2],
    [-4, 8, 0],
    [-5, 9, -1],
    [-6, 11, -1],
  ])('finds %i from v%i on, and not before', async (special, first, offset) => {
    await send(9, batch(9, ['a', 'b', 'c']))
    expect(await find(first, special)).toMatchObject({ errorCode: 0, offset })
    expect(await find(first - 1, special)).toMatchObject({ errorCode: errorCode('UNSUPPORTED_VERSION'), offset: -1 })
  })

  it('v0 lists positions to read from, latest first, as many as are asked for', async () => {
    await send(9, batch(9, ['a', 'b', 'c']))
    expect((await find(0, -1, { maxNumOffsets: 2 })).oldStyleOffsets).toEqual([3, 0])
    expect((await find(0, -1)).oldStyleOffsets).toEqual([3])
    expect((await find(0, -2, { maxNumOffsets: 5 })).oldStyleOffsets).toEqual([0])
  })

  it('needs the right to describe', async () => {
    client.access = only()
    expect((await find(5, -1)).errorCode).toBe(errorCode('TOPIC_AUTHORIZATION_FAILED'))
  })
})

describe('OffsetForLeaderEpoch', () => {
  it.each(versions(0, 4))('v%i says where an epoch ends', async (version) => {
    await send(9, batch(9, ['a', 'b']))
    const leaderEpoch = brokers[0]!.leaderFor(topic.name, 0).leaderEpoch
    const ask = async (epoch: number) => {
      const partitions = [{ partition: 0, leaderEpoch: epoch }]
      const answer = await client.ask(offsetForLeaderEpochHandler, offsetForLeaderEpoch, version, {
        topics: [{ topic: topic.name, partitions }],
      })
      return answer.topics[0]!.partitions[0]!
    }
    expect(await ask(leaderEpoch)).toMatchObject({ errorCode: 0, endOffset: 2 })
    expect(await ask(leaderEpoch + 5)).toMatchObject({ errorCode: 0, endOffset: -1 })
  })
})
