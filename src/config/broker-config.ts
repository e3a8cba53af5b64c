/**
 * config: one broker's settings, from all their sources.
 *
 *     defaults < server.properties < KAFKA_* variables < --set and flags     static: fixed when the broker starts
 *              < cluster-wide < this broker's                                dynamic: from the metadata log
 */

import { authorizerConfigs } from './authorizer-configs.ts'
import { brokerConfigs } from './broker-configs.ts'
import { checkRules } from './broker-rules.ts'
import type { ConfigDefinition, ConfigValue } from './config-definition.ts'
import { ConfigError } from './config-error.ts'
import { providerPrefix, variableResolver } from './config-providers.ts'
import { type EnvironmentProperty, environmentToProperties, listenersOfAdvertised } from './environment.ts'
import { type Listener, resolveListeners } from './listeners.ts'
import { nearestName } from './nearest-name.ts'
import { odradekConfigs } from './odradek-configs.ts'
import { parseProperties } from './properties.ts'
import { replicationQuotaConfigs } from './replication-quota-configs.ts'
import {
  brokersNamed,
  defaultsOfSeveral,
  ownConfigName,
  placeListeners,
  requireBrokerCount,
  requireDistinctAddresses,
} from './several-brokers.ts'
import { formatValue, parseValue } from './values.ts'

const knownConfigs = { ...brokerConfigs, ...authorizerConfigs, ...replicationQuotaConfigs, ...odradekConfigs } as const
export type KnownConfigs = typeof knownConfigs
export type BrokerConfigName = keyof KnownConfigs

/** Single configs by Kafka's names. */
export type BrokerSettings = Readonly<Record<string, string | number | boolean>>

export interface BrokerConfigSources {
  /** The text of server.properties; leave it out where there is no file. */
  file?: string | undefined
  /** The process's environment variables; of them only `KAFKA_*` and `CLUSTER_ID` are read, and those that a config names. */
  environment?: Readonly<Record<string, string | undefined>> | undefined
  /** From `--set` or the library: an unknown name is an error here. */
  settings?: BrokerSettings | undefined
  /** The text of a file that a config names; there is none unless told. */
  readFile?: ((path: string) => string) | undefined
  /** Where the first listener that is not the controller's listens, whatever the other sources say. */
  port?: number | undefined
  host?: string | undefined
  /** The log directory, whatever the other sources say. */
  dataDirectory?: string | undefined
  /** Name of this machine: advertised for a listener on all addresses. */
  hostName?: string | undefined
}

/** Where a setting comes from, as DescribeConfigs counts sources, the strongest first. */
export interface ConfigLayer {
  readonly source: 'DYNAMIC_BROKER_CONFIG' | 'DYNAMIC_DEFAULT_BROKER_CONFIG' | 'STATIC_BROKER_CONFIG' | 'DEFAULT_CONFIG'
  /** Text as it was written. */
  readonly values: ReadonlyMap<string, string>
}

/** For somebody who tries things out without a file: the first group is there at once. Kafka's own file does the same. */
const defaultsWithoutFile = { 'group.initial.rebalance.delay.ms': '0' }

export class BrokerConfig {
  /** One line each, about what was set and is not understood or may surprise. */
  readonly warnings: readonly string[]
  /** The listeners to open; the controller's are not among them. */
  readonly listeners: readonly Listener[]
  /** The strongest first. */
  readonly layers: readonly ConfigLayer[]
  readonly #values = new Map<string, unknown>()

  private constructor(layers: readonly ConfigLayer[], listeners: readonly Listener[], warnings: readonly string[]) {
    this.layers = layers
    this.listeners = listeners
    this.warnings = warnings
  }

  /** @throws ConfigError for an invalid value in any source, settings that contradict each other, or an unknown name in `settings` */
  static load(sources: BrokerConfigSources = {}): BrokerConfig {
    return BrokerConfig.loadAll(sources, 1)[0]!
  }

