/** transactions: markers reach the log of a partition through its leader, and follow Kafka's rules for epochs. */
import { afterEach, describe, expect, it } from 'vitest'
import { endTransactionMarkerOf } from '../../protocol/records/control-records.ts'
import { consumerOffsetsTopic } from '../../src/cluster/topic.ts'
import { partitionFor } from '../../src/groups/group-coordinator.ts'
import { viewsOf } from '../log/fixtures.ts'
import { createTopic, marker, openMarkers, produce, producerId } from './markers.ts'

let opened: Awaited<ReturnType<typeof openMarkers>> | undefined

afterEach(async () => {
  await opened?.close()
  opened = undefined
})

async function start(options: Parameters<typeof openMarkers>[0] = {}) {
  opened = await openMarkers(options)
  return { ...opened, log: await createTopic(opened, 'topic') }
}

describe('a marker', () => {
  it('ends the transaction, with the coordinator epoch in its value', async () => {
    const { log, markers } = await start()
    await produce(log, 0)
    await markers.write(marker({ coordinatorEpoch: 9, isCommit: false }), 'topic', 0)
    expect(log.lastStableOffset).toBe(2)
    expect(await log.abortedTransactions(0, 2)).toEqual([{ producerId, firstOffset: 0 }])
    const result = await log.read(0, { maxBytes: 1000, minOneBatch: true, isolation: 'log_end' })
    const written = viewsOf(result).at(-1)!
    expect(written).toMatchObject({ isControl: true, isTransactional: true, producerId, producerEpoch: 0 })
    expect(endTransactionMarkerOf(written)).toEqual({ type: 'ABORT', coordinatorEpoch: 9 })
    expect(log.producerStates()).toMatchObject([{ coordinatorEpoch: 9, currentTransactionFirstOffset: -1 }])
  })

  it('is refused where there is no such partition, or nobody leads it', async () => {
    const { brokers, cluster, markers } = await start({ brokers: [1, 2] })
    const missing = { kafkaError: 'UNKNOWN_TOPIC_OR_PARTITION' }
    await expect(markers.write(marker(), 'other', 0)).rejects.toMatchObject(missing)
    await expect(markers.write(marker(), 'topic', 1)).rejects.toMatchObject(missing)
    const partition = cluster.topics.byName('topic')!.partitions[0]!
    await brokers.find(({ broker }) => broker.id === partition.leaderId)!.broker.stop()
    await expect(markers.write(marker(), 'topic', 0)).rejects.toMatchObject({ kafkaError: 'NOT_LEADER_OR_FOLLOWER' })
  })

  it('needs as many replicas as acks=all does', async () => {
    const { cluster, markers } = await start()
    const partition = cluster.topics.byName('topic')!.partitions[0]!
    partition.isr = []
    await expect(markers.write(marker(), 'topic', 0)).rejects.toMatchObject({ kafkaError: 'NOT_ENOUGH_REPLICAS' })
  })

  it.each([0, 1])('of version %i has the epoch of its transaction, or a later one', async (transactionVersion) => {
    const { log, markers } = await start()
    await produce(log, 3)
    const write = (producerEpoch: number) => markers.write(marker({ producerEpoch, transactionVersion }), 'topic', 0)
    await expect(write(2)).rejects.toMatchObject({ kafkaError: 'INVALID_PRODUCER_EPOCH' })
    expect(log.lastStableOffset).toBe(0)
    await write(3)
    await write(3)
    await write(4)
    await expect(write(3)).rejects.toMatchObject({ kafkaError: 'INVALID_PRODUCER_EPOCH' })
    expect(log.logEndOffset).toBe(4)
  })

  it('of version 2 has a later epoch, and may come again once nothing is open', async () => {
    const { log, markers } = await start()
    await produce(log, 3)
    const write = (producerEpoch: number) => markers.write(marker({ producerEpoch, transactionVersion: 2 }), 'topic', 0)
    await expect(write(2)).rejects.toMatchObject({ kafkaError: 'INVALID_PRODUCER_EPOCH' })
    await expect(write(3)).rejects.toMatchObject({ kafkaError: 'INVALID_PRODUCER_EPOCH' })
    await write(4)
    expect(log.lastStableOffset).toBe(2)
    await write(4)
    await expect(write(3)).rejects.toMatchObject({ kafkaError: 'INVALID_PRODUCER_EPOCH' })
    expect(log.logEndOffset).toBe(3)
    await produce(log, 4)
    await expect(write(4)).rejects.toMatchObject({ kafkaError: 'INVALID_PRODUCER_EPOCH' })
    expect(log.lastStableOffset).toBe(3)
  })

  it('of an earlier coordinator is refused, also while the later one is on its way to the log', async () => {
    const { log, markers } = await start()
    await produce(log, 0)
    const later = markers.write(marker({ coordinatorEpoch: 5 }), 'topic', 0)
    const earlier = markers.write(marker({ coordinatorEpoch: 4 }), 'topic', 0)
    await expect(earlier).rejects.toMatchObject({ kafkaError: 'TRANSACTION_COORDINATOR_FENCED' })
    await later
    await expect(markers.write(marker({ coordinatorEpoch: 4 }), 'topic', 0)).rejects.toMatchObject({
      kafkaError: 'TRANSACTION_COORDINATOR_FENCED',
    })
    await markers.write(marker({ coordinatorEpoch: 5 }), 'topic', 0)
    expect(log.logEndOffset).toBe(3)
  })

  it('counts for what is appended behind it before it is written', async () => {
    const { log, markers } = await start()
    await produce(log, 0)
    const ended = markers.write(marker({ producerEpoch: 1, transactionVersion: 2 }), 'topic', 0)
    const late = produce(log, 0, 1)
    const next = produce(log, 1)
    await expect(late).rejects.toMatchObject({ kafkaError: 'INVALID_PRODUCER_EPOCH' })
    await ended
    expect(await next).toBe(2)
    expect(log.lastStableOffset).toBe(2)
  })
})

describe('a marker in __consumer_offsets', () => {
  it('goes through the group coordinator that leads the partition, and is refused where none does', async () => {
    const { brokers, cluster, markers } = await start({ brokers: [1, 2] })
    const leaderId = await brokers[0]!.groups.coordinatorOf('group')
    const index = partitionFor('group', cluster.topics.byName(consumerOffsetsTopic)!.partitions.length)
    const partition = cluster.topics.byName(consumerOffsetsTopic)!.partitions[index]!
    await markers.write(marker({ coordinatorEpoch: 3 }), consumerOffsetsTopic, index)
    expect(partition.leaderId).toBe(leaderId)
    expect(partition.log.logEndOffset).toBe(1)
    const fenced = markers.write(marker({ coordinatorEpoch: 2 }), consumerOffsetsTopic, index)
    await expect(fenced).rejects.toMatchObject({ kafkaError: 'TRANSACTION_COORDINATOR_FENCED' })
    await brokers.find(({ broker }) => broker.id === leaderId)!.groups.close()
    const closed = markers.write(marker({ coordinatorEpoch: 3 }), consumerOffsetsTopic, index)
    await expect(closed).rejects.toMatchObject({ kafkaError: 'NOT_LEADER_OR_FOLLOWER' })
  })
})
