/** DescribeLogDirs at all versions: what lies where, and how large it is. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { describeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { describeLogDirsHandler } from '../../src/handlers/describe-log-dirs.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

let cluster: Cluster
let brokers: Broker[]
const batch = buildRecordBatch({}, [{ timestamp: 1_700_000_000_000, key: null, value: Buffer.alloc(100) }])
beforeAll(async () => {
  const opened = await openCluster({ brokers: [1, 2] })
  cluster = opened.cluster
  brokers = opened.brokers
  const on = (...ids: number[]) => ({
    numPartitions: -1,
    replicationFactor: -1,
    assignments: ids.map((id, partitionIndex) => ({ partitionIndex, brokerIds: [id] })),
  })
  await cluster.createTopics([newTopic('mine', on(1, 1)), newTopic('other', on(2))])
  await brokers[0]?.leaderFor('mine', 0).append(Buffer.from(batch), 1)
})
afterAll(() => cluster.close())

it.each([0, 1, 2, 3, 4, 5])("v%i shows this broker's partitions and their sizes", async (version) => {
  const client = new Client(brokers[0]!)
  const { results } = await client.ask(describeLogDirsHandler, describeLogDirs, version, { topics: null })
  expect(results).toHaveLength(1)
  expect(results[0]).toMatchObject({ errorCode: 0, logDir: '/data', isCordoned: false })
  expect(results[0]?.topics).toMatchObject([
    {
      name: 'mine',
      partitions: [
        { partitionIndex: 0, partitionSize: batch.length, offsetLag: 0, isFutureKey: false },
        { partitionIndex: 1, partitionSize: 0 },
      ],
    },
  ])
  if (version >= 4) expect(results[0]?.usableBytes).toBeLessThanOrEqual(results[0]?.totalBytes ?? 0)
  else expect(results[0]?.totalBytes).toBe(-1)
})

it('shows only the partitions that are asked for', async () => {
  const client = new Client(brokers[0]!)
  const topics = [
    { topic: 'mine', partitions: [1, 77] },
    { topic: 'nope', partitions: [0] },
  ]
  const { results } = await client.ask(describeLogDirsHandler, describeLogDirs, 5, { topics })
  expect(results[0]?.topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([['mine', 1]])
})

it('needs the right to describe the cluster', async () => {
  const client = new Client(brokers[0]!, only())
  const answer = await client.ask(describeLogDirsHandler, describeLogDirs, 5, { topics: null })
  expect([answer.errorCode, answer.results]).toEqual([errorCode('CLUSTER_AUTHORIZATION_FAILED'), []])
})
