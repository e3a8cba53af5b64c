/** cluster: changing configs: what is refused, in Kafka 4.3.1's words, and when a change takes effect. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import { featureLevelRecord } from '../../protocol/state/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import type { AlteredResource, ConfigOperation } from '../../src/cluster/config-commands.ts'
import type { ConfigResourceType } from '../../src/cluster/dynamic-configs.ts'
import { metadataRecord } from '../../src/metadata/index.ts'
import { endpoint, newTopic, openCluster } from './open-cluster.ts'

type Operations = Readonly<Record<string, string | readonly [ConfigOperation['kind'], string]>>

const altered = (type: ConfigResourceType, name: string, operations: Operations): AlteredResource => ({
  type,
  name,
  replacesAll: false,
  operations: Object.entries(operations).map(([key, operation]) => {
    const [kind, value] = typeof operation === 'string' ? (['SET', operation] as const) : operation
    return { name: key, kind, value }
  }),
})

async function change(broker: Broker, type: ConfigResourceType, name: string, operations: Operations) {
  const [result] = await broker.cluster.alterConfigs(broker, [altered(type, name, operations)])
  return result instanceof KafkaError ? `${result.kafkaError}: ${result.message}` : undefined
}

/** In Kafka's words. */
const invalidLimit = (name: string): string =>
  `INVALID_REQUEST: Invalid value org.apache.kafka.common.config.ConfigException: Invalid ${name} 0 for configuration Invalid dynamic configuration`

/** What a new cluster has of it. */
const formattedConfigs = (type: ConfigResourceType, name: string) =>
  new Map(type === 'broker' && name === '' ? [['min.insync.replicas', '1']] : [])

