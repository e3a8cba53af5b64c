import { readFileSync } from 'node:fs'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { BrokerConfig, type BrokerConfigSources } from '../../src/config/broker-config.ts'
import { ConfigError } from '../../src/config/config-error.ts'

const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/config/broker-settings-4.3.1.json', import.meta.url), 'utf8'),
) as { base: Record<string, string>; cases: { set: string[]; result: string }[] }

function outcome(sources: BrokerConfigSources): string {
  try {
    BrokerConfig.load(sources)
    return 'OK'
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message
  }
}

/** What Odradek says where it differs from Kafka, by the settings of the case. */
const differences: Record<string, string> = {
  // There are defaults for what Kafka requires.
  '-controller.listener.names': 'OK',
  '-process.roles': 'OK',
  '-node.id': 'OK',
  '-controller.quorum.voters': 'OK',
  'controller.quorum.voters=': 'OK',
  // Named by the key that was set; in Kafka broker.id is parsed first.
  'node.id=': 'Invalid value  for configuration node.id: Not a number of type INT',
  'node.id=x': 'Invalid value x for configuration node.id: Not a number of type INT',
  // A listener of the controller is never opened, so its name may differ in case, appear nowhere, or stand beside a plain broker role.
  'controller.listener.names=controller': 'OK',
  'controller.listener.names=CONTROLLER,NOPE': 'OK',
  'process.roles=broker|controller.quorum.voters=2@h:9999': 'OK',
  'controller.quorum.voters=1@0.0.0.0:0': 'OK',
  'early.start.listeners=FOO': 'OK',
  'inter.broker.listener.name=CONTROLLER':
    'inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are PLAINTEXT',
  // One node is the whole cluster.
  'process.roles=controller':
    'process.roles=controller makes no broker: set process.roles=broker,controller (the controller is part of the broker process).',
  'controller.quorum.voters=1@localhost:9999,2@localhost:9998':
    'controller.quorum.voters names 2 controllers: this broker is the only node of its cluster, so name one or none.',
  'controller.quorum.voters=1@a:1,1@b:2':
    'controller.quorum.voters names 2 controllers: this broker is the only node of its cluster, so name one or none.',
  'controller.quorum.bootstrap.servers=localhost:1,localhost:2':
    'controller.quorum.bootstrap.servers names 2 controllers: this broker is the only node of its cluster, so name one or none.',
  // Ports that no socket has are found at once, and what Java's parsers say is said in words.
  'listeners=PLAINTEXT://:99999999999':
    "Error creating broker listeners from '[PLAINTEXT://:99999999999]': PLAINTEXT://:99999999999 has no valid port: it must be 0 to 65535",
  'listeners=PLAINTEXT://:70000,CONTROLLER://:9999':
    "Error creating broker listeners from '[PLAINTEXT://:70000, CONTROLLER://:9999]': PLAINTEXT://:70000 has no valid port: it must be 0 to 65535",
  'advertised.listeners=PLAINTEXT://h:-1':
    "Error creating broker listeners from '[PLAINTEXT://h:-1]': PLAINTEXT://h:-1 has no valid port: it must be 0 to 65535",
  'listener.security.protocol.map=PLAINTEXT':
    "Error parsing configuration property 'listener.security.protocol.map': PLAINTEXT is not of the form NAME:PROTOCOL",
  'max.connections.per.ip.overrides=a:b':
    "Error parsing configuration property 'max.connections.per.ip.overrides': a:b is not of the form HOST:COUNT",
  'max.connections.per.ip.overrides=h':
    "Error parsing configuration property 'max.connections.per.ip.overrides': h is not of the form HOST:COUNT",
  'log.cleaner.threads=0': 'OK',
  // The checks of advertised names come in another order, and name only listeners that clients could use.
  'advertised.listeners=FOO://h:9092|listener.security.protocol.map=FOO:PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT':
    'advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found FOO. The valid options based on the current configuration are PLAINTEXT',
  'advertised.listeners=PLAINTEXT://h:1,FOO://h:2|listener.security.protocol.map=FOO:PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT':
    'advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found PLAINTEXT,FOO. The valid options based on the current configuration are PLAINTEXT',
  'controller.listener.names=PLAINTEXT':
    "Error creating broker listeners from '[PLAINTEXT://:9092, CONTROLLER://:9999]': No security protocol defined for listener CONTROLLER",
  // Java classes: none can be loaded, so none is looked for.
  'principal.builder.class=foo': 'OK',
  'group.consumer.assignors=foo': 'OK',
}

