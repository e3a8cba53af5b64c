/** test: ApiVersions, DescribeCluster, DescribeConfigs, DescribeLogDirs and FindCoordinator. */
import {
  apiVersions,
  describeCluster,
  describeConfigs,
  describeLogDirs,
  findCoordinator,
} from '../../../protocol/messages/index.ts'
import { batch, scenario } from '../conversation.ts'

const resource = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 }

export const clusterScenarios = [
  scenario('versions that nobody serves', async (broker) => {
    // Which APIs and features are served is no comparison; how a bad question is answered is.
    await broker.ask('a name with a space', apiVersions, 3, { clientSoftwareName: 'a b', clientSoftwareVersion: '1' })
    await broker.ask('no version', apiVersions, 4, { clientSoftwareName: 'a', clientSoftwareVersion: '' })
  }),

  scenario('the cluster', async (broker) => {
    const ask = (step: string, body: object) => broker.every(step, describeCluster, body)
    await ask('plain', {})
    await ask('with operations', { includeClusterAuthorizedOperations: true })
    await ask('with fenced brokers', { includeFencedBrokers: true })
    await ask('the controllers', { endpointType: 2 })
    await ask('neither', { endpointType: 3 })
  }),

  scenario('configs', async (broker) => {
    await broker.topic('configured', { 'retention.ms': '12345', 'cleanup.policy': 'compact' })
    const ask = (
      step: string,
      resourceType: number,
      resourceName: string,
      configurationKeys: string[] | null,
      rest: object = {},
    ) =>
      broker.every(step, describeConfigs, { resources: [{ resourceType, resourceName, configurationKeys }], ...rest })
    const keys = ['retention.ms', 'cleanup.policy', 'segment.bytes', 'min.insync.replicas', 'compression.type']
    const all = { includeSynonyms: true }
    await ask('of a topic', resource.topic, 'configured', keys)
    await ask('of a topic, with all', resource.topic, 'configured', keys, all)
    await ask('of a topic, unknown keys', resource.topic, 'configured', ['retention.minutes', 'log.dirs'])
    await ask('of a topic, no keys', resource.topic, 'configured', [])
    await ask('of a topic, every key', resource.topic, 'configured', null)
    await ask('of a topic, with documentation', resource.topic, 'configured', ['delete.retention.ms', 'preallocate'], {
      includeDocumentation: true,
    })
    await ask('of a missing topic', resource.topic, 'missing', keys)
    await ask('of a bad topic', resource.topic, 'bad name', keys)
    await ask('of no topic', resource.topic, '', keys)
    const brokerKeys = [
      'log.retention.ms',
      'num.partitions',
      'node.id',
      'log.segment.bytes',
      'message.max.bytes',
      'sasl.jaas.config',
      'advertised.listeners.none',
    ]
    await ask('of the broker', resource.broker, '1', brokerKeys)
    await ask('of the broker, with all', resource.broker, '1', brokerKeys, all)
    await ask('of all brokers', resource.broker, '', brokerKeys, all)
    await ask('of another broker', resource.broker, '7', brokerKeys)
    await ask('of a broker that is no number', resource.broker, 'one', brokerKeys)
    await ask('of loggers of another broker', resource.brokerLogger, '7', null)
    await ask('of loggers of no broker', resource.brokerLogger, '', null)
    await ask('of a group', resource.group, 'any-group', null)
    await ask(
      'of a group, with all',
      resource.group,
      'any-group',
      ['consumer.session.timeout.ms', 'share.auto.offset.reset'],
      all,
    )
    await ask('of no group', resource.group, '', null)
    await ask('of client metrics', resource.clientMetrics, 'any-subscription', null)
    await ask('of no client metrics', resource.clientMetrics, '', null)
    await ask('of an unknown type', 1, 'x', null)
    await ask('of a type that nobody knows', 77, 'x', null)
    await broker.every('of several', describeConfigs, {
      resources: [
        { resourceType: resource.topic, resourceName: 'configured', configurationKeys: ['retention.ms'] },
        { resourceType: resource.topic, resourceName: 'missing', configurationKeys: null },
        { resourceType: resource.broker, resourceName: '1', configurationKeys: ['node.id'] },
      ],
    })
  }),

  scenario('log directories', async (broker) => {
    await broker.topic('lying', {}, 2)
    await broker.append('lying', batch(3))
    const ask = (step: string, topics: { topic: string; partitions: number[] }[] | null) =>
      broker.every(step, describeLogDirs, { topics })
    await ask('one topic', [{ topic: 'lying', partitions: [0, 1] }])
    await ask('one partition', [{ topic: 'lying', partitions: [1] }])
    await ask('a missing partition', [{ topic: 'lying', partitions: [5] }])
    await ask('a missing topic', [{ topic: 'missing', partitions: [0] }])
    await ask('nothing', [])
    await ask('a topic without partitions', [{ topic: 'lying', partitions: [] }])
  }),

  scenario('coordinators', async (broker) => {
    await broker.coordinator()
    const ask = (step: string, keyType: number, ...keys: string[]) =>
      broker.every(step, findCoordinator, { key: keys[0] ?? '', keyType, coordinatorKeys: keys })
    await ask('of a group', 0, 'any')
    await ask('of several groups', 0, 'any', 'other', 'third')
    await ask('of a group without a name', 0, '')
    await ask('of no group', 0)
    await ask('of a type that nobody knows', 5, 'any')
    await ask('of a negative type', -1, 'any')
    await broker.every(
      'of a share partition',
      findCoordinator,
      { keyType: 2, coordinatorKeys: ['g:x:0'] },
      { from: 4, to: 5 },
    )
    await broker.every(
      'of a share partition, v6',
      findCoordinator,
      { keyType: 2, coordinatorKeys: ['no-colons'] },
      { from: 6 },
    )
    await broker.every(
      'of a transactional id',
      findCoordinator,
      { keyType: 1, key: 'tx', coordinatorKeys: ['tx'] },
      { from: 1 },
    )
  }),
]
