/** InitProducerId at all versions that are served. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { initProducerId } from '../../protocol/messages/init-producer-id.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { initProducerIdHandler } from '../../src/handlers/init-producer-id.ts'
import { openAccess } from '../../src/security/access.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

let cluster: Cluster
let client: Client
beforeAll(async () => {
  const opened = await openCluster()
  cluster = opened.cluster
  client = new Client(opened.brokers[0]!)
  await cluster.createTopics([newTopic('mine')])
})
afterAll(() => cluster.close())

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

it('refuses an id without epoch, an epoch without id, and transactional ids', async () => {
  const refused = { errorCode: errorCode('INVALID_REQUEST'), producerId: -1n, producerEpoch: -1 }
  expect(await ask(5, { producerId: 5n })).toMatchObject(refused)
  expect(await ask(5, { producerEpoch: 5 })).toMatchObject(refused)
  expect(await ask(5, { transactionalId: 'tx' })).toMatchObject(refused)
  expect(await ask(0, { transactionalId: '' })).toMatchObject(refused)
})

it('needs the right to write to the cluster idempotently, or to any topic', async () => {
  client.access = only()
  expect((await ask(5)).errorCode).toBe(errorCode('CLUSTER_AUTHORIZATION_FAILED'))
  client.access = only('Topic:mine:Write')
  expect((await ask(5)).errorCode).toBe(0)
  client.access = openAccess
})
