/** EndTxn, AddOffsetsToTxn at all versions. */
import { describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { addOffsetsToTxn } from '../../protocol/messages/add-offsets-to-txn.ts'
import { endTxn } from '../../protocol/messages/end-txn.ts'
import { partitionFor } from '../../src/groups/group-coordinator.ts'
import { addOffsetsToTxnHandler } from '../../src/handlers/add-offsets-to-txn.ts'
import { endTxnHandler } from '../../src/handlers/end-txn.ts'
import type { ProducerIdAndEpoch } from '../../src/transactions/transaction-requests.ts'
import { type Client, only } from './ask.ts'
import { versions } from './group-client.ts'
import { settled, transactionalId, transactionClient } from './transaction-client.ts'

const addOffsets = (client: Client, version: number, producer: ProducerIdAndEpoch, groupId = 'group') =>
  client.ask(addOffsetsToTxnHandler, addOffsetsToTxn, version, { transactionalId, ...producer, groupId })
const end = (client: Client, version: number, producer: ProducerIdAndEpoch, committed = true) =>
  client.ask(endTxnHandler, endTxn, version, { transactionalId, ...producer, committed })

describe('AddOffsetsToTxn', () => {
  it.each(versions(0, 4))('v%i adds the partition of __consumer_offsets that has the group', async (version) => {
    const { client, producer, transactions, close } = await transactionClient()
    expect((await addOffsets(client, version, await producer())).errorCode).toBe(0)
    expect(await transactions.describeTransaction(transactionalId)).toMatchObject({
      transactionState: 'Ongoing',
      topics: [{ topic: '__consumer_offsets', partitions: [partitionFor('group', 50)] }],
    })
    await close()
  })

  it.each([
    [1, 'INVALID_PRODUCER_EPOCH'],
    [2, 'PRODUCER_FENCED'],
  ] as const)('v%i tells a fenced producer %s', async (version, error) => {
    const { client, producer, close } = await transactionClient()
    const { producerId } = await producer()
    const answer = await addOffsets(client, version, { producerId, producerEpoch: 4 })
    expect(answer.errorCode).toBe(errorCode(error))
    await close()
  })

  it('needs the rights to write to the transactional id and to read the group', async () => {
    const { client, producer, close } = await transactionClient()
    const own = await producer()
    client.access = only('Group:group:Read')
    expect((await addOffsets(client, 4, own)).errorCode).toBe(errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
    client.access = only('TransactionalId:transfer:Write')
    expect((await addOffsets(client, 4, own)).errorCode).toBe(errorCode('GROUP_AUTHORIZATION_FAILED'))
    client.access = only('TransactionalId:transfer:Write', 'Group:group:Read')
    expect((await addOffsets(client, 4, own)).errorCode).toBe(0)
    await close()
  })
})

describe('EndTxn', () => {
  it.each(versions(0, 4))('v%i ends the transaction, and the producer keeps its epoch', async (version) => {
    const { client, producer, transactions, close } = await transactionClient()
    const own = await producer()
    await addOffsets(client, 3, own)
    expect((await end(client, version, own)).errorCode).toBe(0)
    await settled()
    const described = await transactions.describeTransaction(transactionalId)
    expect(described).toMatchObject({ transactionState: 'CompleteCommit', ...own })
    await close()
  })

  it('v5 ends the transaction, and gives the next epoch', async () => {
    const { client, producer, close } = await transactionClient()
    const own = await producer()
    await addOffsets(client, 3, own)
    const next = { ...own, producerEpoch: 1 }
    expect(await end(client, 5, own, false)).toMatchObject({ errorCode: 0, ...next })
    await settled()
    expect(await end(client, 5, own, false)).toMatchObject({ errorCode: 0, ...next })
    const wrong = { errorCode: errorCode('INVALID_TXN_STATE'), producerId: -1n, producerEpoch: -1 }
    expect(await end(client, 5, own, true)).toMatchObject(wrong)
    await close()
  })

  it.each([
    [1, 'INVALID_PRODUCER_EPOCH'],
    [2, 'PRODUCER_FENCED'],
    [5, 'PRODUCER_FENCED'],
  ] as const)('v%i tells a fenced producer %s', async (version, error) => {
    const { client, producer, close } = await transactionClient()
    const { producerId } = await producer()
    const answer = await end(client, version, { producerId, producerEpoch: 4 })
    expect(answer).toMatchObject({ errorCode: errorCode(error), producerId: -1n, producerEpoch: -1 })
    await close()
  })

  it('needs the right to write to the transactional id', async () => {
    const { client, producer, close } = await transactionClient()
    const own = await producer()
    client.access = only('TransactionalId:other:Write')
    expect((await end(client, 5, own)).errorCode).toBe(errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
    await close()
  })
})
