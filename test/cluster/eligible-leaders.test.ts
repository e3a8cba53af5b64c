/** cluster: eligible leader replicas (KIP-966), as Kafka's PartitionChangeBuilder keeps and elects them. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { clearElrRecord, configRecord, partitionChangeRecord, readMetadataFrame } from '../../protocol/state/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import type { UpgradeType } from '../../src/cluster/feature-commands.ts'
import { metadataRecord } from '../../src/metadata/index.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { endpoint, newTopic, type OpenOptions, openCluster } from './open-cluster.ts'

const elr = 'eligible.leader.replicas.version'

const setElr = (cluster: Cluster, level: number, type: UpgradeType = 'upgrade') =>
  cluster.controller.updateFeatures([{ feature: elr, level, type }], { validateOnly: false })

async function open(options: OpenOptions = {}) {
  const opened = await openCluster({ brokers: [1, 2, 3], ...options })
  onTestFinished(() => opened.cluster.close())
  await setElr(opened.cluster, 1)
  return { ...opened, start: (id: number) => opened.brokers[id - 1]!.start([endpoint(id)]) }
}

async function create(cluster: Cluster, replicas: number[], configs: Record<string, string> = {}) {
  await cluster.createTopics([
    newTopic('topic', {
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 0, brokerIds: replicas }],
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }),
  ])
}

/** `leader [isr] elr [eligible] last [last known]` */
function shown(cluster: Cluster): string {
  const { leaderId, isr, eligibleLeaderReplicas, lastKnownElr } = cluster.topics.byName('topic')!.partitions[0]!
  return `${leaderId} [${isr.join()}] elr [${eligibleLeaderReplicas.join()}] last [${lastKnownElr.join()}]`
}

const recoveryStateOf = (cluster: Cluster) =>
  cluster.topics.byName('topic')!.partitions[0]!.toRecord().leaderRecoveryState

const stop = async (brokers: readonly Broker[], ...ids: number[]) => {
  for (const id of ids) await brokers[id - 1]!.stop()
}

const setConfig = (cluster: Cluster, broker: Broker, type: 'topic' | 'broker', name: string, value: string) =>
  cluster.alterConfigs(broker, [
    { type, name, operations: [{ name: 'min.insync.replicas', kind: 'SET', value }], replacesAll: false },
  ])

const strict = { 'min.insync.replicas': '2' }

describe('brokers that stop', () => {
  it('stay eligible from where fewer are in sync than must be, until enough are again', async () => {
    const { cluster, brokers, start } = await open()
    await create(cluster, [1, 2, 3], strict)
    await stop(brokers, 2)
    expect(shown(cluster)).toBe('1 [1,3] elr [] last []')
    await stop(brokers, 3)
    expect(shown(cluster)).toBe('1 [1] elr [3] last []')
    await stop(brokers, 1)
    expect(shown(cluster)).toBe('-1 [] elr [1,3] last [1]')
    await start(2)
    expect(shown(cluster)).toBe('-1 [] elr [1,3] last [1]')
    await start(3)
    expect(shown(cluster)).toBe('3 [2,3] elr [] last []')
    await start(1)
    expect(shown(cluster)).toBe('3 [1,2,3] elr [] last []')
  })

  it('leave the others eligible when one of those leads', async () => {
    const { cluster, brokers, start } = await open()
    await create(cluster, [1, 2, 3], strict)
    await stop(brokers, 2, 3, 1)
    await start(1)
    expect(shown(cluster)).toBe('1 [1] elr [3] last []')
    await start(2)
    expect(shown(cluster)).toBe('1 [1,2] elr [] last []')
  })

  it('count as many as there are replicas, where that is fewer than min.insync.replicas', async () => {
    const { cluster, brokers, start } = await open()
    await create(cluster, [1], strict)
    await stop(brokers, 1)
    expect(shown(cluster)).toBe('-1 [] elr [1] last [1]')
    await start(1)
    expect(shown(cluster)).toBe('1 [1] elr [] last []')
    expect(recoveryStateOf(cluster)).toBe(0)
  })

  it('are as eligible when they are fenced', async () => {
    const { cluster, brokers } = await open()
    await create(cluster, [1, 2], strict)
    await brokers[1]!.fence()
    expect(shown(cluster)).toBe('1 [1] elr [2] last []')
    await brokers[1]!.unfence()
    expect(shown(cluster)).toBe('1 [1,2] elr [] last []')
  })

  it('are waited for over a restart, but not where the process has none of them', async () => {
    const { cluster, brokers, files } = await openCluster({ brokers: [1, 2, 3] })
    await setElr(cluster, 1)
    await create(cluster, [1, 2, 3], strict)
    await stop(brokers, 2, 3, 1)
    await cluster.close()
    const again = await openCluster({ files, seed: 2, brokers: [2] })
    onTestFinished(() => again.cluster.close())
    expect(shown(again.cluster)).toBe('2 [2] elr [1,3] last []')
  })
})