describe('a broker config', () => {
  it.each(recorded.cases)('accepts or refuses $set as Kafka 4.3.1 does', ({ set, result }) => {
    const settings = { ...recorded.base }
    const names = set.filter((each) => each !== '+')
    for (const each of names) {
      const [name = '', ...value] = each.split('=')
      if (each.startsWith('-')) delete settings[each.slice(1)]
      else settings[name] = value.join('=')
    }
    const file = Object.entries(settings)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n')
    const kafka = result.replace(/^\w+(Exception|Error): (requirement failed: )?/, '')
    expect(outcome({ file })).toBe(differences[names.join('|')] ?? kafka)
  })

  it('types each value by its row', () => {
    const config = BrokerConfig.load()
    expectTypeOf(config.get('num.partitions')).toEqualTypeOf<number>()
    expectTypeOf(config.get('log.dirs')).toEqualTypeOf<readonly string[] | null>()
    expectTypeOf(config.get('auto.create.topics.enable')).toEqualTypeOf<boolean>()
    expectTypeOf(config.get('broker.rack')).toEqualTypeOf<string | null>()
    expect(config.get('num.partitions')).toBe(1)
    expect(config.get('auto.create.topics.enable')).toBe(true)
    expect(config.get('broker.rack')).toBeNull()
    expect(config.get('process.roles')).toEqual(['broker', 'controller'])
    expect(config.get('log.flush.interval.messages')).toBe(2 ** 63)
  })

  it('takes the strongest source: --set over the environment over the file over the default', () => {
    const file = 'num.partitions=2\nmessage.max.bytes=1000\ncompression.type=gzip'
    const environment = { KAFKA_NUM_PARTITIONS: '3', KAFKA_MESSAGE_MAX_BYTES: '2000', HOME: '/root' }
    const config = BrokerConfig.load({ file, environment, settings: { 'num.partitions': '4' } })
    expect(config.get('num.partitions')).toBe(4)
    expect(config.get('message.max.bytes')).toBe(2000)
    expect(config.get('compression.type')).toBe('gzip')
    expect(config.get('fetch.max.bytes')).toBe(57_671_680)
    expect(config.warnings).toEqual([])
  })

  it('warns once of each unknown name in the file and the environment, naming the nearest known one', () => {
    const config = BrokerConfig.load({
      file: 'num.partition=2\nlistener.name.internal.max.connection=5',
      environment: { KAFKA_LOG_SEGMENTS_BYTES: '5' },
    })
    expect(config.warnings).toEqual([
      'Unknown configuration num.partition: the nearest known one is num.partitions',
      'Unknown configuration listener.name.internal.max.connection: the nearest known one is listener.name.internal.max.connections',
      'Unknown configuration log.segments.bytes (from KAFKA_LOG_SEGMENTS_BYTES): the nearest known one is log.segment.bytes',
    ])
  })

  it('refuses an unknown name in --set and the library', () => {
    expect(outcome({ settings: { 'nmu.partitions': '5' } })).toBe(
      'Unknown configuration nmu.partitions: the nearest known one is num.partitions',
    )
    expect(outcome({ settings: { constructor: '5' } })).toMatch(/^Unknown configuration constructor/)
  })

  it('refuses an invalid value from whichever source, also behind a stronger valid one', () => {
    const message = 'Invalid value -1 for configuration num.partitions: Value must be at least 1'
    expect(outcome({ file: 'num.partitions=-1' })).toBe(message)
    expect(outcome({ environment: { KAFKA_NUM_PARTITIONS: '-1' } })).toBe(message)
    expect(outcome({ settings: { 'num.partitions': '-1' } })).toBe(message)
    expect(outcome({ file: 'listener.name.x.max.connections=many' })).toBe(
      'Invalid value many for configuration listener.name.x.max.connections: Not a number of type INT',
    )
    expect(outcome({ file: 'num.partitions=-1', settings: { 'num.partitions': '3' } })).toBe(message)
  })

  it('knows what the authorizer reads and the forms for one listener', () => {
    const config = BrokerConfig.load({
      file: [
        'super.users=User:a;User:b',
        'allow.everyone.if.no.acl.found=true',
        'max.connections=9',
        'listener.name.plaintext.max.connections=5',
        'listener.name.sasl_plaintext.plain.sasl.jaas.config=x',
        'listener.name.ssl.ssl.keystore.password=secret',
      ].join('\n'),
    })
    expect(config.warnings).toEqual([])
    expect(config.get('super.users')).toBe('User:a;User:b')
    expect(config.getForListener('PLAINTEXT', 'max.connections')).toBe(5)
    expect(config.getForListener('OTHER', 'max.connections')).toBe(9)
  })

  it('waits for more members before the first rebalance only where there is a file', () => {
    const delay = (sources: BrokerConfigSources) => BrokerConfig.load(sources).get('group.initial.rebalance.delay.ms')
    expect(delay({})).toBe(0)
    expect(delay({ environment: { KAFKA_NUM_PARTITIONS: '1' } })).toBe(0)
    expect(delay({ file: '' })).toBe(3000)
    expect(delay({ file: '', settings: { 'group.initial.rebalance.delay.ms': '7' } })).toBe(7)
  })

  it('keeps internal topics at one replica by default', () => {
    const config = BrokerConfig.load({ file: '' })
    expect(config.get('offsets.topic.replication.factor')).toBe(1)
    expect(config.get('transaction.state.log.replication.factor')).toBe(1)
    expect(config.get('transaction.state.log.min.isr')).toBe(1)
    expect(config.get('share.coordinator.state.topic.replication.factor')).toBe(1)
    expect(config.get('share.coordinator.state.topic.min.isr')).toBe(1)
  })

  it('knows the replica selectors that Kafka brings, and no class of others', () => {
    const name = 'replica.selector.class'
    const own = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'
    expect(BrokerConfig.load({ settings: { [name]: own } }).get(name)).toBe(own)
    expect(() => BrokerConfig.load({ settings: { [name]: 'com.example.Mine' } })).toThrow(
      "replica.selector.class names com.example.Mine, which can't be loaded",
    )
  })

  it('has one node id under both names', () => {
    const ids = (file: string) => {
      const config = BrokerConfig.load({ file })
      return [config.get('node.id'), config.get('broker.id')]
    }
    expect(ids('')).toEqual([1, 1])
    expect(ids('node.id=5')).toEqual([5, 5])
    expect(ids('broker.id=6')).toEqual([6, 6])
  })

  it('stores in log.dirs, else in log.dir, and where the flag says before both', () => {
    expect(BrokerConfig.load().logDirectories).toEqual(['./odradek-data'])
    expect(BrokerConfig.load({ file: 'log.dir=/a' }).logDirectories).toEqual(['/a'])
    expect(BrokerConfig.load({ file: 'log.dir=/a\nlog.dirs=/b,/c' }).logDirectories).toEqual(['/b', '/c'])
    expect(BrokerConfig.load({ file: 'log.dirs=/b', dataDirectory: '/d' }).logDirectories).toEqual(['/d'])
  })

  it('lies under dynamic configs, which come and go', () => {
    const config = BrokerConfig.load({ file: 'message.max.bytes=1000' })
    const changed = config.withDynamic(
      new Map([
        ['message.max.bytes', '2000'],
        ['log.segment.bytes', '2000000'],
        ['background.threads', 'many'],
      ]),
      new Map([
        ['message.max.bytes', '3000'],
        ['from.the.future', '1'],
      ]),
    )
    expect(changed.get('message.max.bytes')).toBe(3000)
    expect(changed.get('log.segment.bytes')).toBe(2_000_000)
    expect(changed.get('background.threads')).toBe(10)
    expect(changed.warnings).toEqual([
      'A stored dynamic config is ignored: Invalid value many for configuration background.threads: Not a number of type INT',
    ])
    expect(config.get('message.max.bytes')).toBe(1000)
    expect(changed.withDynamic(new Map(), new Map()).get('message.max.bytes')).toBe(1000)
  })
})
