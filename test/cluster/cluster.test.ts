/** cluster: topics, leadership and deletion over one metadata log, with several broker ids. */

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { CreatedTopic } from '../../src/cluster/topic-commands.ts'
import { BrokerConfig } from '../../src/config/index.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { endpoint, newTopic, openCluster } from './open-cluster.ts'

const batch = (value = 'x') =>
  buildRecordBatch({}, [{ timestamp: 1_700_000_000_000, key: null, value: Buffer.from(value) }])

const errorOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof KafkaError) return error.kafkaError
    throw error
  }
  return 'none'
}

it('knows the configs of a broker that is added, also where it was asked for them before', async () => {
  const { cluster } = await openCluster()
  expect(cluster.configOf(2).get('num.partitions')).toBe(1)
  cluster.addBroker(2, null, BrokerConfig.load({ settings: { 'node.id': '2', 'num.partitions': '7' } }))
  expect(cluster.configOf(2).get('num.partitions')).toBe(7)
})

describe('brokers that share a cluster', () => {
  it('lead a fair part each, and answer NOT_LEADER_OR_FOLLOWER for what the other leads', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([newTopic('shared', { numPartitions: 6 })])
    const [first, second] = brokers as [(typeof brokers)[0], (typeof brokers)[0]]
    const leaders = cluster.topics.byName('shared')?.partitions.map(({ leaderId }) => leaderId) ?? []
    expect(leaders.filter((id) => id === 1)).toHaveLength(3)
    expect(leaders.filter((id) => id === 2)).toHaveLength(3)
    for (const [index, leaderId] of leaders.entries()) {
      const [leader, other] = leaderId === 1 ? [first, second] : [second, first]
      expect(leader.leaderFor('shared', index).index).toBe(index)
      expect(errorOf(() => other.leaderFor('shared', index))).toBe('NOT_LEADER_OR_FOLLOWER')
      expect(leader.leaderForId(cluster.topics.byName('shared')?.id ?? '', index).index).toBe(index)
    }
    await cluster.close()
  })

  it('lead the same partitions again after a restart of all of them', async () => {
    const { cluster, files } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([newTopic('shared', { numPartitions: 4, replicationFactor: 2 })])
    const leadersOf = (each: typeof cluster) => each.topics.byName('shared')?.partitions.map(({ leaderId }) => leaderId)
    const before = leadersOf(cluster)
    await cluster.close()
    const again = await openCluster({ files, brokers: [1, 2], seed: 2 })
    expect(leadersOf(again.cluster)).toEqual(before)
    for (const { isr, leaderEpoch } of again.cluster.topics.byName('shared')?.partitions ?? []) {
      expect([isr.length, leaderEpoch]).toEqual([2, 1])
    }
    await again.cluster.close()
  })

  it('store the bytes of a partition with two replicas once', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([newTopic('twice', { replicationFactor: 2 })])
    const partition = cluster.findPartition('twice', 0)
    expect([...(partition?.isr ?? [])].sort()).toEqual([1, 2])
    const leader = brokers.find(({ id }) => id === partition?.leaderId)
    await leader?.leaderFor('twice', 0).append(batch(), -1)
    expect(cluster.directories[0]?.partitions().filter(({ topic }) => topic === 'twice')).toHaveLength(1)
    await cluster.close()
  })

  it('take over what a stopped one led, where they are in sync', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([
      newTopic('safe', { replicationFactor: 2, numPartitions: 2 }),
      newTopic('alone', { numPartitions: 2 }),
    ])
    await brokers[1]?.stop()
    const safe = cluster.topics.byName('safe')?.partitions ?? []
    expect(safe.map(({ leaderId, isr }) => ({ leaderId, isr }))).toEqual([
      { leaderId: 1, isr: [1] },
      { leaderId: 1, isr: [1] },
    ])
    expect(safe.map(({ leaderEpoch }) => leaderEpoch).sort()).toEqual([0, 1])
    const alone = cluster.topics.byName('alone')?.partitions ?? []
    expect(alone.map(({ leaderId }) => leaderId).sort()).toEqual([-1, 1])
    expect(cluster.nodes('PLAINTEXT').map(({ nodeId }) => nodeId)).toEqual([1])
    await brokers[1]?.start([endpoint(2)])
    expect(alone.map(({ leaderId }) => leaderId).sort()).toEqual([1, 2])
    expect(safe.map(({ leaderId }) => leaderId)).toEqual([1, 1])
    expect(safe.map(({ isr }) => isr.length)).toEqual([2, 2])
    await cluster.close()
  })

  it('refuse acks=all while fewer replicas than min.insync.replicas are in sync', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    const configs = [{ name: 'min.insync.replicas', value: '2' }]
    await cluster.createTopics([newTopic('strict', { replicationFactor: 2, configs }), newTopic('single', { configs })])
    await brokers[1]?.stop()
    const strict = brokers[0]!.leaderFor('strict', 0)
    expect(errorOf(() => void strict.append(batch(), -1))).toBe('NOT_ENOUGH_REPLICAS')
    await expect(strict.append(batch(), 1)).resolves.toMatchObject({ baseOffset: 0 })
    await cluster.close()
  })
})

