/** handlers: Produce with transactional batches: who may, what is verified or added, and what each client version is told. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ErrorName, errorCode } from '../../protocol/errors.ts'
import { produce } from '../../protocol/messages/produce.ts'
import type { RecordBatchOptions } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { consumerOffsetsTopic } from '../../src/cluster/topic.ts'
import { produceHandler } from '../../src/handlers/produce.ts'
import type { SimulatedClock } from '../../src/runtime/clock.ts'
import { openAccess } from '../../src/security/access.ts'
import { TransactionVerification } from '../../src/transactions/verification.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { batch } from '../log/fixtures.ts'
import { FakeCoordinator } from '../transactions/fake-coordinator.ts'
import { Client, only } from './ask.ts'

let cluster: Cluster
let broker: Broker
let clock: SimulatedClock
let coordinator: FakeCoordinator
let client: Client

beforeEach(async () => {
  const opened = await openCluster({ brokers: [1, 2] })
  cluster = opened.cluster
  clock = opened.clock
  broker = opened.brokers[0]!
  const assignments = [1, 1, 2].map((id, partitionIndex) => ({ partitionIndex, brokerIds: [id] }))
  await cluster.createTopics([newTopic('topic', { numPartitions: -1, replicationFactor: -1, assignments })])
  coordinator = new FakeCoordinator()
  const verification = new TransactionVerification({ broker, clock, coordinatorOf: () => coordinator })
  client = new Client(broker, openAccess, { verification })
})

afterEach(() => cluster.close())

const transactional = (more: RecordBatchOptions = {}) =>
  batch(1, {}, { producerId: 7n, producerEpoch: 0, baseSequence: 0, isTransactional: true, ...more })

async function send(
  version: number,
  partitions: Readonly<Record<number, Buffer>>,
  more: { transactionalId?: string | null; acks?: number; topic?: string } = {},
) {
  const { transactionalId = 'id', acks = -1, topic = 'topic' } = more
  const topicId = cluster.topics.byName(topic)!.id
  const partitionData = Object.entries(partitions).map(([index, records]) => ({ index: Number(index), records }))
  const topicData = [{ name: topic, topicId, partitionData }]
  const request = { transactionalId, acks, timeoutMs: 1000, topicData }
  const { responses } = await client.ask(produceHandler, produce, version, request)
  return responses[0]!.partitionResponses
}

const endOf = (partition: number): number => cluster.topics.byName('topic')!.partitions[partition]!.log.logEndOffset

it('needs a transactional id, and the right to write with it', async () => {
  const refused = { errorCode: errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED') }
  const both = { 0: transactional(), 1: batch(1) }
  expect(await send(9, both, { transactionalId: null })).toMatchObject([refused, refused])
  client.access = only('Topic:topic:Write')
  expect(await send(9, both)).toMatchObject([refused, refused])
  client.access = only('Topic:topic:Write', 'TransactionalId:id:Write')
  expect(await send(9, both)).toMatchObject([{ errorCode: 0 }, { errorCode: 0 }])
})

it('is not needed for batches outside of a transaction, though the request names one', async () => {
  client.access = only('Topic:topic:Write')
  expect(await send(12, { 0: batch(1) })).toMatchObject([{ errorCode: 0 }])
  expect(coordinator.added).toEqual([])
})

it.each([3, 10, 11])('v%i has its partitions verified, those that need it, in one call', async (version) => {
  expect(await send(version, { 0: transactional() })).toMatchObject([{ errorCode: 0, baseOffset: 0 }])
  const next = { 0: transactional({ baseSequence: 1 }), 1: transactional(), 2: transactional() }
  expect(await send(version, next)).toMatchObject([
    { errorCode: 0, baseOffset: 1 },
    { errorCode: 0, baseOffset: 0 },
    { errorCode: errorCode('NOT_LEADER_OR_FOLLOWER') },
  ])
  const asked = coordinator.verified.map(({ partitions }) => partitions.map(({ partition }) => partition))
  expect(asked).toEqual([[0], [1]])
  expect(coordinator.added).toEqual([])
})

it.each([12, 13])('v%i has its partitions added', async (version) => {
  expect(await send(version, { 0: transactional(), 1: transactional() })).toMatchObject([
    { errorCode: 0 },
    { errorCode: 0 },
  ])
  expect(coordinator.added).toMatchObject([{ clientVersion: 2, partitions: [{ partition: 0 }, { partition: 1 }] }])
  expect(coordinator.verified).toEqual([])
})

const unable = (error: string) =>
  `Unable to verify the partition has been added to the transaction. Underlying error: ${error}`

it.each<[ErrorName, number, ErrorName, string | null]>([
  ['TRANSACTION_ABORTABLE', 10, 'INVALID_TXN_STATE', 'Partition was not added to the transaction'],
  ['TRANSACTION_ABORTABLE', 11, 'TRANSACTION_ABORTABLE', null],
  ['PRODUCER_FENCED', 11, 'INVALID_PRODUCER_EPOCH', null],
  ['INVALID_PRODUCER_ID_MAPPING', 11, 'INVALID_PRODUCER_ID_MAPPING', null],
  ['COORDINATOR_LOAD_IN_PROGRESS', 11, 'NOT_ENOUGH_REPLICAS', unable('COORDINATOR_LOAD_IN_PROGRESS')],
  ['COORDINATOR_NOT_AVAILABLE', 12, 'NOT_ENOUGH_REPLICAS', unable('COORDINATOR_NOT_AVAILABLE')],
  ['NOT_COORDINATOR', 12, 'NOT_ENOUGH_REPLICAS', unable('NOT_COORDINATOR')],
  ['CONCURRENT_TRANSACTIONS', 11, 'NOT_ENOUGH_REPLICAS', unable('CONCURRENT_TRANSACTIONS')],
])('%s is in v%i: %s', async (said, version, expected, errorMessage) => {
  coordinator.answers = [said]
  expect(await send(version, { 0: transactional(), 1: batch(1) })).toMatchObject([
    { errorCode: errorCode(expected), errorMessage, baseOffset: -1, logStartOffset: -1 },
    { errorCode: 0, errorMessage: null, baseOffset: 0 },
  ])
  expect(endOf(0)).toBe(0)
})

it('CONCURRENT_TRANSACTIONS is in v12 only what stays after a while', async () => {
  coordinator.answers = Array.from({ length: 10 }, () => 'CONCURRENT_TRANSACTIONS')
  const answer = send(12, { 0: transactional() })
  await clock.advance(100)
  expect(await answer).toMatchObject([{ errorCode: errorCode('CONCURRENT_TRANSACTIONS'), errorMessage: null }])
})

it('may be of one producer only', async () => {
  const mixed = errorCode('INVALID_PRODUCER_ID_MAPPING')
  for (const other of [{ producerId: 8n }, { producerEpoch: 1 }]) {
    const answers = await send(11, { 0: transactional(), 1: transactional(other) })
    const errorMessage = 'Transactional records contained more than one producer ID'
    expect(answers).toMatchObject([
      { errorCode: mixed, errorMessage },
      { errorCode: mixed, errorMessage },
    ])
  }
  expect([endOf(0), endOf(1)]).toEqual([0, 0])
})

it('says that acks are none only to what may be appended', async () => {
  coordinator.answers = ['TRANSACTION_ABORTABLE']
  expect(await send(11, { 0: transactional() }, { acks: 2 })).toMatchObject([
    { errorCode: errorCode('TRANSACTION_ABORTABLE') },
  ])
  expect(await send(11, { 0: transactional() }, { acks: 2 })).toMatchObject([
    { errorCode: errorCode('INVALID_REQUIRED_ACKS') },
  ])
})

it('is refused where Kafka itself keeps its state, as every batch is', async () => {
  await cluster.ensureInternalTopic(consumerOffsetsTopic)
  const { partitions } = cluster.topics.byName(consumerOffsetsTopic)!
  const { index, log } = partitions.find(({ leaderId }) => leaderId === broker.id)!
  for (const records of [transactional(), batch(1)]) {
    const answers = await send(11, { [index]: records }, { topic: consumerOffsetsTopic })
    expect(answers).toMatchObject([{ errorCode: errorCode('INVALID_TOPIC_EXCEPTION') }])
  }
  expect(log.logEndOffset).toBe(0)
})
