/** cluster: what snapshots of the metadata log hold is the state that the commands made. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  brokerRegistrationChangeRecord,
  clearElrRecord,
  configRecord,
  partitionChangeRecord,
  partitionRecord,
  registerBrokerRecord,
  topicRecord,
} from '../../protocol/state/index.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { metadataRecord } from '../../src/metadata/index.ts'
import { settle } from '../../src/runtime/clock.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { endpoint, newTopic, openCluster } from './open-cluster.ts'

const logPath = '/data/__cluster_metadata-0'
/** A snapshot after each command, and nothing kept before the newest. */
const eager = {
  'metadata.log.max.record.bytes.between.snapshots': '1',
  'metadata.max.retention.bytes': '1',
  'internal.metadata.log.segment.bytes': '2000',
}

function stateOf(cluster: Cluster) {
  const { topics, dynamicConfigs, registrations, features } = cluster
  const types = ['topic', 'broker', 'group', 'clientMetrics'] as const
  return {
    topics: [...topics.values()].map(({ name, id, partitions }) => ({
      name,
      id,
      partitions: partitions.map((partition) => partition.toRecord()),
    })),
    configs: types.flatMap((type) =>
      dynamicConfigs.names(type).map((name) => [type, name, [...dynamicConfigs.of(type, name)].sort()]),
    ),
    registrations: registrations.values(),
    features: [...features.levels].sort(),
  }
}

type State = ReturnType<typeof stateOf>

/** Without what a stop and a start change: who is fenced, and the epochs of partitions. */
function lasting(state: State) {
  return {
    ...state,
    topics: state.topics.map(({ partitions, ...topic }) => ({
      ...topic,
      partitions: partitions.map(({ leaderEpoch: _, partitionEpoch: __, ...partition }) => partition),
    })),
    registrations: state.registrations.map(({ id, endpoints }) => ({ id, endpoints })),
  }
}

type Command =
  | { kind: 'create'; topic: number; partitions: number; config: string | null }
  | { kind: 'delete'; topic: number }
  | { kind: 'grow'; topic: number }
  | { kind: 'config'; topic: number; value: number | null }
  | { kind: 'broker'; value: number }
  | { kind: 'ids' }
  | { kind: 'restart'; broker: number }

const topicIndex = fc.integer({ min: 0, max: 3 })
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant('create' as const),
    topic: topicIndex,
    partitions: fc.integer({ min: 1, max: 4 }),
    config: fc.option(fc.constantFrom('1000', '2000')),
  }),
  fc.record({ kind: fc.constant('delete' as const), topic: topicIndex }),
  fc.record({ kind: fc.constant('grow' as const), topic: topicIndex }),
  fc.record({
    kind: fc.constant('config' as const),
    topic: topicIndex,
    value: fc.option(fc.integer({ min: 1, max: 9 })),
  }),
  fc.record({ kind: fc.constant('broker' as const), value: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('ids' as const) }),
  fc.record({ kind: fc.constant('restart' as const), broker: fc.integer({ min: 0, max: 1 }) }),
)

async function apply({ cluster, brokers }: Awaited<ReturnType<typeof openCluster>>, command: Command): Promise<void> {
  const broker = brokers[0]!
  const name = 'topic' in command ? `topic-${command.topic}` : ''
  switch (command.kind) {
    case 'create': {
      const configs = command.config === null ? [] : [{ name: 'retention.ms', value: command.config }]
      await cluster.createTopics([newTopic(name, { numPartitions: command.partitions, configs })])
      return
    }
    case 'delete':
      await cluster.deleteTopics([cluster.topics.byName(name)?.id ?? 'AAAAAAAAAAAAAAAAAAAAQQ'])
      return
    case 'grow':
      await cluster.createPartitions([
        { name, count: (cluster.topics.byName(name)?.partitions.length ?? 0) + 1, assignments: null },
      ])
      return
    case 'config': {
      const kind = command.value === null ? 'DELETE' : 'SET'
      const operations = [{ name: 'segment.ms', kind, value: `${command.value}000` } as const]
      await cluster.alterConfigs(broker, [{ type: 'topic', name, operations, replacesAll: false }])
      return
    }
    case 'broker': {
      const operations = [{ name: 'log.retention.ms', kind: 'SET', value: `${command.value}00000` } as const]
      await cluster.alterConfigs(broker, [{ type: 'broker', name: '', operations, replacesAll: true }])
      return
    }
    case 'ids':
      await cluster.allocateProducerIds(broker)
      return
    case 'restart':
      await brokers[command.broker]!.stop()
      await brokers[command.broker]!.start([endpoint(brokers[command.broker]!.id)])
  }
}

