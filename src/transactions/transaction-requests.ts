/** transactions: what the coordinator is asked, and what it answers. */
import type { TopicPartition } from './transaction-records.ts'

export interface ProducerIdAndEpoch {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export interface InitProducerId {
  readonly transactionalId: string
  readonly transactionTimeoutMs: number
  /** What the producer believes to have; undefined: it starts anew. */
  readonly expected: ProducerIdAndEpoch | undefined
}

export interface VerifyPartitions extends ProducerIdAndEpoch {
  readonly transactionalId: string
  readonly partitions: readonly TopicPartition[]
}

export interface AddPartitions extends VerifyPartitions {
  /** transaction.version by which the client acts: 0 or 2. */
  readonly clientVersion: number
}

export interface EndTransaction extends ProducerIdAndEpoch {
  readonly transactionalId: string
  readonly isCommit: boolean
  /** As with AddPartitions. */
  readonly clientVersion: number
}

export interface TransactionFilter {
  /** Of any of these states; empty: of all. */
  readonly stateFilters: readonly string[]
  /** Empty: of all. */
  readonly producerIdFilters: readonly bigint[]
  /** Open for longer than that, in milliseconds; negative: all. */
  readonly durationFilter: number
  /** RE2, for the whole id; null or empty: all. */
  readonly transactionalIdPattern: string | null
}

export interface ListedTransaction {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly transactionState: string
}

export interface ListedTransactions {
  readonly unknownStateFilters: readonly string[]
  readonly transactionStates: readonly ListedTransaction[]
}

export interface DescribedTransaction extends ListedTransaction {
  readonly producerEpoch: number
  readonly transactionTimeoutMs: number
  /** -1: there never was one. */
  readonly transactionStartTimeMs: number
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
}
