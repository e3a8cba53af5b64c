/** test: AlterConfigs and IncrementalAlterConfigs: what may be set for topics, brokers, groups and client metrics, and how it is refused. */
import { alterConfigs, describeConfigs, incrementalAlterConfigs } from '../../../protocol/messages/index.ts'
import { type Conversation, scenario } from '../conversation.ts'

const resource = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 }
const [set, remove, append, subtract] = [0, 1, 2, 3] as const

type Operation = readonly [name: string, configOperation: number, value: string | null]

const asConfigs = (operations: readonly Operation[]) =>
  operations.map(([name, configOperation, value]) => ({ name, configOperation, value }))

/** Asks in every version: the same change again is none. */
function incrementally(broker: Conversation) {
  return (step: string, resourceType: number, resourceName: string, ...operations: Operation[]) =>
    broker.every(step, incrementalAlterConfigs, {
      resources: [{ resourceType, resourceName, configs: asConfigs(operations) }],
    })
}

function validated(broker: Conversation) {
  return (step: string, resourceType: number, resourceName: string, ...operations: Operation[]) =>
    broker.every(`validated: ${step}`, incrementalAlterConfigs, {
      resources: [{ resourceType, resourceName, configs: asConfigs(operations) }],
      validateOnly: true,
    })
}

/** What is set, once Kafka's broker has heard of it. */
async function shown(broker: Conversation, step: string, resourceType: number, resourceName: string, keys: string[]) {
  await broker.settle()
  const { results } = await broker.quietly(describeConfigs, 4, {
    resources: [{ resourceType, resourceName, configurationKeys: keys }],
    includeSynonyms: true,
  })
  broker.tell(
    step,
    4,
    results[0]!.configs.map(({ name, value, configSource, isSensitive, readOnly, synonyms }) => ({
      name,
      value,
      configSource,
      isSensitive,
      readOnly,
      synonyms: synonyms.map((synonym) => `${synonym.name}=${synonym.value} ${synonym.source}`),
    })),
  )
}

