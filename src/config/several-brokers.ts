/**
 * config: what differs between the brokers of one process: `broker.<id>.<config>` holds for one of them, and listeners that are set for all
 * move on by their number from broker to broker.
 *
 *     listeners=PLAINTEXT://:9092,SSL://:9093      node.id 0: 9092 9093 · 1: 9094 9095 · 2: 9096 9097
 */

import { brokerConfigs } from './broker-configs.ts'
import { ConfigError } from './config-error.ts'
import { listenerNameOf, overrideListener } from './listeners.ts'
import { parseValue } from './values.ts'

/** More would only be more of the same. */
const maxBrokers = 100

/** All else is shared, or may be set for one broker while it runs. */
const ownConfigs: ReadonlySet<string> = new Set(['listeners', 'advertised.listeners', 'broker.rack'])

export interface OwnConfigName {
  readonly brokerId: number
  readonly name: string
}

/** `broker.1.listeners`; undefined for what is not of this form. @throws ConfigError for a config that brokers of one process share */
export function ownConfigName(text: string): OwnConfigName | undefined {
  const [, id, name = ''] = /^broker\.(\d+)\.(.+)$/.exec(text) ?? []
  if (id === undefined) return undefined
  if (!ownConfigs.has(name) && !name.startsWith('listener.name.')) {
    throw new ConfigError(
      `${text} can't be set for one broker of several: only ${[...ownConfigs].join(', ')} and listener.name.* can, ${name} holds for all.`,
    )
  }
  return { brokerId: Number(id), name }
}

/**
 * How many brokers there are when nobody says so: up to the last id that has configs of its own.
 * @throws ConfigError for ids below the first
 */
export function brokersNamed(ids: Iterable<number>, firstId: number): number {
  let count = 1
  for (const id of ids) {
    if (id < firstId) {
      throw new ConfigError(`broker.${id}.* names a broker that is not there: their ids start at node.id=${firstId}.`)
    }
    count = Math.max(count, id - firstId + 1)
  }
  return requireBrokerCount(count)
}

/** @throws ConfigError */
export function requireBrokerCount(count: number): number {
  if (Number.isSafeInteger(count) && count >= 1 && count <= maxBrokers) return count
  throw new ConfigError(`A process runs 1 to ${maxBrokers} brokers, not ${count}.`)
}

/** Internal topics as several brokers can hold them: Kafka's defaults, as far as there are brokers. */
export function defaultsOfSeveral(count: number): [name: string, value: string][] {
  if (count === 1) return []
  const replicationFactor = String(Math.min(3, count))
  const minIsr = count >= 3 ? '2' : '1'
  return [
    ['offsets.topic.replication.factor', replicationFactor],
    ['transaction.state.log.replication.factor', replicationFactor],
    ['transaction.state.log.min.isr', minIsr],
    ['share.coordinator.state.topic.replication.factor', replicationFactor],
    ['share.coordinator.state.topic.min.isr', minIsr],
  ]
}

export interface Placing {
  readonly defaults: ReadonlyMap<string, string>
  /** What is set for this broker alone. */
  readonly own: ReadonlyMap<string, string>
  /** Where the first listener that is not the controller's listens; --port says it for the first broker. */
  readonly flags: { readonly port?: number | undefined; readonly host?: string | undefined }
  /** How many brokers there are before it. */
  readonly index: number
}

/** Makes `values`, which all brokers share, say where one of them listens. @throws ConfigError for a port above 65535 */
export function placeListeners(values: Map<string, string>, { defaults, own, flags, index }: Placing): void {
  const items = (name: 'listeners' | 'advertised.listeners' | 'controller.listener.names') =>
    parseValue(name, brokerConfigs[name], (values.get(name) ?? defaults.get(name)) as string) as readonly string[]
  const controllers = items('controller.listener.names').map((name) => name.toUpperCase())
  const isOpened = (text: string): boolean => !controllers.includes(listenerNameOf(text))
  const stepOf = (listeners: readonly string[]): number => index * listeners.filter(isOpened).length
  const moved = (listeners: readonly string[]): string[] =>
    listeners.map((text) => (isOpened(text) ? movePort(text, stepOf(listeners)) : text))
  const { port, host } = flags
  if (port !== undefined || host !== undefined || index > 0) {
    const listeners = items('listeners')
    // Ports of its own stay, but for the one that --port says.
    const ownPort = port === undefined || port === 0 ? port : port + stepOf(listeners)
    const isOwn = own.has('listeners')
    const placed = overrideListener(listeners, controllers, { host, port: isOwn ? ownPort : port })
    values.set('listeners', (isOwn ? placed : moved(placed)).join(','))
  }
  if (index > 0 && values.has('advertised.listeners') && !own.has('advertised.listeners')) {
    values.set('advertised.listeners', moved(items('advertised.listeners')).join(','))
  }
}

function movePort(listener: string, step: number): string {
  const [, address, port] = /^(.*):(\d+)$/.exec(listener) ?? []
  if (port === undefined || Number(port) === 0) return listener
  const moved = Number(port) + step
  if (moved <= 65_535) return `${address}:${moved}`
  throw new ConfigError(`${listener} leaves no ports for more brokers: ${moved} is above 65535.`)
}

/** @throws ConfigError when two brokers would have the same address */
export function requireDistinctAddresses(
  brokers: readonly { readonly id: number; readonly listeners: readonly { host: string; port: number }[] }[],
): void {
  const ownerOf = new Map<string, number>()
  for (const { id, listeners } of brokers) {
    for (const { host, port } of listeners) {
      const address = `${host}:${port}`
      const owner = ownerOf.get(address)
      if (port !== 0 && owner !== undefined && owner !== id) {
        throw new ConfigError(`Brokers ${owner} and ${id} would both listen on ${address}: give each ports of its own.`)
      }
      ownerOf.set(address, id)
    }
  }
}
