/**
 * metadata: the one metadata log, `__cluster_metadata-0`: KRaft records, in batches that count wholly or not at all. This process is
 * its only voter and leader: each start is a new epoch, opened by a LeaderChange.
 *
 *     run: decide (reads state, never awaits) → append and sync → replay (the only mutation) → answer
 *
 * Commands run one after the other, so `decide` sees the effect of every earlier one, and nobody ever sees what is not written. A snapshot
 * is written down between two commands, in many turns of the event loop, and then goes to its file while commands run.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { abortTransactionRecord } from '../../protocol/state/index.ts'
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'
import { SerialQueue } from '../runtime/serial-queue.ts'
import { nextTurn } from '../runtime/turns.ts'
import { activationRecords, firstRecords, readBootstrap, writeBootstrap } from './formatting.ts'
import {
  controlBatch,
  kRaftVersion,
  kRaftVoters,
  leaderChange,
  type Quorum,
  readQuorumState,
  recordBatch,
  type Voter,
  writeQuorumState,
} from './kraft-files.ts'
import { loadMetadata } from './metadata-loading.ts'
import { type MetadataRecord, metadataRecord } from './metadata-record.ts'
import { type ImagePart, type Register, Replayer } from './replayer.ts'
import { type SnapshotId, snapshotBatches, snapshotContent } from './snapshot-file.ts'
import { SnapshotGenerator } from './snapshot-generator.ts'
import type { PrunableLog, Snapshots } from './snapshots.ts'

export const metadataTopic = '__cluster_metadata'
/** Fixed in Kafka: Uuid.METADATA_TOPIC_ID. */
export const metadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ'

interface Endpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface MetadataLogOptions {
  /** `__cluster_metadata-0`, opened; if it ended before the newest snapshot, emptied and starting there. */
  readonly log: PrunableLog
  readonly snapshots: Snapshots
  readonly limits?: Partial<MetadataLogLimits>
  /** The log directory, with `bootstrap.checkpoint` in it. */
  readonly path: string
  readonly files: FileSystem
  readonly clock: Clock
  readonly logger: Logger
  readonly nodeId: number
  /** `directory.id` of meta.properties. */
  readonly directoryId: string
  /** Of the broker's file: for all brokers of a new cluster. */
  readonly minInsyncReplicas: number
  /** Where Kafka's controller would listen: it stands in the voters record. */
  readonly controllerEndpoint: Endpoint
  /** Hears that metadata takes no more changes. */
  readonly onFailure?: ((failure: KafkaError) => void) | undefined
}

export interface MetadataLogLimits {
  /** internal.metadata.max.batch.size.in.bytes, or a segment if that is smaller. */
  readonly maxBatchBytes: number
  /** metadata.log.max.record.bytes.between.snapshots */
  readonly maxBytesBetweenSnapshots: number
  /** metadata.log.max.snapshot.interval.ms; 0: time alone asks for no snapshot. */
  readonly maxSnapshotIntervalMs: number
  /** metadata.max.retention.bytes */
  readonly maxRetentionBytes: number
  /** metadata.max.retention.ms */
  readonly maxRetentionMs: number
}

/** Kafka's defaults. */
const defaultLimits: MetadataLogLimits = {
  maxBatchBytes: 8_388_608,
  maxBytesBetweenSnapshots: 20_971_520,
  maxSnapshotIntervalMs: 3_600_000,
  maxRetentionBytes: 104_857_600,
  maxRetentionMs: 604_800_000,
}

export interface Decision<R> {
  /** Empty: nothing is to be changed. */
  readonly records: readonly MetadataRecord[]
  readonly response: R
}

/** More than these have a turn of the event loop of their own: all of a command's records are replayed in one, so that nobody sees some of them. */
const recordsReplayedAtOnce = 500
/** As often as Kafka looks whether old snapshots may go. */
const cleanIntervalMs = 60_000