describe('an election', () => {
  it('takes nobody who is not eligible, unless it is an unclean one', async () => {
    const { cluster, brokers, start } = await open()
    await create(cluster, [1, 2, 3])
    await stop(brokers, 2, 3, 1)
    await start(3)
    await start(2)
    expect(shown(cluster)).toBe('-1 [] elr [1] last [1]')
    const wanted = [{ topic: 'topic', partition: 0 }]
    expect(await cluster.controller.electLeaders('preferred', wanted)).toMatchObject([
      { error: { kafkaError: 'PREFERRED_LEADER_NOT_AVAILABLE' } },
    ])
    expect(await cluster.controller.electLeaders('unclean', wanted)).toMatchObject([{ error: undefined }])
    expect(shown(cluster)).toBe('2 [2,3] elr [] last []')
    expect(recoveryStateOf(cluster)).toBe(1)
  })

  it('is unclean at once with unclean.leader.election.enable', async () => {
    const { cluster, brokers, start } = await open()
    await create(cluster, [1, 2], { 'unclean.leader.election.enable': 'true' })
    await stop(brokers, 2, 1)
    await start(2)
    expect(shown(cluster)).toBe('2 [2] elr [] last []')
    expect(recoveryStateOf(cluster)).toBe(1)
  })

  it('takes the last leader where nobody is eligible any more', async () => {
    const { cluster, brokers, start } = await open()
    await create(cluster, [1, 2])
    await stop(brokers, 2, 1)
    const { index: partitionId, topicId } = cluster.topics.byName('topic')!.partitions[0]!
    const record = metadataRecord(partitionChangeRecord, 2, { partitionId, topicId, eligibleLeaderReplicas: [] })
    await cluster.metadata.run(() => ({ records: [record], response: undefined }))
    expect(shown(cluster)).toBe('-1 [] elr [] last [1]')
    await start(2)
    expect(shown(cluster)).toBe('-1 [] elr [] last [1]')
    await start(1)
    expect(shown(cluster)).toBe('1 [1,2] elr [] last []')
    expect(recoveryStateOf(cluster)).toBe(1)
  })
})

describe('a leader that was killed', () => {
  it('leads again as one that may have lost something, until it changes the ISR', async () => {
    const files = new MemoryFileSystem()
    const { cluster, brokers } = await openCluster({ files, brokers: [1, 2] })
    await create(cluster, [1, 2], strict)
    await stop(brokers, 2)
    expect(shown(cluster)).toBe('1 [1] elr [2] last []')
    const crashed = files.afterCrash()
    await cluster.close()
    const one = await openCluster({ files: crashed, seed: 2, brokers: [1] })
    expect(shown(one.cluster)).toBe('1 [1] elr [] last []')
    expect(recoveryStateOf(one.cluster)).toBe(1)
    await one.cluster.addBroker(2).start([endpoint(2)])
    expect(shown(one.cluster)).toBe('1 [1,2] elr [] last []')
    expect(recoveryStateOf(one.cluster)).toBe(0)
    await one.cluster.close()
    const again = await openCluster({ files: crashed, seed: 3, brokers: [1, 2] })
    onTestFinished(() => again.cluster.close())
    expect(recoveryStateOf(again.cluster)).toBe(0)
  })

  it('is what it was without eligible leader replicas', async () => {
    const files = new MemoryFileSystem()
    const { cluster } = await openCluster({ files })
    await setElr(cluster, 0, 'safeDowngrade')
    await create(cluster, [1])
    const crashed = files.afterCrash()
    await cluster.close()
    const again = await openCluster({ files: crashed, seed: 2 })
    onTestFinished(() => again.cluster.close())
    expect([shown(again.cluster), recoveryStateOf(again.cluster)]).toEqual(['1 [1] elr [] last []', 0])
  })
})

describe('elections of leaders that were not in sync', () => {
  it('are counted, those of eligible ones and unclean ones', async () => {
    const { cluster, brokers, start } = await open()
    const counts = () => [cluster.topics.elections.unclean, cluster.topics.elections.fromEligible]
    await create(cluster, [1, 2, 3])
    await stop(brokers, 2)
    await start(2)
    expect(counts()).toEqual([0, 0])
    await stop(brokers, 2, 3, 1)
    await start(1)
    expect(counts()).toEqual([0, 1])
    await stop(brokers, 1)
    await start(2)
    await cluster.controller.electLeaders('unclean', [{ topic: 'topic', partition: 0 }])
    expect(counts()).toEqual([1, 1])
  })

  it('are counted from the start of the process on', async () => {
    const { cluster, brokers, files } = await openCluster({ brokers: [1, 2] })
    await setElr(cluster, 1)
    await create(cluster, [1, 2])
    await stop(brokers, 2, 1)
    await brokers[0]!.start([endpoint(1)])
    expect(cluster.topics.elections.fromEligible).toBe(1)
    await cluster.close()
    const again = await openCluster({ files, seed: 2, brokers: [] })
    onTestFinished(() => again.cluster.close())
    expect(again.cluster.topics.elections.fromEligible).toBe(0)
  })
})

