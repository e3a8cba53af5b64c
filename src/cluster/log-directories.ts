/**
 * cluster: the log directories of this process: which one holds the metadata log, where partitions lie, where new ones go. A directory
 * that can't be read or has failed takes only its partitions offline (KIP-112); without the metadata log nothing goes.
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { BrokerConfig } from '../config/index.ts'
import type { LogConfig } from '../log/log-config.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import { MovableLog } from '../log/movable-log.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { metadataTopic } from '../metadata/index.ts'
import { cleanerLimitsOf } from './cleaner-limits.ts'
import type { Partition } from './partition.ts'

/** One of `log.dirs` that could not be opened. */
export interface UnreadableDirectory {
  readonly path: string
  readonly reason: string
}

export interface FoundDirectories {
  /** Those of `log.dirs` that could be opened, in its order. */
  readonly directories: readonly LogDirectory[]
  /** Those that could not be. */
  readonly unreadableDirectories?: readonly UnreadableDirectory[]
  /** metadata.log.dir, if it is set; may be none of `directories`. */
  readonly metadataDirectory?: LogDirectory | undefined
}

/** Kafka's DirectoryId.UNASSIGNED, LOST and MIGRATING: they name no directory. */
export const reservedDirectoryIds: ReadonlySet<string> = new Set([
  'AAAAAAAAAAAAAAAAAAAAAA',
  'AAAAAAAAAAAAAAAAAAAAAQ',
  'AAAAAAAAAAAAAAAAAAAAAg',
])

export class LogDirectories {
  /** Those that could be opened, in the order of `log.dirs`. */
  readonly opened: readonly LogDirectory[]
  readonly unreadable: readonly UnreadableDirectory[]
  /** Holds the metadata log. */
  readonly metadata: LogDirectory
  readonly #storedIn: ReadonlyMap<string, LogDirectory>

  private constructor(found: FoundDirectories, storedIn: ReadonlyMap<string, LogDirectory>) {
    this.opened = found.directories
    this.unreadable = found.unreadableDirectories ?? []
    this.#storedIn = storedIn
    this.metadata = metadataDirectoryOf(found, storedIn)
  }

  /** @throws Error in one readable line: two directories are the same, hold the same partition, or none has the metadata log */
  static async among(found: FoundDirectories): Promise<LogDirectories> {
    const byId = new Map<string, LogDirectory>()
    const storedIn = new Map<string, LogDirectory>()
    const { directories, metadataDirectory } = found
    for (const directory of new Set([
      ...directories,
      ...(metadataDirectory === undefined ? [] : [metadataDirectory]),
    ])) {
      const twin = byId.get(directory.directoryId)
      if (twin !== undefined) {
        throw new Error(
          `${twin.path} and ${directory.path} have the same directory.id ${directory.directoryId}: one is a copy of the other, take it out of log.dirs`,
        )
      }
      byId.set(directory.directoryId, directory)
      for (const { topic, partition } of directory.storedPartitions()) {
        const name = `${topic}-${partition}`
        const other = storedIn.get(name)
        if (other !== undefined && (await haveSameTopic(name, other, directory))) {
          throw new Error(
            `${name} lies in both ${other.path} and ${directory.path}: move the one that is out of date away`,
          )
        }
        storedIn.set(name, directory)
      }
    }
    return new LogDirectories(found, storedIn)
  }

  /** With the one of the metadata log, also where partitions do not lie in it. */
  get all(): LogDirectory[] {
    return [...new Set([...this.opened, this.metadata])]
  }

  /** Those that have not failed. */
  get usable(): LogDirectory[] {
    return this.opened.filter(({ failure }) => failure === undefined)
  }

  /** `config`: of the broker that the process is named after. */
  applyConfig(config: BrokerConfig): void {
    for (const directory of this.opened) {
      directory.producerIdExpirationMs = config.get('producer.id.expiration.ms')
      directory.verifiesTransactions = config.get('transaction.partition.verification.enable')
      directory.cleanerLimits = cleanerLimitsOf(config, this.opened.length)
    }
  }

  /** Where `partition` lies, or is to; undefined when that is not among those that could be opened. */
  ownerOf(partition: Partition): LogDirectory | undefined {
    const byId = this.opened.find(({ directoryId }) => partition.directories.includes(directoryId))
    if (byId !== undefined) return byId
    // What has its name may be what an older topic has left, as long as its own directory can't be looked at.
    const isElsewhere = this.unreadable.length > 0 && assignedId(partition) !== undefined
    return isElsewhere ? undefined : this.#storedIn.get(partition.name)
  }

