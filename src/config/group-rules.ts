/** config: what may be set for a group: known names, and values within the bounds that the broker's configs give. Messages are Kafka's. */

import type { BrokerConfig, BrokerConfigName } from './broker-config.ts'
import { brokerConfigs } from './broker-configs.ts'
import type { ConfigDefinition } from './config-definition.ts'
import { ConfigError } from './config-error.ts'
import { groupConfigs } from './group-configs.ts'
import { parseValue } from './values.ts'

const kinds = ['consumer', 'share', 'streams'] as const

/** @param values all that the group will have @throws ConfigError */
export function validateGroupConfigs(broker: BrokerConfig, values: ReadonlyMap<string, string>): void {
  for (const name of values.keys())
    if (!Object.hasOwn(groupConfigs, name)) throw new ConfigError(`Unknown group config name: ${name}`)
  for (const [name, text] of values) parseValue(name, groupConfigs[name as keyof typeof groupConfigs], text)
  for (const name of Object.keys(groupConfigs)) checkBounds(broker, name, effectiveValue(broker, values, name))
  for (const kind of kinds) {
    const [timeout, interval] = [`${kind}.session.timeout.ms`, `${kind}.heartbeat.interval.ms`]
    if (Number(effectiveValue(broker, values, timeout)) <= Number(effectiveValue(broker, values, interval)))
      throw new ConfigError(`${timeout} must be greater than ${interval}`)
  }
}

/** `share.session.timeout.ms` lies between the broker's `group.share.min.` and `group.share.max.session.timeout.ms`, where there are such. */
function checkBounds(broker: BrokerConfig, name: string, value: unknown): void {
  const [kind, ...rest] = name.replace('.num.', '.').split('.')
  const smallest = `group.${kind}.min.${rest.join('.')}`
  const largest = `group.${kind}.max.${rest.join('.')}`
  if (Object.hasOwn(brokerConfigs, smallest) && (value as number) < Number(broker.get(smallest as BrokerConfigName)))
    throw new ConfigError(`${name} must be greater than or equal to ${smallest}`)
  if (Object.hasOwn(brokerConfigs, largest) && (value as number) > Number(broker.get(largest as BrokerConfigName)))
    throw new ConfigError(`${name} must be less than or equal to ${largest}`)
}

function effectiveValue(broker: BrokerConfig, values: ReadonlyMap<string, string>, name: string): unknown {
  const definition: ConfigDefinition = groupConfigs[name as keyof typeof groupConfigs]
  const text = values.get(name)
  if (text !== undefined) return parseValue(name, definition, text)
  const [synonym] = definition.brokerSynonyms
  return synonym === undefined ? definition.default : broker.get(synonym as BrokerConfigName)
}
