/** Elections, reassignments and brokers that are forgotten, with several brokers in one process. */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { newTopic, openCluster } from './open-cluster.ts'

async function open(brokers: readonly number[] = [1, 2, 3], settings: Record<string, string> = {}) {
  const opened = await openCluster({ brokers, settings })
  onTestFinished(() => opened.cluster.close())
  return opened
}

async function placed(cluster: Cluster, name: string, ...replicas: number[][]) {
  const assignments = replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }))
  await cluster.createTopics([newTopic(name, { numPartitions: -1, replicationFactor: -1, assignments })])
  return cluster.topics.byName(name)!.partitions
}

const freely = { allowReplicationFactorChange: true }

describe('elections', () => {
  it('give the lead back to the preferred replica', async () => {
    const { cluster, brokers } = await open()
    const [partition] = await placed(cluster, 'topic', [1, 2])
    await brokers[0]!.stop()
    expect(partition!.leaderId).toBe(2)
    await expect(cluster.controller.electLeaders('preferred', [{ topic: 'topic', partition: 0 }])).resolves.toEqual([
      {
        topic: 'topic',
        partition: 0,
        error: expect.objectContaining({ kafkaError: 'PREFERRED_LEADER_NOT_AVAILABLE' }),
      },
    ])
    await brokers[0]!.start([{ name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 0 }])
    const epoch = partition!.leaderEpoch
    const elected = { topic: 'topic', partition: 0, error: undefined }
    expect(partition!.leaderId).toBe(2)
    expect(await cluster.controller.electLeaders('preferred', null)).toEqual([elected])
    expect(partition).toMatchObject({ leaderId: 1, leaderEpoch: epoch + 1 })
    expect(await cluster.controller.electLeaders('preferred', null)).toEqual([])
  })

  it('take somebody who is not in sync when asked for an unclean one, and nobody runs who is', async () => {
    const { cluster, brokers } = await open([1, 2])
    const [partition] = await placed(cluster, 'topic', [1, 2])
    // Only broker 1, which stops, has all records.
    partition!.isr = [1]
    await brokers[0]!.stop()
    expect(partition!.leaderId).toBe(-1)
    expect(await cluster.controller.electLeaders('preferred', [{ topic: 'topic', partition: 0 }])).toMatchObject([
      { error: { kafkaError: 'PREFERRED_LEADER_NOT_AVAILABLE' } },
    ])
    expect(await cluster.controller.electLeaders('unclean', null)).toEqual([
      { topic: 'topic', partition: 0, error: undefined },
    ])
    expect(partition).toMatchObject({ leaderId: 2, isr: [2] })
    expect(partition!.toRecord().leaderRecoveryState).toBe(1)
  })
})

it('an unclean leader is elected by and by where the config was set meanwhile', async () => {
  const { cluster, brokers, clock } = await open([1, 2], { 'unclean.leader.election.interval.ms': '1000' })
  const [partition] = await placed(cluster, 'topic', [1, 2])
  partition!.isr = [1]
  await brokers[0]!.stop()
  await clock.advance(5_000)
  expect(partition!.leaderId).toBe(-1)
  const operations = [{ name: 'unclean.leader.election.enable', kind: 'SET', value: 'true' }] as const
  await cluster.alterConfigs(brokers[1]!, [{ type: 'topic', name: 'topic', operations, replacesAll: false }])
  expect(partition!.leaderId).toBe(-1)
  const led = new Promise<void>((resolve) => void cluster.onLeaderChanged(() => resolve()))
  await clock.advance(1_000)
  await led
  expect(partition).toMatchObject({ leaderId: 2, isr: [2] })
})

