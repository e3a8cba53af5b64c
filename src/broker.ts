/** The embeddable broker: reads what it is told, starts it, and closes all of it again. The package's `odradek`. */
import { hostname } from 'node:os'
import type { Endpoint } from './cluster/registrations.ts'
import { BrokerConfig, ConfigError } from './config/index.ts'
import { BrokerNodes } from './process/broker-nodes.ts'
import { type Logger, silentLogger } from './runtime/logger.ts'
import { MemoryFileSystem } from './runtime/memory-file-system.ts'
import { nodeFileSystem } from './runtime/node-file-system.ts'

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
  const nodes = new BrokerNodes({ configs: [config], files, logger, onFailure: (error) => void failed(error) })
  try {
    await nodes.open()
    if (failure !== undefined) throw failure
  } catch (error) {
    await nodes.close()
    throw error
  }
  isOpen = true
  return {
    bootstrapServers: nodes.endpoints.map(addressOf).join(','),
    clusterId: nodes.clusterId,
    dataDirectories: options.memory ? [] : config.logDirectories,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function addressOf({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
