/**
 * log: what compaction knows of transactions as it walks through a log: which data was aborted, and which markers nobody needs any more.
 *
 *     a marker can go when no batch of its transaction is left before it; it stays delete.retention.ms longer, so that readers get by it
 *
 * Source: Kafka's CleanedTransactionMetadata, KIP-98, KIP-534.
 */
import { endTransactionMarkerOf } from '../../../protocol/records/control-records.ts'
import type { RecordBatchView } from '../../../protocol/records/record-batch.ts'
import type { AbortedTransactionEntry } from '../transaction-index.ts'

export class CleanedTransactions {
  /** By first offset. */
  readonly #aborted: readonly AbortedTransactionEntry[]
  readonly #onKept: (entry: AbortedTransactionEntry) => void
  #nextAborted = 0
  /** Aborted transactions that have begun, by producer; `hasData`: some of it was seen. */
  readonly #ongoing = new Map<bigint, { readonly entry: AbortedTransactionEntry; hasData: boolean }>()
  /** Producers with committed data whose marker was not seen yet. */
  readonly #committing = new Set<bigint>()

  /**
   * `aborted`: all aborted transactions that overlap what is walked through. `onKept` hears of those whose marker stays because their
   * data was still there: the new transaction index needs them.
   */
  constructor(
    aborted: readonly AbortedTransactionEntry[],
    onKept: (entry: AbortedTransactionEntry) => void = () => {},
  ) {
    this.#aborted = [...aborted].sort((left, right) => left.firstOffset - right.firstOffset)
    this.#onKept = onKept
  }

  /** The next batch, whatever it is. True when its records need not be kept: aborted data, or a marker that marks nothing. */
  read(batch: RecordBatchView): boolean {
    this.#begin(batch)
    if (batch.isControl) return this.#readMarker(batch)
    if (!batch.isTransactional) return false
    const aborted = this.#ongoing.get(batch.producerId)
    if (aborted === undefined) {
      this.#committing.add(batch.producerId)
      return false
    }
    aborted.hasData = true
    return true
  }

  #readMarker(batch: RecordBatchView): boolean {
    // A marker that was emptied marks nothing.
    if (batch.recordCount === 0) return true
    const { producerId } = batch
    const marker = endTransactionMarkerOf(batch)
    if (marker === undefined) return false
    if (marker.type === 'COMMIT') return !this.#committing.delete(producerId)
    const aborted = this.#ongoing.get(producerId)
    this.#ongoing.delete(producerId)
    if (aborted?.hasData !== true) return true
    this.#onKept(aborted.entry)
    return false
  }

  #begin({ baseOffset, lastOffset }: RecordBatchView): void {
    for (; this.#nextAborted < this.#aborted.length; this.#nextAborted += 1) {
      const entry = this.#aborted[this.#nextAborted]!
      if (entry.firstOffset > lastOffset) return
      // Retention has taken all of it since the plan was made: its marker does not come any more.
      if (entry.lastOffset < baseOffset) continue
      if (!this.#ongoing.has(entry.producerId)) this.#ongoing.set(entry.producerId, { entry, hasData: false })
    }
  }
}