describe('changing configs is refused', () => {
  let cluster: Cluster
  let broker: Broker
  beforeAll(async () => {
    const settings = {
      'group.share.max.heartbeat.interval.ms': '60000',
      'group.consumer.max.heartbeat.interval.ms': '60000',
    }
    const opened = await openCluster({ settings })
    cluster = opened.cluster
    broker = opened.brokers[0]!
    await cluster.createTopics([newTopic('one')])
  })
  afterAll(() => cluster.close())

  const append = (value: string) => ['APPEND', value] as const
  const security = 'These security configs can be dynamically updated only per-listener using the listener prefix:'
  const perBroker = 'Cannot update these configs at default cluster level, broker id must be specified:'
  const cases: readonly (readonly [ConfigResourceType, string, Operations, string])[] = [
    ['topic', '', {}, 'INVALID_REQUEST: Default topic resources are not allowed.'],
    [
      'topic',
      'a/b',
      {},
      "INVALID_TOPIC_EXCEPTION: Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    ],
    ['topic', 'nowhere', {}, "UNKNOWN_TOPIC_OR_PARTITION: The topic 'nowhere' does not exist."],
    ['topic', 'nowhere', { 'no.such': '1' }, 'INVALID_CONFIG: Unknown topic config name: no.such'],
    [
      'topic',
      'nowhere',
      { 'retention.ms': append('1') },
      "INVALID_CONFIG: Can't APPEND to key retention.ms because its type is not LIST.",
    ],
    [
      'topic',
      'one',
      { 'retention.ms': ['SUBTRACT', '1'] },
      "INVALID_CONFIG: Can't SUBTRACT to key retention.ms because its type is not LIST.",
    ],
    [
      'topic',
      'one',
      { 'no.such': append('1') },
      "INVALID_CONFIG: Can't APPEND to key no.such because its type is not LIST.",
    ],
    [
      'topic',
      'one',
      { 'cleanup.policy': append('foo') },
      'INVALID_CONFIG: Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
    ],
    [
      'topic',
      'one',
      { 'leader.replication.throttled.replicas': append('x'.repeat(32_768)) },
      'INVALID_CONFIG: The value of leader.replication.throttled.replicas would be longer than 32767 bytes.',
    ],
    [
      'topic',
      'one',
      { 'min.compaction.lag.ms': '100', 'max.compaction.lag.ms': '10' },
      'INVALID_CONFIG: conflict topic config setting min.compaction.lag.ms (100) > max.compaction.lag.ms (10)',
    ],
    ['broker', '7', {}, 'INVALID_REQUEST: Unexpected broker id, expected 1, but received 7'],
    ['broker', 'x', {}, 'INVALID_REQUEST: Node id must be an integer, but it is: x'],
    [
      'broker',
      '1',
      { 'num.partitions': '3', 'log.retention.ms': '5', 'broker.id': '3' },
      'INVALID_REQUEST: Cannot update these configs dynamically: [num.partitions, broker.id]',
    ],
    [
      'broker',
      '',
      { 'num.partitions': '3' },
      'INVALID_REQUEST: Cannot update these configs dynamically: [num.partitions]',
    ],
    [
      'broker',
      '1',
      { listeners: 'PLAINTEXT://localhost:1' },
      'INVALID_REQUEST: Cannot update these configs dynamically: [listeners]',
    ],
    ['broker', '', { listeners: 'PLAINTEXT://localhost:1' }, `INVALID_REQUEST: ${perBroker} [listeners]`],
    ['broker', '', { 'ssl.keystore.type': 'PEM' }, `INVALID_REQUEST: ${security} [ssl.keystore.type]`],
    ['broker', '1', { 'ssl.keystore.type': 'PEM' }, `INVALID_REQUEST: ${security} [ssl.keystore.type]`],
    [
      'broker',
      '',
      { 'listener.name.plaintext.ssl.keystore.type': 'PEM' },
      `INVALID_REQUEST: ${perBroker} [listener.name.plaintext.ssl.keystore.type]`,
    ],
    [
      'broker',
      '1',
      { 'listener.name.plaintext.max.connections': '-1' },
      'INVALID_REQUEST: Invalid value -1 for configuration max.connections: Value must be at least 0',
    ],
    ['broker', '1', { 'listener.name.plaintext.max.connections': '0' }, invalidLimit('max.connections')],
    [
      'broker',
      '',
      { 'listener.name.plaintext.max.connection.creation.rate': '0' },
      invalidLimit('max.connection.creation.rate'),
    ],
    ['broker', '', { 'max.connection.creation.rate': '0' }, invalidLimit('max.connection.creation.rate')],
    [
      'broker',
      '1',
      { 'log.retention.ms': 'x' },
      'INVALID_REQUEST: Invalid value x for configuration log.retention.ms: Not a number of type LONG',
    ],
    [
      'broker',
      '',
      { 'log.retention.ms': '0' },
      'INVALID_REQUEST: requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1',
    ],
    [
      'broker',
      '',
      { 'group.consumer.assignment.interval.ms': '100000000' },
      'INVALID_REQUEST: group.consumer.assignment.interval.ms must be less than or equal to group.consumer.max.assignment.interval.ms',
    ],
    [
      'broker',
      '1',
      { 'log.retention.ms': append('1') },
      'INVALID_CONFIG: Config value append is not allowed for config key: log.retention.ms',
    ],
    ['broker', '1', { 'my.key': append('1') }, 'INVALID_CONFIG: Unknown config name: my.key'],
    ['brokerLogger', '', {}, 'INVALID_REQUEST: Node id must be an integer, but it is: '],
    ['brokerLogger', '9', {}, 'INVALID_REQUEST: Unexpected node id. Expected 1, but received 9'],
    ['brokerLogger', '1', { kafka: 'x' }, 'INVALID_CONFIG: Logger kafka does not exist!'],
    [
      'brokerLogger',
      '1',
      { root: ['DELETE', ''] },
      'INVALID_REQUEST: Removing the log level of the root logger is not allowed',
    ],
    [
      'brokerLogger',
      '1',
      { root: append('INFO') },
      'INVALID_REQUEST: APPEND operation is not allowed for the BROKER_LOGGER resource',
    ],
    [
      'brokerLogger',
      '1',
      { root: 'LOUD' },
      'INVALID_CONFIG: Cannot set the log level of root to LOUD as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN',
    ],
    ['group', '', {}, 'INVALID_REQUEST: Default group resources are not allowed.'],
    ['group', 'g', { 'x.y': '1' }, 'INVALID_CONFIG: Unknown group config name: x.y'],
    [
      'group',
      'g',
      { 'consumer.session.timeout.ms': '1' },
      'INVALID_CONFIG: consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms',
    ],
    [
      'group',
      'g',
      { 'streams.num.standby.replicas': '100' },
      'INVALID_CONFIG: streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas',
    ],
    [
      'group',
      'g',
      { 'share.session.timeout.ms': '45000', 'share.heartbeat.interval.ms': '45000' },
      'INVALID_CONFIG: share.session.timeout.ms must be greater than share.heartbeat.interval.ms',
    ],
    [
      'group',
      'g',
      { 'consumer.session.timeout.ms': append('1') },
      "INVALID_CONFIG: Can't APPEND to key consumer.session.timeout.ms because its type is not LIST.",
    ],
    ['clientMetrics', '', {}, "INVALID_REQUEST: Subscription name can't be empty"],
    ['clientMetrics', 'm', { x: '1' }, 'INVALID_REQUEST: Unknown client metrics configuration: x'],
    [
      'clientMetrics',
      'm',
      { 'interval.ms': '99' },
      'INVALID_REQUEST: Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)',
    ],
    [
      'clientMetrics',
      'm',
      { 'interval.ms': 'x' },
      'INVALID_CONFIG: Invalid value x for configuration interval.ms: Not a number of type INT',
    ],
    ...['foo', 'foo=bar', 'client_id=', 'client_id=a=b', 'client_id=['].map(
      (match) =>
        ['clientMetrics', 'm', { match }, `INVALID_CONFIG: Illegal client matching pattern: ${match}`] as const,
    ),
    [
      'clientMetrics',
      'm',
      { metrics: append('a') },
      "INVALID_CONFIG: Can't APPEND to key metrics because its type is not LIST.",
    ],
  ]
  it.each(cases)('%s %j: %j', async (type, name, operations, problem) => {
    expect(await change(broker, type, name, operations)).toBe(problem)
    expect(cluster.dynamicConfigs.of(type, name)).toEqual(formattedConfigs(type, name))
  })

  it('for min.insync.replicas of a broker, and where it would go, while the directory has ELR', async () => {
    await cluster.metadata.run(() => ({
      records: [metadataRecord(featureLevelRecord, 0, { name: 'eligible.leader.replicas.version', featureLevel: 1 })],
      response: undefined,
    }))
    expect(await change(broker, 'broker', '', { 'min.insync.replicas': '2' })).toBeUndefined()
    expect(await change(broker, 'broker', '', { 'min.insync.replicas': ['DELETE', ''] })).toBe(
      'INVALID_CONFIG: Cluster-level min.insync.replicas cannot be removed while ELR is enabled.',
    )
    expect(await change(broker, 'broker', '1', { 'min.insync.replicas': '2' })).toBe(
      'INVALID_CONFIG: Broker-level min.insync.replicas cannot be altered while ELR is enabled.',
    )
  })
})

describe('a changed config', () => {
  const large = () => buildRecordBatch({}, [{ timestamp: 1_700_000_000_000, key: null, value: Buffer.alloc(500) }])

  it.each<[ConfigResourceType, string, Operations, Record<string, string>]>([
    ['topic', 'one', { 'cleanup.policy': ['APPEND', 'compact,delete'] }, { 'cleanup.policy': 'delete,compact' }],
    ['topic', 'one', { 'cleanup.policy': ['SUBTRACT', 'compact,delete'] }, { 'cleanup.policy': '' }],
    ['topic', 'one', { 'retention.ms': ' 10 ' }, { 'retention.ms': ' 10 ' }],
    ['topic', 'one', { 'no.such': ['DELETE', ''] }, {}],
    ['broker', '1', { 'num.partitions': ['DELETE', ''] }, {}],
    ['broker', '1', { 'log.cleanup.policy': ['APPEND', 'compact'] }, { 'log.cleanup.policy': 'delete,compact' }],
    ['broker', '', { 'my.own.key': 'x' }, { 'my.own.key': 'x' }],
    ['broker', '1', { 'max.connections': '0' }, { 'max.connections': '0' }],
    ['broker', '1', { 'listener.name.other.max.connections': '0' }, { 'listener.name.other.max.connections': '0' }],
    [
      'broker',
      '',
      { 'listener.name.plaintext.max.connections': '5' },
      { 'listener.name.plaintext.max.connections': '5' },
    ],
    [
      'broker',
      '1',
      { 'listener.name.plaintext.ssl.keystore.type': 'PEM', listeners: 'PLAINTEXT://localhost:9092' },
      { 'listener.name.plaintext.ssl.keystore.type': 'PEM', listeners: 'PLAINTEXT://localhost:9092' },
    ],
    ['group', 'g', { 'consumer.session.timeout.ms': '50000' }, { 'consumer.session.timeout.ms': '50000' }],
    [
      'clientMetrics',
      'm',
      { 'interval.ms': '100', metrics: '', match: 'client_id=(?i)a.*, client_source_port=9' },
      { 'interval.ms': '100', metrics: '', match: 'client_id=(?i)a.*, client_source_port=9' },
    ],
  ])('of %s %j, %j, is stored and there after a restart', async (type, name, operations, expected) => {
    const { cluster, brokers, files } = await openCluster()
    await cluster.createTopics([newTopic('one')])
    expect(await change(brokers[0]!, type, name, operations)).toBeUndefined()
    const all = { ...Object.fromEntries(formattedConfigs(type, name)), ...expected }
    expect(Object.fromEntries(cluster.dynamicConfigs.of(type, name))).toEqual(all)
    await cluster.close()
    const again = await openCluster({ files, seed: 2 })
    expect(Object.fromEntries(again.cluster.dynamicConfigs.of(type, name))).toEqual(all)
    await again.cluster.close()
  })

  it('of a broker is stored under its id, however that is written', async () => {
    const { cluster, brokers } = await openCluster()
    expect(await change(brokers[0]!, 'broker', '+01', { 'log.retention.ms': '5' })).toBeUndefined()
    expect(brokers[0]!.config.get('log.retention.ms')).toBe(5)
    await cluster.close()
  })

  it('writes nothing when all is as it was', async () => {
    const { cluster, brokers } = await openCluster()
    await cluster.createTopics([newTopic('one')])
    await change(brokers[0]!, 'topic', 'one', { 'retention.ms': '5' })
    const { endOffset } = cluster.metadata
    await change(brokers[0]!, 'topic', 'one', { 'retention.ms': '5', 'segment.ms': ['DELETE', ''] })
    expect(cluster.metadata.endOffset).toBe(endOffset)
    await cluster.close()
  })

  it('of a topic, of all brokers and of one holds for the next append, the closest first', async () => {
    const { cluster, brokers } = await openCluster()
    await cluster.createTopics([newTopic('one')])
    const [broker] = brokers as [Broker]
    const isTaken = () =>
      broker
        .leaderFor('one', 0)
        .append(large(), -1)
        .then(
          () => true,
          (error: KafkaError) => error.kafkaError,
        )
    const limit = (type: ConfigResourceType, name: string, value: string | readonly ['DELETE', '']) =>
      change(broker, type, name, { [type === 'topic' ? 'max.message.bytes' : 'message.max.bytes']: value })
    expect(await isTaken()).toBe(true)
    await limit('broker', '', '100')
    expect(await isTaken()).toBe('MESSAGE_TOO_LARGE')
    await limit('broker', '1', '1000')
    expect(await isTaken()).toBe(true)
    await limit('topic', 'one', '100')
    expect(await isTaken()).toBe('MESSAGE_TOO_LARGE')
    await limit('topic', 'one', ['DELETE', ''])
    expect(await isTaken()).toBe(true)
    await limit('broker', '1', ['DELETE', ''])
    expect(await isTaken()).toBe('MESSAGE_TOO_LARGE')
    await cluster.close()
  })

  it('of a broker holds for the partitions that it leads, also when the lead moves', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([newTopic('shared', { replicationFactor: 2 })])
    const partition = cluster.findPartition('shared', 0)!
    const leader = brokers.find(({ id }) => id === partition.leaderId)!
    const other = brokers.find(({ id }) => id !== partition.leaderId)!
    expect(await change(other, 'broker', String(other.id), { 'message.max.bytes': '100' })).toBeUndefined()
    await expect(partition.append(large(), -1)).resolves.toMatchObject({ baseOffset: 0 })
    await leader.stop()
    expect(partition.leaderId).toBe(other.id)
    await expect(partition.append(large(), 1)).rejects.toMatchObject({ kafkaError: 'MESSAGE_TOO_LARGE' })
    await leader.start([endpoint(leader.id)])
    await other.stop()
    expect(partition.leaderId).toBe(leader.id)
    await expect(partition.append(large(), 1)).resolves.toMatchObject({ baseOffset: 1 })
    await cluster.close()
  })

  it('of min.insync.replicas holds for the next append', async () => {
    const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
    await cluster.createTopics([newTopic('strict', { replicationFactor: 2 })])
    await brokers[1]!.stop()
    const partition = cluster.findPartition('strict', 0)!
    await partition.append(large(), -1)
    await change(brokers[0]!, 'topic', 'strict', { 'min.insync.replicas': '2' })
    expect(() => partition.append(large(), -1)).toThrow(expect.objectContaining({ kafkaError: 'NOT_ENOUGH_REPLICAS' }))
    await cluster.close()
  })

  it('of producer.id.expiration.ms holds for the next check, also after a restart', async () => {
    const idleProducers = async ({ brokers, clock }: Awaited<ReturnType<typeof openCluster>>) => {
      const { log } = brokers[0]!.leaderFor('one', 0)
      const producer = { producerId: 7n, producerEpoch: 0, baseSequence: 0 }
      await log.append(buildRecordBatch(producer, [{ timestamp: clock.now(), key: null, value: null }]), 'coordinator')
      const before = log.producerStates().length
      await clock.advance(600_000)
      return [before, log.producerStates().length]
    }
    const first = await openCluster()
    await first.cluster.createTopics([newTopic('one')])
    expect(await idleProducers(first)).toEqual([1, 1])
    expect(await change(first.brokers[0]!, 'broker', '', { 'producer.id.expiration.ms': '1000' })).toBeUndefined()
    expect(await idleProducers(first)).toEqual([1, 0])
    await first.cluster.close()
    const second = await openCluster({ files: first.files, seed: 2 })
    expect(await idleProducers(second)).toEqual([1, 0])
    await second.cluster.close()
  })
})