describe('a snapshot', () => {
  it('after any commands, without the log before it, is the state that they made', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
        const first = await openCluster({ brokers: [1, 2], settings: eager })
        for (const each of commands) await apply(first, each)
        const { firstProducerId } = await first.cluster.allocateProducerIds(first.brokers[0]!)
        const before = stateOf(first.cluster)
        await first.cluster.close()
        const atStop = stateOf(first.cluster)
        const names = await first.files.list(logPath)
        expect(names.filter((name) => name.endsWith('.checkpoint'))).toHaveLength(1)
        for (const name of names) if (/^\d{20}\./.test(name)) await first.files.remove(`${logPath}/${name}`)
        const replayed = await openCluster({ files: first.files, brokers: [], seed: 2 })
        expect(stateOf(replayed.cluster)).toEqual(atStop)
        await replayed.cluster.close()
        const again = await openCluster({ files: first.files, brokers: [1, 2], seed: 3 })
        expect(lasting(stateOf(again.cluster))).toEqual(lasting(before))
        const next = await again.cluster.allocateProducerIds(again.brokers[0]!)
        expect(next.firstProducerId).toBeGreaterThan(firstProducerId)
        await again.cluster.close()
      }),
      { numRuns: 25 },
    )
  })

  it('holds what this broker keeps and does not use: reassignments, recovery, features and directories of brokers', async () => {
    const first = await openCluster({ settings: eager })
    const topicId = 'b3uD3LtcTIGeQOlrQ9J7dA'
    const otherId = 'AAAAAAAAAAAAAAAAAAAAQQ'
    const records = [
      metadataRecord(registerBrokerRecord, 4, {
        brokerId: 7,
        incarnationId: topicId,
        brokerEpoch: 9,
        rack: 'far',
        features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 31 }],
        logDirs: [topicId, otherId],
        cordonedLogDirs: [otherId],
      }),
      metadataRecord(brokerRegistrationChangeRecord, 3, { brokerId: 7, brokerEpoch: 9, inControlledShutdown: 1 }),
      metadataRecord(topicRecord, 0, { name: 'moving', topicId }),
      metadataRecord(partitionRecord, 2, {
        partitionId: 0,
        topicId,
        replicas: [1, 7],
        isr: [1],
        removingReplicas: [1],
        addingReplicas: [7],
        leader: 1,
        leaderRecoveryState: 1,
        leaderEpoch: 4,
        partitionEpoch: 5,
        directories: [topicId, otherId],
        eligibleLeaderReplicas: [7],
        lastKnownElr: [7],
      }),
      metadataRecord(partitionChangeRecord, 2, { partitionId: 0, topicId, replicas: [7, 1, 3] }),
      metadataRecord(configRecord, 0, { resourceType: 77, resourceName: 'later:kind', name: 'a', value: 'b' }),
    ]
    await first.cluster.metadata.run(() => ({ records, response: undefined }))
    const expected = stateOf(first.cluster)
    expect(expected.topics[0]!.partitions[0]).toMatchObject({
      directories: [otherId, topicId, 'AAAAAAAAAAAAAAAAAAAAAA'],
      addingReplicas: [7],
      leaderRecoveryState: 1,
    })
    await first.cluster.close()
    const again = await openCluster({ files: first.files, brokers: [], seed: 2, settings: eager })
    const found = stateOf(again.cluster)
    expect(found.topics).toEqual(expected.topics)
    expect(found.registrations.find(({ id }) => id === 7)).toEqual(expected.registrations.find(({ id }) => id === 7))
    await again.cluster.metadata.run(() => ({
      records: [metadataRecord(clearElrRecord, 0, { topicName: 'moving' })],
      response: undefined,
    }))
    expect(stateOf(again.cluster).topics[0]!.partitions[0]).toMatchObject({
      eligibleLeaderReplicas: null,
      lastKnownElr: null,
    })
    await again.cluster.close()
  })

  it('of thousands of partitions leaves the event loop free between its batches', async () => {
    const { cluster } = await openCluster({ settings: { 'metadata.log.max.record.bytes.between.snapshots': '100000' } })
    const topicId = 'b3uD3LtcTIGeQOlrQ9J7dA'
    const records = Array.from({ length: 8000 }, (_, partitionId) =>
      metadataRecord(partitionRecord, 2, { partitionId, topicId, replicas: [7], isr: [7], leader: 7 }),
    )
    await cluster.metadata.run(() => ({
      records: [metadataRecord(topicRecord, 0, { name: 'many', topicId }), ...records],
      response: undefined,
    }))
    let turns = 0
    let isDone = false
    // Waits for the snapshot under way.
    void cluster.metadata
      .run(() => ({ records: [], response: undefined }))
      .then(() => {
        isDone = true
      })
    for (; !isDone; turns += 1) await settle()
    expect(turns).toBeGreaterThanOrEqual(8)
    await cluster.close()
  })
})

