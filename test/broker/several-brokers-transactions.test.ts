/**
 * Transactions over several brokers of one process: their partitions, their group and their coordinator on brokers of their own, which
 * move and stop in the middle of them.
 */
import type { Kafka } from 'kafkajs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTopics } from '../../protocol/messages/index.ts'
import { type RunningBroker, startBroker } from '../../src/broker.ts'
import { client } from './kafkajs.ts'
import { committedOffset, committedValues, endOf, Requests, TransactionalProducer } from './transaction-clients.ts'

const topic = 'accounts'
const partitions = [0, 1, 2]
const kinds = [
  { kind: 'a client that adds partitions itself', isAdding: false },
  { kind: 'a client that leaves that to the broker', isAdding: true },
]

function requestsTo(cluster: RunningBroker): Requests {
  const requests = new Requests(cluster)
  onTestFinished(() => requests.close())
  return requests
}

/** Three brokers, each the preferred leader of one partition of the topic. */
async function start({ replicas = 3, settings = {} }: { replicas?: number; settings?: object } = {}) {
  const internal = { 'offsets.topic.num.partitions': '3', 'transaction.state.log.num.partitions': '3' }
  const cluster = await startBroker({ port: 0, brokers: 3, memory: true, settings: { ...internal, ...settings } })
  onTestFinished(() => cluster.close())
  const requests = requestsTo(cluster)
  const assignments = partitions.map((partitionIndex) => ({
    partitionIndex,
    brokerIds: [0, 1, 2].slice(0, replicas).map((index) => ((partitionIndex + index) % 3) + 1),
  }))
  const topics = [{ name: topic, numPartitions: -1, replicationFactor: -1, assignments }]
  const created = await requests.ask(1, createTopics, 5, { topics, timeoutMs: 10_000 })
  expect(created.topics[0]!.errorCode).toBe(0)
  return { cluster, requests }
}

/** Its coordinator on broker 2, that of its group on broker 3. */
async function producerOf(cluster: RunningBroker, requests: Requests, isAdding: boolean, timeoutMs?: number) {
  const producer = new TransactionalProducer(requests, 'transfer', { isAdding })
  await cluster.moveCoordinator({ transactionalId: producer.transactionalId }, 2)
  await cluster.moveCoordinator({ groupId: producer.groupId }, 3)
  await producer.init(timeoutMs)
  return producer
}

async function writeEverywhere(producer: TransactionalProducer, value: string, offset: number): Promise<void> {
  for (const partition of partitions) await producer.send(topic, partition, value)
  await producer.sendOffset(topic, offset)
}

/** Waits until all that is in a partition is decided; then its readers get `values` of it, and nothing else. */
async function expectCommitted(requests: Requests, values: string[]): Promise<void> {
  for (const partition of partitions) {
    const undecided = async () => {
      const end = await endOf(requests, topic, partition, 'all')
      return end - (await endOf(requests, topic, partition, 'committed'))
    }
    await expect.poll(undecided, { timeout: 10_000 }).toBe(0)
    expect(await committedValues(requests, topic, partition, values.length)).toEqual(values)
  }
}