  /**
   * Those of all brokers of one process, by id from node.id on; `count` undefined: as many as have configs of their own.
   * @throws ConfigError as `load`, and as several-brokers.ts says
   */
  static loadAll(sources: BrokerConfigSources, count?: number): BrokerConfig[] {
    const warnings: string[] = []
    const { values, own } = readSources(sources, warnings)
    const firstId = parseValue('node.id', brokerConfigs['node.id'], values.get('node.id') ?? defaultNodeId) as number
    const brokers = count === undefined ? brokersNamed(own.keys(), firstId) : requireBrokerCount(count)
    for (const id of own.keys()) {
      if (id < firstId || id >= firstId + brokers)
        warnings.push(`broker.${id}.* is ignored: no such broker is started.`)
    }
    const defaults = defaultTexts()
    for (const [name, text] of defaultsOfSeveral(brokers)) defaults.set(name, text)
    if (sources.file === undefined)
      for (const [name, text] of Object.entries(defaultsWithoutFile)) defaults.set(name, text)
    const configs = Array.from({ length: brokers }, (_, index) => {
      const ofOne = own.get(firstId + index) ?? new Map<string, string>()
      const ofBroker = new Map([...values, ...ofOne])
      if (index > 0) for (const name of ['node.id', 'broker.id']) ofBroker.set(name, String(firstId + index))
      placeListeners(ofBroker, { defaults, own: ofOne, flags: sources, index })
      const layers: ConfigLayer[] = [
        { source: 'STATIC_BROKER_CONFIG', values: ofBroker },
        { source: 'DEFAULT_CONFIG', values: defaults },
      ]
      const settings = new BrokerConfig(layers, [], [])
      if (index === 0) checkRules(settings)
      const ownWarnings = index === 0 ? warnings : []
      const listeners = settings.#resolveListeners(sources.hostName ?? 'localhost', ownWarnings)
      return new BrokerConfig(layers, listeners, ownWarnings)
    })
    requireDistinctAddresses(configs.map(({ listeners }, index) => ({ id: firstId + index, listeners })))
    return configs
  }

  get<N extends BrokerConfigName>(name: N): ConfigValue<KnownConfigs[N]> {
    let value = this.#values.get(name)
    if (value === undefined) {
      const text = this.text(name)
      value = text === undefined ? null : parseValue(name, knownConfigs[name], text)
      this.#values.set(name, value)
    }
    return value as ConfigValue<KnownConfigs[N]>
  }

  /** The value for one listener: that of `listener.name.<listener>.<name>` where it is set. */
  getForListener<N extends BrokerConfigName>(listenerName: string, name: N): ConfigValue<KnownConfigs[N]> {
    const prefixed = `listener.name.${listenerName.toLowerCase()}.${name}`
    const text = this.text(prefixed)
    if (text === undefined) return this.get(name)
    return parseValue(prefixed, knownConfigs[name], text) as ConfigValue<KnownConfigs[N]>
  }

  /** The value for one SASL mechanism of a listener: `listener.name.<listener>.<mechanism>.<name>`, else the listener's. */
  getForMechanism<N extends BrokerConfigName>(
    listenerName: string,
    mechanism: string,
    name: N,
  ): ConfigValue<KnownConfigs[N]> {
    const prefixed = `listener.name.${listenerName.toLowerCase()}.${mechanism.toLowerCase()}.${name}`
    const text = this.text(prefixed)
    if (text === undefined) return this.getForListener(listenerName, name)
    return parseValue(prefixed, knownConfigs[name], text) as ConfigValue<KnownConfigs[N]>
  }

  /** Whether anybody set `name`: it is not at its default. */
  isSet(name: BrokerConfigName): boolean {
    return this.layers.some(({ source, values }) => source !== 'DEFAULT_CONFIG' && values.has(name))
  }

  get logDirectories(): readonly string[] {
    return this.get('log.dirs') ?? this.get('log.dir')
  }

  /** This config under dynamic ones, which replace all earlier dynamic ones. Values that can't be read are left out with a warning. */
  withDynamic(clusterWide: ReadonlyMap<string, string>, perBroker: ReadonlyMap<string, string>): BrokerConfig {
    const warnings: string[] = []
    const readable = (values: ReadonlyMap<string, string>) => {
      const kept = new Map<string, string>()
      for (const [name, text] of values) {
        const definition = definitionOf(name)
        try {
          if (definition) parseValue(name, definition, text)
          kept.set(name, text)
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error
          warnings.push(`A stored dynamic config is ignored: ${error.message}`)
        }
      }
      return kept
    }
    const layers: ConfigLayer[] = [
      { source: 'DYNAMIC_BROKER_CONFIG', values: readable(perBroker) },
      { source: 'DYNAMIC_DEFAULT_BROKER_CONFIG', values: readable(clusterWide) },
      ...this.layers.filter(({ source }) => source === 'STATIC_BROKER_CONFIG' || source === 'DEFAULT_CONFIG'),
    ]
    return new BrokerConfig(layers, this.listeners, warnings)
  }

  /** What is set for `name` in the strongest source, as it was written; undefined when it has not even a default. */
  text(name: string): string | undefined {
    for (const { values } of this.layers) {
      const text = values.get(name)
      if (text !== undefined) return text
    }
    return undefined
  }

  #resolveListeners(hostName: string, warnings: string[]): Listener[] {
    return resolveListeners(
      {
        listeners: this.get('listeners'),
        advertisedListeners: this.get('advertised.listeners'),
        securityProtocolMap: this.get('listener.security.protocol.map'),
        securityProtocolMapIsSet: this.isSet('listener.security.protocol.map'),
        interBrokerListenerName: this.get('inter.broker.listener.name'),
        securityInterBrokerProtocol: this.get('security.inter.broker.protocol'),
        securityInterBrokerProtocolIsSet: this.isSet('security.inter.broker.protocol'),
        controllerListenerNames: this.get('controller.listener.names'),
        hostName,
      },
      warnings,
    )
  }
}

