/** handlers: DescribeProducers: producers and open transactions by partition, and who may see them. */
import { afterEach, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { describeProducers } from '../../protocol/messages/describe-producers.ts'
import { describeProducersHandler } from '../../src/handlers/describe-producers.ts'
import { type Access, openAccess } from '../../src/security/access.ts'
import { sequenced, startMs } from '../log/fixtures.ts'
import { createTopic, marker, openMarkers, produce, producerId } from '../transactions/markers.ts'
import { Client, only } from './ask.ts'

let opened: Awaited<ReturnType<typeof openMarkers>> | undefined

afterEach(async () => {
  await opened?.close()
  opened = undefined
})

async function start(options: Parameters<typeof openMarkers>[0] = {}) {
  opened = await openMarkers(options)
  const log = await createTopic(opened, 'topic')
  const { cluster, brokers } = opened
  const ask = async (name = 'topic', index = 0, brokerId = 1, access: Access = openAccess) => {
    const { broker } = brokers.find((each) => each.broker.id === brokerId)!
    const topics = [{ name, partitionIndexes: [index] }]
    const answer = await new Client(broker, access).ask(describeProducersHandler, describeProducers, 0, { topics })
    expect(answer.topics[0]!.name).toBe(name)
    return answer.topics[0]!.partitions[0]!
  }
  return { ...opened, log, ask, partition: cluster.topics.byName('topic')!.partitions[0]! }
}

it('shows epochs, the last sequence and its time, and where an open transaction began', async () => {
  const { ask, log, markers } = await start()
  expect(await ask()).toMatchObject({ errorCode: 0, errorMessage: null, activeProducers: [] })
  await log.append(sequenced(9n, 2, 0, 3), 'client')
  await produce(log, 0)
  await produce(log, 0, 1)
  const idempotent = {
    producerId: 9n,
    producerEpoch: 2,
    lastSequence: 2,
    lastTimestamp: startMs,
    coordinatorEpoch: -1,
    currentTxnStartOffset: -1,
  }
  const open = { ...idempotent, producerId, producerEpoch: 0, lastSequence: 1, currentTxnStartOffset: 3 }
  expect((await ask()).activeProducers).toEqual([idempotent, open])
  await markers.write(marker({ producerEpoch: 1, coordinatorEpoch: 4, transactionVersion: 2 }), 'topic', 0)
  expect((await ask()).activeProducers[1]).toMatchObject({
    producerEpoch: 1,
    lastSequence: -1,
    coordinatorEpoch: 4,
    currentTxnStartOffset: -1,
  })
})

it('answers on every replica, and nowhere else', async () => {
  const { ask, partition } = await start({ brokers: [1, 2] })
  const other = partition.leaderId === 1 ? 2 : 1
  expect(await ask('topic', 0, partition.leaderId)).toMatchObject({ errorCode: 0 })
  expect(await ask('topic', 0, other)).toMatchObject({ errorCode: errorCode('NOT_LEADER_OR_FOLLOWER') })
  partition.replicas = [1, 2]
  expect(await ask('topic', 0, other)).toMatchObject({ errorCode: 0 })
})

it('says what is wrong with a topic, in words, and with a partition, without', async () => {
  const { ask, partition } = await start()
  expect(await ask('no/name')).toMatchObject({ errorCode: errorCode('INVALID_TOPIC_EXCEPTION') })
  expect((await ask('no/name')).errorMessage).toContain("'no/name' contains one or more characters")
  const missing = errorCode('UNKNOWN_TOPIC_OR_PARTITION')
  const hosts = 'This server does not host this topic-partition.'
  expect(await ask('other')).toMatchObject({ errorCode: missing, errorMessage: hosts })
  expect(await ask('topic', 1)).toMatchObject({ errorCode: missing, errorMessage: null })
  await partition.log.close()
  expect(await ask()).toMatchObject({ errorCode: errorCode('KAFKA_STORAGE_ERROR'), errorMessage: null })
})

it('needs the right to read the topic', async () => {
  const { ask } = await start()
  expect(await ask('topic', 0, 1, only('Topic:topic:Describe'))).toMatchObject({
    errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'),
  })
  expect(await ask('topic', 0, 1, only('Topic:topic:Read'))).toMatchObject({ errorCode: 0 })
})
