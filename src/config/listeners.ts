/** config: where the broker listens and what it tells clients to connect to, from the listener family of configs. */

import { isIP, isIPv4 } from 'node:net'
import { ConfigError } from './config-error.ts'

export interface Listener {
  /** Upper case, as Kafka normalises it: `PLAINTEXT`, `EXTERNAL`. */
  readonly name: string
  readonly protocol: SecurityProtocol
  /** As configured; '' is every address of the machine. */
  readonly host: string
  /** What to bind: for `localhost` both loopback addresses, for '' all of IPv6 and IPv4. On a machine without IPv6 the rest. */
  readonly bindAddresses: readonly string[]
  /** 0: any free port, the same on every address. */
  readonly port: number
  readonly advertisedHost: string
  /** 0: the port that was bound. */
  readonly advertisedPort: number
}

/** The configs that listeners are read from; null where nothing is set. */
export interface ListenerSettings {
  listeners: readonly string[]
  advertisedListeners: readonly string[] | null
  securityProtocolMap: string
  /** Whether the map was set by somebody, or is the default. */
  securityProtocolMapIsSet: boolean
  interBrokerListenerName: string | null
  securityInterBrokerProtocol: string
  securityInterBrokerProtocolIsSet: boolean
  controllerListenerNames: readonly string[]
  /** The name of this machine, advertised for a listener on all its addresses. */
  hostName: string
}

/** In the order of Kafka's ids. */
export const securityProtocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
export type SecurityProtocol = (typeof securityProtocols)[number]

interface Endpoint {
  name: string
  host: string
  port: number
}

/** The listeners to open, in their order, without those of the controller. @throws ConfigError in Kafka's words */
export function resolveListeners(settings: ListenerSettings, warnings: string[]): Listener[] {
  const controllerNames = settings.controllerListenerNames.map((name) => name.toUpperCase())
  const protocols = protocolMap(settings, controllerNames)
  const endpoints = parseEndpoints(settings.listeners, protocols)
  requireDistinctPorts(settings.listeners, endpoints)
  const own = endpoints.filter(({ name }) => !controllerNames.includes(name))
  const advertised = settings.advertisedListeners && parseEndpoints(settings.advertisedListeners, protocols)
  checkAdvertised(own, advertised, controllerNames)
  checkInterBrokerListener(settings, protocols, advertised ?? own)
  return own.map((endpoint) => {
    const protocol = protocols.get(endpoint.name)!
    const shown = advertised?.find(({ name }) => name === endpoint.name)
    if (advertised && !shown)
      warnings.push(
        `Listener ${endpoint.name} is not in advertised.listeners: its clients are told the address in listeners.`,
      )
    return { ...toListener(endpoint, shown, settings.hostName, warnings), protocol }
  })
}

function toListener(
  endpoint: Endpoint,
  shown: Endpoint | undefined,
  hostName: string,
  warnings: string[],
): Omit<Listener, 'protocol'> {
  const { name, host, port } = endpoint
  const wildcard = host === '' || host === '0.0.0.0' || host === '::'
  if (wildcard && !shown)
    warnings.push(
      `Listener ${name} is bound to every address and advertises the host name ${hostName}: ` +
        'set advertised.listeners if clients reach this broker by another name.',
    )
  return {
    name,
    host,
    port,
    bindAddresses: host === 'localhost' ? ['127.0.0.1', '::1'] : [host === '' ? '::' : host],
    advertisedHost: (shown?.host ?? (wildcard ? '' : host)) || hostName,
    advertisedPort: shown?.port ?? port,
  }
}

function protocolMap(settings: ListenerSettings, controllerNames: readonly string[]): Map<string, SecurityProtocol> {
  const protocols = new Map<string, SecurityProtocol>()
  for (const entry of settings.securityProtocolMap.split(',').filter((text) => text.trim() !== '')) {
    const colon = entry.lastIndexOf(':')
    if (colon < 0)
      throw new ConfigError(
        `Error parsing configuration property 'listener.security.protocol.map': ${entry.trim()} is not of the form NAME:PROTOCOL`,
      )
    const text = entry.slice(colon + 1).trim()
    const protocol = securityProtocols.find((each) => each === text.toUpperCase())
    if (protocol === undefined)
      throw new ConfigError(`Invalid security protocol \`${text}\` defined in listener.security.protocol.map`)
    protocols.set(entry.slice(0, colon).trim().toUpperCase(), protocol)
  }
  // KIP-801: a controller listener needs no entry as long as the map is the default one.
  if (!settings.securityProtocolMapIsSet)
    for (const name of controllerNames) if (!protocols.has(name)) protocols.set(name, 'PLAINTEXT')
  return protocols
}