describe('a reassignment', () => {
  it('is done at once among brokers that run', async () => {
    const { cluster, brokers } = await open()
    const [partition] = await placed(cluster, 'topic', [1])
    const move = (replicas: number[]) =>
      cluster.controller.alterReassignments([{ topic: 'topic', partition: 0, replicas }], freely)
    expect(await move([2, 3])).toEqual([undefined])
    expect(partition).toMatchObject({ replicas: [2, 3], isr: [2, 3], leaderId: 2, addingReplicas: [] })
    expect(new Set(partition!.directories)).toEqual(new Set([cluster.directories[0]!.directoryId]))
    expect(brokers[1]!.leaderFor('topic', 0)).toBe(partition)
    // Another order alone moves nobody; nor does the leader change before it is asked for.
    const { leaderEpoch } = partition!
    expect(await move([3, 2])).toEqual([undefined])
    expect(partition).toMatchObject({ replicas: [3, 2], leaderId: 2, leaderEpoch })
    expect(await move([3, 2, 1])).toEqual([undefined])
    expect(partition).toMatchObject({ replicas: [3, 2, 1], leaderId: 2, leaderEpoch })
    // Who is no replica any more is not to be heard.
    expect(await move([3, 2])).toEqual([undefined])
    expect(partition).toMatchObject({ replicas: [3, 2], leaderId: 2, leaderEpoch: leaderEpoch + 1 })
    expect(cluster.controller.reassignments(() => true)).toEqual([])
  })

  it('waits for a broker that does not run, and can be given up meanwhile', async () => {
    const { cluster, brokers } = await open()
    const [partition] = await placed(cluster, 'topic', [1, 2])
    await brokers[2]!.stop()
    const move = (replicas: number[] | null) =>
      cluster.controller.alterReassignments([{ topic: 'topic', partition: 0, replicas }], freely)
    expect(await move([3, 2])).toEqual([undefined])
    const underWay = { topic: 'topic', partition: 0, replicas: [3, 2, 1], addingReplicas: [3], removingReplicas: [1] }
    expect(cluster.controller.reassignments(() => true)).toEqual([underWay])
    expect(partition).toMatchObject({ leaderId: 1, isr: [2, 1] })
    expect(await move(null)).toEqual([undefined])
    expect(partition).toMatchObject({ replicas: [2, 1], addingReplicas: [], removingReplicas: [], leaderId: 1 })
    expect(await move(null)).toMatchObject([{ kafkaError: 'NO_REASSIGNMENT_IN_PROGRESS' }])

    expect(await move([3, 2])).toEqual([undefined])
    await brokers[2]!.start([{ name: 'PLAINTEXT', host: 'localhost', port: 9094, securityProtocol: 0 }])
    expect(cluster.controller.reassignments(() => true)).toEqual([])
    expect(partition).toMatchObject({ replicas: [3, 2], isr: [3, 2], leaderId: 3 })
  })

  it('keeps the number of replicas where that is asked for (KIP-860)', async () => {
    const { cluster } = await open()
    await placed(cluster, 'topic', [1, 2])
    const wanted = [{ topic: 'topic', partition: 0, replicas: [3] }]
    expect(await cluster.controller.alterReassignments(wanted, { allowReplicationFactorChange: false })).toMatchObject([
      { kafkaError: 'INVALID_REPLICATION_FACTOR', message: 'The replication factor is changed from 2 to 1' },
    ])
  })

  it('survives a restart while it waits', async () => {
    const { cluster, brokers, files } = await openCluster({ brokers: [1, 2] })
    await placed(cluster, 'topic', [1])
    await brokers[1]!.stop()
    await cluster.controller.alterReassignments([{ topic: 'topic', partition: 0, replicas: [2] }], freely)
    await cluster.close()
    const again = await openCluster({ files, seed: 2, brokers: [1] })
    onTestFinished(() => again.cluster.close())
    expect(again.cluster.controller.reassignments(() => true)).toMatchObject([
      { addingReplicas: [2], removingReplicas: [1] },
    ])
    const second = again.cluster.addBroker(2)
    await second.start([{ name: 'PLAINTEXT', host: 'localhost', port: 9093, securityProtocol: 0 }])
    expect(again.cluster.topics.byName('topic')!.partitions[0]).toMatchObject({ replicas: [2], leaderId: 2 })
  })
})

describe('a broker that is unregistered', () => {
  it('leads nothing any more until it starts again', async () => {
    const { cluster, brokers } = await open([1, 2])
    const [shared, alone] = await placed(cluster, 'topic', [2, 1], [2, 1])
    await placed(cluster, 'other', [2])
    expect([shared!.leaderId, alone!.leaderId]).toEqual([2, 2])
    await cluster.controller.unregisterBroker(2)
    expect(cluster.nodes('PLAINTEXT', { includeFenced: true }).map(({ nodeId }) => nodeId)).toEqual([1])
    expect(shared).toMatchObject({ leaderId: 1, isr: [1] })
    expect(cluster.topics.byName('other')!.partitions[0]!.leaderId).toBe(-1)
    expect(await cluster.controller.electLeaders('unclean', null)).toMatchObject([
      { topic: 'other', error: { kafkaError: 'ELIGIBLE_LEADERS_NOT_AVAILABLE' } },
    ])
    await expect(cluster.controller.unregisterBroker(2)).rejects.toThrow('Broker ID 2 is not currently registered')
    await brokers[1]!.stop()
    await brokers[1]!.start([{ name: 'PLAINTEXT', host: 'localhost', port: 9093, securityProtocol: 0 }])
    expect(cluster.topics.byName('other')!.partitions[0]!.leaderId).toBe(2)
  })
})