export const alteredConfigsScenarios = [
  scenario('of a topic', async (broker) => {
    await broker.topic('altered')
    const ask = incrementally(broker)
    const check = validated(broker)
    const { topic } = resource
    await ask('set', topic, 'altered', ['retention.ms', set, '1234'], ['segment.bytes', set, '2000000'])
    await ask('deleted', topic, 'altered', ['segment.bytes', remove, null])
    await ask('deleted without being there', topic, 'altered', ['segment.ms', remove, null])
    await ask('added to a list', topic, 'altered', ['cleanup.policy', append, 'compact'])
    await ask('taken from a list', topic, 'altered', ['cleanup.policy', subtract, 'compact,other'])
    await ask('added to no list', topic, 'altered', ['retention.ms', append, '1'])
    await ask('taken from no list', topic, 'altered', ['retention.ms', subtract, '1'])
    await ask('an unknown one', topic, 'altered', ['retention.minutes', set, '1'])
    await ask('an unknown one, deleted', topic, 'altered', ['retention.minutes', remove, null])
    await ask('added to an unknown one', topic, 'altered', ['retention.minutes', append, '1'])
    await ask('out of range', topic, 'altered', ['retention.ms', set, '-2'])
    await ask('no number', topic, 'altered', ['retention.ms', set, 'x'])
    await ask('nothing', topic, 'altered', ['retention.ms', set, null])
    await ask('an unknown operation', topic, 'altered', ['retention.ms', 9, '1'])
    await ask('the same twice', topic, 'altered', ['retention.ms', set, '1'], ['retention.ms', set, '2'])
    await ask('one of two is wrong', topic, 'altered', ['segment.ms', set, '5000'], ['retention.ms', set, 'x'])
    await ask('of a missing topic', topic, 'missing', ['retention.ms', set, '1'])
    await ask('of a bad topic', topic, 'bad name', ['retention.ms', set, '1'])
    await ask('of no topic', topic, '', ['retention.ms', set, '1'])
    await check('set', topic, 'altered', ['retention.bytes', set, '77'])
    await check('wrong', topic, 'altered', ['retention.bytes', set, 'x'])
    await shown(broker, 'then', topic, 'altered', [
      'retention.ms',
      'segment.bytes',
      'cleanup.policy',
      'retention.bytes',
    ])
    for (const version of broker.versions(alterConfigs)) {
      const replace = (step: string, configs: { name: string; value: string | null }[], validateOnly = false) =>
        broker.ask(step, alterConfigs, version, {
          resources: [{ resourceType: topic, resourceName: 'altered', configs }],
          validateOnly,
        })
      await replace('replaced', [{ name: 'segment.ms', value: '6000' }])
      await replace('replaced by what is wrong', [{ name: 'segment.ms', value: 'x' }])
      await replace('replaced by nothing', [{ name: 'segment.ms', value: null }])
      await replace('replaced by what is unknown', [{ name: 'segment.minutes', value: '1' }])
      await replace('validated: replaced', [], true)
    }
    await shown(broker, 'then, replaced', topic, 'altered', ['retention.ms', 'segment.ms', 'cleanup.policy'])
  }),

  scenario('of brokers', async (broker) => {
    const ask = incrementally(broker)
    const check = validated(broker)
    for (const name of ['', '1']) {
      const who = name === '' ? 'all brokers' : 'one broker'
      const to = (step: string, ...operations: Operation[]) =>
        ask(`${who}: ${step}`, resource.broker, name, ...operations)
      await to('a cluster-wide one', ['log.retention.ms', set, '7777'])
      await to('a list', ['log.cleanup.policy', append, 'compact'])
      await to('taken from a list', ['log.cleanup.policy', subtract, 'compact'])
      await to('a per-broker one', ['cordoned.log.dirs', set, ''])
      await to('a read-only one', ['num.partitions', set, '3'])
      await to('a read-only one, deleted', ['num.partitions', remove, null])
      await to('an unknown one', ['nobody.knows', set, '3'])
      await to('an unknown one, deleted', ['nobody.knows', remove, null])
      await to('out of range', ['log.segment.bytes', set, '1'])
      await to('no number', ['message.max.bytes', set, 'x'])
      await to('negative', ['message.max.bytes', set, '-1'])
      await to('threads, far more', ['num.io.threads', set, '100'])
      await to('threads, none', ['num.io.threads', set, '0'])
      await to('threads, some more', ['num.io.threads', set, '9'])
      await to('cleaner threads', ['log.cleaner.threads', set, '2'])
      await to('added to no list', ['message.max.bytes', append, '1'])
      await to('security without a listener', ['ssl.keystore.location', set, '/nowhere'])
      await to('of a listener', ['listener.name.plaintext.max.connections', set, '100'])
      await to('unclean elections', ['unclean.leader.election.enable', set, 'true'])
      await to('a throttle', ['leader.replication.throttled.rate', set, '1000'])
      await to('a compression that nobody knows', ['compression.type', set, 'middling'])
      await to(
        'two that contradict each other',
        ['log.cleaner.min.compaction.lag.ms', set, '10'],
        ['log.cleaner.max.compaction.lag.ms', set, '5'],
      )
    }
    await check('one broker', resource.broker, '1', ['log.roll.ms', set, '7777'])
    await check('all brokers', resource.broker, '', ['log.roll.ms', set, '7777'])
    await check('one broker, wrong', resource.broker, '1', ['log.roll.ms', set, '0'])
    await ask('of another broker', resource.broker, '7', ['log.retention.ms', set, '7777'])
    await ask('of a broker that is no number', resource.broker, 'one', ['log.retention.ms', set, '7777'])
    const keys = ['log.retention.ms', 'log.roll.ms', 'num.io.threads', 'unclean.leader.election.enable']
    await shown(broker, 'then, of one', resource.broker, '1', keys)
    await shown(broker, 'then, of all', resource.broker, '', keys)
    for (const version of broker.versions(alterConfigs)) {
      const configs = [{ name: 'log.retention.ms', value: '8888' }]
      // Kafka keeps that one for eligible leader replicas.
      const clusterWide = [...configs, { name: 'min.insync.replicas', value: '1' }]
      const resources = [
        { resourceType: resource.broker, resourceName: '', configs: clusterWide },
        { resourceType: resource.broker, resourceName: '1', configs },
      ]
      await broker.ask('replaced', alterConfigs, version, { resources })
    }
    await shown(broker, 'then, of one, replaced', resource.broker, '1', keys)
    await shown(broker, 'then, of all, replaced', resource.broker, '', keys)
  }),

  scenario('of loggers', async (broker) => {
    const ask = incrementally(broker)
    const { brokerLogger } = resource
    await ask('one that is not there', brokerLogger, '1', ['nobody.logs', set, 'DEBUG'])
    await ask('deleted, one that is not there', brokerLogger, '1', ['nobody.logs', remove, null])
    await ask('added', brokerLogger, '1', ['root', append, 'DEBUG'])
    await ask('of another broker', brokerLogger, '7', ['root', set, 'DEBUG'])
    await ask('of no broker', brokerLogger, '', ['root', set, 'DEBUG'])
    for (const version of broker.versions(alterConfigs)) {
      const resources = [{ resourceType: brokerLogger, resourceName: '1', configs: [{ name: 'root', value: 'DEBUG' }] }]
      await broker.ask('replaced', alterConfigs, version, { resources })
    }
  }),

  scenario('of groups', async (broker) => {
    const ask = incrementally(broker)
    const check = validated(broker)
    const { group } = resource
    await ask('set', group, 'a-group', ['consumer.session.timeout.ms', set, '50000'])
    await ask('too low', group, 'a-group', ['consumer.session.timeout.ms', set, '1'])
    await ask('too high', group, 'a-group', ['consumer.session.timeout.ms', set, '100000000'])
    await ask('no number', group, 'a-group', ['consumer.heartbeat.interval.ms', set, 'x'])
    await ask('an unknown one', group, 'a-group', ['consumer.size', set, '1'])
    await ask('added', group, 'a-group', ['consumer.session.timeout.ms', append, '1'])
    await ask('of no group', group, '', ['consumer.session.timeout.ms', set, '50000'])
    await ask('share reset', group, 'a-group', ['share.auto.offset.reset', set, 'earliest'])
    await ask('share reset that nobody knows', group, 'a-group', ['share.auto.offset.reset', set, 'middle'])
    await check('set', group, 'a-group', ['consumer.heartbeat.interval.ms', set, '7000'])
    await check('wrong', group, 'a-group', ['consumer.heartbeat.interval.ms', set, '1'])
    await shown(broker, 'then', group, 'a-group', ['consumer.session.timeout.ms', 'consumer.heartbeat.interval.ms'])
    await ask('deleted', group, 'a-group', ['consumer.session.timeout.ms', remove, null])
  }),

  scenario('of client metrics', async (broker) => {
    const ask = incrementally(broker)
    const check = validated(broker)
    const { clientMetrics } = resource
    await ask('set', clientMetrics, 'sub', ['interval.ms', set, '1000'], ['metrics', set, 'org.apache,other'])
    await ask('too short', clientMetrics, 'sub', ['interval.ms', set, '1'])
    await ask('too long', clientMetrics, 'sub', ['interval.ms', set, '9000000'])
    await ask('no number', clientMetrics, 'sub', ['interval.ms', set, 'x'])
    await ask('an unknown one', clientMetrics, 'sub', ['interval', set, '1000'])
    await ask('a match', clientMetrics, 'sub', ['match', set, 'client_id=.*,client_software_name=a'])
    await ask('a match that is none', clientMetrics, 'sub', ['match', set, 'client_id'])
    await ask('a match of what nobody knows', clientMetrics, 'sub', ['match', set, 'client_name=a'])
    await ask('a match by a bad expression', clientMetrics, 'sub', ['match', set, 'client_id=[a'])
    await ask('added', clientMetrics, 'sub', ['metrics', append, 'third'])
    await ask('of no subscription', clientMetrics, '', ['interval.ms', set, '1000'])
    await check('set', clientMetrics, 'sub', ['interval.ms', set, '2000'])
    await shown(broker, 'then', clientMetrics, 'sub', ['interval.ms', 'metrics', 'match'])
    await ask('deleted', clientMetrics, 'sub', ['interval.ms', remove, null], ['metrics', remove, null])
  }),

  scenario('of several, and of nothing', async (broker) => {
    await broker.topic('several')
    const configs = asConfigs([['retention.ms', set, '1']])
    const { topic } = resource
    const of = (resourceType: number, resourceName: string) => ({ resourceType, resourceName, configs })
    await broker.every('one is wrong', incrementalAlterConfigs, {
      resources: [of(topic, 'several'), of(topic, 'missing')],
    })
    await broker.every('twice', incrementalAlterConfigs, { resources: [of(topic, 'several'), of(topic, 'several')] })
    await broker.every('of an unknown type', incrementalAlterConfigs, { resources: [of(1, 'x'), of(77, 'y')] })
    await broker.every('nothing', incrementalAlterConfigs, { resources: [] })
    await broker.every('no config', incrementalAlterConfigs, {
      resources: [{ resourceType: topic, resourceName: 'several', configs: [] }],
    })
  }),
]
