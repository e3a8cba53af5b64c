/** handlers: WriteTxnMarkers: who may, what each partition is told, in every version. */
import { afterEach, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { writeTxnMarkers } from '../../protocol/messages/write-txn-markers.ts'
import { writeTxnMarkersHandler } from '../../src/handlers/write-txn-markers.ts'
import { type Access, openAccess } from '../../src/security/access.ts'
import { createTopic, openMarkers, produce, producerId } from '../transactions/markers.ts'
import { Client, only } from './ask.ts'

let opened: Awaited<ReturnType<typeof openMarkers>> | undefined

afterEach(async () => {
  await opened?.close()
  opened = undefined
})

async function start(access: Access = openAccess) {
  opened = await openMarkers()
  const { markers, brokers } = opened
  const log = await createTopic(opened, 'topic')
  const client = new Client(brokers[0]!.broker, access, { markers })
  const ask = (version: number, asked: ReturnType<typeof end>[]) =>
    client.ask(writeTxnMarkersHandler, writeTxnMarkers, version, { markers: asked })
  return { log, ask }
}

function end(more: object = {}) {
  return {
    producerId,
    producerEpoch: 1,
    transactionResult: true,
    topics: [{ name: 'topic', partitionIndexes: [0] }],
    coordinatorEpoch: 0,
    transactionVersion: 2,
    ...more,
  }
}

const answer = (code: number, id = producerId) => ({
  producerId: id,
  topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, errorCode: code }] }],
})

it('ends transactions by the rules of the version that the request names', async () => {
  const { ask, log } = await start()
  await produce(log, 1)
  expect(await ask(2, [end()])).toEqual({ markers: [answer(errorCode('INVALID_PRODUCER_EPOCH'))] })
  expect(log.lastStableOffset).toBe(0)
  for (const version of [0, 1]) {
    // Requests of these versions can't name it: the older rules are meant.
    expect(await ask(version, [end()])).toEqual({ markers: [answer(0)] })
  }
  expect(log.lastStableOffset).toBe(3)
})

it('answers for each partition, and each producer once', async () => {
  const { ask, log } = await start()
  const topics = [
    { name: 'topic', partitionIndexes: [0, 1] },
    { name: 'other', partitionIndexes: [0] },
  ]
  const { markers } = await ask(2, [end({ topics }), end({ producerId: 8n }), end({ transactionResult: false })])
  const missing = errorCode('UNKNOWN_TOPIC_OR_PARTITION')
  expect(markers).toEqual([
    {
      producerId,
      topics: [
        {
          name: 'topic',
          partitions: [
            { partitionIndex: 1, errorCode: missing },
            { partitionIndex: 0, errorCode: 0 },
          ],
        },
        { name: 'other', partitions: [{ partitionIndex: 0, errorCode: missing }] },
      ],
    },
    answer(0, 8n),
  ])
  expect(log.logEndOffset).toBe(3)
  expect(await ask(2, [])).toEqual({ markers: [] })
})

it.each([
  ['Alter', 0],
  ['ClusterAction', 0],
  ['Describe', errorCode('CLUSTER_AUTHORIZATION_FAILED')],
])('for somebody with %s on the cluster: error code %i', async (operation, code) => {
  const { ask, log } = await start(only(`Cluster:kafka-cluster:${operation}`))
  expect(await ask(2, [end()])).toEqual({ markers: [answer(code)] })
  expect(log.logEndOffset).toBe(code === 0 ? 1 : 0)
})
