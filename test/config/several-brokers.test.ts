/** config: the settings of several brokers of one process. */
import { describe, expect, it } from 'vitest'
import { BrokerConfig, type ConfigError } from '../../src/config/index.ts'

const lines = (...texts: string[]): string => texts.join('\n')

function placesOf(configs: readonly BrokerConfig[]): string[] {
  return configs.map((config) => {
    const at = config.listeners.map(({ name, advertisedHost, port }) => `${name}@${advertisedHost}:${port}`)
    return `${config.get('node.id')} ${at.join(' ')}`
  })
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as ConfigError).message
  }
  return 'accepted'
}

const twoListeners = lines(
  'listeners=ONE://:9092,TWO://:9093,CONTROLLER://:9090',
  'listener.security.protocol.map=ONE:PLAINTEXT,TWO:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'controller.listener.names=CONTROLLER',
  'inter.broker.listener.name=ONE',
)

describe('several brokers of one process', () => {
  it('have the ids and ports after the first', () => {
    expect(placesOf(BrokerConfig.loadAll({ host: 'localhost' }, 3))).toEqual([
      '1 PLAINTEXT@localhost:9092',
      '2 PLAINTEXT@localhost:9093',
      '3 PLAINTEXT@localhost:9094',
    ])
    expect(placesOf(BrokerConfig.loadAll({ port: 10_000, settings: { 'node.id': '0' } }, 2))).toEqual([
      '0 PLAINTEXT@localhost:10000',
      '1 PLAINTEXT@localhost:10001',
    ])
    expect(placesOf(BrokerConfig.loadAll({ port: 0 }, 2))).toEqual([
      '1 PLAINTEXT@localhost:0',
      '2 PLAINTEXT@localhost:0',
    ])
  })

  it('move each listener on by how many a broker has, the controller left aside', () => {
    const configs = BrokerConfig.loadAll({ file: twoListeners, hostName: 'here' }, 2)
    expect(placesOf(configs)).toEqual(['1 ONE@here:9092 TWO@here:9093', '2 ONE@here:9094 TWO@here:9095'])
    expect(configs[1]?.text('listeners')).toBe('ONE://:9094,TWO://:9095,CONTROLLER://:9090')
  })

  it('advertise what moves on likewise', () => {
    const file = 'listeners=PLAINTEXT://:9092\nadvertised.listeners=PLAINTEXT://kafka.example:19092'
    const told = BrokerConfig.loadAll({ file }, 2).map(({ listeners }) => listeners.map((each) => each.advertisedPort))
    expect(told).toEqual([[19_092], [19_093]])
  })

  it('are as many as have configs of their own, which hold for one alone', () => {
    const file = lines(
      'node.id=0',
      'broker.0.listeners=PLAINTEXT://localhost:9092',
      'broker.1.listeners=PLAINTEXT://localhost:9095',
      'broker.1.broker.rack=b',
      'broker.2.listeners=PLAINTEXT://localhost:9098',
    )
    const configs = BrokerConfig.loadAll({ file })
    expect(placesOf(configs)).toEqual([
      '0 PLAINTEXT@localhost:9092',
      '1 PLAINTEXT@localhost:9095',
      '2 PLAINTEXT@localhost:9098',
    ])
    expect(configs.map((config) => config.get('broker.rack'))).toEqual([null, 'b', null])
    expect(configs.flatMap(({ warnings }) => warnings)).toEqual([])
    expect(placesOf(BrokerConfig.loadAll({ file, port: 0, host: '127.0.0.1' }))).toEqual([
      '0 PLAINTEXT@127.0.0.1:0',
      '1 PLAINTEXT@127.0.0.1:0',
      '2 PLAINTEXT@127.0.0.1:0',
    ])
    expect(placesOf(BrokerConfig.loadAll({ file, port: 9000 }))).toEqual([
      '0 PLAINTEXT@localhost:9000',
      '1 PLAINTEXT@localhost:9001',
      '2 PLAINTEXT@localhost:9002',
    ])
  })

  it('take their own configs from variables too', () => {
    const environment = { KAFKA_BROKER_2_LISTENERS: 'PLAINTEXT://localhost:9999' }
    expect(placesOf(BrokerConfig.loadAll({ environment, host: 'localhost' }))).toEqual([
      '1 PLAINTEXT@localhost:9092',
      '2 PLAINTEXT@localhost:9999',
    ])
  })

  it('warn of configs for brokers that are not started', () => {
    const [config] = BrokerConfig.loadAll({ file: 'broker.3.broker.rack=c' }, 2)
    expect(config?.warnings).toContain('broker.3.* is ignored: no such broker is started.')
  })

  it('hold internal topics as Kafka would, as far as there are brokers', () => {
    const of = (count: number, settings = {}) => {
      const [config] = BrokerConfig.loadAll({ settings }, count)
      return [config?.get('offsets.topic.replication.factor'), config?.get('transaction.state.log.min.isr')]
    }
    expect([of(1), of(2), of(3), of(5)]).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
      [3, 2],
    ])
    expect(of(3, { 'offsets.topic.replication.factor': '1' })[0]).toBe(1)
  })

  it.each([
    ['an id below the first', { file: 'broker.0.broker.rack=a' }, undefined, 'their ids start at node.id=1'],
    ['what they share', { file: 'broker.1.log.dirs=/a' }, undefined, 'log.dirs holds for all'],
    ['no brokers', {}, 0, 'A process runs 1 to 100 brokers, not 0.'],
    ['too many', {}, 101, 'A process runs 1 to 100 brokers, not 101.'],
    ['an id far away', { file: 'broker.1000000000.broker.rack=a' }, undefined, 'A process runs 1 to 100 brokers'],
    ['ports above 65535', { port: 65_535 }, 2, '65536 is above 65535'],
    [
      'two at one address',
      { file: 'listeners=PLAINTEXT://localhost:9092\nbroker.2.listeners=PLAINTEXT://localhost:9092' },
      undefined,
      'Brokers 1 and 2 would both listen on localhost:9092',
    ],
    [
      'an unknown config by the library',
      { settings: { 'broker.1.listener.name.x.nope': 'a' } },
      1,
      'Unknown configuration',
    ],
  ])('refuse %s', (_what, sources, count, problem) => {
    expect(refusal(() => BrokerConfig.loadAll(sources, count))).toContain(problem)
  })
})
