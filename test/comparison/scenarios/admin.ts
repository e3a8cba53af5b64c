/** test: elections, reassignments, log directories of replicas, the quorum, brokers that go, and which resources have configs. */
import {
  addRaftVoter,
  alterPartitionReassignments,
  alterReplicaLogDirs,
  describeLogDirs,
  describeQuorum,
  electLeaders,
  incrementalAlterConfigs,
  listConfigResources,
  listPartitionReassignments,
  removeRaftVoter,
  unregisterBroker,
  updateFeatures,
} from '../../../protocol/messages/index.ts'
import { zeroUuid } from '../../../protocol/schema/index.ts'
import { batch, type Conversation, scenario, unknownTopicId } from '../conversation.ts'

const resource = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 }
const timeoutMs = 10_000

async function setConfig(
  broker: Conversation,
  resourceType: number,
  resourceName: string,
  name: string,
  value: string,
) {
  await broker.quietly(incrementalAlterConfigs, 1, {
    resources: [{ resourceType, resourceName, configs: [{ name, configOperation: 0, value }] }],
  })
}

/** With configured voters Kafka begins at kraft.version 0, where nobody can be added. */
async function keepVotersInLog(broker: Conversation): Promise<void> {
  const featureUpdates = [{ feature: 'kraft.version', maxVersionLevel: 1 }]
  const { errorCode } = await broker.quietly(updateFeatures, 2, { featureUpdates })
  if (errorCode !== 0) throw new Error('kraft.version can not be raised')
}

