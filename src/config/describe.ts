/** config: every setting of a topic, broker, group or metrics subscription with its source, as DescribeConfigs answers. */

import { type BrokerConfig, definitionOf, listenerConfigBase } from './broker-config.ts'
import { brokerConfigs } from './broker-configs.ts'
import { clientMetricsConfigs } from './client-metrics-configs.ts'
import type { ConfigDefinition, ConfigTable, ConfigType } from './config-definition.ts'
import { groupConfigs } from './group-configs.ts'
import { replicationQuotaConfigs } from './replication-quota-configs.ts'
import { TopicConfig, type TopicConfigName } from './topic-config.ts'
import { topicConfigs } from './topic-configs.ts'
import { formatText, formatValue } from './values.ts'

/** Kafka's codes of where a value comes from (KIP-226 and later). */
const configSources = {
  DYNAMIC_TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
  DYNAMIC_CLIENT_METRICS_CONFIG: 7,
  DYNAMIC_GROUP_CONFIG: 8,
} as const

type ConfigSource = keyof typeof configSources

/** Kafka's codes of value types (KIP-569). */
const configTypes: Readonly<Record<ConfigType | 'UNKNOWN', number>> = {
  UNKNOWN: 0,
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
}

export interface DescribedConfig {
  readonly name: string
  /** null also for what must not be shown. */
  readonly value: string | null
  readonly readOnly: boolean
  readonly isDefault: boolean
  /** One of `configSources`. */
  readonly source: number
  readonly sensitive: boolean
  /** Every value that is set for it or stands behind it, the one in force first. */
  readonly synonyms: readonly ConfigSynonym[]
  /** One of `configTypes`. */
  readonly type: number
  readonly documentation: string | null
}

interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: number
}

interface Described {
  name: string
  /** undefined: unknown, so its value may be a secret. */
  definition: ConfigDefinition | undefined
  value: string | null
  synonyms: readonly ConfigSynonym[]
  readOnly?: boolean
}

function described({ name, definition, value, synonyms, readOnly = false }: Described): DescribedConfig {
  const sensitive = definition === undefined || definition.type === 'PASSWORD'
  const source = synonyms[0]?.source ?? configSources.DEFAULT_CONFIG
  return {
    name,
    value: sensitive ? null : value,
    readOnly,
    isDefault: source === configSources.DEFAULT_CONFIG,
    source,
    sensitive,
    synonyms: sensitive ? synonyms.map((synonym) => ({ ...synonym, value: null })) : synonyms,
    type: configTypes[definition?.type ?? 'UNKNOWN'],
    documentation: definition?.documentation ?? null,
  }
}

const byName = (left: DescribedConfig, right: DescribedConfig): number => (left.name < right.name ? -1 : 1)

const synonym = (name: string, value: string | null, source: ConfigSource): ConfigSynonym => ({
  name,
  value,
  source: configSources[source],
})

/** @param overrides What is set for the topic itself. */
export function describeTopicConfigs(broker: BrokerConfig, overrides: ReadonlyMap<string, string>): DescribedConfig[] {
  const topic = new TopicConfig(broker, overrides)
  const shown: DescribedConfig[] = []
  for (const [name, definition] of rows(topicConfigs, overrides)) {
    const value = topic.text(name as TopicConfigName)
    const own = overrides.has(name) ? [synonym(name, value, 'DYNAMIC_TOPIC_CONFIG')] : []
    const main = definition.brokerSynonyms[0]
    shown.push(
      described({ name, definition, value, synonyms: [...own, ...(main ? brokerSynonyms(broker, main) : [])] }),
    )
  }
  return shown
}

/** Everything that a broker is set to, and what is set for it under unknown names. */
export function describeBrokerConfigs(broker: BrokerConfig): DescribedConfig[] {
  const set = new Map(
    broker.layers.filter(({ source }) => source !== 'DEFAULT_CONFIG').flatMap((layer) => [...layer.values]),
  )
  const names = new Set([...rows(brokerConfigs, set).map(([name]) => name), ...set.keys()])
  return [...names]
    .map((name) => describeBrokerConfig(name, broker.text(name), brokerSynonyms(broker, name)))
    .sort(byName)
}

