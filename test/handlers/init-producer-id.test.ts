/** InitProducerId at all versions that are served. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { initProducerId } from '../../protocol/messages/init-producer-id.ts'
import { initProducerIdHandler } from '../../src/handlers/init-producer-id.ts'
import { openAccess } from '../../src/security/access.ts'
import { type Client, only } from './ask.ts'
import { transactionClient } from './transaction-client.ts'

let close: () => Promise<void>
let client: Client
beforeAll(async () => {
  ;({ client, close } = await transactionClient('mine'))
})
afterAll(() => close())

const ask = (version: number, request: object = {}) =>
  client.ask(initProducerIdHandler, initProducerId, version, {
    transactionalId: null,
    transactionTimeoutMs: 1,
    ...request,
  })

it('is served up to v5', () => expect(initProducerIdHandler.versions).toEqual({ first: 0, last: 5 }))

it.each([0, 1, 2, 3, 4, 5])('v%i gives a new id with epoch 0', async (version) => {
  const [one, other] = [await ask(version), await ask(version)]
  expect(one).toMatchObject({ errorCode: 0, producerEpoch: 0 })
  expect(other.producerId).toBe(one.producerId + 1n)
})

it('gives a new id also to a producer that has one', async () => {
  const { producerId } = await ask(5)
  expect(await ask(5, { producerId, producerEpoch: 3 })).toMatchObject({
    producerId: producerId + 1n,
    producerEpoch: 0,
  })
})

it('refuses an id without epoch, an epoch without id, and an empty transactional id', async () => {
  const refused = { errorCode: errorCode('INVALID_REQUEST'), producerId: -1n, producerEpoch: -1 }
  expect(await ask(5, { producerId: 5n })).toMatchObject(refused)
  expect(await ask(5, { producerEpoch: 5 })).toMatchObject(refused)
  expect(await ask(5, { transactionalId: 'tx', producerId: 5n })).toMatchObject(refused)
  expect(await ask(0, { transactionalId: '' })).toMatchObject(refused)
})

it('needs the right to write to the cluster idempotently, or to any topic', async () => {
  client.access = only()
  expect((await ask(5)).errorCode).toBe(errorCode('CLUSTER_AUTHORIZATION_FAILED'))
  client.access = only('Topic:mine:Write')
  expect((await ask(5)).errorCode).toBe(0)
  client.access = openAccess
})

it.each([0, 1, 2, 3, 4, 5])(
  'v%i gives a transactional id an id of its own and one epoch after the other',
  async (version) => {
    const transactionalId = `transfer-v${version}`
    const request = { transactionalId, transactionTimeoutMs: 60_000 }
    const first = await ask(version, request)
    expect(first).toMatchObject({ errorCode: 0, producerEpoch: 0 })
    expect(await ask(version, request)).toMatchObject({ errorCode: 0, producerId: first.producerId, producerEpoch: 1 })
  },
)

it.each([
  [3, 'INVALID_PRODUCER_EPOCH'],
  [4, 'PRODUCER_FENCED'],
  [5, 'PRODUCER_FENCED'],
] as const)('v%i tells a fenced producer %s', async (version, error) => {
  const request = { transactionalId: `fenced-v${version}`, transactionTimeoutMs: 60_000 }
  const { producerId } = await ask(version, request)
  await ask(version, request)
  expect(await ask(version, { ...request, producerId, producerEpoch: 0 })).toMatchObject({
    errorCode: errorCode(error),
    producerId: -1n,
    producerEpoch: -1,
  })
})

it('refuses timeouts that are not within bounds', async () => {
  for (const transactionTimeoutMs of [0, -1, 900_001]) {
    const answer = await ask(5, { transactionalId: 'transfer', transactionTimeoutMs })
    expect(answer.errorCode).toBe(errorCode('INVALID_TRANSACTION_TIMEOUT'))
  }
})

it('needs the right to write to the transactional id', async () => {
  client.access = only('TransactionalId:mine:Write')
  expect((await ask(5, { transactionalId: 'mine' })).errorCode).toBe(0)
  const refused = await ask(5, { transactionalId: 'yours' })
  expect(refused.errorCode).toBe(errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
  client.access = openAccess
})
