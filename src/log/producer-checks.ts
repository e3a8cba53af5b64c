/** log: whether the producer of a batch may append it now; every implementation of `PartitionLog` asks this first. */
import { type EndTransactionMarker, endTransactionMarkerOf } from '../../protocol/records/control-records.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import type { AppendOrigin, TransactionAppend } from './partition-log.ts'
import type { PendingAppend } from './pending-append.ts'
import type { ProducedBatch, ProducerStates } from './producer-states.ts'

export interface CheckedProducer {
  /** What the batch repeats, written or pending: it is not to be appended again. */
  readonly duplicate: PendingAppend | ProducedBatch | undefined
  readonly marker: EndTransactionMarker | undefined
}

/** One for all batches that are neither duplicates nor markers. */
const nothingFound: CheckedProducer = { duplicate: undefined, marker: undefined }

export class ProducerChecks {
  readonly #producers: ProducerStates
  readonly #settings: { readonly verifiesTransactions: boolean }

  /** `verifiesTransactions`: transaction.partition.verification.enable, read with each batch. */
  constructor(producers: ProducerStates, settings: { readonly verifiesTransactions: boolean }) {
    this.#producers = producers
    this.#settings = settings
  }

  /** `batch` has a producer id. @throws KafkaError as the checks of ProducerStates */
  check(batch: RecordBatchView, origin: AppendOrigin, transaction: TransactionAppend | undefined): CheckedProducer {
    if (batch.isControl) return this.#checkControl(batch, transaction)
    const isClient = origin === 'client'
    const duplicate = isClient ? this.#producers.findDuplicate(batch) : undefined
    if (duplicate !== undefined) return { duplicate, marker: undefined }
    if (batch.isTransactional && this.#settings.verifiesTransactions && (isClient || transaction !== undefined)) {
      this.#producers.requireTransaction(batch, transaction?.guard)
    }
    this.#producers.check(batch, isClient)
    return nothingFound
  }

  #checkControl(batch: RecordBatchView, transaction: TransactionAppend | undefined): CheckedProducer {
    const marker = endTransactionMarkerOf(batch)
    if (marker !== undefined) this.#producers.checkMarker(batch, marker, transaction?.version ?? 0)
    return { duplicate: undefined, marker }
  }
}
