import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import {
  type DescribedConfig,
  describeBrokerConfigs,
  describeClientMetricsConfigs,
  describeClusterWideConfigs,
  describeGroupConfigs,
  describeTopicConfigs,
} from '../../src/config/describe.ts'

interface Entry {
  name: string
  value: string | null
  readOnly: boolean
  source: number
  sensitive: boolean
  type: number
  documented: boolean
  synonyms: [string, string | null, number][]
}

const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/config/describe-configs-4.3.1.json', import.meta.url), 'utf8'),
) as {
  file: string
  clusterWide: Record<string, string>
  perBroker: Record<string, string>
  topics: Record<string, Record<string, string>>
  groups: Record<string, Record<string, string>>
  clientMetrics: Record<string, Record<string, string>>
  resources: { type: string; name: string; entries: Entry[] }[]
}

const map = (values: Record<string, string> = {}): Map<string, string> => new Map(Object.entries(values))

const broker = BrokerConfig.load({ file: recorded.file }).withDynamic(
  map(recorded.clusterWide),
  map(recorded.perBroker),
)

function ours(type: string, name: string): DescribedConfig[] {
  if (type === 'TOPIC') return describeTopicConfigs(broker, map(recorded.topics[name]))
  if (type === 'GROUP') return describeGroupConfigs(broker, map(recorded.groups[name]))
  if (type === 'CLIENT_METRICS') return describeClientMetricsConfigs(map(recorded.clientMetrics[name]))
  return name === '' ? describeClusterWideConfigs(broker) : describeBrokerConfigs(broker)
}

/** Kafka's answers that ours differ from, with the reason. */
const differences: Record<string, (entry: Entry) => void> = {
  // Odradek's own defaults (README: replication factor and min.isr 1, and where it listens and stores by default).
  'broker.id': (entry) => defaultIs(entry, '1'),
  'controller.listener.names': (entry) => defaultIs(entry, 'CONTROLLER'),
  listeners: (entry) => defaultIs(entry, 'PLAINTEXT://localhost:9092'),
  'node.id': (entry) => defaultIs(entry, '1'),
  'process.roles': (entry) => defaultIs(entry, 'broker,controller'),
  'offsets.topic.replication.factor': (entry) => defaultIs(entry, '1'),
  'transaction.state.log.replication.factor': (entry) => defaultIs(entry, '1'),
  'transaction.state.log.min.isr': (entry) => defaultIs(entry, '1'),
  'share.coordinator.state.topic.replication.factor': (entry) => defaultIs(entry, '1'),
  'share.coordinator.state.topic.min.isr': (entry) => defaultIs(entry, '1'),
  'log.dir': (entry) => {
    entry.value = './odradek-data'
    defaultIs(entry, './odradek-data')
  },
  // Kafka forgets the hours as soon as log.retention.ms is set dynamically and shows their default; its synonyms still say 100.
  'log.retention.hours': (entry) => {
    entry.value = '100'
  },
}

function defaultIs(entry: Entry, text: string): void {
  entry.synonyms = [...entry.synonyms.filter(([, , source]) => source !== 5), [entry.name, text, 5]]
}

describe('DescribeConfigs', () => {
  it.each(recorded.resources)('says of $type "$name" what Kafka 4.3.1 says', ({ type, name, entries }) => {
    const expected = entries.map((recordedEntry) => {
      const entry = structuredClone(recordedEntry)
      if (type === 'BROKER' && name !== '') differences[entry.name]?.(entry)
      return { ...entry, isDefault: entry.source === 5 }
    })
    const described = ours(type, name).map(({ documentation, ...entry }) => ({
      ...entry,
      documented: documentation !== null,
      synonyms: entry.synonyms.map((each) => [each.name, each.value, each.source]),
    }))
    expect(described).toEqual(expected)
  })

  it('shows internal configs only when they are set', () => {
    const names = (file: string) => describeBrokerConfigs(BrokerConfig.load({ file })).map(({ name }) => name)
    expect(names('')).not.toContain('log.initial.task.delay.ms')
    expect(names('log.initial.task.delay.ms=5')).toContain('log.initial.task.delay.ms')
  })

  it('keeps the digits of a long that no number holds', () => {
    const [entry] = describeTopicConfigs(broker, map({ 'flush.messages': '9223372036854775806' })).filter(
      ({ name }) => name === 'flush.messages',
    )
    expect(entry?.value).toBe('9223372036854775806')
  })

  it('does not show the default of group.initial.rebalance.delay.ms as set', () => {
    const [entry] = describeBrokerConfigs(BrokerConfig.load()).filter(
      ({ name }) => name === 'group.initial.rebalance.delay.ms',
    )
    expect(entry).toMatchObject({ value: '0', isDefault: true, source: 5 })
  })
})
