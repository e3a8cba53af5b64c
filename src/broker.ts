/** The embeddable broker: builds the rooms, opens the listeners, and closes all of it again. The package's `odradek`. */
import { hostname } from 'node:os'
import { loadCodecs } from '../protocol/records/index.ts'
import { Cluster } from './cluster/cluster.ts'
import type { UnreadableDirectory } from './cluster/log-directories.ts'
import type { Endpoint } from './cluster/registrations.ts'
import { BrokerConfig, ConfigError, type Listener as ListenerConfig } from './config/index.ts'
import { Fetcher } from './fetch/fetcher.ts'
import { GroupCoordinator } from './groups/group-coordinator.ts'
import { handlers, type Rooms } from './handlers/index.ts'
import { compactorInThread } from './log/compaction/compaction-thread.ts'
import { LogDirectory, type LogDirectoryOptions, storedClusterId } from './log/log-directory.ts'
import { Listener } from './network/index.ts'
import { realClock } from './runtime/clock.ts'
import type { FileSystem } from './runtime/file-system.ts'
import { LogLevels } from './runtime/log-levels.ts'
import { type Logger, silentLogger } from './runtime/logger.ts'
import { MemoryFileSystem } from './runtime/memory-file-system.ts'
import { nodeFileSystem } from './runtime/node-file-system.ts'
import { realRandom } from './runtime/random.ts'
import { threadModule } from './runtime/worker-thread.ts'
import { Server } from './server/index.ts'
import { ProducerIds } from './transactions/producer-ids.ts'

export type { Logger } from './runtime/logger.ts'
export { ConfigError }

export interface BrokerOptions {
  /** Where to listen; 0: any free port. 9092 unless told. */
  readonly port?: number | undefined
  /** Where to bind, and what clients are told; `localhost` unless told. */
  readonly host?: string | undefined
  /** Keep everything in memory: nothing touches the disk, and nothing is left after `close`. */
  readonly memory?: boolean | undefined
  /** Where to keep data; `./odradek-data` unless told. */
  readonly dataDir?: string | undefined
  /** The text of a `server.properties`. */
  readonly properties?: string | undefined
  /** Of which `KAFKA_*` are read, as Apache Kafka's image reads them. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Single configs by Kafka's names; they win over the others. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** Says nothing unless told. */
  readonly logger?: Logger | undefined
  /**
   * Called once when the broker can't go on (its last log directory has failed, or the one with the metadata log), after it has closed
   * itself. `error.message` says why in one line.
   */
  readonly onFailure?: ((error: Error) => void) | undefined
}

export interface RunningBroker extends AsyncDisposable {
  /** What a client needs: `localhost:9092`; one address for each listener. */
  readonly bootstrapServers: string
  readonly clusterId: string
  /** Empty in memory. */
  readonly dataDirectories: readonly string[]
  /** Stops it cleanly; may be called more than once. */
  close(): Promise<void>
}

const memoryDirectory = '/odradek'
/** The number that records have for a listener's protocol. */
const plaintext = 0
/** How long an unused fetch session is safe from a newcomer; Kafka's min.incremental.fetch.session.eviction.ms is not a config. */
const fetchSessionEvictionMs = 120_000