export const adminScenarios = [
  scenario('elections', async (broker) => {
    await broker.topic('elected', {}, 2)
    const asked = (topic: string, ...partitions: number[]) => [{ topic, partitions }]
    for (const electionType of [0, 1, 2, -1]) {
      const ask = (step: string, topicPartitions: ReturnType<typeof asked> | null) =>
        broker.every(`${step}, type ${electionType}`, electLeaders, { electionType, topicPartitions, timeoutMs })
      await ask('one partition', asked('elected', 0))
      await ask('two partitions', asked('elected', 0, 1))
      await ask('one that is not there', asked('elected', 1, 7))
      await ask('a topic that is not there', asked('missing', 0))
      await ask('a negative partition', asked('elected', -1))
      await ask('a topic without partitions', asked('elected'))
      await ask('nothing', [])
      await ask('the same twice', [...asked('elected', 0), ...asked('elected', 0)])
    }
    await broker.every('all', electLeaders, { electionType: 0, topicPartitions: null, timeoutMs })
    await broker.every('all, unclean', electLeaders, { electionType: 1, topicPartitions: null, timeoutMs })
  }),

  scenario('reassignments', async (broker) => {
    await broker.topic('reassigned', {}, 2)
    const ask = (step: string, name: string, partitionIndex: number, replicas: number[] | null, rest: object = {}) =>
      broker.every(step, alterPartitionReassignments, {
        topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
        timeoutMs,
        ...rest,
      })
    await ask('to where it is', 'reassigned', 0, [1])
    await ask('to nowhere', 'reassigned', 0, [])
    await ask('to a broker that is not there', 'reassigned', 0, [2])
    await ask('to one that is there and one that is not', 'reassigned', 0, [1, 2])
    await ask('to the same twice', 'reassigned', 0, [1, 1])
    await ask('to a negative broker', 'reassigned', 0, [-1])
    await ask('cancelled without being there', 'reassigned', 0, null)
    await ask('of a partition that is not there', 'reassigned', 9, [1])
    await ask('of a topic that is not there', 'missing', 0, [1])
    await ask('cancelled, of a topic that is not there', 'missing', 0, null)
    await ask('of a bad topic', 'bad name', 0, [1])
    await ask('with the same factor', 'reassigned', 0, [1], { allowReplicationFactorChange: false })
    await ask('with another factor', 'reassigned', 0, [1, 2], { allowReplicationFactorChange: false })
    await broker.every('of nothing', alterPartitionReassignments, { topics: [], timeoutMs })
    await broker.every('of several', alterPartitionReassignments, {
      topics: [
        {
          name: 'reassigned',
          partitions: [
            { partitionIndex: 0, replicas: [1] },
            { partitionIndex: 1, replicas: null },
          ],
        },
        { name: 'missing', partitions: [{ partitionIndex: 0, replicas: [1] }] },
      ],
      timeoutMs,
    })
    await broker.every('the same twice', alterPartitionReassignments, {
      topics: [
        { name: 'reassigned', partitions: [{ partitionIndex: 0, replicas: [1] }] },
        { name: 'reassigned', partitions: [{ partitionIndex: 0, replicas: [1] }] },
      ],
      timeoutMs,
    })
    const list = (step: string, topics: { name: string; partitionIndexes: number[] }[] | null) =>
      broker.every(step, listPartitionReassignments, { topics, timeoutMs })
    await list('listed: all', null)
    await list('listed: none', [])
    await list('listed: one', [{ name: 'reassigned', partitionIndexes: [0, 1] }])
    await list('listed: one that is not there', [{ name: 'missing', partitionIndexes: [0] }])
    await list('listed: a partition that is not there', [{ name: 'reassigned', partitionIndexes: [9] }])
  }),

  scenario('log directories of replicas', async (broker) => {
    await broker.topic('moved', {}, 2)
    await broker.append('moved', batch(3))
    const { results } = await broker.quietly(describeLogDirs, 4, { topics: null })
    const path = results[0]!.logDir
    broker.masks.name(path, 'log dir')
    const ask = (step: string, dir: string, name: string, ...partitions: number[]) =>
      broker.every(step, alterReplicaLogDirs, { dirs: [{ path: dir, topics: [{ name, partitions }] }] })
    await ask('to where it is', path, 'moved', 0)
    await ask('two to where they are', path, 'moved', 0, 1)
    await ask('to a directory that is not there', '/nowhere/at/all', 'moved', 0)
    await ask('to a relative directory', 'relative', 'moved', 0)
    await ask('to no directory', '', 'moved', 0)
    await ask('a partition that is not there', path, 'moved', 9)
    await ask('a topic that is not there', path, 'missing', 0)
    await ask('a topic that is not there, to a directory that is not there', '/nowhere/at/all', 'missing', 0)
    await ask('no partition', path, 'moved')
    await broker.every('nothing', alterReplicaLogDirs, { dirs: [] })
    await broker.every('no topic', alterReplicaLogDirs, { dirs: [{ path, topics: [] }] })
    await broker.every('to two directories', alterReplicaLogDirs, {
      dirs: [
        { path, topics: [{ name: 'moved', partitions: [0] }] },
        { path: '/nowhere/at/all', topics: [{ name: 'moved', partitions: [0, 1] }] },
      ],
    })
    await broker.every('where they are then', describeLogDirs, { topics: [{ topic: 'moved', partitions: [0, 1] }] })
  }),

  scenario('the quorum', async (broker) => {
    await keepVotersInLog(broker)
    const asked = (topicName: string, ...indexes: number[]) => [
      { topicName, partitions: indexes.map((partitionIndex) => ({ partitionIndex })) },
    ]
    for (const version of broker.versions(describeQuorum)) {
      const answer = await broker.quietly(describeQuorum, version, { topics: asked('__cluster_metadata', 0) })
      const [partition] = answer.topics[0]!.partitions
      const state = ({
        replicaId,
        logEndOffset,
        lastCaughtUpTimestamp,
        lastFetchTimestamp,
        replicaDirectoryId,
      }: Replica) => ({
        replicaId,
        hasDirectory: replicaDirectoryId !== zeroUuid,
        isAtTheEnd: logEndOffset >= partition!.highWatermark,
        caughtUp: Number(lastCaughtUpTimestamp),
        fetched: Number(lastFetchTimestamp),
      })
      broker.tell('described', version, {
        errorCode: answer.errorCode,
        errorMessage: answer.errorMessage,
        partitionErrorCode: partition!.errorCode,
        partitionErrorMessage: partition!.errorMessage,
        leaderId: partition!.leaderId,
        currentVoters: partition!.currentVoters.map(state),
        observers: partition!.observers.map(state),
        nodes: answer.nodes,
      })
    }
    const ask = (step: string, topics: ReturnType<typeof asked>) => broker.every(step, describeQuorum, { topics })
    await ask('of another topic', asked('other', 0))
    await ask('of another partition', asked('__cluster_metadata', 1))
    await ask('of two partitions', asked('__cluster_metadata', 0, 1))
    await ask('of two topics', [...asked('__cluster_metadata', 0), ...asked('other', 0)])
    await ask('of nothing', [])
  }),

  scenario('voters', async (broker) => {
    await keepVotersInLog(broker)
    const listeners = [{ name: 'CONTROLLER', host: 'localhost', port: 9 }]
    const voter = { clusterId: null, timeoutMs: 2_000, voterId: 2, voterDirectoryId: unknownTopicId, listeners }
    const add = (step: string, rest: object) => broker.every(step, addRaftVoter, { ...voter, ...rest })
    // What Kafka says of a second attempt depends on how long the first one is ago.
    await broker.ask('one that does not answer', addRaftVoter, 0, voter)
    await add('one that is there', { voterId: 1 })
    await add('of another cluster', { clusterId: 'another' })
    await add('without a directory', { voterDirectoryId: zeroUuid })
    await add('without listeners', { listeners: [] })
    await add('with another listener', { listeners: [{ name: 'OTHER', host: 'localhost', port: 9 }] })
    await add('a negative one', { voterId: -1 })
    const remove = (step: string, rest: object) =>
      broker.every(step, removeRaftVoter, { clusterId: null, voterId: 2, voterDirectoryId: unknownTopicId, ...rest })
    await remove('removed: one that is not there', {})
    await remove('removed: of another cluster', { clusterId: 'another' })
    await remove('removed: another directory', { voterId: 1 })
    await remove('removed: without a directory', { voterDirectoryId: zeroUuid })
    await remove('removed: a negative one', { voterId: -1 })
    const { topics } = await broker.quietly(describeQuorum, 2, {
      topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
    })
    const [own] = topics[0]!.partitions[0]!.currentVoters
    broker.masks.name(own!.replicaDirectoryId, 'directory id')
    await add('itself', { voterId: 1, voterDirectoryId: own!.replicaDirectoryId })
    await remove('removed: the only one', { voterId: 1, voterDirectoryId: own!.replicaDirectoryId })
  }),

  scenario('brokers that go', async (broker) => {
    for (const brokerId of [7, -1, 2_147_483_647]) {
      await broker.every(`broker ${brokerId}`, unregisterBroker, { brokerId })
    }
  }),

  scenario('resources with configs', async (broker) => {
    const list = async (step: string, ...resourceTypes: number[]) => {
      for (const version of broker.versions(listConfigResources)) {
        if (version === 0 && resourceTypes.length > 0) continue
        await broker.ask(step, listConfigResources, version, { resourceTypes })
      }
    }
    await list('client metrics before there are any', 16)
    await list('groups before there are any', 32)
    await setConfig(broker, resource.clientMetrics, 'one-subscription', 'interval.ms', '1000')
    await setConfig(broker, resource.clientMetrics, 'two-subscription', 'metrics', 'org.apache')
    await setConfig(broker, resource.group, 'one-group', 'consumer.session.timeout.ms', '50000')
    await broker.topic('without-configs')
    await broker.topic('with-configs', { 'retention.ms': '5' })
    await broker.until(
      listConfigResources,
      1,
      { resourceTypes: [16, 32] },
      ({ configResources }) => configResources.length === 3,
    )
    await list('unlisted types')
    await list('client metrics', 16)
    await list('groups', 32)
    await list('brokers', 4)
    await list('loggers', 8)
    await list('brokers and loggers', 4, 8)
    await list('a type that nobody knows', 77)
    await list('unknown', 0)
    await list('one that is known and one that is not', 16, 77)
    await list('the same twice', 16, 16)
    const { configResources } = await broker.quietly(listConfigResources, 1, { resourceTypes: [2] })
    const own = configResources.filter(({ resourceName }) => resourceName.endsWith('-configs'))
    broker.tell('topics', 1, own)
  }),
]

interface Replica {
  readonly replicaId: number
  readonly replicaDirectoryId: string
  readonly logEndOffset: number
  readonly lastCaughtUpTimestamp: number | bigint
  readonly lastFetchTimestamp: number | bigint
}
