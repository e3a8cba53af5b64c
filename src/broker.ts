/** The embeddable broker: reads what it is told, starts it, and closes all of it again. The package's `odradek`. */
import { hostname } from 'node:os'
import type { Endpoint } from './cluster/registrations.ts'
import { BrokerConfig, type BrokerSettings, ConfigError, nearestName } from './config/index.ts'
import { BrokerNodes, type Coordinated } from './process/broker-nodes.ts'
import { type Logger, silentLogger } from './runtime/logger.ts'
import { MemoryFileSystem } from './runtime/memory-file-system.ts'
import { nodeFileSystem, readTextNow } from './runtime/node-file-system.ts'
import { checkAuthorizer } from './security/configured-authorizer.ts'

export type { Coordinated } from './process/broker-nodes.ts'
export type { Logger } from './runtime/logger.ts'
export { ConfigError }

export interface BrokerOptions {
  /**
   * How many brokers, over one store: ids from node.id on. One unless told, or as many as have configs of their own (`broker.2.listeners`).
   */
  readonly brokers?: number | undefined
  /** Where to listen; 0: any free port. 9092 unless told. Further brokers have the ports after it. */
  readonly port?: number | undefined
  /** Where to bind, and what clients are told; `localhost` unless told. */
  readonly host?: string | undefined
  /** Keep everything in memory: nothing touches the disk, and nothing is left after `close`. */
  readonly memory?: boolean | undefined
  /** Where to keep data; `./odradek-data` unless told. */
  readonly dataDir?: string | undefined
  /** The text of a `server.properties`. */
  readonly properties?: string | undefined
  /** Of which `KAFKA_*` and `CLUSTER_ID` are read, as Apache Kafka's image reads them. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Single configs by Kafka's names; they win over the others. */
  readonly settings?: BrokerSettings | undefined
  /** Where to serve metrics on the loopback; 0: any free port; nowhere unless told. */
  readonly metricsPort?: number | undefined
  /** Says nothing unless told. */
  readonly logger?: Logger | undefined
  /**
   * Called once when the broker can't go on (its last log directory has failed, or the one with the metadata log), after it has closed
   * itself. `error.message` says why in one line.
   */
  readonly onFailure?: ((error: Error) => void) | undefined
}

/** One of the brokers of the process. */
export interface BrokerHandle {
  readonly id: number
  /** Where it is when it runs: `localhost:9092`; one address for each listener. The ports stay the same. */
  readonly bootstrapServers: string
  readonly state: 'running' | 'isolated' | 'stopped'
  /** Moves what it leads and coordinates to in-sync replicas, and ends its connections. */
  stop(): Promise<void>
  /** Starts it again on its ports. @throws Error in one readable line when one is taken */
  start(): Promise<void>
}

/** Its methods take effect one after the other. Those that name a broker fail with an Error in one readable line where it is not there. */
export interface RunningBroker extends AsyncDisposable {
  /** What a client needs: `localhost:9092`; one address for each listener of each broker. */
  readonly bootstrapServers: string
  /** By id. */
  readonly brokers: readonly BrokerHandle[]
  broker(id: number): BrokerHandle
  /** The broker leads the partition from now on, in a new leader epoch; it must run and hold a replica. */
  moveLeader(topic: string, partition: number, brokerId: number): Promise<void>
  /**
   * The broker coordinates the group or transactional id from now on, and all that lie in the same partition of `__consumer_offsets` or
   * `__transaction_state`, of which it must hold a replica.
   */
  moveCoordinator(of: Coordinated, brokerId: number): Promise<void>
  /** The others count on the broker no more, as if its session had ended: it leads nothing, is in no ISR, and answers who still asks it so. */
  isolate(brokerId: number): Promise<void>
  /** The end of that. */
  rejoin(brokerId: number): Promise<void>
  readonly clusterId: string
  /** `http://127.0.0.1:9404`, where `/metrics` and `/health` are; undefined unless they were asked for. */
  readonly metricsUrl: string | undefined
  /** Empty in memory. */
  readonly dataDirectories: readonly string[]
  /** Stops it cleanly; may be called more than once. */
  close(): Promise<void>
}

