/** ListTransactions and DescribeTransactions at all versions. */
import { expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { describeTransactions } from '../../protocol/messages/describe-transactions.ts'
import { listTransactions } from '../../protocol/messages/list-transactions.ts'
import { describeTransactionsHandler } from '../../src/handlers/describe-transactions.ts'
import { listTransactionsHandler } from '../../src/handlers/list-transactions.ts'
import { openAccess } from '../../src/security/access.ts'
import { only } from './ask.ts'
import { versions } from './group-client.ts'
import { transactionClient } from './transaction-client.ts'

const all = { stateFilters: [], producerIdFilters: [] }

it.each(versions(0, 2))('v%i lists transactional ids that the client may describe', async (version) => {
  const { client, producer, close } = await transactionClient()
  const { producerId } = await producer('mine')
  await producer('yours')
  const list = (request: object) =>
    client.ask(listTransactionsHandler, listTransactions, version, { ...all, ...request })
  expect((await list({})).transactionStates).toHaveLength(2)
  client.access = only('TransactionalId:mine:Describe')
  expect(await list({ stateFilters: ['Empty', 'None'] })).toMatchObject({
    errorCode: 0,
    unknownStateFilters: ['None'],
    transactionStates: [{ transactionalId: 'mine', producerId, transactionState: 'Empty' }],
  })
  expect((await list({ producerIdFilters: [producerId + 1n] })).transactionStates).toEqual([])
  await close()
})

it('filters by duration from v1 on, and by pattern from v2 on', async () => {
  const { client, producer, transactions, clock, close } = await transactionClient()
  const partitions = [{ topic: 'accounts', partition: 0 }]
  const own = await producer('mine')
  await transactions.addPartitions({ transactionalId: 'mine', ...own, partitions, clientVersion: 2 })
  await clock.advance(1_000)
  const count = async (version: number, request: object): Promise<number> =>
    (await client.ask(listTransactionsHandler, listTransactions, version, { ...all, ...request })).transactionStates
      .length
  expect([await count(1, { durationFilter: 999 }), await count(1, { durationFilter: 1_000 })]).toEqual([1, 0])
  expect([await count(2, { transactionalIdPattern: 'm.*' }), await count(2, { transactionalIdPattern: 'm' })]).toEqual([
    1, 0,
  ])
  const request = { ...all, transactionalIdPattern: '[' }
  const broken = await client.ask(listTransactionsHandler, listTransactions, 2, request)
  expect(broken).toMatchObject({ errorCode: errorCode('INVALID_REGULAR_EXPRESSION'), transactionStates: [] })
  await close()
})

it('describes transactions, and of their topics those that the client may describe', async () => {
  const { client, producer, transactions, clock, close } = await transactionClient()
  const own = await producer('mine')
  const partitions = [0, 1].map((partition) => ({ topic: 'accounts', partition }))
  await transactions.addPartitions({ transactionalId: 'mine', ...own, partitions, clientVersion: 2 })
  const describe = async (transactionalIds: string[]) =>
    (await client.ask(describeTransactionsHandler, describeTransactions, 0, { transactionalIds })).transactionStates
  const known = {
    errorCode: 0,
    transactionalId: 'mine',
    transactionState: 'Ongoing',
    transactionTimeoutMs: 60_000,
    transactionStartTimeMs: clock.now(),
    ...own,
    topics: [{ topic: 'accounts', partitions: [0, 1] }],
  }
  const unknown = {
    transactionState: '',
    transactionTimeoutMs: 0,
    transactionStartTimeMs: 0,
    producerId: 0n,
    producerEpoch: 0,
    topics: [],
  }
  expect(await describe(['mine', 'nobody', ''])).toEqual([
    known,
    { ...unknown, errorCode: errorCode('TRANSACTIONAL_ID_NOT_FOUND'), transactionalId: 'nobody' },
    { ...unknown, errorCode: errorCode('INVALID_REQUEST'), transactionalId: '' },
  ])
  client.access = only('TransactionalId:mine:Describe')
  expect(await describe(['mine', 'yours'])).toEqual([
    { ...known, topics: [] },
    { ...unknown, errorCode: errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'), transactionalId: 'yours' },
  ])
  client.access = openAccess
  await close()
})
