/**
 * cluster: moves partitions between the log directories of this process while they are used (KIP-113).
 *
 *     copy what is there ─► hold whoever uses it ─► close, copy the rest ─► record where it lies ─► open it there ─► go on
 *
 * Until that is recorded the old files count, and from then on the new ones: a crash leaves no doubt. What a stop or a crash has interrupted
 * is begun anew at the next start, as in Kafka.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { partitionChangeRecord } from '../../protocol/state/index.ts'
import type { BrokerConfig, TopicConfig } from '../config/index.ts'
import { CopyStopped, type FutureCopy } from '../log/future-copy.ts'
import type { LocalPartitionLog } from '../log/local-partition-log.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import { MovableLog } from '../log/movable-log.ts'
import { type MetadataLog, metadataRecord } from '../metadata/index.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Features } from './features.ts'
import { type LogDirectories, reservedDirectoryIds } from './log-directories.ts'
import type { Partition } from './partition.ts'
import { logConfigOf } from './topic-configs.ts'

export interface ReplicaMovesOptions {
  readonly metadata: MetadataLog
  readonly directories: LogDirectories
  readonly features: Features
  readonly logger: Logger
  topicConfig(partition: Partition): TopicConfig
  config(): BrokerConfig
}

interface Move {
  readonly partition: Partition
  readonly log: MovableLog
  readonly source: LogDirectory
  readonly target: LogDirectory
  readonly copy: FutureCopy
  /** Where its copy begins to count. */
  isRecorded: boolean
  ended: Promise<void>
}

/** A replica that is on its way. */
export interface FutureReplica {
  readonly topic: string
  readonly partition: number
  readonly sizeInBytes: number
  /** How far it is behind the log. */
  readonly offsetLag: number
}

export class ReplicaMoves {
  readonly #options: ReplicaMovesOptions
  readonly #moves = new Map<Partition, Move>()
  #isClosed = false

  constructor(options: ReplicaMovesOptions) {
    this.#options = options
  }

  /**
   * Begins to move `partition` to the log directory `path`; one that is on its way elsewhere goes there instead. Resolves when the copy has
   * begun. @throws KafkaError LOG_DIR_NOT_FOUND, KAFKA_STORAGE_ERROR, REPLICA_NOT_AVAILABLE
   */
  async begin(partition: Partition, path: string): Promise<void> {
    const target = this.requireDirectory(path)
    for (let known = this.#moves.get(partition); known !== undefined; known = this.#moves.get(partition)) {
      if (known.target === target) return
      await this.stop(partition)
    }
    const source = this.#options.directories.ownerOf(partition)
    if (source === target) return
    partition.requireOpen()
    const { log } = partition
    if (this.#isClosed || source === undefined || !(log instanceof MovableLog)) {
      throw new KafkaError('REPLICA_NOT_AVAILABLE', `${partition.name} does not lie in a log directory of this broker`)
    }
    if (this.#options.features.partitionRecordVersion === 0) {
      const problem = 'metadata.version is below 3.7-IV2, so that metadata can not say where a partition lies'
      throw new KafkaError('REPLICA_NOT_AVAILABLE', `${partition.name} can not be moved: ${problem}`)
    }
    const copy = target.beginFuture(log.current, () => this.#maxBytesPerSecond())
    const move: Move = { partition, log, source, target, copy, isRecorded: false, ended: Promise.resolve() }
    this.#moves.set(partition, move)
    move.ended = this.#run(move).finally(() => this.#moves.delete(partition))
  }

  /** @throws KafkaError LOG_DIR_NOT_FOUND, KAFKA_STORAGE_ERROR */
  requireDirectory(path: string): LogDirectory {
    const { opened, unreadable } = this.#options.directories
    if (unreadable.some((directory) => directory.path === path)) throw new KafkaError('KAFKA_STORAGE_ERROR')
    const directory = opened.find((each) => each.path === path)
    if (directory === undefined) {
      throw new KafkaError(
        'LOG_DIR_NOT_FOUND',
        `${path} is none of log.dirs: ${opened.map((each) => each.path).join(', ')}`,
      )
    }
    if (directory.failure !== undefined) throw directory.failure
    return directory
  }

  /** Begins anew what an earlier process has not moved to its end. To be called when all partitions are open. */
  async resume(find: (topic: string, partition: number) => Partition | undefined): Promise<void> {
    for (const target of this.#options.directories.usable) {
      for (const { topic, partition: index, name } of target.futures) {
        await this.#resume(find(topic, index), target, name)
      }
    }
  }

  async #resume(partition: Partition | undefined, target: LogDirectory, name: string): Promise<void> {
    const { directories, logger } = this.#options
    const path = `${target.path}/${name}`
    const source = partition === undefined ? undefined : directories.ownerOf(partition)
    if (partition?.isOpen !== true || source === undefined || source === target) {
      logger.warn({ path }, 'a copy is left alone: no partition is on its way here')
      return
    }
    try {
      await target.removeFuture(name)
      await this.begin(partition, target.path)
      logger.info({ partition: partition.name, from: source.path, to: target.path }, 'a partition is moved further')
    } catch (error) {
      logger.warn({ path, error }, 'a partition that was on its way can not be moved further')
    }
  }

