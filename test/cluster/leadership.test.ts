/** cluster: who leads and who is in sync when brokers of one process come, go, are fenced, or somebody wishes it. */
import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { describeLogDirectories } from '../../src/cluster/log-directory-descriptions.ts'
import { settle } from '../../src/runtime/clock.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { endpoint, newTopic, openCluster } from './open-cluster.ts'

const batch = () => buildRecordBatch({}, [{ timestamp: 1_700_000_000_000, key: null, value: Buffer.from('x') }])

const assigned = (name: string, ...replicas: number[][]) =>
  newTopic(name, {
    numPartitions: -1,
    replicationFactor: -1,
    assignments: replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
  })

/** `leader epoch isr` of each partition, and who is eligible (KIP-966) if anybody is. */
const shown = (cluster: Cluster, topic: string): string[] =>
  cluster.topics.byName(topic)!.partitions.map(({ leaderId, leaderEpoch, isr, eligibleLeaderReplicas: elr }) => {
    const led = `${leaderId} e${leaderEpoch} [${isr.join()}]`
    return elr.length > 0 ? `${led} elr [${elr.join()}]` : led
  })

/** A new cluster has eligible leader replicas; older ones, and this one from now on, do not. */
const withoutElr = (cluster: Cluster) =>
  cluster.controller.updateFeatures(
    [{ feature: 'eligible.leader.replicas.version', level: 0, type: 'safeDowngrade' }],
    { validateOnly: false },
  )

/** How a partition without a leader shows who has its records, with eligible leader replicas and without. */
const modes = [
  ['with eligible leader replicas', true, (ids: string) => `[] elr [${ids}]`],
  ['without', false, (ids: string) => `[${ids}]`],
] as const

const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run()
  } catch (error) {
    if (error instanceof KafkaError) return error.kafkaError
    throw error
  }
  return 'NONE'
}

describe('a leader that is moved', () => {
  it('leads in a new epoch, and the one before it no more', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2, 3] })
    await cluster.createTopics([assigned('topic', [1, 2])])
    await cluster.moveLeader('topic', 0, 2)
    expect(shown(cluster, 'topic')).toEqual(['2 e1 [1,2]'])
    expect(await codeOf(() => brokers[0]!.leaderFor('topic', 0))).toBe('NOT_LEADER_OR_FOLLOWER')
    expect(await codeOf(() => brokers[0]!.leaderFor('topic', 0, 0))).toBe('FENCED_LEADER_EPOCH')
    expect(await codeOf(() => brokers[2]!.leaderFor('topic', 0, 0))).toBe('NOT_LEADER_OR_FOLLOWER')
    const leader = brokers[1]!.leaderFor('topic', 0, 1)
    await leader.append(batch(), -1)
    expect(leader.log.epochForOffset(0)).toBe(1)
    await cluster.moveLeader('topic', 0, 2)
    expect(shown(cluster, 'topic')).toEqual(['2 e1 [1,2]'])
    await cluster.close()
  })

  it('is refused for a broker that can not lead, in one line', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2, 3] })
    await cluster.createTopics([assigned('topic', [1, 2])])
    await expect(cluster.moveLeader('topic', 0, 3)).rejects.toThrow(
      "broker 3 can't lead topic-0: its replicas are on 1, 2",
    )
    await brokers[1]!.stop()
    await expect(cluster.moveLeader('topic', 0, 2)).rejects.toThrow("broker 2 can't lead topic-0: it does not run")
    await expect(cluster.moveLeader('topic', 1, 2)).rejects.toThrow('there is no partition 1 of a topic topic')
    await cluster.close()
  })
})