export class MetadataLog {
  readonly #options: MetadataLogOptions
  readonly #log: PrunableLog
  readonly #snapshots: Snapshots
  readonly #limits: MetadataLogLimits
  readonly #generator: SnapshotGenerator
  readonly #replayer = new Replayer()
  readonly #commands = new SerialQueue()
  readonly #quorum: Quorum = { kRaftVersion: 0, voters: [], lastVoterIds: [] }
  /** Looks after old snapshots, one run at a time. */
  readonly #cleaning = new SerialQueue()
  #cancelCleaning: Cancel | undefined
  #epoch = 0
  /** Of the last batch. */
  #lastTimestampMs = 0
  #failure: KafkaError | undefined

  constructor(options: MetadataLogOptions) {
    this.#options = options
    this.#log = options.log
    this.#snapshots = options.snapshots
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#generator = new SnapshotGenerator({
      clock: options.clock,
      maxBytes: this.#limits.maxBytesBetweenSnapshots,
      maxIntervalMs: this.#limits.maxSnapshotIntervalMs,
      isPossible: () => this.#failure === undefined && !this.#replayer.inTransaction,
      generate: (frozen) => this.#takeSnapshot(frozen),
    })
  }

  /** The quorum's epoch: one more at each start. */
  get epoch(): number {
    return this.#epoch
  }

  /** 1: the voters stand in the log (KIP-853). */
  get kRaftVersion(): number {
    return this.#quorum.kRaftVersion
  }

  /** The quorum's only voter: this node. Its directory counts from kraft.version 1 on. */
  get voter(): { id: number; directoryId: string; endpoints: readonly Endpoint[] } {
    const { nodeId, directoryId, controllerEndpoint } = this.#options
    return { id: nodeId, directoryId, endpoints: [controllerEndpoint] }
  }

  /** The offset after the last record that is applied. */
  get endOffset(): number {
    return this.#log.logEndOffset
  }

  /**
   * A room takes a part of the image over, before `load`. What it returns registers a kind of record, which then is given to `replay`, first
   * while loading, then as commands write it. `records` writes down, for a snapshot, all that was replayed: it reads state and changes none.
   */
  image(part: ImagePart, records: () => Iterable<MetadataRecord>): Register {
    return this.#replayer.image(part, records)
  }

  /** Replays the newest whole snapshot and the log after it, then opens a new epoch. A fresh directory is formatted first. */
  async load(): Promise<void> {
    const { files, path, logger } = this.#options
    const loaded = await loadMetadata(
      { log: this.#log, snapshots: this.#snapshots, path },
      this.#replayer,
      this.#quorum,
    )
    this.#epoch = loaded.epoch
    this.#lastTimestampMs = loaded.lastTimestampMs
    this.#generator.appended(loaded.bytesSinceSnapshot)
    await this.#snapshots.loaded(this.#log.logStartOffset)
    // A start that was killed may have left an epoch without any record.
    const bootstrap = this.#replayer.isEmpty ? await this.#format() : []
    await this.#openEpoch(files)
    if (bootstrap.length > 0) {
      const records = [...bootstrap, ...activationRecords(bootstrap, this.#options.minInsyncReplicas)]
      await this.run(() => ({ records, response: undefined }))
    }
    if (this.#replayer.inTransaction) {
      logger.warn({}, 'the metadata log ends in an open transaction: aborted')
      const abort = metadataRecord(abortTransactionRecord, 0, { reason: 'the leader was stopped' })
      await this.run(() => ({ records: [abort], response: undefined }))
    }
    this.#generator.start()
    this.#scheduleCleaning()
  }

  /**
   * The only way to change metadata. `decide` gets the offset that its first record will have; it may throw a KafkaError, which
   * then is this command's answer and changes nothing. It may take several turns of the event loop: nothing changes meanwhile.
   */
  run<R>(decide: (nextOffset: number) => Decision<R> | Promise<Decision<R>>): Promise<R> {
    return this.#commands.run(async () => {
      if (this.#failure !== undefined) throw this.#failure
      const deciding = decide(this.#log.logEndOffset)
      const { records, response } = deciding instanceof Promise ? await deciding : deciding
      if (records.length === 0) return response
      const baseOffset = await this.#append((position) => recordBatch(records, position))
      if (records.length > recordsReplayedAtOnce) await nextTurn()
      this.#replayWritten(records, baseOffset)
      this.#generator.check()
      return response
    })
  }

  /** kraft.version goes from 0 to 1: from now on the voters stand in the log (KIP-853), this node alone. Not undone. */
  raiseKRaftVersion(): Promise<void> {
    return this.#commands.run(async () => {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#quorum.kRaftVersion > 0) return
      const voters = [this.#ownVoter()]
      await this.#append((position) => controlBatch([kRaftVersion(1), kRaftVoters(voters)], position))
      this.#quorum.kRaftVersion = 1
      this.#quorum.voters = voters
    })
  }

  /** Resolves when the commands given so far, and a snapshot under way, have ended; later commands fail. The log is its directory's to close. */
  async close(): Promise<void> {
    await this.#commands.idle()
    await this.#generator.close()
    this.#cancelCleaning?.()
    await this.#cleaning.idle()
    this.#snapshots.close()
    this.#failure ??= new KafkaError('KAFKA_STORAGE_ERROR', 'the metadata log is closed')
  }

  /** A record that was written and can't be applied is a bug: nothing more is decided on a state that is half there. */
  #replayWritten(records: readonly MetadataRecord[], baseOffset: number): void {
    try {
      for (const [index, { bytes }] of records.entries()) this.#replayer.replay(bytes, baseOffset + index)
    } catch (error) {
      this.#options.logger.error(
        { error, baseOffset },
        'a metadata record could not be applied: metadata takes no more changes',
      )
      this.#fail('a metadata record could not be applied')
      throw error
    }
  }

  #fail(reason: string): KafkaError {
    const failure = new KafkaError('KAFKA_STORAGE_ERROR', reason)
    this.#failure = failure
    this.#options.onFailure?.(failure)
    return failure
  }

  /** Kafka syncs each batch of this log before it takes effect. After a failure what is on disk is unknown: nothing is written any more. */
  async #append(
    batch: (position: { baseOffset: number; epoch: number; timestamp: number }) => Buffer,
  ): Promise<number> {
    const position = { baseOffset: this.#log.logEndOffset, epoch: this.#epoch, timestamp: this.#options.clock.now() }
    const bytes = batch(position)
    const { maxBatchBytes } = this.#limits
    if (bytes.length > maxBatchBytes) {
      const message = `The change takes ${bytes.length} bytes of the metadata log, more than the ${maxBatchBytes} that one may take.`
      throw new KafkaError('RECORD_LIST_TOO_LARGE', message)
    }
    try {
      const { baseOffset } = await this.#log.append(bytes, 'raft')
      await this.#log.flush()
      this.#lastTimestampMs = position.timestamp
      this.#generator.appended(bytes.length)
      if (baseOffset !== position.baseOffset) throw new Error(`somebody else writes the metadata log at ${baseOffset}`)
      return baseOffset
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#options.logger.error({ error }, 'the metadata log could not be written: metadata takes no more changes')
      throw this.#fail(`the metadata log could not be written: ${reason}`)
    }
  }

  /** Snapshots hold what commands have done, at the offset between two of them. A failure leaves the log as it is: only the next start takes longer. */
  async #takeSnapshot(frozen: () => void): Promise<void> {
    try {
      const snapshot = await this.#commands.run(() => this.#writeDown(frozen))
      if (snapshot === undefined) return
      await this.#snapshots.write(snapshot.id, snapshot.batches)
      const { endOffset, epoch } = snapshot.id
      this.#options.logger.debug({ endOffset, epoch }, 'a metadata snapshot was made')
    } catch (error) {
      this.#options.logger.error({ error }, 'a metadata snapshot could not be written')
      return
    }
    await this.#clean()
  }

  /** No command runs meanwhile, so it is the state at one offset, however many turns of the event loop it takes. */
  async #writeDown(frozen: () => void): Promise<{ id: SnapshotId; batches: Buffer[] } | undefined> {
    if (this.#failure !== undefined || this.#replayer.inTransaction) return undefined
    const id = { endOffset: this.#log.logEndOffset, epoch: this.#epoch }
    frozen()
    const batches: Buffer[] = []
    const { kRaftVersion: version, voters } = this.#quorum
    const options = {
      epoch: id.epoch,
      quorumRecords: version > 0 ? [kRaftVersion(version), kRaftVoters(voters)] : [],
      timestamp: this.#options.clock.now(),
      lastContainedLogTimestamp: this.#lastTimestampMs,
    }
    for (const batch of snapshotBatches(this.#replayer.records(), options)) {
      batches.push(batch)
      await nextTurn()
    }
    return { id, batches }
  }

  /** What old snapshots and their part of the log take is no reason to stop. */
  #clean(): Promise<void> {
    const { maxRetentionBytes: maxBytes, maxRetentionMs: maxMs } = this.#limits
    return this.#cleaning.run(async () => {
      try {
        await this.#snapshots.clean(this.#log, { maxBytes, maxMs })
      } catch (error) {
        this.#options.logger.error({ error }, 'old metadata snapshots could not be removed')
      }
      this.#scheduleCleaning()
    })
  }

  /** A single snapshot never goes. */
  #scheduleCleaning(): void {
    this.#cancelCleaning?.()
    this.#cancelCleaning = undefined
    if (this.#failure !== undefined || this.#snapshots.count < 2) return
    this.#cancelCleaning = this.#options.clock.after(cleanIntervalMs, () => void this.#clean())
  }

  /** A log without a record: takes what Kafka's formatter left, or formats the directory. Returns the first records. */
  async #format(): Promise<readonly MetadataRecord[]> {
    const { files, path, clock } = this.#options
    const left = await readBootstrap(files, path)
    if (left !== undefined) return left
    const records = firstRecords()
    if (this.#log.logEndOffset > 0) return records
    this.#quorum.kRaftVersion = 1
    this.#quorum.voters = [this.#ownVoter()]
    const quorumRecords = [kRaftVersion(1), kRaftVoters(this.#quorum.voters)]
    await this.#snapshots.write({ endOffset: 0, epoch: 0 }, [snapshotContent([], quorumRecords, clock.now())])
    await writeBootstrap(files, path, snapshotContent(records, [], clock.now()))
    return records
  }

  #ownVoter(): Voter {
    const { nodeId, directoryId, controllerEndpoint } = this.#options
    return {
      voterId: nodeId,
      voterDirectoryId: directoryId,
      endpoints: [{ ...controllerEndpoint }],
      kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
    }
  }

  /** What the end of this node's log says may be undone by the others of its quorum, and what they have may be missing. */
  #ensureAlone(): void {
    const { path, nodeId } = this.#options
    const { kRaftVersion: version, voters, lastVoterIds } = this.#quorum
    const voterIds = version > 0 ? voters.map(({ voterId }) => voterId) : lastVoterIds
    if (voterIds.every((id) => id === nodeId)) return
    throw new Error(
      `${path} is that of node ${nodeId}, in a quorum of the controllers ${voterIds.join(', ')}: only the directory of a single controller can be opened`,
    )
  }

  async #openEpoch(files: FileSystem): Promise<void> {
    const { path, nodeId } = this.#options
    const logPath = `${path}/${metadataTopic}-0`
    const state = await readQuorumState(files, logPath)
    this.#epoch = Math.max(this.#epoch, this.#log.leaderEpoch, state?.leaderEpoch ?? 0, 0) + 1
    this.#ensureAlone()
    await writeQuorumState(files, logPath, {
      leaderId: nodeId,
      leaderEpoch: this.#epoch,
      kRaftVersion: this.#quorum.kRaftVersion,
    })
    await this.#log.becomeLeader(this.#epoch)
    const records = [leaderChange(nodeId, [nodeId])]
    if (this.#quorum.kRaftVersion > 0) {
      this.#quorum.voters = [this.#ownVoter()]
      records.push(kRaftVersion(this.#quorum.kRaftVersion), kRaftVoters(this.#quorum.voters))
    }
    await this.#append((position) => controlBatch(records, position))
  }
}