describe.each(kinds)('a transaction over three brokers of $kind', ({ isAdding }) => {
  it('is committed or aborted on all of them', async () => {
    const { cluster, requests } = await start()
    const producer = await producerOf(cluster, requests, isAdding)
    await writeEverywhere(producer, 'first', 1)
    for (const partition of partitions) expect(await endOf(requests, topic, partition, 'committed')).toBe(0)
    await producer.end(true)
    await expectCommitted(requests, ['first'])
    expect(await committedOffset(requests, producer.groupId, topic)).toBe(1)
    await writeEverywhere(producer, 'aborted', 2)
    await producer.end(false)
    await writeEverywhere(producer, 'third', 3)
    await producer.end(true)
    await expectCommitted(requests, ['first', 'third'])
    expect(await committedOffset(requests, producer.groupId, topic)).toBe(3)
  })

  it('goes on when leaders and coordinators move in the middle of it', async () => {
    const { cluster, requests } = await start()
    const producer = await producerOf(cluster, requests, isAdding)
    const expected: string[] = []
    for (const [round, id] of [1, 2, 3, 1].entries()) {
      const isCommitted = round !== 1
      await writeEverywhere(producer, `before ${round}`, 2 * round)
      for (const partition of partitions) await cluster.moveLeader(topic, partition, id)
      await cluster.moveCoordinator({ groupId: producer.groupId }, id)
      await cluster.moveCoordinator({ transactionalId: producer.transactionalId }, (id % 3) + 1)
      await writeEverywhere(producer, `after ${round}`, 2 * round + 1)
      await producer.end(isCommitted)
      if (isCommitted) expected.push(`before ${round}`, `after ${round}`)
      await expectCommitted(requests, expected)
      expect(await committedOffset(requests, producer.groupId, topic)).toBe(isCommitted ? 2 * round + 1 : 1)
    }
  })

  it.each([
    ['a leader', 1],
    ['the coordinator of the transaction', 2],
    ['the coordinator of the group', 3],
  ])('ends everywhere when the broker of %s stops in the middle of it', async (_, id) => {
    const { cluster, requests } = await start()
    const producer = await producerOf(cluster, requests, isAdding)
    await writeEverywhere(producer, 'before', 1)
    await cluster.broker(id).stop()
    await producer.send(topic, 0, 'after')
    await producer.send(topic, 1, 'after')
    await producer.send(topic, 2, 'after')
    await producer.end(true)
    await expectCommitted(requests, ['before', 'after'])
    expect(await committedOffset(requests, producer.groupId, topic)).toBe(1)
    await writeEverywhere(producer, 'aborted', 2)
    await cluster.broker(id).start()
    await producer.end(false)
    await expectCommitted(requests, ['before', 'after'])
    expect(await committedOffset(requests, producer.groupId, topic)).toBe(1)
  })

  it('ends everywhere when its coordinator stops or moves as soon as it has said so', async () => {
    const { cluster, requests } = await start()
    const producer = await producerOf(cluster, requests, isAdding)
    await writeEverywhere(producer, 'stopped', 1)
    await producer.end(true)
    await cluster.broker(2).stop()
    await expectCommitted(requests, ['stopped'])
    expect(await committedOffset(requests, producer.groupId, topic)).toBe(1)
    await cluster.broker(2).start()
    await writeEverywhere(producer, 'moved', 2)
    const [, moved] = await Promise.all([
      producer.end(true),
      cluster.moveCoordinator({ transactionalId: producer.transactionalId }, 2),
    ])
    expect(moved).toBeUndefined()
    await expectCommitted(requests, ['stopped', 'moved'])
    expect(await committedOffset(requests, producer.groupId, topic)).toBe(2)
  })

  it('is decided for a partition without a leader once that is back, and for all others at once', async () => {
    const { cluster, requests } = await start({ replicas: 1 })
    const producer = await producerOf(cluster, requests, isAdding)
    await writeEverywhere(producer, 'a', 1)
    await cluster.broker(1).stop()
    await producer.end(true)
    for (const partition of [1, 2]) expect(await committedValues(requests, topic, partition, 1)).toEqual(['a'])
    expect(await committedOffset(requests, producer.groupId, topic)).toBe(1)
    // What is to send the marker is loaded anew before it can.
    await cluster.moveCoordinator({ transactionalId: producer.transactionalId }, 3)
    await cluster.broker(1).start()
    await expectCommitted(requests, ['a'])
  })

  it('that nobody ends is aborted by whoever coordinates it by then', async () => {
    const settings = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '50' }
    const { cluster, requests } = await start({ settings })
    const producer = await producerOf(cluster, requests, isAdding, 1_000)
    await writeEverywhere(producer, 'open', 1)
    await cluster.broker(2).stop()
    const other = new TransactionalProducer(requests, 'other', { isAdding })
    await other.init()
    await writeEverywhere(other, 'behind it', 1)
    await other.end(true)
    await expectCommitted(requests, ['behind it'])
    expect(await committedOffset(requests, producer.groupId, topic)).toBe(-1)
  })

  it('keeps whole, and its offset with it, while everything moves and each broker stops', async () => {
    const { cluster, requests } = await start()
    const producers = ['one', 'two'].map((id) => new TransactionalProducer(requestsTo(cluster), id, { isAdding }))
    let isDone = false
    const ended: string[] = []
    const lastOf = new Map<string, number>()
    const producing = producers.map(async (producer) => {
      await producer.init()
      for (let round = 0; !isDone; round += 1) {
        const value = `${producer.transactionalId} ${round}`
        await writeEverywhere(producer, value, round)
        const isCommitted = round % 3 !== 1
        await producer.end(isCommitted)
        if (!isCommitted) continue
        ended.push(value)
        lastOf.set(producer.groupId, round)
      }
    })
    for (const id of [1, 2, 3]) {
      for (const partition of partitions) await cluster.moveLeader(topic, partition, id)
      for (const { transactionalId, groupId } of producers) {
        await cluster.moveCoordinator({ transactionalId }, id)
        await cluster.moveCoordinator({ groupId }, id)
      }
      await committedValues(requests, topic, 0, ended.length + 2)
      await cluster.broker(id).stop()
      await committedValues(requests, topic, 1, ended.length + 2)
      await cluster.broker(id).start()
    }
    isDone = true
    await Promise.all(producing)
    // Whatever should not have been read comes before the last one.
    await writeEverywhere(producers[0]!, 'last', 1_000)
    await producers[0]!.end(true)
    for (const partition of partitions) {
      const values = await committedValues(requests, topic, partition, ended.length + 1)
      expect(values.toSorted()).toEqual([...ended, 'last'].toSorted())
    }
    lastOf.set(producers[0]!.groupId, 1_000)
    for (const [groupId, round] of lastOf) expect(await committedOffset(requests, groupId, topic)).toBe(round)
  })
})

describe('kafkajs', () => {
  it('sends transactions to three brokers while leaders and coordinators move', async () => {
    const { cluster, requests } = await start()
    const kafka: Kafka = client(cluster, 30)
    const producer = kafka.producer({ transactionalId: 'kafkajs', maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    onTestFinished(() => producer.disconnect())
    const expected: string[] = []
    for (const [round, id] of [1, 2, 3, 1, 2, 3].entries()) {
      const value = String(round)
      const transaction = await producer.transaction()
      for (const partition of partitions) await transaction.send({ topic, messages: [{ partition, value }] })
      const topics = [{ topic, partitions: [{ partition: 0, offset: value }] }]
      await transaction.sendOffsets({ consumerGroupId: 'group', topics })
      if (round === 2) await transaction.abort()
      else await transaction.commit()
      if (round !== 2) expected.push(value)
      for (const partition of partitions) await cluster.moveLeader(topic, partition, id)
      await cluster.moveCoordinator({ transactionalId: 'kafkajs' }, (id % 3) + 1)
      await cluster.moveCoordinator({ groupId: 'group' }, id)
      await expectCommitted(requests, expected)
    }
    expect(await committedOffset(requests, 'group', topic)).toBe(5)
  })
})
