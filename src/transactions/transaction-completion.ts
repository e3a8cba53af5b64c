/**
 * transactions: brings prepared transactions to their end: a marker to each of their partitions, again and again until it is written, and
 * then the word that all are. Which ones are written is forgotten by a restart: markers may come twice.
 */
import { errorByCode, KafkaError } from '../../protocol/errors.ts'
import type { TransactionMarker } from '../coordinator/state-machine.ts'
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Transaction } from './transaction.ts'
import type { TopicPartition } from './transaction-records.ts'

export interface WritesMarkers {
  /** Resolves when the marker is written. @throws KafkaError what the partition's leader says */
  write(marker: TransactionMarker, topic: string, partition: number): Promise<void>
}

export interface TransactionCompletionOptions {
  readonly markers: WritesMarkers
  readonly coordinatorEpoch: number
  readonly clock: Clock
  readonly logger: Logger
  /** All markers of the transaction are written. */
  completed(transaction: Transaction): void
}

interface PendingMarker {
  readonly transaction: Transaction
  readonly marker: TransactionMarker
  readonly to: TopicPartition
  /** That have failed. */
  readonly attempts: number
}

/** A partition that can't take its marker is asked again so much later. */
const retryMs = 100

/** The partition is gone, or was never able to hold the transaction: nobody waits for a marker there. */
const needsNone: readonly string[] = [
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'UNSUPPORTED_VERSION',
]
/** Somebody with a later epoch has taken over: what becomes of the transaction is decided there. */
const superseded: readonly string[] = ['INVALID_PRODUCER_EPOCH', 'TRANSACTION_COORDINATOR_FENCED']

export class TransactionCompletion {
  readonly #options: TransactionCompletionOptions
  readonly #retries = new Set<Cancel>()
  #isStopped = false

  constructor(options: TransactionCompletionOptions) {
    this.#options = options
  }

  /** `transaction`: prepared, as its latest record says. */
  start(transaction: Transaction): void {
    if (this.#isStopped) return
    const { metadata, partitions } = transaction
    const marker: TransactionMarker = {
      producerId: metadata.producerId,
      producerEpoch: metadata.producerEpoch,
      coordinatorEpoch: this.#options.coordinatorEpoch,
      isCommit: metadata.state === 'PrepareCommit',
      transactionVersion: metadata.clientVersion,
    }
    if (partitions.length === 0) this.#options.completed(transaction)
    for (const to of partitions) void this.#write({ transaction, marker, to, attempts: 0 })
  }

  stop(): void {
    this.#isStopped = true
    for (const cancel of this.#retries) cancel()
    this.#retries.clear()
  }

  async #write(pending: PendingMarker): Promise<void> {
    const { transaction, marker, to } = pending
    try {
      await this.#options.markers.write(marker, to.topic, to.partition)
    } catch (error) {
      if (this.#isStopped || !this.#goesWithout(pending, error)) return
    }
    if (this.#isStopped) return
    transaction.markerWritten(to)
    if (transaction.hasAllMarkers) this.#options.completed(transaction)
  }

  /** Whether the transaction is complete without this marker; else it is tried again, where that is of use. */
  #goesWithout(pending: PendingMarker, error: unknown): boolean {
    const { logger } = this.#options
    const { transactionalId } = pending.transaction
    const { kafkaError, code } = error instanceof KafkaError ? error : new KafkaError('UNKNOWN_SERVER_ERROR')
    if (needsNone.includes(kafkaError)) return true
    if (superseded.includes(kafkaError)) {
      logger.warn({ transactionalId, ...pending.to, error }, 'A transaction is left to whoever has superseded it')
      return false
    }
    if (pending.attempts === 0 && !errorByCode(code).retriable) {
      const said = 'The marker of a transaction can not be written, it is tried again and again'
      logger.error({ transactionalId, ...pending.to, error }, said)
    }
    this.#retryLater(pending)
    return false
  }

  #retryLater(pending: PendingMarker): void {
    const cancel = this.#options.clock.after(retryMs, () => {
      this.#retries.delete(cancel)
      void this.#write({ ...pending, attempts: pending.attempts + 1 })
    })
    this.#retries.add(cancel)
  }
}
