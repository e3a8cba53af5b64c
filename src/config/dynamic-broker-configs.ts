/** config: which configs of a broker may change while it runs, and to what. Messages are Kafka's. */

import { type BrokerConfig, definitionOf, listenerConfigBase } from './broker-config.ts'
import { brokerConfigs } from './broker-configs.ts'
import { checkRulesOfChange } from './broker-rules.ts'
import { ConfigError, ConfigRequestError } from './config-error.ts'
import { parseValue } from './values.ts'

type UpdateMode = 'read-only' | 'per-broker' | 'cluster-wide'

/** Kafka changes them for single listeners only. */
const listenerConfigs: ReadonlySet<string> = new Set([
  'ssl.key.password',
  'ssl.keystore.certificate.chain',
  'ssl.keystore.key',
  'ssl.keystore.location',
  'ssl.keystore.password',
  'ssl.keystore.type',
  'ssl.truststore.certificates',
  'ssl.truststore.location',
  'ssl.truststore.password',
  'ssl.truststore.type',
])

/** A listener's, yet they may be set for all brokers. */
const clusterWideListenerConfigs: ReadonlySet<string> = new Set([
  'max.connections',
  'max.connection.creation.rate',
  'num.network.threads',
])

const connectionLimits = ['max.connections', 'max.connection.creation.rate'] as const

/** Kafka opens and closes listeners while it runs. Here they are opened at the start, so another value is refused like a read-only one. */
const fixedWhileRunning: ReadonlySet<string> = new Set(['listeners', 'listener.security.protocol.map'])

/** A pool grows or shrinks by half or double at a time, which a client may count on that was written for Kafka. */
const threadCounts = [
  'background.threads',
  'num.io.threads',
  'num.network.threads',
  'num.recovery.threads.per.data.dir',
  'num.replica.fetchers',
] as const

interface DynamicBrokerConfigs {
  readonly clusterWide: ReadonlyMap<string, string>
  readonly perBroker: ReadonlyMap<string, string>
  /** All that holds before the change. */
  readonly current: BrokerConfig
}

/**
 * What a client asks to set for one broker or for all, as it will be together with what is set already. Names outside Kafka's tables may be
 * set: they are an extension's.
 * @param changed names of `scope` that get another value
 * @throws ConfigRequestError
 */
export function validateDynamicBrokerConfigs(
  config: BrokerConfig,
  dynamic: DynamicBrokerConfigs,
  scope: 'clusterWide' | 'perBroker',
  changed: readonly string[],
): void {
  const values = dynamic[scope]
  const names = changed.filter((name) => values.has(name))
  refuse(
    names.filter(
      (name) => updateMode(name) === 'read-only' || (scope === 'perBroker' && isFixed(config, name, values)),
    ),
    'Cannot update these configs dynamically',
  )
  refuse(
    names.filter((name) => listenerConfigs.has(name)),
    'These security configs can be dynamically updated only per-listener using the listener prefix',
  )
  try {
    for (const name of names) {
      const definition = definitionOf(name)
      // Kafka says what is wrong in the words of the config without the listener.
      if (definition !== undefined) parseValue(listenerConfigBase(name) ?? name, definition, values.get(name) as string)
    }
    if (scope === 'clusterWide') {
      refuse(
        names.filter(isPerBroker),
        'Cannot update these configs at default cluster level, broker id must be specified',
      )
    }
    const wanted = config.withDynamic(dynamic.clusterWide, dynamic.perBroker)
    checkRulesOfChange(wanted)
    for (const name of names) checkConnectionLimit(wanted, name)
    for (const name of threadCounts) checkThreadCount(name, dynamic.current.get(name), wanted.get(name))
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigRequestError(error.message) : error
  }
}

/** A listener that takes no connection at all, or none in a second, is refused while it runs; the broker may take none (max.connections). */
function checkConnectionLimit(wanted: BrokerConfig, name: string): void {
  const limit = connectionLimits.find((each) => name === each || listenerConfigBase(name) === each)
  if (limit === undefined || name === 'max.connections') return
  const isAbout = (listener: string): boolean =>
    name === limit || name === `listener.name.${listener.toLowerCase()}.${limit}`
  const shut = wanted.listeners.find((each) => isAbout(each.name) && wanted.getForListener(each.name, limit) === 0)
  if (shut !== undefined) throw invalidChange(`Invalid ${limit} 0`)
}

function invalidChange(problem: string): ConfigError {
  const exception = `org.apache.kafka.common.config.ConfigException: ${problem}`
  return new ConfigError(`Invalid value ${exception} for configuration Invalid dynamic configuration`)
}

function checkThreadCount(name: string, current: number, wanted: number): void {
  const refuseBound = (bound: string): ConfigError => {
    const problem = `Dynamic thread count update validation failed for ${name}=${wanted}, value should ${bound}`
    return invalidChange(`${problem} the current value ${current}`)
  }
  if (wanted < Math.floor(current / 2)) throw refuseBound('be at least half')
  if (wanted > current * 2) throw refuseBound('not be greater than double')
}

function refuse(names: readonly string[], problem: string): void {
  if (names.length > 0) throw new ConfigRequestError(`${problem}: [${names.join(', ')}]`)
}

function updateMode(name: string): UpdateMode | undefined {
  return Object.hasOwn(brokerConfigs, name) ? brokerConfigs[name as keyof typeof brokerConfigs].updateMode : undefined
}

function isFixed(config: BrokerConfig, name: string, values: ReadonlyMap<string, string>): boolean {
  return fixedWhileRunning.has(name) && values.get(name) !== config.text(name)
}

function isPerBroker(name: string): boolean {
  const base = listenerConfigBase(name)
  return base === undefined ? updateMode(name) === 'per-broker' : !clusterWideListenerConfigs.has(base)
}