describe('preferred leaders', () => {
  it('lead again at the next check after they are back, every leader.imbalance.check.interval.seconds', async () => {
    const { cluster, brokers, clock } = await openCluster({ brokers: [1, 2] })
    await cluster.brokersStarted()
    await cluster.createTopics([assigned('topic', [1, 2], [2, 1])])
    for (const round of [1, 2]) {
      await brokers[0]!.stop()
      await brokers[0]!.start([endpoint(1)])
      const before = [`2 e${2 * round - 1} [1,2]`, '2 e0 [2,1]']
      await clock.advance(299_000)
      expect(shown(cluster, 'topic')).toEqual(before)
      await clock.advance(1_000)
      await settle()
      expect(shown(cluster, 'topic')).toEqual([`1 e${2 * round} [1,2]`, '2 e0 [2,1]'])
    }
    await cluster.close()
  })

  it('do not with auto.leader.rebalance.enable=false', async () => {
    const { cluster, brokers, clock } = await openCluster({
      brokers: [1, 2],
      settings: { 'auto.leader.rebalance.enable': 'false', 'leader.imbalance.check.interval.seconds': '1' },
    })
    await cluster.brokersStarted()
    await cluster.createTopics([assigned('topic', [1, 2])])
    await cluster.moveLeader('topic', 0, 2)
    await clock.advance(10_000)
    await settle()
    expect(shown(cluster, 'topic')).toEqual(['2 e1 [1,2]'])
    await brokers[1]!.stop()
    await cluster.close()
  })
})

describe('a fenced broker', () => {
  it.each(modes)('leads nothing, is in no ISR and is not shown, until it is unfenced, %s', async (_, hasElr, kept) => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    if (!hasElr) await withoutElr(cluster)
    await cluster.createTopics([assigned('topic', [1, 2], [2, 1]), assigned('alone', [1])])
    const { epoch } = brokers[0]!
    await brokers[0]!.fence()
    expect(brokers[0]!.state).toBe('fenced')
    expect(shown(cluster, 'topic')).toEqual(['2 e1 [2]', '2 e0 [2]'])
    expect(shown(cluster, 'alone')).toEqual([`-1 e1 ${kept('1')}`])
    expect(cluster.nodes('PLAINTEXT').map(({ nodeId }) => nodeId)).toEqual([2])
    expect(cluster.nodes('PLAINTEXT', { includeFenced: true }).map(({ isFenced }) => isFenced)).toEqual([true, false])
    expect(await codeOf(() => brokers[0]!.leaderFor('alone', 0))).toBe('NOT_LEADER_OR_FOLLOWER')
    await brokers[0]!.unfence()
    expect([brokers[0]!.state, brokers[0]!.epoch]).toEqual(['running', epoch])
    expect(shown(cluster, 'topic')).toEqual(['2 e1 [1,2]', '2 e0 [2,1]'])
    expect(shown(cluster, 'alone')).toEqual(['1 e2 [1]'])
    expect(cluster.nodes('PLAINTEXT').map(({ nodeId }) => nodeId)).toEqual([1, 2])
    await cluster.close()
  })

  it('may be stopped, and starts as any other', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([assigned('topic', [1, 2])])
    await brokers[0]!.fence()
    await brokers[0]!.fence()
    await brokers[0]!.stop()
    await brokers[0]!.start([endpoint(1)])
    await brokers[0]!.unfence()
    expect(shown(cluster, 'topic')).toEqual(['2 e1 [1,2]'])
    await expect(brokers[0]!.start([endpoint(1)])).rejects.toThrow("broker 1 is running: it can't become running")
    await cluster.close()
  })
})

describe('acks=all', () => {
  it('is answered with NOT_ENOUGH_REPLICAS_AFTER_APPEND when a replica goes while the batch is written', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    const configs = [{ name: 'min.insync.replicas', value: '2' }]
    await cluster.createTopics([{ ...assigned('strict', [1, 2]), configs }])
    const leader = brokers[0]!.leaderFor('strict', 0)
    const { append } = leader.log
    let write!: () => void
    const written = new Promise<void>((resolve) => {
      write = resolve
    })
    leader.log.append = (records, origin) => written.then(() => append.call(leader.log, records, origin))
    const late = codeOf(() => leader.append(batch(), -1))
    await brokers[1]!.stop()
    write()
    expect(await late).toBe('NOT_ENOUGH_REPLICAS_AFTER_APPEND')
    expect(leader.log.logEndOffset).toBe(1)
    expect(await codeOf(() => leader.append(batch(), -1))).toBe('NOT_ENOUGH_REPLICAS')
    await brokers[1]!.start([endpoint(2)])
    expect(await codeOf(() => leader.append(batch(), -1))).toBe('NONE')
    await cluster.close()
  })
})

