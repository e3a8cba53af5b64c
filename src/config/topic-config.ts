/** config: one topic's settings: what was set for the topic, over what the broker's settings give. */

import type { BrokerConfig, BrokerConfigName } from './broker-config.ts'
import { checkCompactionLag } from './broker-rules.ts'
import type { ConfigDefinition, ConfigValue } from './config-definition.ts'
import { ConfigError } from './config-error.ts'
import { topicConfigs } from './topic-configs.ts'
import { formatText, formatValue, parseValue } from './values.ts'

type TopicConfigs = typeof topicConfigs
export type TopicConfigName = keyof TopicConfigs

export class TopicConfig {
  readonly #broker: BrokerConfig
  readonly #overrides: ReadonlyMap<string, string>
  readonly #values = new Map<string, unknown>()

  /** @param overrides Values of the topic itself, valid ones: see `validateTopicConfigs`. Unknown names do nothing. */
  constructor(broker: BrokerConfig, overrides: ReadonlyMap<string, string>) {
    this.#broker = broker
    this.#overrides = overrides
  }

  get<N extends TopicConfigName>(name: N): ConfigValue<TopicConfigs[N]> {
    let value = this.#values.get(name)
    if (value === undefined) {
      const text = this.#overrides.get(name)
      value = text === undefined ? brokerDefault(this.#broker, name) : parseValue(name, topicConfigs[name], text)
      this.#values.set(name, value)
    }
    return value as ConfigValue<TopicConfigs[N]>
  }

  /** The value as DescribeConfigs shows it. @throws ConfigError when there is no such config, or its stored text is invalid */
  text(name: TopicConfigName): string | null {
    requireKnown(name)
    const text = this.#overrides.get(name)
    return text === undefined
      ? formatValue(topicConfigs[name].type, this.get(name))
      : formatText(name, topicConfigs[name], text)
  }
}

function requireKnown(name: string): void {
  if (!Object.hasOwn(topicConfigs, name)) throw new ConfigError(`Unknown topic config name: ${name}`)
}

/** The first of the broker's synonyms that has a value, in the topic config's unit. */
function brokerDefault(broker: BrokerConfig, name: TopicConfigName): unknown {
  const definition: ConfigDefinition = topicConfigs[name]
  for (const synonym of definition.brokerSynonyms as BrokerConfigName[]) {
    const value = broker.get(synonym)
    if (value === null) continue
    const unitMs = synonym.endsWith('.hours') ? 3_600_000 : synonym.endsWith('.minutes') ? 60_000 : undefined
    // Any negative retention is "without limit", which the topic config writes as -1.
    if (name === 'retention.ms' && (value as number) < 0) return -1
    return unitMs === undefined ? value : (value as number) * unitMs
  }
  return definition.default
}

/** What a client asks to set for a topic, checked as a whole. @throws ConfigError in Kafka's words; answers carry it as INVALID_CONFIG */
export function validateTopicConfigs(
  broker: BrokerConfig,
  configs: Iterable<{ readonly name: string; readonly value: string | null }>,
): Map<string, string> {
  const all = [...configs]
  const nulls = all.filter(({ value }) => value === null)
  if (nulls.length > 0)
    throw new ConfigError(`Null value not supported for topic configs: ${nulls.map(({ name }) => name).join(',')}`)
  for (const { name } of all) requireKnown(name)
  const overrides = new Map<string, string>()
  for (const { name, value } of all) {
    parseValue(name, topicConfigs[name as TopicConfigName], value as string)
    overrides.set(name, value as string)
  }
  const topic = new TopicConfig(broker, overrides)
  checkCompactionLag(topic.get('min.compaction.lag.ms'), topic.get('max.compaction.lag.ms'))
  if (topic.get('remote.storage.enable'))
    throw new ConfigError(
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    )
  return overrides
}
