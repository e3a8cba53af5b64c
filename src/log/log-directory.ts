/**
 * log: one directory of logs, Kafka's log.dir: its lock, its meta.properties, its checkpoints, and the partitions in it.
 *
 *     const directory = await LogDirectory.open({ path, nodeId, clusterId?, files, clock, random, logger, limits? })
 *     directory.clusterId · directory.directoryId                          22 characters each
 *     directory.storedPartitions()                                         what lies there, opened or not
 *     const log = await directory.openPartition({ topic, partition, topicId?, config })    made when missing
 *     directory.partition(topic, partition) · directory.partitions()       what is open
 *     await directory.deletePartition(topic, partition)
 *     await directory.close(brokerEpoch?)                                  a clean stop
 *
 * In it, as Kafka lays it out: `<topic>-<partition>/`, four checkpoint files, `.kafka_cleanshutdown` while it is cleanly stopped. A
 * deleted partition is first renamed to `<topic>-<partition>.<32 hex digits>-delete`.
 */
import type { KafkaError } from '../../protocol/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { forEachLimited, nextTurn } from '../runtime/serial-queue.ts'
import { BackgroundFlush } from './background-flush.ts'
import { Checkpoint } from './checkpoint.ts'
import {
  cleanedOffsetFileName,
  highWatermarkFileName,
  logStartOffsetFileName,
  type Offsets,
  parsePartitionName,
  partitionName,
  recoveryPointFileName,
} from './checkpoint-file.ts'
import type { Compactor } from './compaction/compaction.ts'
import { compactorHere } from './compaction/compaction-run.ts'
import { type CleanerLimits, LogCleaner } from './compaction/log-cleaner.ts'
import { FutureCopy } from './future-copy.ts'
import { LocalPartitionLog, type LogOwner } from './local-partition-log.ts'
import type { LogConfig } from './log-config.ts'
import { defaultLogLimits, type LogLimits, LogStorage } from './log-storage.ts'
import {
  completeMetaProperties,
  formatMetaProperties,
  type MetaProperties,
  metaPropertiesFileName,
  parseMetaProperties,
} from './meta-properties.ts'
import { partitionMetadataFileName, readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts'
import { createLog, loadLog } from './recovery.ts'

const lockFileName = '.odradek.lock'
const cleanShutdownFileName = '.kafka_cleanshutdown'
const partitionsClosedAtATime = 16
const retentionChecksPerTurn = 64
/** So much is made durable before the recovery points are written ahead of their time: what a start after a crash has to scan. */
const mostUncheckpointedBytes = 256 * 1024 * 1024
/** What compaction reads between two turns of the event loop, where it has no thread of its own. */
const compactedBytesPerTurn = 64 * 1024
const longestFileName = 255
const deletedPattern = /\.[0-9a-f]{32}-delete$/
/** The partition's name comes first, unless it was too long for the name of a file. */
const futurePattern = /^(.+)\.[0-9a-f]{32}-future$/
/** What a crash leaves of a file that was being replaced. */
const replacedFiles: ReadonlySet<string> = new Set(
  [
    metaPropertiesFileName,
    cleanShutdownFileName,
    recoveryPointFileName,
    highWatermarkFileName,
    logStartOffsetFileName,
    cleanedOffsetFileName,
    'bootstrap.checkpoint',
  ].map((name) => `${name}.tmp`),
)

export interface LogDirectoryOptions {
  readonly path: string
  readonly nodeId: number
  /** Absent: the directory's own, a new one for a new directory. */
  readonly clusterId?: string
  readonly files: FileSystem
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits?: Partial<LogLimits>
  /** Who compacts logs; in this thread unless given. */
  readonly compactor?: Compactor
}

export interface PartitionToOpen {
  readonly topic: string
  readonly partition: number
  /** 22 characters; written to partition.metadata of a new partition, checked against that of an old one. */
  readonly topicId?: string
  readonly config: LogConfig
  /** A stored log that ends before it is emptied and starts there: what it lacks is known from elsewhere. */
  readonly leastEndOffset?: number
}

export interface PartitionName {
  readonly topic: string
  readonly partition: number
}

export class LogDirectory implements LogOwner {
  readonly path: string
  /** The directory was closed properly the last time, or is new. */
  readonly wasCleanlyStopped: boolean
  readonly #storage: LogStorage
  readonly #properties: MetaProperties
  readonly #unlock: () => Promise<void>
  readonly #recoveryPoints: Checkpoint
  readonly #highWatermarks: Checkpoint
  readonly #logStartOffsets: Checkpoint
  readonly #cleanedOffsets: Checkpoint
  readonly #cleaner: LogCleaner
  readonly #flush: BackgroundFlush
  /** Bytes that were made durable since the recovery points were written. */
  #uncheckpointedBytes = 0
  readonly #stored: Set<string>
  #futures: readonly (PartitionName & { readonly name: string })[]
  readonly #open: Map<string, LocalPartitionLog>
  readonly #opening = new Map<string, Promise<LocalPartitionLog>>()
  readonly #deleting = new Map<string, Promise<void>>()
  #cancelExpiration: () => void = () => {}
  #cancelRetention: () => void = () => {}
  #retention: Promise<void> | undefined
  #hasFailed = false
  #closed: Promise<void> | undefined

  private constructor(
    storage: LogStorage,
    loaded: {
      path: string
      properties: MetaProperties
      unlock: () => Promise<void>
      open: Map<string, LocalPartitionLog>
      checkpoints: readonly [Checkpoint, Checkpoint, Checkpoint, Checkpoint]
      compactor: Compactor
      stored: Set<string>
      futures: readonly (PartitionName & { readonly name: string })[]
      wasCleanlyStopped: boolean
    },
  ) {
    this.#storage = storage
    this.path = loaded.path
    this.wasCleanlyStopped = loaded.wasCleanlyStopped
    this.#properties = loaded.properties
    this.#unlock = loaded.unlock
    this.#open = loaded.open
    ;[this.#recoveryPoints, this.#highWatermarks, this.#logStartOffsets, this.#cleanedOffsets] = loaded.checkpoints
    this.#flush = new BackgroundFlush(storage, storage.limits.flushSchedulerIntervalMs)
    this.#stored = loaded.stored
    this.#futures = loaded.futures
    this.#cleaner = new LogCleaner(
      {
        clock: storage.clock,
        random: storage.random,
        compactor: loaded.compactor,
        compactions: () => this.#compactions(),
        onProgress: () => this.#saveNow(this.#cleanedOffsets, 'the offsets up to which logs are compacted'),
      },
      storage.limits.cleaner,
    )
    this.#scheduleExpiration()
    this.#scheduleRetention(storage.limits.initialTaskDelayMs)
  }

  /**
   * Makes it if it is missing. @throws Error in one readable line when another broker has it, it belongs to another node or cluster, or can't
   * be read.
   */
  static async open(options: LogDirectoryOptions): Promise<LogDirectory> {
    const { path, files } = options
    await makeDurable(options)
    const unlock = await lock(files, path)
    try {
      const storage = new LogStorage(options, { ...defaultLogLimits, ...options.limits })
      const names = await files.list(path)
      const properties = await loadProperties(options, names)
      const open = new Map<string, LocalPartitionLog>()
      const checkpoints = await loadCheckpoints(path, names, storage, open)
      const stored = new Set(names.filter((name) => parsePartitionName(name) !== undefined))
      const isMarked = names.includes(cleanShutdownFileName)
      const wasCleanlyStopped = isMarked || stored.size === 0
      if (isMarked) {
        await files.remove(`${path}/${cleanShutdownFileName}`)
        await files.syncDirectory(path)
      }
      await removeLeftOvers(path, names, storage)
      const compactor =
        options.compactor ??
        compactorHere({ files, clock: options.clock, bytesPerTurn: compactedBytesPerTurn, giveWay: nextTurn })
      const futures = names.flatMap((name) => futureIn(name) ?? [])
      const loaded = { path, properties, unlock, open, checkpoints, compactor, stored, futures, wasCleanlyStopped }
      return new LogDirectory(storage, loaded)
    } catch (error) {
      await unlock()
      throw error
    }
  }

  get clusterId(): string {
    return this.#properties.clusterId
  }

  get directoryId(): string {
    return this.#properties.directoryId
  }

  /** For its partitions, from their next check on. */
  set producerIdExpirationMs(ms: number) {
    this.#storage.producerIdExpirationMs = ms
  }

  /** For its partitions, from the next append on. */
  set verifiesTransactions(verifies: boolean) {
    this.#storage.verifiesTransactions = verifies
  }

  /** From the next partition on that is compacted. */
  set cleanerLimits(limits: CleanerLimits) {
    this.#cleaner.limits = limits
  }

  /** A sync has failed: nothing in it is acknowledged any more. */
  get failure(): KafkaError | undefined {
    return this.#storage.failure
  }

  /** `listener` hears of the failure. */
  onFailure(listener: (failure: KafkaError) => void): void {
    this.#storage.onFailure = listener
  }

  get nodeId(): number {
    return this.#properties.nodeId
  }

  /** Total and usable bytes of its volume. */
  space(): Promise<{ totalBytes: number; usableBytes: number }> {
    return this.#storage.files.space(this.path)
  }

  storedPartitions(): PartitionName[] {
    return [...this.#stored].map((name) => parsePartitionName(name)!)
  }

  /** Of a stored partition's partition.metadata; undefined when it does not say. */
  async storedTopicId(name: string): Promise<string | undefined> {
    const directory = `${this.path}/${name}`
    const { files } = this.#storage
    const isThere = await files.exists(`${directory}/${partitionMetadataFileName}`)
    return isThere ? await readPartitionMetadata(files, directory) : undefined
  }

  /** Renames the directory of a partition that nobody knows to `-stray`: it is never removed. */
  async setAside(topic: string, partition: number): Promise<void> {
    const name = partitionName(topic, partition)
    const stray = asideName(name, this.#storage.random, '-stray')
    this.#storage.logger.warn({ directory: `${this.path}/${name}` }, `no topic has ${name} here: kept as ${stray}`)
    await this.#storage.files.rename(`${this.path}/${name}`, `${this.path}/${stray}`)
    await this.#forget(name)
  }

  partitions(): LocalPartitionLog[] {
    return [...this.#open.values()]
  }

  partition(topic: string, partition: number): LocalPartitionLog | undefined {
    return this.#open.get(partitionName(topic, partition))
  }

  /** The open log of that name, opened or made now if need be. A directory of another topic id is put aside as `-stray`. */
  async openPartition(wanted: PartitionToOpen): Promise<LocalPartitionLog> {
    const name = partitionName(wanted.topic, wanted.partition)
    await this.#deleting.get(name)
    const known = this.#open.get(name) ?? this.#opening.get(name)
    if (known !== undefined) return await known
    const opening = this.#openNow(name, wanted)
    this.#opening.set(name, opening)
    try {
      const log = await opening
      this.#open.set(name, log)
      return log
    } finally {
      this.#opening.delete(name)
    }
  }

  /** Fine when it is gone. */
  async deletePartition(topic: string, partition: number): Promise<void> {
    const name = partitionName(topic, partition)
    const log = this.#open.get(name) ?? (await this.#opening.get(name))
    if (log !== undefined) await log.delete()
    else if (this.#stored.has(name)) await this.#removeStored(name)
  }

  /** Future replicas that an earlier process has left here: what they are of, and the name of their directory. */
  get futures(): readonly (PartitionName & { readonly name: string })[] {
    return this.#futures
  }

  /** A copy of `log`, which lies in another directory, that can become the partition here. */
  beginFuture(log: LocalPartitionLog, maxBytesPerSecond: () => number): FutureCopy {
    const { files, clock, random } = this.#storage
    const path = `${this.path}/${asideName(partitionName(log.topic, log.partition), random, '-future')}`
    return new FutureCopy({ files, clock, log, path, maxBytesPerSecond })
  }

  /** What is known of a partition whose future replica is complete: it counts from when that is the partition, also after a crash. */
  async expect({ topic, partition }: PartitionName, known: LocalPartitionLog): Promise<void> {
    const name = partitionName(topic, partition)
    this.#recoveryPoints.put(name, known.logEndOffset)
    this.#logStartOffsets.put(name, known.logStartOffset)
    this.#cleanedOffsets.put(name, known.cleanedOffset)
    await Promise.all(this.#checkpoints.map((checkpoint) => checkpoint.save()))
  }

  /** A future replica, the directory `name` here, becomes the partition. */
  async promote({ topic, partition }: PartitionName, name: string): Promise<void> {
    const { files } = this.#storage
    await files.rename(`${this.path}/${name}`, `${this.path}/${partitionName(topic, partition)}`)
    await files.syncDirectory(this.path)
    this.#stored.add(partitionName(topic, partition))
    this.#futures = this.#futures.filter((future) => future.name !== name)
  }

  /** A future replica, the directory `name` here, that is begun anew. */
  async removeFuture(name: string): Promise<void> {
    await this.#storage.files.remove(`${this.path}/${name}`)
    this.#futures = this.#futures.filter((future) => future.name !== name)
  }

  /** Closes a partition; it is still stored, and can be opened again. */
  async release({ topic, partition }: PartitionName): Promise<void> {
    const name = partitionName(topic, partition)
    const log = this.#open.get(name)
    if (log === undefined) return
    await log.close()
    this.#flush.forget(log)
    this.#open.delete(name)
  }

  /** Closes all partitions; if none has failed or is still to be recovered, the next start trusts what is here. `brokerEpoch`: for the clean shutdown file. */
  close(brokerEpoch = -1): Promise<void> {
    this.#closed ??= this.#close(brokerEpoch)
    return this.#closed
  }

  /** Removes what the partitions need not keep any more: one after the other, some in each turn of the event loop. */
  enforceRetention(): Promise<void> {
    this.#retention ??= this.#enforceRetention().finally(() => {
      this.#retention = undefined
    })
    return this.#retention
  }

  /** Compacts every partition that is dirty enough (min.cleanable.dirty.ratio). */
  compact(): Promise<void> {
    return this.#cleaner.run()
  }

  /** Writes the recovery points, high watermarks, log start and cleaned offsets of all partitions. */
  async checkpoint(): Promise<void> {
    await Promise.all(this.#checkpoints.map((checkpoint) => checkpoint.save()))
  }

  get #checkpoints(): readonly Checkpoint[] {
    return [this.#recoveryPoints, this.#highWatermarks, this.#logStartOffsets, this.#cleanedOffsets]
  }

  *#compactions(): Generator<LocalPartitionLog['compaction']> {
    for (const log of this.#open.values()) if (log.isCompacted) yield log.compaction
  }

  logStartOffsetMoved(): Promise<void> {
    return this.#logStartOffsets.save()
  }

  logStartOffsetSettled(): void {
    this.#logStartOffsets.saveLater()
  }

  highWatermarkMoved(): void {
    this.#highWatermarks.saveLater()
  }

  recoveryPointMoved(bytes: number): void {
    this.#uncheckpointedBytes += bytes
    this.#recoveryPoints.saveLater()
    if (this.#uncheckpointedBytes < mostUncheckpointedBytes) return
    this.#uncheckpointedBytes = 0
    void this.#saveNow(this.#recoveryPoints, 'the recovery points')
  }

  recoveryPointLowered(): Promise<void> {
    return this.#recoveryPoints.save()
  }

  dirtied(log: LocalPartitionLog): void {
    this.#flush.dirtied(log)
  }

  async removeDirectory(log: LocalPartitionLog): Promise<void> {
    const name = partitionName(log.topic, log.partition)
    this.#open.delete(name)
    this.#flush.forget(log)
    await this.#removeStored(name)
  }

  /** What only saves work is tried again later when it fails. */
  async #saveNow(checkpoint: Checkpoint, what: string): Promise<void> {
    try {
      await checkpoint.save()
    } catch (error) {
      this.#storage.logger.warn({ path: this.path, error }, `${what} could not be written: it is tried again later`)
      checkpoint.saveLater()
    }
  }

  async #close(brokerEpoch: number): Promise<void> {
    this.#cancelExpiration()
    this.#cancelRetention()
    this.#cleaner.close()
    this.#storage.removals.close()
    for (const checkpoint of this.#checkpoints) checkpoint.close()
    try {
      await this.#flush.close()
      await this.#retention
      await Promise.allSettled(this.#opening.values())
      await forEachLimited(this.#open.values(), partitionsClosedAtATime, async (log) => {
        try {
          await log.close()
        } catch (error) {
          this.#hasFailed = true
          this.#storage.logger.error({ directory: log.directory, error }, 'closing a partition failed')
        }
        this.#hasFailed ||= log.hasFailed
      })
      if (this.#storage.failure === undefined) await this.checkpoint()
      // What a crash left and nobody opened since is still to be recovered.
      const isRecovered = this.wasCleanlyStopped || [...this.#stored].every((name) => this.#open.has(name))
      if (isRecovered && !this.#hasFailed && this.#storage.failure === undefined) {
        await this.#storage.files.replaceFile(
          `${this.path}/${cleanShutdownFileName}`,
          JSON.stringify({ version: 0, brokerEpoch }),
        )
      }
    } finally {
      await this.#unlock()
    }
  }

  async #openNow(name: string, wanted: PartitionToOpen): Promise<LocalPartitionLog> {
    const directory = `${this.path}/${name}`
    const storage = this.#storage
    const { config } = wanted
    const names = await this.#namesIn(name, directory, wanted.topicId)
    if (names === undefined) {
      await storage.files.makeDirectory(directory)
      this.#stored.add(name)
      await this.#nameTopic(directory, wanted.topicId)
      const created = await createLog(directory, storage, config)
      return new LocalPartitionLog(wanted, config, created, storage, this, 0)
    }
    if (!names.includes(partitionMetadataFileName)) await this.#nameTopic(directory, wanted.topicId)
    const recoveryPoint = this.#recoveryPoints.get(name) ?? 0
    const isClean = this.wasCleanlyStopped
    const loaded = await loadLog(directory, names, {
      storage,
      config,
      recoveryPoint,
      logStartOffset: this.#logStartOffsets.get(name),
      leastEndOffset: wanted.leastEndOffset ?? 0,
      isClean,
      mayHaveGaps: config.compacted || this.#cleanedOffsets.get(name) !== undefined,
    })
    const log = new LocalPartitionLog(
      wanted,
      config,
      loaded,
      storage,
      this,
      isClean ? loaded.logEndOffset : recoveryPoint,
    )
    const cleanedOffset = this.#cleanedOffsets.get(name)
    if (cleanedOffset !== undefined) log.compaction.resumeAt(cleanedOffset)
    // What a crash has left in the page cache is not shown to readers where only what is durable is.
    if (log.logEndOffset - log.recoveryPoint >= config.flushMessages) await log.flush()
    return log
  }

  /** The files of a stored partition with that topic id; undefined when there is none (any more). */
  async #namesIn(name: string, directory: string, topicId: string | undefined): Promise<string[] | undefined> {
    if (!this.#stored.has(name)) return undefined
    const { files, logger } = this.#storage
    const names = await files.list(directory)
    if (topicId === undefined || !names.includes(partitionMetadataFileName)) return names
    const storedId = await readPartitionMetadata(files, directory)
    if (storedId === topicId) return names
    if (storedId === undefined) return names.filter((each) => each !== partitionMetadataFileName)
    const stray = asideName(name, this.#storage.random, '-stray')
    logger.warn({ directory, storedId, topicId }, `${name} belongs to another topic of that name: kept as ${stray}`)
    await files.rename(directory, `${this.path}/${stray}`)
    await this.#forget(name)
    return undefined
  }

  async #nameTopic(directory: string, topicId: string | undefined): Promise<void> {
    if (topicId !== undefined) await writePartitionMetadata(this.#storage.files, directory, topicId)
  }

  async #removeStored(name: string): Promise<void> {
    const { files, random } = this.#storage
    const aside = `${this.path}/${asideName(name, random, '-delete')}`
    const renamed = files.rename(`${this.path}/${name}`, aside)
    const deleting = renamed.then(
      () => this.#forget(name),
      () => {},
    )
    this.#deleting.set(name, deleting)
    try {
      await deleting
      await renamed
    } finally {
      this.#deleting.delete(name)
    }
    await files.remove(aside)
  }

  async #forget(name: string): Promise<void> {
    this.#stored.delete(name)
    await Promise.all(this.#checkpoints.map((checkpoint) => checkpoint.forget(name)))
  }

  async #enforceRetention(): Promise<void> {
    for (const [index, log] of [...this.#open.values()].entries()) {
      if (this.#closed !== undefined || this.#storage.failure !== undefined) return
      try {
        await log.enforceRetention()
      } catch (error) {
        // One that went offline has said why.
        if (log.failure !== undefined) continue
        this.#storage.logger.error({ directory: log.directory, error }, 'old segments could not be removed')
      }
      if (index % retentionChecksPerTurn === retentionChecksPerTurn - 1) await nextTurn()
    }
  }

  #scheduleRetention(delayMs: number): void {
    this.#cancelRetention = this.#storage.clock.after(delayMs, () => {
      void this.enforceRetention()
      this.#scheduleRetention(this.#storage.limits.retentionCheckIntervalMs)
    })
  }

  #scheduleExpiration(): void {
    this.#cancelExpiration = this.#storage.clock.after(this.#storage.limits.producerIdExpirationCheckIntervalMs, () => {
      for (const log of this.#open.values()) log.expireProducers()
      this.#scheduleExpiration()
    })
  }
}

/** The cluster.id in the meta.properties of `path`; undefined when there is none, or it can't be read. */
export async function storedClusterId(files: FileSystem, path: string): Promise<string | undefined> {
  try {
    const content = (await files.readFile(`${path}/${metaPropertiesFileName}`)).toString('utf8')
    return parseMetaProperties(path, content).get('cluster.id')
  } catch {
    // Opening it says what is wrong.
    return undefined
  }
}

/** The directory, and its name where the one above it may be opened. */
async function makeDurable({ path, files, logger }: LogDirectoryOptions): Promise<void> {
  // Its first file comes after its name is durable: a process that died in between leaves none.
  const isNew = !(await files.exists(`${path}/${metaPropertiesFileName}`))
  await files.makeDirectory(path)
  if (!isNew) return
  try {
    await files.syncDirectory(`${path}/..`)
  } catch (error) {
    logger.warn({ path, error }, 'the name of the new log directory may not survive a power failure')
  }
}

async function lock(files: FileSystem, path: string): Promise<() => Promise<void>> {
  try {
    return await files.lock(`${path}/${lockFileName}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error
    throw new Error(`the log directory ${path} is in use by another broker: stop it, or use another directory`)
  }
}

async function loadProperties(options: LogDirectoryOptions, names: readonly string[]): Promise<MetaProperties> {
  const { files, nodeId, clusterId, random } = options
  const path = `${options.path}/${metaPropertiesFileName}`
  const content = names.includes(metaPropertiesFileName) ? (await files.readFile(path)).toString('utf8') : undefined
  const known = content === undefined ? new Map<string, string>() : parseMetaProperties(path, content)
  const properties = completeMetaProperties(path, known, { nodeId, clusterId }, random)
  const isComplete = [...properties.entries].every(([key, value]) => known.get(key) === value)
  if (!isComplete) await files.replaceFile(path, formatMetaProperties(properties.entries))
  return properties
}

/** What deletions and replacements have left. Nothing depends on it: what can't be removed stays. */
async function removeLeftOvers(path: string, names: readonly string[], { files, logger }: LogStorage): Promise<void> {
  for (const name of names) {
    if (!deletedPattern.test(name) && !replacedFiles.has(name)) continue
    try {
      await files.remove(`${path}/${name}`)
    } catch (error) {
      logger.warn({ path: `${path}/${name}`, error }, 'what a crash has left could not be removed')
    }
  }
}

/** Recovery points, high watermarks, log start and cleaned offsets of the partitions in `open`, and what the files say of others. */
function loadCheckpoints(
  path: string,
  names: readonly string[],
  storage: LogStorage,
  open: ReadonlyMap<string, LocalPartitionLog>,
): Promise<[Checkpoint, Checkpoint, Checkpoint, Checkpoint]> {
  const load = (fileName: string, intervalMs: number, note: (offsets: Offsets, name: string) => void) => {
    const collect = (offsets: Offsets): void => {
      for (const name of open.keys()) note(offsets, name)
    }
    return Checkpoint.load({ path: `${path}/${fileName}`, storage, intervalMs, collect }, names.includes(fileName))
  }
  const { limits } = storage
  return Promise.all([
    load(recoveryPointFileName, limits.recoveryPointCheckpointIntervalMs, (offsets, name) =>
      offsets.set(name, open.get(name)!.recoveryPoint),
    ),
    load(highWatermarkFileName, limits.highWatermarkCheckpointIntervalMs, (offsets, name) =>
      offsets.set(name, open.get(name)!.highWatermark),
    ),
    load(logStartOffsetFileName, limits.logStartOffsetCheckpointIntervalMs, (offsets, name) => {
      const { logStartOffset, oldestOffsetOnDisk } = open.get(name)!
      if (logStartOffset > oldestOffsetOnDisk) offsets.set(name, logStartOffset)
      else offsets.delete(name)
    }),
    load(cleanedOffsetFileName, limits.recoveryPointCheckpointIntervalMs, (offsets, name) => {
      const { cleanedOffset } = open.get(name)!
      if (cleanedOffset !== undefined) offsets.set(name, cleanedOffset)
      else offsets.delete(name)
    }),
  ])
}

function futureIn(name: string): (PartitionName & { readonly name: string }) | undefined {
  const of = parsePartitionName(futurePattern.exec(name)?.[1] ?? '')
  return of === undefined ? undefined : { ...of, name }
}

function asideName(name: string, random: Random, suffix: '-delete' | '-stray' | '-future'): string {
  const unique = `.${random.bytes(16).toString('hex')}${suffix}`
  return `${name.slice(0, longestFileName - unique.length)}${unique}`
}