/** What is set for all brokers of the cluster at once: the broker resource with an empty name. */
export function describeClusterWideConfigs(broker: BrokerConfig): DescribedConfig[] {
  const layer = broker.layers.find(({ source }) => source === 'DYNAMIC_DEFAULT_BROKER_CONFIG')
  return [...(layer?.values ?? [])]
    .map(([name, text]) => describeBrokerConfig(name, text, [synonym(name, text, 'DYNAMIC_DEFAULT_BROKER_CONFIG')]))
    .sort(byName)
}

/** @param overrides What is set for the group itself; the group need not exist. */
export function describeGroupConfigs(broker: BrokerConfig, overrides: ReadonlyMap<string, string>): DescribedConfig[] {
  return rows(groupConfigs, overrides).map(([name, definition]) => {
    const main = definition.brokerSynonyms[0]
    const behind = main
      ? brokerSynonyms(broker, main)
      : [synonym(name, formatValue(definition.type, definition.default), 'DEFAULT_CONFIG')]
    const own = overrides.get(name)
    return described({
      name,
      definition,
      value: own === undefined ? (behind[0]?.value ?? null) : formatText(name, definition, own),
      synonyms: own === undefined ? behind : [synonym(name, own, 'DYNAMIC_GROUP_CONFIG'), ...behind],
    })
  })
}

/** @param overrides What the subscription sets; it need not exist. */
export function describeClientMetricsConfigs(overrides: ReadonlyMap<string, string>): DescribedConfig[] {
  return rows(clientMetricsConfigs, overrides).map(([name, definition]) => {
    const own = overrides.get(name)
    return described({
      name,
      definition,
      value: own === undefined ? formatValue(definition.type, definition.default) : formatText(name, definition, own),
      synonyms: own === undefined ? [] : [synonym(name, own, 'DYNAMIC_CLIENT_METRICS_CONFIG')],
    })
  })
}

/** The rows of a table that are shown: internal ones only when somebody set them. */
function rows(table: ConfigTable, set: ReadonlyMap<string, string>): [string, ConfigDefinition][] {
  return Object.entries(table).filter(([name, { internal }]) => !internal || set.has(name))
}

function describeBrokerConfig(
  name: string,
  text: string | undefined,
  synonyms: readonly ConfigSynonym[],
): DescribedConfig {
  // Like Kafka, which has no list of what an authorizer reads, names outside its own tables are of unknown type.
  const base = listenerConfigBase(name) ?? name
  const isOwn = Object.hasOwn(brokerConfigs, name)
  const definition =
    Object.hasOwn(brokerConfigs, base) || base in replicationQuotaConfigs ? definitionOf(name) : undefined
  const value = text === undefined || definition === undefined ? null : formatText(name, definition, text)
  const isDynamic = definition !== undefined && definition.updateMode !== 'read-only' && base === name
  return {
    ...described({ name, definition, value, synonyms, readOnly: !isDynamic }),
    documentation: isOwn ? (definition?.documentation ?? null) : null,
  }
}

/** Configs of one meaning in several units, the one that is described by its own name first: `log.roll.ms`, `log.roll.hours`. */
const unitSynonyms: readonly (readonly string[])[] = Object.values(topicConfigs as ConfigTable)
  .map((definition) => definition.brokerSynonyms)
  .filter((names) => names.length > 1)

/**
 * Every value of a broker config, layer by layer. Like Kafka's, the list starts where the config itself first has a value:
 * stronger values of its synonyms are left out, and all of them when it has none.
 */
function brokerSynonyms(broker: BrokerConfig, name: string): ConfigSynonym[] {
  const base = listenerConfigBase(name)
  const names = base ? [name, base] : (unitSynonyms.find((units) => units.includes(name)) ?? [name])
  const found: ConfigSynonym[] = []
  for (const { source, values } of broker.layers)
    for (const each of names) {
      const text = values.get(each)
      if (text !== undefined) found.push(synonym(each, text, source))
    }
  const first = found.findIndex((each) => each.name === name)
  return first < 0 ? [] : found.slice(first)
}
