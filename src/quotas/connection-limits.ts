/** quotas: how many connections a broker takes, and how fast, as its configs say. */
import { isIP } from 'node:net'
import type { BrokerConfig } from '../config/index.ts'
import { canonicalAddress, type HostNames } from '../runtime/host-names.ts'
import type { Logger } from '../runtime/logger.ts'

interface ListenerLimits {
  readonly maxConnections: number
  /** Connections a second. */
  readonly maxCreationRate: number
}

export interface ConnectionLimits extends ListenerLimits {
  readonly maxPerAddress: number
  /** By address. */
  readonly maxOf: ReadonlyMap<string, number>
  readonly byListener: ReadonlyMap<string, ListenerLimits>
}

/** Names of hosts in max.connections.per.ip.overrides become addresses. */
export async function connectionLimitsOf(
  config: BrokerConfig,
  listeners: readonly string[],
  { hostNames, logger }: { hostNames: HostNames; logger: Logger },
): Promise<ConnectionLimits> {
  const maxOf = new Map<string, number>()
  for (const entry of config.get('max.connections.per.ip.overrides').split(',')) {
    const colon = entry.lastIndexOf(':')
    if (colon < 0) continue
    const host = entry
      .slice(0, colon)
      .trim()
      .replace(/^\[|\]$/g, '')
    const address = isIP(host) === 0 ? await hostNames.addressOf(host) : host
    if (address === undefined)
      logger.warn({ host }, 'a host of max.connections.per.ip.overrides has no address: ignored')
    else maxOf.set(canonicalAddress(address), Number(entry.slice(colon + 1)))
  }
  return {
    maxConnections: config.get('max.connections'),
    maxCreationRate: config.get('max.connection.creation.rate'),
    maxPerAddress: config.get('max.connections.per.ip'),
    maxOf,
    byListener: new Map(
      listeners.map((name) => [
        name,
        {
          maxConnections: config.getForListener(name, 'max.connections'),
          maxCreationRate: config.getForListener(name, 'max.connection.creation.rate'),
        },
      ]),
    ),
  }
}
