/** AddPartitionsToTxn at all versions. */
import { describe, expect, it } from 'vitest'
import { errorByCode } from '../../protocol/errors.ts'
import { addPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.ts'
import { addPartitionsToTxnHandler } from '../../src/handlers/add-partitions-to-txn.ts'
import type { ProducerIdAndEpoch } from '../../src/transactions/transaction-requests.ts'
import { type Client, only } from './ask.ts'
import { versions } from './group-client.ts'
import { transactionalId, transactionClient } from './transaction-client.ts'

type Topics = { name: string; partitions: number[] }[]
const accounts: Topics = [{ name: 'accounts', partitions: [0, 1] }]

interface Asked extends ProducerIdAndEpoch {
  readonly verifyOnly?: boolean
  readonly transactionalId?: string
}

/** Error names by `topic-partition`. */
async function add(client: Client, version: number, asked: Asked, topics = accounts): Promise<Record<string, string>> {
  const id = asked.transactionalId ?? transactionalId
  const answer = await client.ask(addPartitionsToTxnHandler, addPartitionsToTxn, version, {
    transactions: [{ verifyOnly: false, ...asked, transactionalId: id, topics }],
    v3AndBelowTransactionalId: id,
    v3AndBelowProducerId: asked.producerId,
    v3AndBelowProducerEpoch: asked.producerEpoch,
    v3AndBelowTopics: topics,
  })
  expect(answer.errorCode).toBe(0)
  if (version >= 4) expect(answer.resultsByTransaction.map((each) => each.transactionalId)).toEqual([id])
  const results = version < 4 ? answer.resultsByTopicV3AndBelow : answer.resultsByTransaction[0]!.topicResults
  return Object.fromEntries(
    results.flatMap(({ name, resultsByPartition }) =>
      resultsByPartition.map((each) => [`${name}-${each.partitionIndex}`, errorByCode(each.partitionErrorCode).name]),
    ),
  )
}

const both = (error: string) => ({ 'accounts-0': error, 'accounts-1': error })

it.each(versions(0, 5))('v%i adds partitions', async (version) => {
  const { client, producer, transactions, close } = await transactionClient()
  expect(await add(client, version, await producer())).toEqual(both('NONE'))
  expect(await transactions.describeTransaction(transactionalId)).toMatchObject({
    transactionState: 'Ongoing',
    topics: [{ topic: 'accounts', partitions: [0, 1] }],
  })
  await close()
})

it.each(versions(0, 5))('v%i adds none when one can not be added', async (version) => {
  const { client, producer, transactions, close } = await transactionClient()
  const topics = [
    { name: 'accounts', partitions: [0, 5] },
    { name: 'nothing', partitions: [0] },
  ]
  expect(await add(client, version, await producer(), topics)).toEqual({
    'accounts-0': 'OPERATION_NOT_ATTEMPTED',
    'accounts-5': 'UNKNOWN_TOPIC_OR_PARTITION',
    'nothing-0': 'UNKNOWN_TOPIC_OR_PARTITION',
  })
  expect((await transactions.describeTransaction(transactionalId)).transactionState).toBe('Empty')
  await close()
})

it.each([
  [0, 'INVALID_PRODUCER_EPOCH'],
  [1, 'INVALID_PRODUCER_EPOCH'],
  [2, 'PRODUCER_FENCED'],
  [3, 'PRODUCER_FENCED'],
  [4, 'PRODUCER_FENCED'],
  [5, 'PRODUCER_FENCED'],
])('v%i tells a fenced producer %s', async (version, error) => {
  const { client, producer, close } = await transactionClient()
  const { producerId } = await producer()
  expect(await add(client, version, { producerId, producerEpoch: 1 })).toEqual(both(error))
  await close()
})

it.each(versions(0, 5))('v%i refuses foreign producers and unknown or empty transactional ids', async (version) => {
  const { client, producer, close } = await transactionClient()
  const { producerId, producerEpoch } = await producer()
  const foreign = { producerId: producerId + 1n, producerEpoch }
  expect(await add(client, version, foreign)).toEqual(both('INVALID_PRODUCER_ID_MAPPING'))
  const unknown = { producerId, producerEpoch, transactionalId: 'nobody' }
  expect(await add(client, version, unknown)).toEqual(both('INVALID_PRODUCER_ID_MAPPING'))
  const empty = { producerId, producerEpoch, transactionalId: '' }
  expect(await add(client, version, empty)).toEqual(both('INVALID_REQUEST'))
  await close()
})

describe('clients', () => {
  it('need the right to write to the transactional id and to each topic', async () => {
    const { client, producer, close } = await transactionClient()
    const own = await producer()
    client.access = only('Topic:accounts:Write')
    expect(await add(client, 3, own)).toEqual(both('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
    client.access = only('TransactionalId:transfer:Write')
    expect(await add(client, 3, own)).toEqual(both('TOPIC_AUTHORIZATION_FAILED'))
    client.access = only('TransactionalId:transfer:Write', 'Topic:accounts:Write')
    const topics = [...accounts, { name: 'other', partitions: [0] }]
    expect(await add(client, 3, own, topics)).toEqual({
      ...both('OPERATION_NOT_ATTEMPTED'),
      'other-0': 'TOPIC_AUTHORIZATION_FAILED',
    })
    expect(await add(client, 3, own)).toEqual(both('NONE'))
    await close()
  })

  it('add no internal topics', async () => {
    const { client, producer, close } = await transactionClient()
    const topics = [{ name: '__transaction_state', partitions: [0] }]
    const refused = { '__transaction_state-0': 'TOPIC_AUTHORIZATION_FAILED' }
    expect(await add(client, 3, await producer(), topics)).toEqual(refused)
    expect(await add(client, 4, await producer(), topics)).toEqual({ '__transaction_state-0': 'NONE' })
    await close()
  })
})

describe('brokers', () => {
  it('need the right to act for the cluster, and no other', async () => {
    const { client, producer, close } = await transactionClient()
    const own = await producer()
    const request = { transactions: [{ transactionalId, ...own, verifyOnly: false, topics: accounts }] }
    client.access = only('TransactionalId:transfer:Write', 'Topic:accounts:Write')
    const refused = await client.ask(addPartitionsToTxnHandler, addPartitionsToTxn, 4, request)
    expect(refused).toMatchObject({ errorCode: 31, resultsByTransaction: [] })
    client.access = only('Cluster:kafka-cluster:ClusterAction')
    expect(await add(client, 4, own)).toEqual(both('NONE'))
    await close()
  })

  it.each([4, 5])('v%i asks whether partitions are part of the transaction, and adds none', async (version) => {
    const { client, producer, transactions, close } = await transactionClient()
    const own = { ...(await producer()), verifyOnly: true }
    expect(await add(client, version, own)).toEqual(both('TRANSACTION_ABORTABLE'))
    expect((await transactions.describeTransaction(transactionalId)).transactionState).toBe('Empty')
    await add(client, 3, own, [{ name: 'accounts', partitions: [1] }])
    expect(await add(client, version, own)).toEqual({ 'accounts-0': 'TRANSACTION_ABORTABLE', 'accounts-1': 'NONE' })
    const fenced = { ...own, producerEpoch: 7 }
    expect(await add(client, version, fenced)).toEqual(both('PRODUCER_FENCED'))
    await close()
  })

  it('ask for several transactions at once, each with its own outcome', async () => {
    const { client, producer, close } = await transactionClient()
    const [one, other] = [await producer('one'), await producer('other')]
    const transactions = [
      { transactionalId: 'one', ...one, verifyOnly: false, topics: accounts },
      { transactionalId: 'other', ...other, verifyOnly: true, topics: accounts },
      { transactionalId: 'nobody', ...other, verifyOnly: true, topics: accounts },
    ]
    const answer = await client.ask(addPartitionsToTxnHandler, addPartitionsToTxn, 5, { transactions })
    const errors = answer.resultsByTransaction.map(({ transactionalId: id, topicResults }) => [
      id,
      ...topicResults.flatMap(({ resultsByPartition }) =>
        resultsByPartition.map(({ partitionErrorCode }) => errorByCode(partitionErrorCode).name),
      ),
    ])
    expect(errors).toEqual([
      ['one', 'NONE', 'NONE'],
      ['other', 'TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE'],
      ['nobody', 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'],
    ])
    await close()
  })
})
