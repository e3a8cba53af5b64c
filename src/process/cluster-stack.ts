/** process: what the brokers of one process stand on: its log directories, and the cluster in them. */
import { Cluster } from '../cluster/cluster.ts'
import type { UnreadableDirectory } from '../cluster/log-directories.ts'
import type { BrokerConfig } from '../config/index.ts'
import { compactorInThread } from '../log/compaction/compaction-thread.ts'
import { LogDirectory, type LogDirectoryOptions } from '../log/log-directory.ts'
import { storedClusterId } from '../log/log-directory-files.ts'
import { ClientQuotas } from '../quotas/client-quotas.ts'
import { realClock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { LogLevels } from '../runtime/log-levels.ts'
import type { Logger } from '../runtime/logger.ts'
import { nodeFileSystem } from '../runtime/node-file-system.ts'
import { realRandom } from '../runtime/random.ts'
import { threadModule } from '../runtime/worker-thread.ts'
import { Acls } from '../security/acls.ts'
import { Credentials } from '../security/credentials.ts'

/** What the system refuses names a file at most; whoever started the broker knows the directory. */
async function using<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    throw new Error(`the log directory ${directory} can't be used: ${(error as Error).message}`, { cause: error })
  }
}

/** What all brokers share beside the cluster: the parts of its metadata that other rooms own. */
export interface SharedRooms {
  readonly acls: Acls
  readonly clientQuotas: ClientQuotas
  readonly credentials: Credentials
}

/** To be called while the cluster opens: they register their records. */
export function openSharedRooms(
  metadata: Cluster['metadata'],
  using: ConstructorParameters<typeof Credentials>[1],
): SharedRooms {
  return {
    acls: new Acls(metadata, using.random),
    clientQuotas: new ClientQuotas(metadata),
    credentials: new Credentials(metadata, using),
  }
}

export interface ClusterStackOptions {
  /** What is set for all brokers of the process. */
  readonly config: BrokerConfig
  readonly files: FileSystem
  /** Each room has a logger with the name of what does the same in Kafka. */
  readonly logLevels: LogLevels
  /** Hears that the cluster can't go on. */
  onFailure(error: Error): void
}

export class ClusterStack {
  readonly #config: BrokerConfig
  readonly #files: FileSystem
  readonly #logLevels: LogLevels
  readonly #logger: Logger
  readonly #onFailure: (error: Error) => void
  readonly #directories: LogDirectory[] = []
  #cluster: Cluster | undefined
  #shared: SharedRooms | undefined

  constructor({ config, files, logLevels, onFailure }: ClusterStackOptions) {
    this.#config = config
    this.#files = files
    this.#logLevels = logLevels
    this.#logger = logLevels.logger('kafka.server.BrokerServer')
    this.#onFailure = onFailure
  }

  /** There when it is open. */
  get shared(): SharedRooms {
    return this.#shared!
  }

  /** @throws Error in one readable line when a directory can't be used */
  async open(): Promise<Cluster> {
    const nodeId = this.#config.get('node.id')
    const shared = { nodeId, files: this.#files, clock: realClock, random: realRandom }
    const logLogger = this.#logLevels.logger('org.apache.kafka.storage.internals.log.LogManager')
    const logger = this.#logLevels.logger('org.apache.kafka.controller.QuorumController')
    const limits = {
      producerIdExpirationMs: this.#config.get('producer.id.expiration.ms'),
      producerIdExpirationCheckIntervalMs: this.#config.get('producer.id.expiration.check.interval.ms'),
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
      Cluster.open({
        ...cluster,
        ...shared,
        logger,
        logLevels: this.#logLevels,
        registerParts: (metadata) => {
          this.#shared = openSharedRooms(metadata, { config: this.#config, ...shared, logger })
        },
        onFailure: this.#onFailure,
      }),
    )
    return this.#cluster
  }

  /** Stops what is left of the brokers, and closes what is open. */
  async close(): Promise<void> {
    this.#shared?.credentials.tokens.close()
    if (this.#cluster !== undefined) await this.#cluster.close()
    else await Promise.all(this.#directories.map((directory) => directory.close()))
  }

  /** Returns those that the system does not give: with several, the others are served. */
  async #openDirectories(options: Omit<LogDirectoryOptions, 'path' | 'clusterId'>): Promise<UnreadableDirectory[]> {
    const metadataPath = this.#config.get('metadata.log.dir')
    const paths = [...new Set([...this.#config.logDirectories, ...(metadataPath === null ? [] : [metadataPath])])]
    const unreadable: UnreadableDirectory[] = []
    const stored = await Promise.all(paths.map((path) => storedClusterId(this.#files, path)))
    const known = stored.find((id) => id !== undefined)
    for (const path of paths) {
      const clusterId = known ?? this.#directories[0]?.clusterId ?? this.#config.get('odradek.cluster.id') ?? undefined
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
}