describe('a reassignment', () => {
  it('leaves nobody eligible who is no replica any more', async () => {
    const { cluster, brokers } = await open()
    await create(cluster, [1, 2, 3], { 'min.insync.replicas': '3' })
    await stop(brokers, 3)
    expect(shown(cluster)).toBe('1 [1,2] elr [3] last []')
    const wanted = [{ topic: 'topic', partition: 0, replicas: [1, 2] }]
    await cluster.controller.alterReassignments(wanted, { allowReplicationFactorChange: true })
    expect(shown(cluster)).toBe('1 [1,2] elr [] last []')
  })

  it('of a partition without a leader waits for one', async () => {
    const { cluster, brokers, start } = await open()
    await create(cluster, [1])
    await stop(brokers, 1)
    const wanted = [{ topic: 'topic', partition: 0, replicas: [2] }]
    const move = () => cluster.controller.alterReassignments(wanted, { allowReplicationFactorChange: true })
    const { leaderEpoch } = cluster.topics.byName('topic')!.partitions[0]!
    expect(await move()).toEqual([undefined])
    expect(shown(cluster)).toBe('-1 [] elr [1] last [1]')
    expect(cluster.topics.byName('topic')!.partitions[0]!.leaderEpoch).toBe(leaderEpoch)
    await start(1)
    expect(shown(cluster)).toBe('2 [2] elr [] last []')
    expect(cluster.topics.byName('topic')!.partitions[0]!.leaderEpoch).toBe(leaderEpoch + 2)
  })
})

describe('min.insync.replicas', () => {
  it('makes those forgotten that were eligible by another one, of the topic or of all', async () => {
    const { cluster, brokers } = await open()
    await create(cluster, [1, 2], strict)
    const [, second] = brokers
    const eligible = async () => {
      await second!.fence()
      return shown(cluster)
    }
    expect(await eligible()).toBe('1 [1] elr [2] last []')
    await setConfig(cluster, brokers[0]!, 'broker', '', '3')
    expect(shown(cluster)).toBe('1 [1] elr [] last []')
    await second!.unfence()
    expect(await eligible()).toBe('1 [1] elr [2] last []')
    await setConfig(cluster, brokers[0]!, 'topic', 'topic', '3')
    expect(shown(cluster)).toBe('1 [1] elr [] last []')
  })

  it('is one for all brokers from when the feature is on', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2], settings: strict })
    onTestFinished(() => cluster.close())
    await setElr(cluster, 0, 'safeDowngrade')
    await setConfig(cluster, brokers[1]!, 'broker', '2', '1')
    const remove = [{ name: 'min.insync.replicas', kind: 'DELETE', value: '' }] as const
    await cluster.alterConfigs(brokers[0]!, [{ type: 'broker', name: '', operations: remove, replacesAll: false }])
    await cluster.controller.updateFeatures([{ feature: elr, level: 1, type: 'upgrade' }], { validateOnly: true })
    expect(cluster.dynamicConfigs.of('broker', '').size).toBe(0)
    await setElr(cluster, 1)
    expect(cluster.dynamicConfigs.of('broker', '').get('min.insync.replicas')).toBe('2')
    expect(cluster.dynamicConfigs.of('broker', '2').size).toBe(0)
    const { endOffset } = cluster.metadata
    await setElr(cluster, 1)
    expect(cluster.metadata.endOffset).toBe(endOffset + 1)
  })
})

describe('the feature', () => {
  it('needs metadata.version 4.0-IV1', async () => {
    const { cluster } = await openCluster()
    onTestFinished(() => cluster.close())
    const level = { 'metadata.version': 22 }
    Object.assign(cluster.features, { level: (name: string) => level[name as keyof typeof level] ?? 0 })
    await expect(setElr(cluster, 1)).rejects.toThrow(
      `Invalid update version 1 for feature ${elr}. ${elr} could not be set to 1 because it depends on metadata.version level 23`,
    )
    const both = [
      { feature: elr, level: 1, type: 'upgrade' },
      { feature: 'metadata.version', level: 23, type: 'upgrade' },
    ] as const
    await cluster.controller.updateFeatures(both, { validateOnly: true })
  })

  it('switched off, nobody becomes eligible any more, and those who were are forgotten with the next change', async () => {
    const { cluster, brokers } = await open()
    await create(cluster, [1, 2, 3], strict)
    await stop(brokers, 2, 3)
    await setElr(cluster, 0, 'safeDowngrade')
    expect(shown(cluster)).toBe('1 [1] elr [3] last []')
    await stop(brokers, 1)
    expect(shown(cluster)).toBe('-1 [1] elr [] last []')
  })

  it('writes what Kafka writes', async () => {
    const { cluster, brokers } = await open()
    await create(cluster, [1, 2], strict)
    const types: number[] = []
    const { run } = cluster.metadata
    cluster.metadata.run = (decide) =>
      run.call(cluster.metadata, async (offset) => {
        const decision = await decide(offset)
        types.push(...decision.records.map(({ bytes }) => readMetadataFrame(bytes).type))
        return decision
      }) as never
    await setConfig(cluster, brokers[0]!, 'topic', 'topic', '1')
    expect(types).toEqual([configRecord.type, clearElrRecord.type])
  })
})
