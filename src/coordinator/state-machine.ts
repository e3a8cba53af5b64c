/** coordinator: what a replayable state machine is, and what its commands give back. */
import type { KafkaError } from '../../protocol/errors.ts'
import type { TransactionAppend } from '../log/partition-log.ts'

/** A record as the log holds it; a null value is a tombstone. */
export interface StoredRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** Turns a machine's records into bytes and back. */
export interface RecordCodec<Rec> {
  encode(record: Rec): StoredRecord
  /** undefined: of a kind or version that is not served; such a record stays in the log as it is. @throws ProtocolError */
  decode(record: StoredRecord): Rec | undefined
}

/** Somebody who waits for more than his own command, as in a long poll. */
export interface Answer {
  deliver(): void
  fail(error: KafkaError): void
}

/** The transaction that records belong to: they count when its marker has come. */
export interface RecordsTransaction {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly guard: TransactionAppend['guard']
}

/** What ends a transaction in one partition. */
export interface TransactionMarker {
  readonly producerId: bigint
  readonly producerEpoch: number
  /** Leader epoch of the coordinator's partition: markers of an earlier coordinator are refused. */
  readonly coordinatorEpoch: number
  readonly isCommit: boolean
  /** 0 to 2: whose rules the epoch has to follow. */
  readonly transactionVersion: number
}

/** What a command comes to. */
export interface Decision<Rec, R> {
  /** Written together or not at all, unless `atomic` is false. */
  readonly records: readonly Rec[]
  readonly response: R
  /** Given when `records`, and all that was appended before, are written. */
  readonly answers?: readonly Answer[]
  /** false: the records may be split into several batches, any of which may be lost. */
  readonly atomic?: false
  /** Of `records`; none, if absent. */
  readonly transaction?: RecordsTransaction
  /** Ends a transaction, in the order of the log; then there are no records. */
  readonly marker?: TransactionMarker
}

/** State that is made by its log's records alone, but for what nobody misses after a restart. */
export interface StateMachine<Rec> {
  /** The only change of replayable state, by commands and when loading. `producerId`: of an open transaction, else -1. */
  replay(record: Rec, producerId: bigint): void
  /** The records of `producerId` since its last marker count from now on, or never. */
  endTransaction(producerId: bigint, committed: boolean): void
  /** All of the log is replayed: timers may start. */
  loaded(): void
  /** This state is dropped: stop the timers, and fail whoever still waits. */
  unload(error: KafkaError): void
}