const memoryDirectory = '/odradek'

const optionNames: Readonly<Record<keyof BrokerOptions, true>> = {
  brokers: true,
  port: true,
  host: true,
  memory: true,
  dataDir: true,
  properties: true,
  environment: true,
  settings: true,
  metricsPort: true,
  logger: true,
  onFailure: true,
}

/**
 * Starts a broker; resolves when clients can be served.
 * @throws ConfigError for settings that can't be, and options that there are not; Error with one readable line when a port is taken or a data directory can't be used
 */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  checkOptions(options)
  const sources = {
    file: options.properties,
    environment: options.environment,
    readFile: readTextNow,
    settings: settingsOf(options),
    port: options.port,
    host: options.host,
    dataDirectory: options.memory ? memoryDirectory : options.dataDir,
    hostName: hostname(),
  }
  const configs = BrokerConfig.loadAll(sources, options.brokers)
  const config = configs[0]!
  checkAuthorizer(config)
  const logger = options.logger ?? silentLogger
  for (const warning of new Set(configs.flatMap(({ warnings }) => warnings))) logger.warn({}, warning)
  if (configs.length > 1) logger.warn({}, severalBrokers(configs.length))
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= nodes.close()
    return closing
  }
  let failure: Error | undefined
  let isOpen = false
  const failed = async (error: Error): Promise<void> => {
    failure ??= error
    if (!isOpen || closing !== undefined) return
    logger.error({ error }, 'the broker can not go on and stops')
    await close().catch((reason: unknown) => logger.error({ error: reason }, 'it was not stopped cleanly'))
    options.onFailure?.(error)
  }
  const files = options.memory ? new MemoryFileSystem() : nodeFileSystem
  const nodes = new BrokerNodes({ configs, files, logger, onFailure: (error) => void failed(error) })
  try {
    await nodes.open()
    if (failure !== undefined) throw failure
  } catch (error) {
    await nodes.close()
    throw error
  }
  isOpen = true
  const brokers = nodes.ids.map((id) => handleOf(nodes, id))
  return {
    bootstrapServers: brokers.map(({ bootstrapServers }) => bootstrapServers).join(','),
    brokers,
    broker: (id) => brokers[nodes.ids.indexOf(nodes.requireId(id))]!,
    moveLeader: (topic, partition, brokerId) => nodes.moveLeader(topic, partition, brokerId),
    moveCoordinator: (of, brokerId) => nodes.moveCoordinator(of, brokerId),
    isolate: (brokerId) => nodes.isolate(brokerId),
    rejoin: (brokerId) => nodes.rejoin(brokerId),
    clusterId: nodes.clusterId,
    metricsUrl: nodes.metricsUrl,
    dataDirectories: options.memory ? [] : config.logDirectories,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Of misspelt ones the compiler says so too, but not to everybody. */
function checkOptions(options: BrokerOptions): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(optionNames, name))
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, Object.keys(optionNames))
    throw new ConfigError(`startBroker has no option ${unknown}: the nearest one is ${nearest}`)
  }
  if (options.memory && options.dataDir !== undefined) {
    throw new ConfigError('memory keeps nothing on disk: leave out dataDir')
  }
}

function settingsOf({ settings, metricsPort }: BrokerOptions): BrokerOptions['settings'] {
  return metricsPort === undefined ? settings : { ...settings, 'odradek.metrics.port': metricsPort }
}

function handleOf(nodes: BrokerNodes, id: number): BrokerHandle {
  return {
    id,
    bootstrapServers: nodes.endpointsOf(id).map(addressOf).join(','),
    get state() {
      const state = nodes.stateOf(id)
      return state === 'fenced' ? 'isolated' : state === 'running' ? 'running' : 'stopped'
    },
    stop: () => nodes.stop(id),
    start: () => nodes.start(id),
  }
}

function severalBrokers(count: number): string {
  return `${count} brokers run in one process, over one store: this is for trying out how clients behave, not for availability, and Apache Kafka can't be started on this data`
}

function addressOf({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
