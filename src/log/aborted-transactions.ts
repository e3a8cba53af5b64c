/** log: the aborted transactions that a read_committed reader must be told of, from the segments' transaction indexes. */
import type { AbortedTransaction } from './partition-log.ts'
import type { Segments } from './segments.ts'
import type { AbortedTransactionEntry, TransactionIndex } from './transaction-index.ts'

/** Those that overlap `fromOffset` (inclusive) to `upToOffset` (exclusive). Not a promise when the indexes are in memory. */
export function abortedBetween(
  segments: Segments,
  fromOffset: number,
  upToOffset: number,
): AbortedTransaction[] | Promise<AbortedTransaction[]> {
  const entries = abortedEntriesBetween(segments, fromOffset, upToOffset)
  return entries instanceof Promise ? entries.then(toAborted) : toAborted(entries)
}

/** The same, with all that the indexes say. */
export function abortedEntriesBetween(
  segments: Segments,
  fromOffset: number,
  upToOffset: number,
): AbortedTransactionEntry[] | Promise<AbortedTransactionEntry[]> {
  const found: AbortedTransactionEntry[] = []
  const { all } = segments
  const collect = (from: number): AbortedTransactionEntry[] | Promise<AbortedTransactionEntry[]> => {
    for (let index = from; index < all.length; index += 1) {
      const segment = all[index]!
      const transactions = segment.transactionIndex()
      const isComplete = (loaded: TransactionIndex): boolean => {
        // Not since the log was opened: the disk has lost what was written since then.
        if (!loaded.isWhole) throw new Error(`${segment.path('.txnindex')} is damaged: the next start makes it anew`)
        return loaded.collect(fromOffset, upToOffset, found)
      }
      if (transactions instanceof Promise) {
        return transactions.then((loaded) => (isComplete(loaded) ? found : collect(index + 1)))
      }
      if (isComplete(transactions)) break
    }
    return found
  }
  return collect(segments.indexOf(fromOffset))
}

function toAborted(entries: readonly AbortedTransactionEntry[]): AbortedTransaction[] {
  return entries.map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
}
