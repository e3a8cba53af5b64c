/** cluster: what a topic's configs mean for its partitions: overrides of the topic over the defaults that the broker's config gives. */
import { KafkaError } from '../../protocol/errors.ts'
import type { BrokerConfig } from '../config/index.ts'
import { defaultLogConfig, type LogConfig } from '../log/log-config.ts'

export interface TopicConfig {
  readonly log: LogConfig
  readonly minInsyncReplicas: number
}

/** @throws KafkaError INVALID_CONFIG */
export function requireValidTopicConfigs(
  _config: BrokerConfig,
  configs: readonly { readonly name: string; readonly value: string | null }[],
): Map<string, string> {
  const valid = new Map<string, string>()
  for (const { name, value } of configs) {
    if (value === null) throw new KafkaError('INVALID_CONFIG', `Null value not supported for topic configs: ${name}`)
    valid.set(name, value)
  }
  return valid
}

export function topicConfigOf(_config: BrokerConfig, _overrides: ReadonlyMap<string, string>): TopicConfig {
  return { log: defaultLogConfig, minInsyncReplicas: 1 }
}
