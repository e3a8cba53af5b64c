/**
 * metadata: the one metadata log, `__cluster_metadata-0`: KRaft records, in batches that count wholly or not at all. This process is
 * its only voter and leader: each start is a new epoch, opened by a LeaderChange.
 *
 *     run: decide (reads state, never awaits) → append and sync → replay (the only mutation) → answer
 *
 * Commands run one after the other, so `decide` sees the effect of every earlier one, and nobody ever sees what is not written.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn, type RecordBatchView, recordsOf } from '../../protocol/records/index.ts'
import type { Decoded, Fields } from '../../protocol/schema/index.ts'
import { abortTransactionRecord, featureLevelRecord, type StoredSchema } from '../../protocol/state/index.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'
import { nextTurn, SerialQueue } from '../runtime/serial-queue.ts'
import {
  controlBatch,
  kRaftVersion,
  kRaftVoters,
  leaderChange,
  newestSnapshot,
  type Quorum,
  readControlBatch,
  readQuorumState,
  recordBatch,
  snapshotContent,
  snapshotPath,
  writeQuorumState,
} from './kraft-files.ts'
import { type MetadataRecord, metadataRecord } from './metadata-record.ts'
import { Replayer } from './replayer.ts'

export const metadataTopic = '__cluster_metadata'
/** Fixed in Kafka: Uuid.METADATA_TOPIC_ID. */
export const metadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ'
/** 4.3-IV0: what a directory that we format has. */
export const latestMetadataVersion = 30

export interface MetadataLogOptions {
  /** `__cluster_metadata-0`, opened. */
  readonly log: PartitionLog
  /** The log directory, with `bootstrap.checkpoint` in it. */
  readonly path: string
  readonly files: FileSystem
  readonly clock: Clock
  readonly logger: Logger
  readonly nodeId: number
  /** `directory.id` of meta.properties. */
  readonly directoryId: string
  /** Where Kafka's controller would listen: it stands in the voters record. */
  readonly controllerEndpoint: { readonly name: string; readonly host: string; readonly port: number }
  /** Hears that metadata takes no more changes. */
  readonly onFailure?: (failure: KafkaError) => void
}

export interface Decision<R> {
  /** Empty: nothing is to be changed. */
  readonly records: readonly MetadataRecord[]
  readonly response: R
}

const readBytes = 1024 * 1024
/** Records between two turns of the event loop while loading. */
const recordsPerTurn = 20_000

export class MetadataLog {
  readonly #options: MetadataLogOptions
  readonly #log: PartitionLog
  readonly #replayer = new Replayer()
  readonly #commands = new SerialQueue()
  readonly #quorum: Quorum = { kRaftVersion: 0, voters: [] }
  readonly #listeners = new Set<() => void>()
  #epoch = 0
  #failure: KafkaError | undefined

  constructor(options: MetadataLogOptions) {
    this.#options = options
    this.#log = options.log
  }

  /** The quorum's epoch: one more at each start. */
  get epoch(): number {
    return this.#epoch
  }

  /** 1: the voters stand in the log (KIP-853). */
  get kRaftVersion(): number {
    return this.#quorum.kRaftVersion
  }

  /** The offset after the last record that is applied. */
  get endOffset(): number {
    return this.#log.logEndOffset
  }

  /** `replay` gets each record of that kind, first while loading, then as commands write them. Before `load`. */
  register<F extends Fields>(schema: StoredSchema<F>, replay: (record: Decoded<F>, offset: number) => void): void {
    this.#replayer.register(schema, replay)
  }