  /** Those on their way to `directory`. */
  futuresIn(directory: LogDirectory): FutureReplica[] {
    return [...this.#moves.values()]
      .filter(({ target, isRecorded }) => target === directory && !isRecorded)
      .map(({ partition, log, copy }) => ({
        topic: partition.topic,
        partition: partition.index,
        sizeInBytes: copy.sizeInBytes,
        offsetLag: Math.max(0, log.logEndOffset - copy.logEndOffset),
      }))
  }

  /** Those that lie in `directory`, and are closed while their move ends. */
  heldIn(directory: LogDirectory): { topic: string; partition: number; sizeInBytes: number }[] {
    return [...this.#moves.values()]
      .filter(({ source, target, isRecorded }) => (isRecorded ? target : source) === directory)
      .map(({ partition: { topic, index }, log }) => ({ topic, partition: index, sizeInBytes: log.sizeInBytes }))
      .filter(({ topic, partition }) => directory.partition(topic, partition) === undefined)
  }

  /** Gives up moving `partition`. Resolves when it lies where it will stay. */
  async stop(partition: Partition): Promise<void> {
    const move = this.#moves.get(partition)
    move?.copy.stop()
    await move?.ended
  }

  /** Resolves when the moves under way have ended. */
  async idle(): Promise<void> {
    await Promise.all([...this.#moves.values()].map(({ ended }) => ended))
  }

  /** Interrupts all moves. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#moves.keys()].map((partition) => this.stop(partition)))
  }

  /** Of a config that has no default. */
  #maxBytesPerSecond(): number {
    const limit: number | null = this.#options.config().get('replica.alter.log.dirs.io.max.bytes.per.second')
    return limit ?? Number.POSITIVE_INFINITY
  }

  async #run(move: Move): Promise<void> {
    const { partition, source, target, log } = move
    const { logger } = this.#options
    try {
      await move.copy.follow()
      await log.move((current) => this.#reopen(move, current))
      if (!move.isRecorded) return
      logger.info({ partition: partition.name, from: source.path, to: target.path }, 'a partition was moved')
    } catch (error) {
      if (!(error instanceof CopyStopped)) {
        logger.error({ partition: partition.name, to: target.path, error }, 'a partition could not be moved')
      }
      if (!move.isRecorded) await this.#forget(move, error)
    }
  }

  /** Nobody uses the log meanwhile. What fails before the new place is recorded leaves it where it was. */
  async #reopen(move: Move, current: LocalPartitionLog): Promise<LocalPartitionLog> {
    const { partition, source, target, copy } = move
    const name = { topic: partition.topic, partition: partition.index }
    const wasCompacted = current.isCompacted
    const isClosed = await source.release(name)
    try {
      if (!isClosed) throw new Error(`${partition.name} could not be closed properly in ${source.path}`)
      await copy.finish(wasCompacted)
      await target.expect(name, current)
      await this.#record(move)
    } catch (error) {
      if (!(error instanceof CopyStopped)) {
        this.#options.logger.error(
          { partition: partition.name, to: target.path, error },
          'a partition could not be moved',
        )
      }
      await this.#forget(move, error)
      return this.#open(source, partition)
    }
    await source.deletePartition(name.topic, name.partition)
    await target.promote(name, copy.path.slice(target.path.length + 1))
    return this.#open(target, partition)
  }

  async #record(move: Move): Promise<void> {
    const { partition, source, target } = move
    const { metadata, features } = this.#options
    await metadata.run(() => {
      if (partition.isDeleted) throw new CopyStopped()
      const { index: partitionId, topicId } = partition
      const known =
        partition.directories.length > 0 ? partition.directories : partition.replicas.map(() => source.directoryId)
      const lay = (id: string): boolean => id === source.directoryId || reservedDirectoryIds.has(id)
      const directories = known.map((id) => (lay(id) ? target.directoryId : id))
      const change = { partitionId, topicId, directories }
      return {
        records: [metadataRecord(partitionChangeRecord, features.partitionRecordVersion, change)],
        response: undefined,
      }
    })
    move.isRecorded = true
  }

  async #open(directory: LogDirectory, partition: Partition): Promise<LocalPartitionLog> {
    const { topic, index, topicId, leaderEpoch } = partition
    const config = logConfigOf(this.#options.topicConfig(partition))
    const log = await directory.openPartition({ topic, partition: index, topicId, config })
    // What is stored tells only of epochs in which something was written.
    await log.becomeLeader(leaderEpoch)
    return log
  }

  /** One that is only interrupted is found again at the next start. */
  async #forget({ copy, partition }: Move, reason: unknown): Promise<void> {
    if (this.#isClosed && reason instanceof CopyStopped) return
    try {
      await copy.remove()
    } catch (error) {
      this.#options.logger.warn({ partition: partition.name, path: copy.path, error }, 'a copy could not be removed')
    }
  }
}
