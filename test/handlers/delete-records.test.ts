/** DeleteRecords: the log start offset, at once where clients look, and Kafka 4.3.1's refusals. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { deleteRecords } from '../../protocol/messages/delete-records.ts'
import { fetch } from '../../protocol/messages/fetch.ts'
import { listOffsets } from '../../protocol/messages/list-offsets.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { Fetcher } from '../../src/fetch/fetcher.ts'
import { deleteRecordsHandler } from '../../src/handlers/delete-records.ts'
import { fetchHandler } from '../../src/handlers/fetch.ts'
import { listOffsetsHandler } from '../../src/handlers/list-offsets.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { openAccess } from '../../src/security/access.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

let cluster: Cluster
let brokers: Broker[]
let files: FileSystem
let client: Client
beforeAll(async () => {
  ;({ cluster, brokers, files } = await openCluster({ brokers: [1, 2] }))
  const parts = { clock: new SimulatedClock(), random: new SeededRandom(1) }
  const fetcher = new Fetcher(brokers[0]!, { ...parts, maxBytes: 1 << 20, maxSessions: 1, evictionMs: 1 })
  client = new Client(brokers[0]!, openAccess, { fetcher })
})
afterAll(() => cluster.close())

/** Ten records in a partition that broker 1 leads. */
async function filledTopic(name: string, cleanupPolicy = 'delete'): Promise<void> {
  const assignments = [1, 2].map((id, partitionIndex) => ({ partitionIndex, brokerIds: [id] }))
  const configs = [{ name: 'cleanup.policy', value: cleanupPolicy }]
  await cluster.createTopics([newTopic(name, { numPartitions: -1, replicationFactor: -1, assignments, configs })])
  const records = Array.from({ length: 10 }, (_, index) => ({
    timestamp: 1_700_000_000_000,
    key: Buffer.from(`${index}`),
    value: Buffer.from('x'),
  }))
  await brokers[0]!.leaderFor(name, 0).append(buildRecordBatch({}, records), -1)
}

type Asked = readonly [topic: string, ...partitions: (readonly [partitionIndex: number, offset: number])[]]

async function ask(version: number, ...asked: Asked[]) {
  const { topics } = await client.ask(deleteRecordsHandler, deleteRecords, version, {
    topics: asked.map(([name, ...partitions]) => ({
      name,
      partitions: partitions.map(([partitionIndex, offset]) => ({ partitionIndex, offset })),
    })),
    timeoutMs: 1000,
  })
  return topics.map(({ name, partitions }) => [
    name,
    ...partitions.map(({ partitionIndex, lowWatermark, errorCode }) => [partitionIndex, lowWatermark, errorCode]),
  ])
}

async function firstOffset(topic: string): Promise<number> {
  const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -2 }]
  const request = { replicaId: -1, isolationLevel: 0, topics: [{ name: topic, partitions }] }
  const { topics } = await client.ask(listOffsetsHandler, listOffsets, 7, request)
  return topics[0]!.partitions[0]!.offset
}

async function fetchFrom(topic: string, fetchOffset: number) {
  const partition = { partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }
  const request = { maxWaitMs: 0, minBytes: 0, topics: [{ topic, partitions: [partition] }] }
  const { responses } = await client.ask(fetchHandler, fetch, 11, request)
  return responses[0]!.partitions[0]!
}

describe('DeleteRecords', () => {
  it.each([0, 1, 2])('v%i moves the start of the log, at once for ListOffsets and Fetch', async (version) => {
    const topic = `moved-${version}`
    await filledTopic(topic)
    expect(await ask(version, [topic, [0, 3]])).toEqual([[topic, [0, 3, 0]]])
    expect(await firstOffset(topic)).toBe(3)
    expect((await fetchFrom(topic, 2)).errorCode).toBe(errorCode('OFFSET_OUT_OF_RANGE'))
    expect(await fetchFrom(topic, 3)).toMatchObject({ errorCode: 0, logStartOffset: 3, highWatermark: 10 })
    expect(await ask(version, [topic, [0, 1]])).toEqual([[topic, [0, 3, 0]]])
    expect(await ask(version, [topic, [0, -1]])).toEqual([[topic, [0, 10, 0]]])
    expect(await firstOffset(topic)).toBe(10)
  })

  it('refuses offsets behind the high watermark and below -1', async () => {
    await filledTopic('range')
    expect(await ask(2, ['range', [0, 11]])).toEqual([['range', [0, -1, 1]]])
    expect(await ask(2, ['range', [0, -2]])).toEqual([['range', [0, -1, 1]]])
    expect(await firstOffset('range')).toBe(0)
  })

  it('refuses partitions that are unknown or led by another broker', async () => {
    await filledTopic('parts')
    expect(await ask(2, ['parts', [1, 0], [7, 0], [0, 2]], ['nowhere', [0, 0]])).toEqual([
      ['parts', [1, -1, errorCode('NOT_LEADER_OR_FOLLOWER')], [7, -1, 3], [0, 2, 0]],
      ['nowhere', [0, -1, 3]],
    ])
  })

  it('refuses topics that are compacted only, and internal ones', async () => {
    await filledTopic('compacted', 'compact')
    await filledTopic('both', 'compact,delete')
    await filledTopic('neither', '')
    expect(await ask(2, ['compacted', [0, 2]], ['both', [0, 2]], ['neither', [0, 2]])).toEqual([
      ['compacted', [0, -1, errorCode('POLICY_VIOLATION')]],
      ['both', [0, 2, 0]],
      ['neither', [0, 2, 0]],
    ])
    await cluster.ensureInternalTopic('__consumer_offsets')
    expect(await ask(2, ['__consumer_offsets', [0, 0], [99, 0]])).toEqual([
      ['__consumer_offsets', [0, -1, errorCode('INVALID_TOPIC_EXCEPTION')], [99, -1, 3]],
    ])
  })

  it('answers each partition once, by what was asked last', async () => {
    await filledTopic('twice')
    expect(await ask(2, ['twice', [0, 2], [0, 3]], ['twice', [0, 4]], ['empty'])).toEqual([['twice', [0, 4, 0]]])
    expect(await ask(2)).toEqual([])
  })

  it('asks for the right to delete', async () => {
    await filledTopic('mine')
    client.access = only('Topic:mine:Delete')
    const answers = await ask(2, ['mine', [0, 1]], ['range', [0, 1]], ['nowhere', [0, 1]])
    client.access = openAccess
    expect(answers).toEqual([
      ['mine', [0, 1, 0]],
      ['range', [0, -1, 29]],
      ['nowhere', [0, -1, 29]],
    ])
  })

  it('still holds after a restart', async () => {
    const first = await openCluster({ path: '/other', files })
    await first.cluster.createTopics([newTopic('kept')])
    const { log } = first.brokers[0]!.leaderFor('kept', 0)
    await log.append(buildRecordBatch({}, [{ timestamp: 1, key: null, value: null }]), 'coordinator')
    await new Client(first.brokers[0]!).ask(deleteRecordsHandler, deleteRecords, 2, {
      topics: [{ name: 'kept', partitions: [{ partitionIndex: 0, offset: 1 }] }],
      timeoutMs: 1000,
    })
    await first.cluster.close()
    const second = await openCluster({ path: '/other', files, seed: 2 })
    expect(second.brokers[0]!.leaderFor('kept', 0).log.logStartOffset).toBe(1)
    await second.cluster.close()
  })
})