function parseEndpoints(listeners: readonly string[], protocols: ReadonlyMap<string, string>): Endpoint[] {
  const all = `[${listeners.join(', ')}]`
  const failed = (problem: string) => new ConfigError(`Error creating broker listeners from '${all}': ${problem}`)
  const endpoints = listeners.map((text) => {
    const match = /^(.*):\/\/\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)$/.exec(text)
    if (!match) throw failed(`Unable to parse ${text} to a broker endpoint`)
    const [, name = '', host = '', port = ''] = match
    if (Number(port) > 65_535 || Number(port) < 0) throw failed(`${text} has no valid port: it must be 0 to 65535`)
    return { name: name.toUpperCase(), host, port: Number(port) }
  })
  for (const { name } of endpoints)
    if (!protocols.has(name)) throw failed(`No security protocol defined for listener ${name}`)
  if (new Set(endpoints.map(({ name }) => name)).size < endpoints.length)
    throw failed(`Each listener must have a different name, listeners: ${all}`)
  return endpoints
}

/** Two listeners may share a port only as an IPv4 and an IPv6 address. */
function requireDistinctPorts(listeners: readonly string[], endpoints: readonly Endpoint[]): void {
  const all = `[${listeners.join(', ')}]`
  const failed = (problem: string) => new ConfigError(`Error creating broker listeners from '${all}': ${problem}`)
  const byPort = new Map<number, string[]>()
  for (const { port, host } of endpoints) if (port !== 0) byPort.set(port, [...(byPort.get(port) ?? []), host])
  for (const [port, hosts] of byPort) {
    if (hosts.length === 1) continue
    const [first = '', second = ''] = hosts
    if (hosts.length > 2 || !isIP(first) || !isIP(second))
      throw failed(`Each listener must have a different port, listeners: ${all}`)
    if (isIPv4(first) === isIPv4(second))
      throw failed(
        'If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, ' +
          `listeners: ${all}, port: ${port}`,
      )
  }
}

function checkAdvertised(
  own: readonly Endpoint[],
  advertised: readonly Endpoint[] | null,
  controllerNames: readonly string[],
): void {
  if (own.length === 0)
    throw new ConfigError(
      'There must be at least one broker advertised listener. Perhaps all listeners appear in controller.listener.names?',
    )
  if (!advertised) return
  const names = advertised.map(({ name }) => name).filter((name) => !controllerNames.includes(name))
  const options = own.map(({ name }) => name)
  if (!names.every((name) => options.includes(name)))
    throw new ConfigError(
      'advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. ' +
        `Found ${names.join(',')}. The valid options based on the current configuration are ${options.join(',')}`,
    )
  if (advertised.some(({ host }) => host === '0.0.0.0'))
    throw new ConfigError(
      'advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.',
    )
}

function checkInterBrokerListener(
  settings: ListenerSettings,
  protocols: ReadonlyMap<string, string>,
  advertised: readonly Endpoint[],
): void {
  const { interBrokerListenerName: configured } = settings
  if (configured !== null && settings.securityInterBrokerProtocolIsSet)
    throw new ConfigError('Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.')
  const name = (configured ?? settings.securityInterBrokerProtocol).toUpperCase()
  if (!protocols.has(name))
    throw new ConfigError(
      `Listener with name ${name} defined in inter.broker.listener.name not found in listener.security.protocol.map.`,
    )
  const options = advertised.map((endpoint) => endpoint.name)
  if (!options.includes(name))
    throw new ConfigError(
      'inter.broker.listener.name must be a listener name defined in advertised.listeners. ' +
        `The valid options based on currently configured listeners are ${options.join(',')}`,
    )
}

/** Upper case; '' for what is no listener. */
export function listenerNameOf(text: string): string {
  return text.split('://')[0]?.toUpperCase() ?? ''
}

/** `listeners` with another host or port for the first one that is not the controller's: what --host and --port mean. */
export function overrideListener(
  listeners: readonly string[],
  controllerNames: readonly string[],
  { host, port }: { host?: string | undefined; port?: number | undefined },
): string[] {
  const names = controllerNames.map((name) => name.toUpperCase())
  const index = listeners.findIndex((text) => !names.includes(listenerNameOf(text)))
  return listeners.map((text, position) => {
    const match = /^(.*):\/\/(.*):(-?\d+)$/.exec(text)
    if (position !== index || !match) return text
    const [, name, oldHost, oldPort] = match
    const newHost = host === undefined ? oldHost : host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
    return `${name}://${newHost}:${port ?? oldPort}`
  })
}
