/**
 * log: what every other room knows of one partition's log. `LocalPartitionLog` keeps it in Kafka's files; no caller may
 * assume files, or that an offset is known before `append` resolves.
 *
 *     logStartOffset ≤ lastStableOffset ≤ highWatermark ≤ logEndOffset
 *
 * All four are offsets of what is written; bytes that are queued are not counted. A reader never sees past the high
 * watermark, and with read_committed never past the last stable offset. The high watermark follows the end, unless it is held.
 */
import type { KafkaError } from '../../protocol/errors.ts'
import type { LogConfig } from './log-config.ts'

/**
 * Who appends. `client`: a Produce request: everything is checked, control batches are refused. `coordinator`: a state
 * machine of this broker (groups, transactions): its control batches are taken, timestamps are not checked. `raft`: the metadata
 * log, whose batches carry the quorum's epoch.
 */
export type AppendOrigin = 'client' | 'coordinator' | 'raft'

/** What a batch shows that is to open a transaction: the coordinator was asked for it, and nothing of its producer came in between. */
export class VerificationGuard {}

/** What is to be known of a producer before its batch is verified. */
export interface VerifyingProducer {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  /** Its transactions have an epoch each (transaction version 2, KIP-890). */
  readonly bumpsEpoch: boolean
}

/** What an append in a transaction brings besides its batch. */
export interface TransactionAppend {
  /** Of a marker: the transaction's version, 0 to 2; 0 unless told. */
  readonly version?: number
  /** Of data that is perhaps the first of its transaction here. */
  readonly guard?: VerificationGuard | undefined
}

export interface AppendResult {
  /** Offset of the first record; for a duplicate of an earlier batch, the one that it got then. */
  readonly baseOffset: number
  /** The broker's time given to the records with message.timestamp.type=LogAppendTime, else -1. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

/** Up to where a reader sees: FetchIsolation of Kafka. */
export type Isolation = 'log_end' | 'high_watermark' | 'txn_committed'

export interface ReadOptions {
  readonly maxBytes: number
  /** Return the first batch whole even when it is larger than `maxBytes`. */
  readonly minOneBatch: boolean
  readonly isolation: Isolation
  /** Also checks the checksums of what comes from files: for readers that act on it. */
  readonly verifies?: boolean
}

export interface ReadResult {
  /** Whole batches from the one that holds the offset asked for; they are views, not to be changed. Empty at the end. */
  readonly records: readonly Buffer[]
  readonly sizeInBytes: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** With `txn_committed`: the aborted transactions that overlap what is returned, else undefined. */
  readonly abortedTransactions: readonly AbortedTransaction[] | undefined
  /** Gives back the memory that `records` lie in: they must not be touched afterwards. Need not be called. */
  readonly release?: (() => void) | undefined
}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
}

export interface TimestampAndOffset {
  readonly timestampMs: number
  readonly offset: number
  readonly leaderEpoch: number
}

export interface EpochEndOffset {
  /** The largest epoch not above the one asked for, -1 if there is none. */
  readonly leaderEpoch: number
  /** Where the next epoch starts, or the log end; -1 if there is none. */
  readonly endOffset: number
}

export interface ProducerState {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestampMs: number
  readonly coordinatorEpoch: number
  /** First offset of the open transaction, -1 if none is open. */
  readonly currentTransactionFirstOffset: number
}

export interface PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
  readonly lastStableOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
  readonly leaderEpoch: number
  readonly sizeInBytes: number
  /** Why it is offline: a failed disk, or damage in its files. */
  readonly failure: KafkaError | undefined

  /**
   * Checks `records` (one or more whole batches, magic 0 to 2), gives them offsets and the leader epoch, and resolves when they
   * are written and, where the flush settings ask for it, synced. Takes effect in call order, also while earlier appends are
   * pending: sequence checks count pending batches, a duplicate of a pending batch resolves with it. When one fails, all queued behind it
   * fail too and the producers' state is that of the last written batch. `records` is patched in place and may be
   * kept: the caller must not touch it afterwards. A client's transactional batch is taken while its transaction is open here, or with the
   * guard of `startVerification`; so is a coordinator's that brings `transaction`.
   * @throws KafkaError CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, INVALID_RECORD / INVALID_TIMESTAMP (RecordsError), UNSUPPORTED_FOR_MESSAGE_FORMAT,
   * UNSUPPORTED_COMPRESSION_TYPE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, TRANSACTION_COORDINATOR_FENCED,
   * KAFKA_STORAGE_ERROR
   */
  append(records: Buffer, origin: AppendOrigin, transaction?: TransactionAppend): Promise<AppendResult>
  /** Throws what `append` would refuse a coordinator's batches with now, and changes nothing. */
  checkAppend(records: Buffer, transaction?: TransactionAppend): void
  /** The guard for the first batch of a transaction, undefined when one of this epoch is open here already. @throws KafkaError KAFKA_STORAGE_ERROR */
  startVerification(producer: VerifyingProducer): VerificationGuard | undefined
  /** Not a promise where the answer lies in memory. @throws KafkaError OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR */
  read(fromOffset: number, options: ReadOptions): ReadResult | Promise<ReadResult>
  /** The first record with at least that timestamp, below the isolation's end; exact also inside compressed batches. */
  offsetForTimestamp(timestampMs: number, isolation: Isolation): Promise<TimestampAndOffset | undefined>
  /** The record with the largest timestamp (the first of them). ListOffsets -3, KIP-734. */
  offsetOfMaxTimestamp(): Promise<TimestampAndOffset | undefined>
  /** KIP-101, KIP-279. */
  endOffsetForEpoch(leaderEpoch: number): EpochEndOffset
  /** The epoch in force at `offset`, -1 if unknown. */
  epochForOffset(offset: number): number
  /** From here on appended batches carry `leaderEpoch`; recorded in leader-epoch-checkpoint with the first of them. */
  becomeLeader(leaderEpoch: number): Promise<void>
  /** Held, it stays where it is, and with it the last stable offset; let go, it is at the end of what is written. */
  holdHighWatermark(isHeld: boolean): void
  abortedTransactions(fromOffset: number, upToOffset: number): Promise<readonly AbortedTransaction[]>
  producerStates(): readonly ProducerState[]
  /**
   * Moves the log start offset up to `offset` (-1: the high watermark); resolves with the new one. Behind a damaged segment it brings
   * a log that is offline for it back. @throws KafkaError OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR
   */
  deleteRecordsBefore(offset: number): Promise<number>
  applyConfig(config: LogConfig): void
  /** Resolves when all that was appended before is on disk. */
  flush(): Promise<void>
  /** Cuts off everything from `offset` on. */
  truncate(offset: number): Promise<void>
  close(): Promise<void>
  /** Closes it and removes its files. Waiting appends fail with UNKNOWN_TOPIC_OR_PARTITION. */
  delete(): Promise<void>
  /** `listener` runs after the high watermark, last stable offset or log start offset moved, or the log went offline. Returns the way to stop it. */
  onAdvance(listener: () => void): () => void
}