  /** `listener` runs after a command's records were replayed. Returns the way to stop it. */
  onReplayed(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Replays the newest whole snapshot and the log after it, then opens a new epoch. A fresh directory is formatted first. */
  async load(): Promise<void> {
    const { files, path, logger } = this.#options
    const fromOffset = await this.#loadSnapshot()
    if (this.#log.logStartOffset > fromOffset) {
      throw new Error(
        `${path}: the metadata log starts at offset ${this.#log.logStartOffset}, and no snapshot reaches up to there`,
      )
    }
    await this.#loadLog(fromOffset)
    const bootstrap = this.#log.logEndOffset === 0 ? await this.#format() : []
    await this.#openEpoch(files)
    if (bootstrap.length > 0) await this.run(() => ({ records: bootstrap, response: undefined }))
    if (this.#replayer.inTransaction) {
      logger.warn({}, 'the metadata log ends in an open transaction: aborted')
      const abort = metadataRecord(abortTransactionRecord, 0, { reason: 'the leader was stopped' })
      await this.run(() => ({ records: [abort], response: undefined }))
    }
  }

  /**
   * The only way to change metadata. `decide` gets the offset that its first record will have; it may throw a KafkaError, which
   * then is this command's answer and changes nothing.
   */
  run<R>(decide: (nextOffset: number) => Decision<R>): Promise<R> {
    return this.#commands.run(async () => {
      if (this.#failure !== undefined) throw this.#failure
      const { records, response } = decide(this.#log.logEndOffset)
      if (records.length === 0) return response
      const baseOffset = await this.#append((position) => recordBatch(records, position))
      this.#replayWritten(records, baseOffset)
      for (const listener of this.#listeners) listener()
      return response
    })
  }

  /** Resolves when the commands given so far have ended; later ones fail. The log itself is its directory's to close. */
  async close(): Promise<void> {
    await this.#commands.idle()
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
    try {
      const { baseOffset } = await this.#log.append(batch(position), 'raft')
      await this.#log.flush()
      if (baseOffset !== position.baseOffset) throw new Error(`somebody else writes the metadata log at ${baseOffset}`)
      return baseOffset
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#options.logger.error({ error }, 'the metadata log could not be written: metadata takes no more changes')
      throw this.#fail(`the metadata log could not be written: ${reason}`)
    }
  }

  /** Returns the offset from which the log has to be replayed. */
  async #loadSnapshot(): Promise<number> {
    const { files, path, logger } = this.#options
    const snapshot = await newestSnapshot(files, `${path}/${metadataTopic}-0`, (broken) =>
      logger.warn({ path: broken }, 'this metadata snapshot is not whole: an older one is taken'),
    )
    if (snapshot === undefined) return 0
    this.#epoch = snapshot.epoch
    await this.#replayBatches(snapshot.content, 0, Number.POSITIVE_INFINITY, () => snapshot.endOffset - 1)
    return snapshot.endOffset
  }

  async #loadLog(fromOffset: number): Promise<void> {
    const log = this.#log
    for (let offset = fromOffset; offset < log.logEndOffset; ) {
      const { records } = await log.read(offset, { maxBytes: readBytes, minOneBatch: true, isolation: 'log_end' })
      const firstOffset = offset
      try {
        for (const buffer of records) {
          offset = await this.#replayBatches(buffer, firstOffset, log.logEndOffset, (recordOffset) => recordOffset)
        }
      } catch (error) {
        throw this.#damaged(`can't be replayed from offset ${firstOffset} on`, error)
      }
      if (offset <= firstOffset) throw this.#damaged(`can't be read at offset ${firstOffset}`)
    }
  }

