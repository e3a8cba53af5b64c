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
import { forEachLimited } from '../runtime/serial-queue.ts'
import { nextTurn } from '../runtime/turns.ts'
import { BackgroundFlush } from './background-flush.ts'
import { parsePartitionName, partitionName } from './checkpoint-file.ts'
import { Checkpoints } from './checkpoints.ts'
import type { Compactor } from './compaction/compaction.ts'
import { compactorHere } from './compaction/compaction-run.ts'
import { type CleanerLimits, LogCleaner } from './compaction/log-cleaner.ts'
import { FutureCopy } from './future-copy.ts'
import type { LocalPartitionLog, LogOwner } from './local-partition-log.ts'
import { cleanShutdownFileName, loadProperties, lock, makeDurable, removeLeftOvers } from './log-directory-files.ts'
import { defaultLogLimits, type LogLimits, LogStorage } from './log-storage.ts'
import { LogUpkeep } from './log-upkeep.ts'
import type { MetaProperties } from './meta-properties.ts'
import { openPartitionLog, type PartitionToOpen } from './open-partition.ts'
import { PartitionDirectories, type PartitionName } from './partition-directories.ts'

const partitionsClosedAtATime = 16
/** So much is made durable before the recovery points are written ahead of their time: what a start after a crash has to scan. */
const mostUncheckpointedBytes = 256 * 1024 * 1024
/** What compaction reads between two turns of the event loop, where it has no thread of its own. */
const compactedBytesPerTurn = 64 * 1024

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

export class LogDirectory implements LogOwner {
  readonly path: string
  /** The directory was closed properly the last time, or is new. */
  readonly wasCleanlyStopped: boolean
  readonly #storage: LogStorage
  readonly #properties: MetaProperties
  readonly #unlock: () => Promise<void>
  readonly #checkpoints: Checkpoints
  readonly #cleaner: LogCleaner
  readonly #flush: BackgroundFlush
  /** Bytes that were made durable since the recovery points were written. */
  #uncheckpointedBytes = 0
  readonly #directories: PartitionDirectories
  readonly #open: Map<string, LocalPartitionLog>
  readonly #opening = new Map<string, Promise<LocalPartitionLog>>()
  /** Released, and not closed properly. */
  readonly #unclean = new Set<string>()
  readonly #upkeep: LogUpkeep
  #closed: Promise<void> | undefined

  private constructor(
    storage: LogStorage,
    loaded: {
      path: string
      properties: MetaProperties
      unlock: () => Promise<void>
      open: Map<string, LocalPartitionLog>
      checkpoints: Checkpoints
      compactor: Compactor
      directories: PartitionDirectories
      wasCleanlyStopped: boolean
    },
  ) {
    this.#storage = storage
    this.path = loaded.path
    this.wasCleanlyStopped = loaded.wasCleanlyStopped
    this.#properties = loaded.properties
    this.#unlock = loaded.unlock
    this.#open = loaded.open
    this.#checkpoints = loaded.checkpoints
    this.#flush = new BackgroundFlush(storage, storage.limits.flushSchedulerIntervalMs)
    this.#directories = loaded.directories
    this.#cleaner = new LogCleaner(
      {
        clock: storage.clock,
        random: storage.random,
        compactor: loaded.compactor,
        compactions: () => this.#compactions(),
        onProgress: () => this.#checkpoints.cleanedOffsets.trySave(),
      },
      storage.limits.cleaner,
    )
    this.#upkeep = new LogUpkeep(storage, loaded.open)
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
      const checkpoints = await Checkpoints.load(path, names, storage, open)
      const directories = new PartitionDirectories(path, names, storage, (name) => checkpoints.forget(name))
      const isMarked = names.includes(cleanShutdownFileName)
      const wasCleanlyStopped = isMarked || directories.names.size === 0
      if (isMarked) await files.remove(`${path}/${cleanShutdownFileName}`)
      // What a dead process has renamed here counts from now on, where logs start above all: no power failure may take it back.
      if (isMarked || !wasCleanlyStopped) await files.syncDirectory(path)
      await removeLeftOvers(options, names)
      const compactor =
        options.compactor ??
        compactorHere({ files, clock: options.clock, bytesPerTurn: compactedBytesPerTurn, giveWay: nextTurn })
      const loaded = { path, properties, unlock, open, checkpoints, compactor, directories, wasCleanlyStopped }
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