/**
 * Starts a broker; resolves when clients can be served.
 * @throws ConfigError for settings that can't be; Error with one readable line when a port is taken or a data directory can't be used
 */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const config = BrokerConfig.load({
    file: options.properties,
    environment: options.environment,
    settings: options.settings,
    port: options.port,
    host: options.host,
    dataDirectory: options.memory ? memoryDirectory : options.dataDir,
    hostName: hostname(),
  })
  if (config.get('authorizer.class.name') !== '') {
    throw new ConfigError(
      'authorizer.class.name asks for authorization, which this version does not have: leave it out, and every client may do everything.',
    )
  }
  const logger = options.logger ?? silentLogger
  for (const warning of config.warnings) logger.warn({}, warning)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= stack.close()
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
  const stack = new BrokerStack(config, files, logger, (error) => void failed(error))
  try {
    await stack.open()
    if (failure !== undefined) throw failure
  } catch (error) {
    await stack.close()
    throw error
  }
  isOpen = true
  return {
    bootstrapServers: stack.endpoints.map(addressOf).join(','),
    clusterId: stack.clusterId,
    dataDirectories: options.memory ? [] : config.logDirectories,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function addressOf({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What the system refuses names a file at most; whoever started the broker knows the directory. */
async function using<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    throw new Error(`the log directory ${directory} can't be used: ${(error as Error).message}`, { cause: error })
  }
}

/** What one broker stands on, from the bottom up, as far as it is open. */
class BrokerStack {
  readonly #config: BrokerConfig
  readonly #files: FileSystem
  /** Each room has a logger with the name of what does the same in Kafka. */
  readonly #logLevels: LogLevels
  readonly #logger: Logger
  readonly #onFailure: (error: Error) => void
  readonly #directories: LogDirectory[] = []
  readonly #listeners: { readonly opened: Listener; readonly config: ListenerConfig }[] = []
  #cluster: Cluster | undefined
  #groups: GroupCoordinator | undefined
  #server: Server | undefined

  constructor(config: BrokerConfig, files: FileSystem, logger: Logger, onFailure: (error: Error) => void) {
    this.#config = config
    this.#files = files
    this.#logLevels = new LogLevels(logger)
    this.#logger = this.#logLevels.logger('kafka.server.BrokerServer')
    this.#onFailure = onFailure
  }

  /** Where clients find it, listener by listener. */
  get endpoints(): Endpoint[] {
    return this.#listeners.map(({ opened, config }) => ({
      name: config.name,
      host: config.advertisedHost,
      port: config.advertisedPort === 0 ? opened.port : config.advertisedPort,
      securityProtocol: plaintext,
    }))
  }

  get clusterId(): string {
    return this.#cluster!.clusterId
  }

  /** Ports are taken first, so that a start that can't succeed touches no data; connections wait until all is loaded. */
  async open(): Promise<void> {
    for (const config of this.#config.listeners) this.#listeners.push({ opened: await this.#bind(config), config })
    await loadCodecs()
    const cluster = await this.#openCluster()
    const broker = cluster.addBroker(this.#config.get('node.id'), this.#config.get('broker.rack'))
    const groupsLogger = this.#logLevels.logger('org.apache.kafka.coordinator.group.GroupCoordinatorService')
    this.#groups = new GroupCoordinator({ broker, clock: realClock, random: realRandom, logger: groupsLogger })
    const rooms: Rooms = {
      cluster,
      broker,
      groups: this.#groups,
      fetcher: new Fetcher(broker, {
        clock: realClock,
        random: realRandom,
        maxBytes: this.#config.get('fetch.max.bytes'),
        maxSessions: this.#config.get('max.incremental.fetch.session.cache.slots'),
        evictionMs: fetchSessionEvictionMs,
      }),
      producerIds: new ProducerIds(broker),
      config: this.#config,
      clock: realClock,
      logger: this.#logLevels.logger('kafka.server.KafkaApis'),
      handlers,
    }
    await broker.start(this.endpoints)
    const otherBrokers = cluster.describeOtherBrokers()
    if (otherBrokers !== undefined) this.#logger.warn({}, otherBrokers)
    const server = new Server(rooms)
    this.#server = server
    for (const { opened } of this.#listeners) opened.start((connection) => server.accept(connection))
  }

  /** From the top down; what was never opened is left out. */
  async close(): Promise<void> {
    await Promise.all(this.#listeners.map(({ opened }) => opened.close()))
    await Promise.all([this.#server?.close(), this.#groups?.close()])
    if (this.#cluster !== undefined) await this.#cluster.close()
    else await Promise.all(this.#directories.map((directory) => directory.close()))
  }

  #bind(config: ListenerConfig): Promise<Listener> {
    return Listener.open({
      name: config.name,
      bindAddresses: config.bindAddresses,
      port: config.port,
      maxRequestBytes: this.#config.get('socket.request.max.bytes'),
      maxIdleMs: this.#config.get('connections.max.idle.ms'),
      clock: realClock,
      logger: this.#logLevels.logger('kafka.network.SocketServer'),
    })
  }

  /** Returns those that the system does not give: with several, the others are served. */
  async #openDirectories(options: Omit<LogDirectoryOptions, 'path' | 'clusterId'>): Promise<UnreadableDirectory[]> {
    const metadataPath = this.#config.get('metadata.log.dir')
    const paths = [...new Set([...this.#config.logDirectories, ...(metadataPath === null ? [] : [metadataPath])])]
    const unreadable: UnreadableDirectory[] = []
    const stored = await Promise.all(paths.map((path) => storedClusterId(this.#files, path)))
    const known = stored.find((id) => id !== undefined)
    for (const path of paths) {
      const clusterId = known ?? this.#directories[0]?.clusterId
      const own = { ...options, path, ...(clusterId === undefined ? {} : { clusterId }) }
      try {
        this.#directories.push(await using(path, () => LogDirectory.open(own)))
      } catch (error) {
        const { cause, message } = error as Error
        if (paths.length === 1 || path === metadataPath || cause === undefined) throw error
        this.#logger.error({ path, error: cause }, `${message}: its partitions are offline`)
        unreadable.push({ path, reason: (cause as Error).message })
      }
    }
    if (this.#directories.length === 0) throw new Error(`no log directory can be used: ${paths.join(', ')}`)
    return unreadable
  }

  async #openCluster(): Promise<Cluster> {
    const nodeId = this.#config.get('node.id')
    const shared = { nodeId, files: this.#files, clock: realClock, random: realRandom }
    const logLogger = this.#logLevels.logger('org.apache.kafka.storage.internals.log.LogManager')
    const logger = this.#logLevels.logger('org.apache.kafka.controller.QuorumController')
    const limits = {
      producerIdExpirationMs: this.#config.get('producer.id.expiration.ms'),
      initialTaskDelayMs: this.#config.get('log.initial.task.delay.ms'),
      retentionCheckIntervalMs: this.#config.get('log.retention.check.interval.ms'),
      flushSchedulerIntervalMs: this.#config.get('log.flush.scheduler.interval.ms'),
      recoveryPointCheckpointIntervalMs: this.#config.get('log.flush.offset.checkpoint.interval.ms'),
      logStartOffsetCheckpointIntervalMs: this.#config.get('log.flush.start.offset.checkpoint.interval.ms'),
      highWatermarkCheckpointIntervalMs: this.#config.get('replica.high.watermark.checkpoint.interval.ms'),
    }
    const module = this.#files === nodeFileSystem ? threadModule('compaction-thread.js', import.meta.url) : undefined
    const compactor = module && { compactor: compactorInThread(module) }
    const unreadableDirectories = await this.#openDirectories({ limits, ...compactor, ...shared, logger: logLogger })
    const { logDirectories } = this.#config
    const cluster = {
      directories: this.#directories.filter(({ path }) => logDirectories.includes(path)),
      metadataDirectory: this.#directories.find(({ path }) => path === this.#config.get('metadata.log.dir')),
      unreadableDirectories,
      config: this.#config,
    }
    this.#cluster = await using(this.#directories.map(({ path }) => path).join(', '), () =>
      Cluster.open({ ...cluster, ...shared, logger, logLevels: this.#logLevels, onFailure: this.#onFailure }),
    )
    return this.#cluster
  }
}