/** SASL configs of one mechanism carry its name too: `listener.name.<listener>.<mechanism>.<name>`. */
const mechanismConfigs: readonly BrokerConfigName[] = [
  'sasl.jaas.config',
  'sasl.login.callback.handler.class',
  'sasl.login.class',
  'sasl.server.callback.handler.class',
  'connections.max.reauth.ms',
]

/** The config that `name` sets for one listener; undefined when it is not of the form `listener.name.<listener>.<config>`. */
export function listenerConfigBase(name: string): string | undefined {
  const base = /^listener\.name\.[^.]*\.(.*)$/.exec(name)?.[1]
  return mechanismConfigs.find((mechanismConfig) => base?.endsWith(`.${mechanismConfig}`)) ?? base
}

/** The row of a broker config, also of one with a listener's prefix; undefined: unknown. */
export function definitionOf(name: string): ConfigDefinition | undefined {
  const base = listenerConfigBase(name) ?? name
  return Object.hasOwn(knownConfigs, base) ? knownConfigs[base as BrokerConfigName] : undefined
}

function unknown(name: string, problem: string): string {
  const prefix = /^listener\.name\.[^.]*\./.exec(name)?.[0] ?? ''
  return `${problem}: the nearest known one is ${prefix}${nearestName(name.slice(prefix.length), Object.keys(knownConfigs))}`
}

function defaultTexts(): Map<string, string> {
  const texts = new Map<string, string>()
  const table: Record<string, ConfigDefinition> = { ...brokerConfigs, ...odradekConfigs }
  for (const [name, { type, default: value }] of Object.entries(table)) {
    const text = formatValue(type, value)
    if (text !== null) texts.set(name, text)
  }
  return texts
}

const defaultNodeId = String(brokerConfigs['node.id'].default)

interface ReadSources {
  /** What is set for all brokers of the process, by name, as it was written. */
  readonly values: Map<string, string>
  /** What is set for one of them, by its id. */
  readonly own: Map<number, Map<string, string>>
}

function* valuesOf(variables: ReadonlyMap<string, EnvironmentProperty>): Generator<[string, string]> {
  for (const [name, { value }] of variables) yield [name, value]
}

/** @throws ConfigError for a provider that is not known */
function resolverFor(
  { environment = {}, readFile }: BrokerConfigSources,
  written: ReadonlyMap<string, string>,
): (value: string) => string {
  const noFile = (path: string): string => {
    throw new Error(`${path} can't be read here`)
  }
  return variableResolver((name) => written.get(name), { environment, readFile: readFile ?? noFile })
}

/** @throws ConfigError; what is unknown in a file or variable is one of `warnings` */
function readSources(sources: BrokerConfigSources, warnings: string[]): ReadSources {
  const values = new Map<string, string>()
  const own: ReadSources['own'] = new Map()
  const file = parseProperties(sources.file ?? '')
  const variables = environmentToProperties(sources.environment ?? {})
  const settings = Object.entries(sources.settings ?? {}).map(([name, value]) => [name, String(value)] as const)
  const resolved = resolverFor(sources, new Map([...file, ...valuesOf(variables), ...settings]))
  /** Every value is checked, also one that a stronger source replaces. */
  const take = (text: string, written: string, onUnknown: () => void): void => {
    const ofOne = ownConfigName(text)
    const name = ofOne?.name ?? text
    const value = resolved(written)
    const definition = definitionOf(name)
    if (definition) parseValue(name, definition, value)
    else if (!name.startsWith(providerPrefix)) onUnknown()
    if (ofOne === undefined) values.set(name, value)
    else own.set(ofOne.brokerId, (own.get(ofOne.brokerId) ?? new Map<string, string>()).set(name, value))
  }
  for (const [name, value] of file)
    take(name, value, () => warnings.push(unknown(name, `Unknown configuration ${name}`)))
  for (const [name, { variable, value }] of variables)
    take(name, value, () => warnings.push(unknown(name, `Unknown configuration ${name} (from ${variable})`)))
  for (const [name, value] of settings)
    take(name, value, () => {
      throw new ConfigError(unknown(name, `Unknown configuration ${name}`))
    })
  const advertised = variables.get('advertised.listeners')
  if (advertised !== undefined && !values.has('listeners')) {
    values.set('listeners', listenersOfAdvertised(values.get('advertised.listeners') ?? advertised.value))
  }
  // Both names of the node id always agree, whichever of them was set.
  const nodeId = values.get('node.id') ?? values.get('broker.id')
  if (nodeId !== undefined) for (const name of ['node.id', 'broker.id']) values.set(name, values.get(name) ?? nodeId)
  if (sources.dataDirectory !== undefined) values.set('log.dirs', sources.dataDirectory)
  return { values, own }
}
