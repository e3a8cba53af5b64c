import { describe, expect, it } from 'vitest'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { brokerConfigs } from '../../src/config/broker-configs.ts'
import type { ConfigTable } from '../../src/config/config-definition.ts'
import { groupConfigs } from '../../src/config/group-configs.ts'
import { TopicConfig, validateTopicConfigs } from '../../src/config/topic-config.ts'
import { topicConfigs } from '../../src/config/topic-configs.ts'

const topic = (file: string, overrides: Record<string, string> = {}) =>
  new TopicConfig(BrokerConfig.load({ file }), new Map(Object.entries(overrides)))

describe('a topic config', () => {
  it('is what was set for the topic, else what the broker gives', () => {
    expect(topic('').get('segment.bytes')).toBe(1_073_741_824)
    expect(topic('log.segment.bytes=2000000').get('segment.bytes')).toBe(2_000_000)
    expect(topic('log.segment.bytes=2000000', { 'segment.bytes': '3000000' }).get('segment.bytes')).toBe(3_000_000)
    expect(topic('', { 'cleanup.policy': 'compact, delete' }).get('cleanup.policy')).toEqual(['compact', 'delete'])
  })

  it.each([
    ['', 604_800_000],
    ['log.retention.hours=2', 7_200_000],
    ['log.retention.hours=2\nlog.retention.minutes=3', 180_000],
    ['log.retention.hours=2\nlog.retention.minutes=3\nlog.retention.ms=4', 4],
    ['log.retention.minutes=-1', -1],
    ['log.retention.hours=-5', -1],
    ['log.retention.ms=-2', -1],
  ])('takes retention.ms from the finest unit that is set: %j', (file, expected) => {
    expect(topic(file).get('retention.ms')).toBe(expected)
  })

  it('takes the other times from the finest unit too', () => {
    expect(topic('').get('segment.ms')).toBe(604_800_000)
    expect(topic('log.roll.hours=1').get('segment.ms')).toBe(3_600_000)
    expect(topic('log.roll.hours=1\nlog.roll.ms=5').get('segment.ms')).toBe(5)
    expect(topic('log.roll.jitter.hours=1').get('segment.jitter.ms')).toBe(3_600_000)
    expect(topic('log.flush.scheduler.interval.ms=9').get('flush.ms')).toBe(9)
    expect(topic('log.flush.scheduler.interval.ms=9\nlog.flush.interval.ms=8').get('flush.ms')).toBe(8)
  })

  it('follows dynamic configs of the broker', () => {
    const broker = BrokerConfig.load().withDynamic(new Map([['log.retention.ms', '5']]), new Map())
    expect(new TopicConfig(broker, new Map()).get('retention.ms')).toBe(5)
  })

  it('names only broker configs that exist as its synonyms', () => {
    for (const definition of Object.values({ ...topicConfigs, ...groupConfigs } as ConfigTable))
      for (const synonym of definition.brokerSynonyms) expect(brokerConfigs).toHaveProperty([synonym])
  })
})

describe('validateTopicConfigs', () => {
  const validate = (configs: Record<string, string | null>, file = '') =>
    validateTopicConfigs(
      BrokerConfig.load({ file }),
      Object.entries(configs).map(([name, value]) => ({ name, value })),
    )

  it('gives what is set', () => {
    expect(validate({ 'retention.ms': '1000', 'internal.segment.bytes': '5000', 'cleanup.policy': '' })).toEqual(
      new Map([
        ['retention.ms', '1000'],
        ['internal.segment.bytes', '5000'],
        ['cleanup.policy', ''],
      ]),
    )
  })

  // Each answered like this, with INVALID_CONFIG, by Kafka 4.3.1.
  it.each<[Record<string, string | null>, string]>([
    [{ foo: '1' }, 'Unknown topic config name: foo'],
    [{ 'message.format.version': '3.0' }, 'Unknown topic config name: message.format.version'],
    [{ 'retention.ms': 'abc' }, 'Invalid value abc for configuration retention.ms: Not a number of type LONG'],
    [{ 'retention.ms': '-2' }, 'Invalid value -2 for configuration retention.ms: Value must be at least -1'],
    [{ 'retention.ms': null }, 'Null value not supported for topic configs: retention.ms'],
    [{ 'cleanup.policy': 'delete,' }, "Configuration 'cleanup.policy' values must not be empty."],
    [{ 'segment.bytes': '1' }, 'Invalid value 1 for configuration segment.bytes: Value must be at least 1048576'],
    [
      { 'cleanup.policy': 'compact,foo' },
      'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
    ],
    [
      { 'min.compaction.lag.ms': '5', 'max.compaction.lag.ms': '3' },
      'conflict topic config setting min.compaction.lag.ms (5) > max.compaction.lag.ms (3)',
    ],
    [
      { 'remote.storage.enable': 'true' },
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    ],
  ])('refuses %j', (configs, message) => {
    expect(() => validate(configs)).toThrow(message)
  })

  it('compares with what the broker gives', () => {
    expect(() => validate({ 'min.compaction.lag.ms': '5' }, 'log.cleaner.max.compaction.lag.ms=3')).toThrow(
      'conflict topic config setting min.compaction.lag.ms (5) > max.compaction.lag.ms (3)',
    )
  })
})