  /** A start that can't go on: without its metadata a broker would serve something else than what is stored. */
  #damaged(what: string, cause?: unknown): Error {
    const reason = cause instanceof Error ? `: ${cause.message}` : ''
    return new Error(`${this.#options.path}/${metadataTopic}-0 is damaged and ${what}${reason}`, { cause })
  }

  /** Replays the records from `fromOffset` on; returns the offset after the last batch. */
  async #replayBatches(
    buffer: Buffer,
    fromOffset: number,
    endOffset: number,
    offsetOf: (recordOffset: number) => number,
  ): Promise<number> {
    let nextOffset = fromOffset
    let sinceTurn = 0
    for (const batch of batchesIn(buffer)) {
      if (batch.baseOffset >= endOffset) break
      nextOffset = batch.nextOffset
      if (!batch.isCrcValid()) throw new Error(`the checksum of the batch at offset ${batch.baseOffset} is wrong`)
      if (batch.isControl) readControlBatch(batch, this.#quorum)
      else this.#replayBatch(batch, fromOffset, offsetOf)
      sinceTurn += batch.recordCount
      if (sinceTurn < recordsPerTurn) continue
      sinceTurn = 0
      await nextTurn()
    }
    return nextOffset
  }

  #replayBatch(batch: RecordBatchView, fromOffset: number, offsetOf: (recordOffset: number) => number): void {
    for (const record of recordsOf(batch)) {
      if (record.offset < fromOffset || record.value === null) continue
      this.#replayer.replay(record.value, offsetOf(record.offset))
    }
  }

  /**
   * An empty log: takes what Kafka's formatter left in `bootstrap.checkpoint`, or formats the directory as it does with
   * `--standalone`. Returns the first records.
   */
  async #format(): Promise<MetadataRecord[]> {
    const { files, path, clock, nodeId, directoryId, controllerEndpoint } = this.#options
    const bootstrapPath = `${path}/bootstrap.checkpoint`
    if (await files.exists(bootstrapPath)) return recordsIn(await files.readFile(bootstrapPath))
    const records = [
      metadataRecord(featureLevelRecord, 0, { name: 'metadata.version', featureLevel: latestMetadataVersion }),
    ]
    this.#quorum.kRaftVersion = 1
    this.#quorum.voters = [
      {
        voterId: nodeId,
        voterDirectoryId: directoryId,
        endpoints: [{ ...controllerEndpoint }],
        kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
      },
    ]
    const quorumRecords = [kRaftVersion(1), kRaftVoters(this.#quorum.voters)]
    const logPath = `${path}/${metadataTopic}-0`
    await files.replaceFile(snapshotPath(logPath, 0, 0), snapshotContent([], quorumRecords, clock.now()))
    await files.replaceFile(bootstrapPath, snapshotContent(records, [], clock.now()))
    return records
  }

  async #openEpoch(files: FileSystem): Promise<void> {
    const { path, nodeId, directoryId, controllerEndpoint } = this.#options
    const logPath = `${path}/${metadataTopic}-0`
    const state = await readQuorumState(files, logPath)
    this.#epoch = Math.max(this.#epoch, this.#log.leaderEpoch, state?.leaderEpoch ?? 0, 0) + 1
    const others = this.#quorum.voters.filter(({ voterId }) => voterId !== nodeId)
    if (others.length > 0) {
      throw new Error(
        `${path} belongs to a quorum of ${others.length + 1} controllers; only a single one can be opened`,
      )
    }
    await writeQuorumState(files, logPath, {
      leaderId: nodeId,
      leaderEpoch: this.#epoch,
      kRaftVersion: this.#quorum.kRaftVersion,
    })
    await this.#log.becomeLeader(this.#epoch)
    const records = [leaderChange(nodeId, [nodeId])]
    if (this.#quorum.kRaftVersion > 0) {
      this.#quorum.voters = [
        {
          voterId: nodeId,
          voterDirectoryId: directoryId,
          endpoints: [{ ...controllerEndpoint }],
          kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
        },
      ]
      records.push(kRaftVersion(this.#quorum.kRaftVersion), kRaftVoters(this.#quorum.voters))
    }
    await this.#append((position) => controlBatch(records, position))
  }
}

/** The metadata records of a snapshot's content. */
function recordsIn(content: Buffer): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const batch of batchesIn(content)) {
    if (batch.isControl) continue
    for (const { value } of recordsOf(batch)) if (value !== null) records.push({ bytes: value })
  }
  return records
}