describe('a start with other brokers than before', () => {
  const title = 'leads what replicas of those that run were in sync for; the rest has no leader until theirs come, %s'
  it.each(modes)(title, async (_, hasElr, kept) => {
    const { cluster, files } = await openCluster({ brokers: [1, 2, 3] })
    if (!hasElr) await withoutElr(cluster)
    await cluster.createTopics([assigned('topic', [3, 1], [2, 3]), assigned('alone', [1], [3])])
    await cluster.close()
    const one = await openCluster({ files, brokers: [1], seed: 2 })
    await one.cluster.brokersStarted()
    expect(shown(one.cluster, 'topic')).toEqual(['1 e1 [1]', `-1 e1 ${kept('2,3')}`])
    expect(shown(one.cluster, 'alone')).toEqual(['1 e1 [1]', `-1 e1 ${kept('3')}`])
    expect(one.cluster.nodes('PLAINTEXT').map(({ nodeId }) => nodeId)).toEqual([1])
    expect(one.cluster.describeOtherBrokers()).toEqual([
      'brokers 2, 3 of an earlier start with more brokers are not started: 2 partitions wait for them',
    ])
    await one.brokers[0]!.leaderFor('topic', 0).append(batch(), -1)
    await one.cluster.close()
    const all = await openCluster({ files, brokers: [1, 2, 3], seed: 3 })
    await all.cluster.brokersStarted()
    expect(shown(all.cluster, 'topic')).toEqual(['1 e2 [3,1]', '2 e2 [2,3]'])
    expect(shown(all.cluster, 'alone')).toEqual(['1 e2 [1]', '3 e2 [3]'])
    expect(all.brokers[0]!.leaderFor('topic', 0).log.logEndOffset).toBe(1)
    expect(all.cluster.describeOtherBrokers()).toEqual([])
    await all.cluster.close()
  })
})

describe('a start after a crash of all', () => {
  it.each(modes)('counts on no broker that has not come, and leads the rest as before, %s', async (_, hasElr, kept) => {
    const files = new MemoryFileSystem()
    const { cluster, brokers } = await openCluster({ files, brokers: [1, 2, 3] })
    if (!hasElr) await withoutElr(cluster)
    await cluster.createTopics([assigned('topic', [2, 1], [3, 1]), assigned('alone', [3])])
    await brokers[1]!.leaderFor('topic', 0).append(batch(), -1)
    const crashed = files.afterCrash()
    await cluster.close()
    const two = await openCluster({ files: crashed, brokers: [1, 2], seed: 2 })
    await two.cluster.brokersStarted()
    expect(shown(two.cluster, 'topic')).toEqual(['2 e1 [2,1]', '1 e1 [1]'])
    expect(shown(two.cluster, 'alone')).toEqual([`-1 e1 ${kept('3')}`])
    expect(two.cluster.nodes('PLAINTEXT').map(({ nodeId }) => nodeId)).toEqual([1, 2])
    expect(two.brokers[1]!.leaderFor('topic', 0).log.logEndOffset).toBe(1)
    await two.cluster.close()
  })
})

describe('a broker', () => {
  it('that stops leaves topics alone that are deleted meanwhile', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([
      newTopic('goes', { numPartitions: 20, replicationFactor: 2 }),
      assigned('stays', [2, 1]),
    ])
    const stopping = brokers[1]!.stop()
    const deleting = cluster.deleteTopics([cluster.topics.byName('goes')!.id])
    await Promise.all([stopping, deleting])
    const starting = brokers[1]!.start([endpoint(2)])
    await cluster.createTopics([assigned('comes', [1, 2])])
    await starting
    expect([shown(cluster, 'stays'), shown(cluster, 'comes')]).toEqual([['1 e1 [2,1]'], ['1 e0 [1,2]']])
    await cluster.close()
  })

  it('shows of the shared directories what it holds itself', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([assigned('both', [1, 2]), assigned('alone', [1], [2])])
    const held = async (index: number) => {
      const [directory] = await describeLogDirectories(brokers[index]!, () => true)
      return directory?.topics
        .flatMap(({ name, partitions }) => partitions.map((each) => `${name}-${each.partitionIndex}`))
        .sort()
    }
    expect([await held(0), await held(1)]).toEqual([
      ['alone-0', 'both-0'],
      ['alone-1', 'both-0'],
    ])
    await cluster.close()
  })
})
