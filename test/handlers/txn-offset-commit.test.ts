/** handlers: TxnOffsetCommit: who may, what the transaction's coordinator says to it, and what each version is told. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ErrorName, errorCode, KafkaError } from '../../protocol/errors.ts'
import { txnOffsetCommit } from '../../protocol/messages/txn-offset-commit.ts'
import { txnOffsetCommitHandler } from '../../src/handlers/txn-offset-commit.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { type Access, openAccess } from '../../src/security/access.ts'
import { MarkerWriter } from '../../src/transactions/marker-writer.ts'
import { TransactionVerification } from '../../src/transactions/verification.ts'
import { FakeCoordinator } from '../transactions/fake-coordinator.ts'
import { marker, producerId } from '../transactions/markers.ts'
import { Client, only } from './ask.ts'
import { groupClient, groupId, versions } from './group-client.ts'

let opened: Awaited<ReturnType<typeof groupClient>>
let coordinator: FakeCoordinator
let markers: MarkerWriter

beforeEach(() => start())
afterEach(() => opened.close())

async function start(): Promise<void> {
  opened = await groupClient()
  coordinator = new FakeCoordinator()
  const { cluster, clock, groups } = opened
  markers = new MarkerWriter({ cluster, clock, groupsOf: () => groups })
}

interface Asked {
  readonly access?: Access
  readonly topics?: Record<string, number[]>
  readonly [field: string]: unknown
}

/** Error codes by `topic-0`. */
async function commit(version: number, { access = openAccess, topics = { topic: [0] }, ...more }: Asked = {}) {
  const { client, groups, clock } = opened
  const { broker } = client
  const verification = new TransactionVerification({ broker, clock, coordinatorOf: () => coordinator })
  const asked = Object.entries(topics).map(([name, indexes]) => ({
    name,
    partitions: indexes.map((partitionIndex) => ({ partitionIndex, committedOffset: 5, committedMetadata: null })),
  }))
  const ids = { transactionalId: 'id', groupId, producerId, producerEpoch: 0 }
  const asking = new Client(broker, access, { groups, verification })
  const answer = await asking.ask(txnOffsetCommitHandler, txnOffsetCommit, version, { ...ids, topics: asked, ...more })
  return Object.fromEntries(
    answer.topics.flatMap(({ name, partitions }) =>
      partitions.map((each) => [`${name}-${each.partitionIndex}`, each.errorCode]),
    ),
  )
}

async function committed(): Promise<number> {
  const topics = [{ name: 'topic', topicId: opened.topicId, partitionIndexes: [0] }]
  const [fetched] = await opened.groups.fetchOffsets({ groupId, topics }, false)
  return fetched!.partitions[0]!.committedOffset
}

const offsetsLog = (): PartitionLog => opened.groups.offsetsPartitionOf(groupId).log

it.each(versions(0, 5))('v%i commits what counts with the marker', async (version) => {
  expect(await commit(version)).toEqual({ 'topic-0': 0 })
  expect(await committed()).toBe(-1)
  const { topic, partition } = offsetsLog()
  await markers.write(marker(), topic, partition)
  expect(await committed()).toBe(5)
  const asked = version < 5 ? coordinator.verified : coordinator.added
  expect(asked).toMatchObject([{ transactionalId: 'id', producerId, partitions: [{ topic, partition }] }])
  expect(coordinator.verified.length + coordinator.added.length).toBe(1)
})

it('answers for each partition, what is wrong at once first', async () => {
  const topics = { topic: [1, 7], missing: [0] }
  const missing = errorCode('UNKNOWN_TOPIC_OR_PARTITION')
  const answered = await commit(5, { topics })
  expect(Object.entries(answered)).toEqual([
    ['topic-7', missing],
    ['topic-1', 0],
    ['missing-0', missing],
  ])
})

it('needs the rights to the transactional id, the group and the topics', async () => {
  const id = 'TransactionalId:id:Write'
  const group = `Group:${groupId}:Read`
  const codeWith = async (...allowed: string[]) => (await commit(5, { access: only(...allowed) }))['topic-0']
  expect(await codeWith(group, 'Topic:topic:Read')).toBe(errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
  expect(await codeWith(id, 'Topic:topic:Read')).toBe(errorCode('GROUP_AUTHORIZATION_FAILED'))
  expect(await codeWith(id, group)).toBe(errorCode('TOPIC_AUTHORIZATION_FAILED'))
  expect(await codeWith(id, group, 'Topic:topic:Read')).toBe(0)
})

it.each<[ErrorName, number, ErrorName]>([
  ['TRANSACTION_ABORTABLE', 3, 'INVALID_TXN_STATE'],
  ['TRANSACTION_ABORTABLE', 4, 'TRANSACTION_ABORTABLE'],
  ['PRODUCER_FENCED', 4, 'INVALID_PRODUCER_EPOCH'],
  ['INVALID_PRODUCER_ID_MAPPING', 3, 'INVALID_PRODUCER_ID_MAPPING'],
  ['CONCURRENT_TRANSACTIONS', 5, 'CONCURRENT_TRANSACTIONS'],
  ['COORDINATOR_LOAD_IN_PROGRESS', 1, 'COORDINATOR_NOT_AVAILABLE'],
  ['COORDINATOR_LOAD_IN_PROGRESS', 2, 'COORDINATOR_LOAD_IN_PROGRESS'],
  ['NETWORK_EXCEPTION', 3, 'COORDINATOR_LOAD_IN_PROGRESS'],
  ['NOT_ENOUGH_REPLICAS', 3, 'COORDINATOR_NOT_AVAILABLE'],
])('%s of the transaction coordinator is in v%i: %s', async (said, version, expected) => {
  coordinator.answers = [said]
  expect(await commit(version)).toEqual({ 'topic-0': errorCode(expected) })
  expect(offsetsLog().logEndOffset).toBe(0)
})

it('tells what the group and the log of its offsets have against it', async () => {
  const codeOf = async (more: Asked) => (await commit(5, more))['topic-0']
  expect(await codeOf({ groupId: '' })).toBe(errorCode('INVALID_GROUP_ID'))
  expect(await codeOf({ generationId: 3, memberId: 'm' })).toBe(errorCode('ILLEGAL_GENERATION'))
  const { topic, partition } = offsetsLog()
  await markers.write(marker({ producerEpoch: 2 }), topic, partition)
  expect(await codeOf({})).toBe(errorCode('INVALID_PRODUCER_EPOCH'))
  vetoNextAppend(offsetsLog())
  expect(await codeOf({ producerEpoch: 2 })).toBe(errorCode('NOT_COORDINATOR'))
})

function vetoNextAppend(log: PartitionLog): void {
  log.checkAppend = () => {
    throw new KafkaError('KAFKA_STORAGE_ERROR')
  }
}