  /** Where the replicas of `partition` lie, or are to: they share one log. @throws KafkaError KAFKA_STORAGE_ERROR for one that is not there */
  directoryOf(partition: Partition): LogDirectory {
    const owner = this.ownerOf(partition)
    if (owner !== undefined) return owner
    // To begin an empty one instead would hide what lies there.
    const id = assignedId(partition)
    if (this.unreadable.length > 0) {
      const reasons = this.unreadable.map(({ path, reason }) => `${path}: ${reason}`).join(', ')
      throw new KafkaError('KAFKA_STORAGE_ERROR', `it lies in a log directory that can't be read (${reasons})`)
    }
    if (id !== undefined) {
      throw new KafkaError(
        'KAFKA_STORAGE_ERROR',
        `it lies in the log directory with directory.id ${id}, which is not in log.dirs`,
      )
    }
    return this.metadata
  }

  /** Gives the ids of directories for new partitions, one at each call: that with the fewest partitions. `isCordoned`: gets no new ones. */
  placement(partitions: Iterable<Partition>): (isCordoned: (path: string) => boolean) => string {
    const { usable } = this
    if (usable.length <= 1) return () => (usable[0] ?? this.metadata).directoryId
    const counts = new Map(usable.map(({ directoryId }) => [directoryId, 0]))
    for (const { directories } of partitions) {
      const count = counts.get(directories[0] ?? '')
      if (count !== undefined) counts.set(directories[0]!, count + 1)
    }
    return (isCordoned) => {
      const open = usable.filter(({ path }) => !isCordoned(path))
      const fewest = (one: LogDirectory, other: LogDirectory): LogDirectory =>
        counts.get(other.directoryId)! < counts.get(one.directoryId)! ? other : one
      const { directoryId } = (open.length === 0 ? usable : open).reduce(fewest)
      counts.set(directoryId, counts.get(directoryId)! + 1)
      return directoryId
    }
  }

  /** Opens what `directoryOf` says; it can be moved where there is another directory. @throws KafkaError KAFKA_STORAGE_ERROR as it does */
  async openLog(partition: Partition, config: LogConfig): Promise<PartitionLog> {
    const { topic, index, topicId } = partition
    const log = await this.directoryOf(partition).openPartition({ topic, partition: index, topicId, config })
    return this.opened.length > 1 ? new MovableLog(log) : log
  }

  /** Puts aside what no topic has any more, or lies elsewhere: a crash, or an absence of the directory, has left it. */
  async setStraysAside(find: (topic: string, partition: number) => Partition | undefined): Promise<void> {
    for (const directory of this.opened) {
      for (const { topic, partition } of directory.storedPartitions()) {
        if (topic === metadataTopic) continue
        const known = find(topic, partition)
        const owner = known === undefined ? undefined : this.ownerOf(known)
        const isStray = known === undefined || (owner !== undefined && owner !== directory)
        if (isStray) await directory.setAside(topic, partition)
      }
    }
    for (const directory of this.opened) await this.#promoteFutures(directory, find)
  }

  /** A future replica is complete when metadata has it lie here: a crash came before it took the partition's name. */
  async #promoteFutures(
    directory: LogDirectory,
    find: (topic: string, partition: number) => Partition | undefined,
  ): Promise<void> {
    for (const { topic, partition, name } of directory.futures) {
      const isStored = directory.storedPartitions().some((each) => each.topic === topic && each.partition === partition)
      const isAwaited = find(topic, partition)?.directories.includes(directory.directoryId) === true
      if (isAwaited && !isStored) await directory.promote({ topic, partition }, name)
    }
  }
}

function assignedId({ directories }: Partition): string | undefined {
  return directories.find((each) => !reservedDirectoryIds.has(each))
}

/** The one that is configured, else where the metadata log lies, else the first. */
function metadataDirectoryOf(
  { directories, metadataDirectory, unreadableDirectories = [] }: FoundDirectories,
  storedIn: ReadonlyMap<string, LogDirectory>,
): LogDirectory {
  const holder = storedIn.get(`${metadataTopic}-0`)
  if (holder !== undefined && metadataDirectory !== undefined && holder !== metadataDirectory) {
    throw new Error(
      `the metadata log lies in ${holder.path}, not in ${metadataDirectory.path} where metadata.log.dir says: move ${metadataTopic}-0 and bootstrap.checkpoint there, or change the config`,
    )
  }
  const known = holder ?? metadataDirectory
  if (known !== undefined) return known
  const [first] = directories
  if (first !== undefined && unreadableDirectories.length === 0) return first
  const reasons = unreadableDirectories.map(({ path, reason }) => `${path}: ${reason}`).join(', ')
  throw new Error(`no log directory that can be read holds the metadata log (${reasons})`)
}

async function haveSameTopic(name: string, one: LogDirectory, other: LogDirectory): Promise<boolean> {
  const [oneId, otherId] = [await one.storedTopicId(name), await other.storedTopicId(name)]
  return oneId === undefined || otherId === undefined || oneId === otherId
}