describe('a directory of several brokers', () => {
  const ours = 'b3uD3LtcTIGeQOlrQ9J7dA'
  const theirs = 'AAAAAAAAAAAAAAAAAAAAQQ'

  /** A broker of another process, with a directory of its own. */
  const registered = (brokerId: number, fenced = true) =>
    metadataRecord(registerBrokerRecord, 4, {
      brokerId,
      incarnationId: theirs,
      brokerEpoch: 5,
      endPoints: [{ name: 'PLAINTEXT', host: 'localhost', port: 9, securityProtocol: 0 }],
      fenced,
      logDirs: [theirs],
    })

  /** What one of three brokers leaves: a partition of its own, one shared and in sync, one where it lags behind, one of others alone. */
  async function leaveDirectory(): Promise<{ files: MemoryFileSystem; ownId: string }> {
    const files = new MemoryFileSystem()
    const first = await openCluster({ files })
    const ownId = first.cluster.directories[0]!.directoryId
    const partition = (partitionId: number, replicas: number[], isr: number[], leader: number, elr: number[] = []) =>
      metadataRecord(partitionRecord, 2, {
        partitionId,
        topicId: ours,
        replicas,
        isr,
        leader,
        leaderEpoch: 3,
        partitionEpoch: 3,
        directories: replicas.map((id) => (id === 1 ? ownId : theirs)),
        eligibleLeaderReplicas: elr,
      })
    const records = [
      registered(2, false),
      registered(3, false),
      metadataRecord(topicRecord, 0, { name: 'spread', topicId: ours }),
      partition(0, [1], [1], 1),
      partition(1, [2, 1, 3], [3, 1], 3),
      partition(2, [2, 1], [2], 2),
      partition(3, [3, 2], [3, 2], 3),
      partition(4, [1, 2], [], -1, [2]),
      partition(5, [1, 2], [], -1, [1, 2]),
    ]
    await first.cluster.metadata.run(() => ({ records, response: undefined }))
    await first.cluster.close()
    return { files, ownId }
  }
  const leadersOf = (cluster: Cluster) =>
    cluster.topics.byName('spread')!.partitions.map(({ leaderId, isr }) => ({ leaderId, isr }))

  it('is served where an in-sync replica is here, and one line says what is not', async () => {
    const { files } = await leaveDirectory()
    const { cluster, brokers } = await openCluster({ files, seed: 2 })
    expect(leadersOf(cluster)).toEqual([
      { leaderId: 1, isr: [1] },
      { leaderId: 1, isr: [1] },
      { leaderId: 2, isr: [2] },
      { leaderId: 3, isr: [3, 2] },
      { leaderId: -1, isr: [] },
      { leaderId: 1, isr: [1] },
    ])
    expect(brokers[0]!.leaderFor('spread', 1).isOpen).toBe(true)
    expect(cluster.nodes('PLAINTEXT').map(({ nodeId }) => nodeId)).toEqual([1])
    expect(await files.exists('/data/spread-3')).toBe(false)
    expect(cluster.describeOtherBrokers()).toEqual([
      'the cluster of this data also has brokers 2, 3, not run here: 3 of 6 partitions are served, and not 1 with no replica here nor 2 with a replica here that is not in sync; what changes from now on is not known to other directories of that cluster, so start no broker on them again',
    ])
    await expect(cluster.moveLeader('spread', 2, 1)).rejects.toThrow("broker 1 can't lead spread-2: it is not in sync")
    await cluster.brokersStarted()
    // Who has their records is eligible (KIP-966), where it was in the ISR.
    expect(leadersOf(cluster).slice(2, 4)).toEqual([
      { leaderId: -1, isr: [] },
      { leaderId: -1, isr: [] },
    ])
    expect(cluster.topics.byName('spread')!.partitions.map((each) => each.eligibleLeaderReplicas)).toEqual([
      [],
      [],
      [2],
      [2, 3],
      [2],
      [],
    ])
    await cluster.close()
  })

  it('is served from a replica that lags behind only with unclean.leader.election.enable', async () => {
    const { files } = await leaveDirectory()
    const settings = { 'unclean.leader.election.enable': 'true' }
    const { cluster } = await openCluster({ files, seed: 2, settings })
    expect(leadersOf(cluster)[2]).toEqual({ leaderId: 1, isr: [1] })
    expect(leadersOf(cluster)[3]).toEqual({ leaderId: 3, isr: [3, 2] })
    await cluster.close()
  })

  it('is nothing to speak of where all its brokers are of this process', async () => {
    const { cluster } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([newTopic('shared', { numPartitions: 4, replicationFactor: 2 })])
    expect(cluster.describeOtherBrokers()).toEqual([])
    await cluster.close()
  })

  it('whose topics lie here alone is served whole', async () => {
    const { cluster } = await openCluster()
    await cluster.metadata.run(() => ({ records: [registered(2)], response: undefined }))
    await cluster.createTopics([newTopic('own', { numPartitions: 2 })])
    expect(cluster.describeOtherBrokers()).toEqual([
      expect.stringMatching(/^the cluster of this data also has broker 2, not run here: all 2 partitions are served; /),
    ])
    await cluster.close()
  })
})