describe('a leader', () => {
  it('compares the leader epoch that a client knows', async () => {
    const { cluster, brokers, files } = await openCluster()
    await cluster.createTopics([newTopic('epochs')])
    await cluster.close()
    const again = await openCluster({ files, seed: 2 })
    const broker = again.brokers[0]!
    expect(again.cluster.findPartition('epochs', 0)?.leaderEpoch).toBe(1)
    expect(errorOf(() => broker.leaderFor('epochs', 0, 0))).toBe('FENCED_LEADER_EPOCH')
    expect(errorOf(() => broker.leaderFor('epochs', 0, 2))).toBe('UNKNOWN_LEADER_EPOCH')
    expect(broker.leaderFor('epochs', 0, 1).index).toBe(0)
    expect(errorOf(() => broker.leaderFor('epochs', 1))).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(errorOf(() => broker.leaderFor('nope', 0))).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(errorOf(() => broker.leaderForId('AAAAAAAAAAAAAAAAAAAAQQ', 0))).toBe('UNKNOWN_TOPIC_ID')
    expect(brokers).toHaveLength(1)
    await again.cluster.close()
  })

  it('appends in its leader epoch after a restart', async () => {
    const { cluster, brokers, files } = await openCluster()
    await cluster.createTopics([newTopic('epochs')])
    await brokers[0]?.leaderFor('epochs', 0).append(batch(), 1)
    await cluster.close()
    const again = await openCluster({ files, seed: 2 })
    const { log } = again.brokers[0]!.leaderFor('epochs', 0)
    await again.brokers[0]?.leaderFor('epochs', 0).append(batch(), 1)
    expect([log.epochForOffset(0), log.epochForOffset(1)]).toEqual([0, 1])
    await again.cluster.close()
  })
})

it('a partition waits for all who kept state over its log, and then knows nothing of them', async () => {
  const { cluster, brokers } = await openCluster()
  await cluster.createTopics([newTopic('kept')])
  const partition = brokers[0]!.leaderFor('kept', 0)
  const closed: string[] = []
  for (const name of ['first', 'second']) {
    partition.keptBy({ close: () => nextTurn().then(() => void closed.push(name)) })
    void partition.release()
  }
  expect(await partition.release()).toBeUndefined()
  expect(closed).toEqual(['first', 'second'])
  await cluster.close()
})