  /** A log has ended that was not deleted, or all have. */
  get hasEndedLogs(): boolean {
    return this.#storage.hasEndedLogs
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
    return [...this.#directories.names].map((name) => parsePartitionName(name)!)
  }

  /** Of a stored partition's partition.metadata; undefined when it does not say. */
  storedTopicId(name: string): Promise<string | undefined> {
    return this.#directories.topicIdOf(name)
  }

  /** Renames the directory of a partition that nobody knows to `-stray`: it is never removed. */
  async setAside(topic: string, partition: number): Promise<void> {
    await this.#directories.setAside(partitionName(topic, partition))
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
    await this.#directories.removed(name)
    const known = this.#open.get(name) ?? this.#opening.get(name)
    if (known !== undefined) return await known
    const opening = openPartitionLog(name, wanted, {
      storage: this.#storage,
      directories: this.#directories,
      checkpoints: this.#checkpoints,
      isClean: this.wasCleanlyStopped && !this.#unclean.has(name),
      owner: this,
    })
    this.#opening.set(name, opening)
    try {
      const log = await opening
      this.#open.set(name, log)
      this.#unclean.delete(name)
      return log
    } finally {
      this.#opening.delete(name)
    }
  }

  /** Fine when it is gone. */
  async deletePartition(topic: string, partition: number): Promise<void> {
    const name = partitionName(topic, partition)
    const log = this.#open.get(name) ?? (await this.#opening.get(name))
    this.#unclean.delete(name)
    if (log !== undefined) await log.delete()
    else if (this.#directories.names.has(name)) await this.#directories.remove(name)
  }

  /** Future replicas that an earlier process has left here: what they are of, and the name of their directory. */
  get futures(): readonly (PartitionName & { readonly name: string })[] {
    return this.#directories.futures
  }

  /** A copy of `log`, which lies in another directory, that can become the partition here. */
  beginFuture(log: LocalPartitionLog, maxBytesPerSecond: () => number): FutureCopy {
    const { files, clock } = this.#storage
    const path = this.#directories.newFuturePath(partitionName(log.topic, log.partition))
    return new FutureCopy({ files, clock, log, path, maxBytesPerSecond })
  }

  /** What is known of a partition whose future replica is complete: it counts from when that is the partition, also after a crash. */
  async expect({ topic, partition }: PartitionName, known: LocalPartitionLog): Promise<void> {
    const name = partitionName(topic, partition)
    this.#checkpoints.recoveryPoints.put(name, known.logEndOffset)
    this.#checkpoints.logStartOffsets.put(name, known.logStartOffset)
    this.#checkpoints.cleanedOffsets.put(name, known.cleanedOffset)
    await this.#checkpoints.save()
  }

  /** A future replica, the directory `name` here, becomes the partition. */
  promote(partition: PartitionName, name: string): Promise<void> {
    return this.#directories.promote(partition, name)
  }

  /** A future replica, the directory `name` here, that is begun anew. */
  removeFuture(name: string): Promise<void> {
    return this.#directories.removeFuture(name)
  }

  /**
   * Closes a partition; it is still stored, and can be opened again. False: it could not be closed properly, or had failed before. What its files
   * hold is then found out when it is opened, as after a crash.
   */
  async release({ topic, partition }: PartitionName): Promise<boolean> {
    const name = partitionName(topic, partition)
    const log = this.#open.get(name)
    if (log === undefined) return !this.#unclean.has(name)
    const isClosed = await this.#closeLog(log)
    if (!isClosed) this.#unclean.add(name)
    this.#flush.forget(log)
    this.#open.delete(name)
    return isClosed
  }

  /** Closes all partitions; if none has failed or is still to be recovered, the next start trusts what is here. `brokerEpoch`: for the clean shutdown file. */
  close(brokerEpoch = -1): Promise<void> {
    this.#closed ??= this.#close(brokerEpoch)
    return this.#closed
  }

  /** Removes what the partitions need not keep any more: one after the other, some in each turn of the event loop. */
  enforceRetention(): Promise<void> {
    return this.#upkeep.enforceRetention()
  }

  /** Compacts every partition that is dirty enough (min.cleanable.dirty.ratio). */
  compact(): Promise<void> {
    return this.#cleaner.run()
  }

  /** Writes the recovery points, high watermarks, log start and cleaned offsets of all partitions. */
  checkpoint(): Promise<void> {
    return this.#checkpoints.save()
  }

  *#compactions(): Generator<LocalPartitionLog['compaction']> {
    for (const log of this.#open.values()) if (log.isCompacted) yield log.compaction
  }

  logStartOffsetMoved(): Promise<void> {
    return this.#checkpoints.logStartOffsets.save()
  }

  logStartOffsetSettled(): void {
    this.#checkpoints.logStartOffsets.saveLater()
  }

  highWatermarkMoved(): void {
    this.#checkpoints.highWatermarks.saveLater()
  }

  recoveryPointMoved(bytes: number): void {
    this.#uncheckpointedBytes += bytes
    this.#checkpoints.recoveryPoints.saveLater()
    if (this.#uncheckpointedBytes < mostUncheckpointedBytes) return
    this.#uncheckpointedBytes = 0
    void this.#checkpoints.recoveryPoints.trySave()
  }

  saveRecoveryPoints(): Promise<void> {
    return this.#checkpoints.recoveryPoints.save()
  }

  dirtied(log: LocalPartitionLog): void {
    this.#flush.dirtied(log)
  }

  async removeDirectory(log: LocalPartitionLog): Promise<void> {
    const name = partitionName(log.topic, log.partition)
    this.#open.delete(name)
    this.#flush.forget(log)
    await this.#directories.remove(name)
  }

  /** False: its files are not those of a clean stop. */
  async #closeLog(log: LocalPartitionLog): Promise<boolean> {
    try {
      await log.close()
      return !log.hasFailed && this.#storage.failure === undefined
    } catch (error) {
      this.#storage.logger.error({ directory: log.directory, error }, 'closing a partition failed')
      return false
    }
  }

  async #close(brokerEpoch: number): Promise<void> {
    this.#upkeep.close()
    this.#cleaner.close()
    this.#storage.removals.close()
    this.#checkpoints.close()
    try {
      await this.#flush.close()
      await this.#upkeep.idle()
      await Promise.allSettled(this.#opening.values())
      let isClosed = true
      await forEachLimited(this.#open.values(), partitionsClosedAtATime, async (log) => {
        if (!(await this.#closeLog(log))) isClosed = false
      })
      if (this.#storage.failure === undefined) await this.checkpoint()
      // What a crash or a failure left and nobody opened since is still to be recovered.
      const isKnown = (name: string): boolean => this.#open.has(name) || this.wasCleanlyStopped
      const isRecovered = this.#unclean.size === 0 && [...this.#directories.names].every(isKnown)
      if (isRecovered && isClosed && this.#storage.failure === undefined) {
        await this.#storage.files.replaceFile(
          `${this.path}/${cleanShutdownFileName}`,
          JSON.stringify({ version: 0, brokerEpoch }),
        )
      }
    } finally {
      await this.#unlock()
    }
  }
}