describe('topics', () => {
  it('are there with ids, configs and partitions after a restart', async () => {
    const { cluster, files } = await openCluster()
    const [created] = (await cluster.createTopics([
      newTopic('kept', { numPartitions: 3, configs: [{ name: 'retention.ms', value: '1000' }] }),
    ])) as [CreatedTopic]
    await cluster.close()
    const again = await openCluster({ files, seed: 2 })
    const topic = again.cluster.topics.byName('kept')
    expect(topic?.id).toBe(created.topicId)
    expect(topic?.partitions).toHaveLength(3)
    expect(again.cluster.clusterId).toBe(cluster.clusterId)
    expect([...again.cluster.dynamicConfigs.of('topic', 'kept')]).toEqual([['retention.ms', '1000']])
    await again.cluster.close()
  })

  it('keep configs and records after a restart where one of that name was deleted before', async () => {
    const { cluster, brokers, files } = await openCluster()
    const configs = [{ name: 'retention.ms', value: '1000' }]
    const [first] = (await cluster.createTopics([newTopic('again', { configs })])) as [CreatedTopic]
    await cluster.deleteTopics([first.topicId])
    const later = [{ name: 'segment.ms', value: '1000' }]
    await cluster.createTopics([newTopic('again', { configs: later })])
    await brokers[0]!.leaderFor('again', 0).append(batch(), 1)
    await cluster.close()
    const again = await openCluster({ files, seed: 2 })
    expect([...again.cluster.dynamicConfigs.of('topic', 'again')]).toEqual([['segment.ms', '1000']])
    expect(again.brokers[0]!.leaderFor('again', 0).log.logEndOffset).toBe(1)
    await again.cluster.close()
  })

  it('are not there after validateOnly', async () => {
    const { cluster } = await openCluster()
    const before = cluster.metadata.endOffset
    const [result] = await cluster.createTopics([newTopic('dry')], { validateOnly: true })
    expect(result).toMatchObject({ name: 'dry', numPartitions: 1 })
    expect(cluster.metadata.endOffset).toBe(before)
    expect(cluster.topics.byName('dry')).toBeUndefined()
    await cluster.close()
  })

  it('are created each for itself: one that is refused does not hold up the others', async () => {
    const { cluster } = await openCluster()
    const results = await cluster.createTopics([
      newTopic('a b'),
      newTopic('good'),
      newTopic('many', { replicationFactor: 3 }),
    ])
    expect(results.map((each) => (each instanceof KafkaError ? each.kafkaError : each.name))).toEqual([
      'INVALID_TOPIC_EXCEPTION',
      'good',
      'INVALID_REPLICATION_FACTOR',
    ])
    await cluster.close()
  })

  it('go with their files, their configs and whoever waits for them', async () => {
    const { cluster, brokers, files } = await openCluster()
    const configs = [{ name: 'retention.ms', value: '5' }]
    await cluster.createTopics([newTopic('gone', { configs })])
    const partition = brokers[0]!.leaderFor('gone', 0)
    await partition.append(batch(), 1)
    let woken = 0
    partition.onAdvance(() => {
      woken += 1
    })
    const deleted: string[] = []
    cluster.onTopicDeleted(({ name }) => deleted.push(name))
    const [first, second] = await cluster.deleteTopics([partition.topicId, partition.topicId])
    expect(first).toBeUndefined()
    expect(second?.kafkaError).toBe('UNKNOWN_TOPIC_ID')
    expect(woken).toBeGreaterThan(0)
    expect(deleted).toEqual(['gone'])
    await cluster.createTopics([newTopic('gone')])
    expect(brokers[0]?.leaderFor('gone', 0).log.logEndOffset).toBe(0)
    expect(cluster.dynamicConfigs.of('topic', 'gone').size).toBe(0)
    await cluster.deleteTopics([cluster.topics.byName('gone')!.id])
    await cluster.close()
    expect((await files.list('/data')).filter((name) => name.startsWith('gone'))).toEqual([])
  })

  it('are deleted by the thousand a few in each turn of the event loop, and are gone for everybody at once', async () => {
    const files = new MemoryFileSystem()
    const { cluster } = await openCluster({ files })
    const names = Array.from({ length: 1500 }, (_, index) => `topic-${index}`)
    await cluster.createTopics(names.map((name) => newTopic(name)))
    await cluster.directories[0]!.checkpoint()
    const counts = { removed: 0, written: 0, woken: 0 }
    files.beforeCall = (operation) => {
      if (operation === 'rename') counts.removed += 1
      if (operation === 'replaceFile') counts.written += 1
    }
    for (const partition of cluster.topics.partitions()) partition.onAdvance(() => (counts.woken += 1))
    const most = { removed: 0, written: 0, woken: 0 }
    const sizes = new Set<number>()
    let removed = 0
    const ids = names.map((name) => cluster.topics.byName(name)!.id)
    const deletion = cluster.deleteTopics(ids)
    while (removed < names.length) {
      await nextTurn()
      for (const kind of ['removed', 'written', 'woken'] as const) most[kind] = Math.max(most[kind], counts[kind])
      removed += counts.removed
      Object.assign(counts, { removed: 0, written: 0, woken: 0 })
      sizes.add(cluster.topics.size)
    }
    expect(await deletion).toEqual(names.map(() => undefined))
    expect([...sizes]).toEqual([1500, 0])
    expect(most.removed).toBeLessThanOrEqual(256)
    expect(most.woken).toBeLessThanOrEqual(256)
    expect(most.written).toBeLessThanOrEqual(1)
    await cluster.close()
  })

  it('can be created again while thousands are still being deleted', async () => {
    const { cluster, brokers, files } = await openCluster()
    const names = Array.from({ length: 600 }, (_, index) => `topic-${index}`)
    await cluster.createTopics(names.map((name) => newTopic(name)))
    const last = brokers[0]!.leaderFor('topic-599', 0)
    await last.append(batch(), 1)
    const ids = names.map((name) => cluster.topics.byName(name)!.id)
    const deletion = cluster.deleteTopics(ids)
    const creation = cluster.createTopics([newTopic('topic-599')])
    const again = cluster.createTopics([newTopic('topic-0')])
    await Promise.all([deletion, creation, again])
    for (const name of ['topic-599', 'topic-0']) {
      expect(brokers[0]!.leaderFor(name, 0).log.logEndOffset).toBe(0)
      await brokers[0]!.leaderFor(name, 0).append(batch(), 1)
    }
    await cluster.close()
    const left = (await files.list('/data')).filter((name) => name.startsWith('topic-'))
    expect(left).toEqual(['topic-0-0', 'topic-599-0'])
  })

  it('get more partitions', async () => {
    const { cluster, brokers, files } = await openCluster()
    await cluster.createTopics([newTopic('grows')])
    expect(await cluster.createPartitions([{ name: 'grows', count: 3, assignments: null }])).toEqual([undefined])
    expect(brokers[0]?.leaderFor('grows', 2).index).toBe(2)
    await cluster.close()
    const again = await openCluster({ files, seed: 2 })
    expect(again.cluster.topics.byName('grows')?.partitions).toHaveLength(3)
    await again.cluster.close()
  })

  it('that somebody asks for are created once, with the defaults', async () => {
    const { cluster } = await openCluster({ settings: { 'num.partitions': '4' } })
    cluster.autoCreateTopic('asked')
    cluster.autoCreateTopic('asked')
    await cluster.createTopics([])
    expect(cluster.topics.byName('asked')?.partitions).toHaveLength(4)
    await cluster.close()
  })

  it('of the coordinators are created with what they need', async () => {
    const { cluster } = await openCluster({ settings: { 'offsets.topic.num.partitions': '7' } })
    const [one, other] = await Promise.all([
      cluster.ensureInternalTopic('__consumer_offsets'),
      cluster.ensureInternalTopic('__consumer_offsets'),
    ])
    expect(one).toBe(other)
    expect(one.isInternal).toBe(true)
    expect(one.partitions).toHaveLength(7)
    expect([...cluster.dynamicConfigs.of('topic', '__consumer_offsets')]).toEqual([
      ['compression.type', 'producer'],
      ['cleanup.policy', 'compact'],
      ['segment.bytes', '104857600'],
    ])
    await cluster.close()
  })

  it('with 2,000 partitions come as one batch of metadata, quickly', async () => {
    const { cluster, brokers } = await openCluster()
    const before = cluster.metadata.endOffset
    const started = performance.now()
    await cluster.createTopics([newTopic('wide', { numPartitions: 2000 })])
    expect(performance.now() - started).toBeLessThan(3000)
    expect(cluster.metadata.endOffset).toBe(before + 2001)
    expect(brokers[0]?.leaderFor('wide', 1999).log.logEndOffset).toBe(0)
    await cluster.close()
  })
})
