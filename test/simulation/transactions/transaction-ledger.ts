/**
 * What the producers of a transaction simulation know of their transactions, and what readers may therefore see of them.
 *
 *     open ─commit sent─► committing ─acknowledged─► committed
 *       └─abort, or a commit that was surely refused─► aborted
 *
 * Of an open or aborted transaction nobody may ever see a record or an offset; of a committed one everybody sees all; one that is committing,
 * because the answer was lost for good, may be either, but as a whole.
 */

export interface ProducerEpoch {
  readonly producerId: bigint
  readonly producerEpoch: number
}

type Fate = 'open' | 'committing' | 'committed' | 'aborted'

/** One record, as its value says. */
export interface SentRecord {
  readonly transaction: number
  /** Among those that the transaction sends to its partition. */
  readonly index: number
}

export class LedgerTransaction {
  readonly number: number
  readonly transactionalId: string
  /** How many records it has sent to each partition, by `topic-partition`. */
  readonly records = new Map<string, number>()
  commitsOffset = false
  fate: Fate = 'open'
  /** A reader has had one of its records, or its offset. */
  isSeen = false

  constructor(number: number, transactionalId: string) {
    this.number = number
    this.transactionalId = transactionalId
  }

  toString(): string {
    return `transaction ${this.number} of ${this.transactionalId} (${this.fate})`
  }
}

export class TransactionLedger {
  readonly transactions: LedgerTransaction[] = []
  /** By transactional id: the highest epoch that a producer has been given. */
  readonly #newest = new Map<string, ProducerEpoch>()
  readonly #fail: (what: string) => never

  constructor(fail: (what: string) => never) {
    this.#fail = fail
  }

  begin(transactionalId: string): LedgerTransaction {
    const transaction = new LedgerTransaction(this.transactions.length, transactionalId)
    this.transactions.push(transaction)
    return transaction
  }

  /** A producer has been given an epoch: those with earlier ones are fenced. */
  given(transactionalId: string, epoch: ProducerEpoch): void {
    const newest = this.#newest.get(transactionalId)
    if (newest === undefined || isBefore(newest, epoch)) this.#newest.set(transactionalId, epoch)
  }

  isFenced(transactionalId: string, epoch: ProducerEpoch): boolean {
    const newest = this.#newest.get(transactionalId)
    return newest !== undefined && isBefore(epoch, newest)
  }

  committed(transaction: LedgerTransaction, wasFenced: boolean): void {
    if (wasFenced) this.#fail(`${transaction} was committed by a producer that had been fenced before`)
    if (transaction.fate !== 'committing') this.#fail(`${transaction} was committed`)
    transaction.fate = 'committed'
  }

  /** It is sure that it was not committed. */
  aborted(transaction: LedgerTransaction): void {
    if (transaction.isSeen) this.#fail(`${transaction} was seen by a reader, and is aborted`)
    transaction.fate = 'aborted'
  }

  /** A read_committed reader was given something of it. */
  saw(number: number, what: string): LedgerTransaction {
    const transaction = this.transactions[number]
    if (transaction === undefined) return this.#fail(`${what} is of transaction ${number}, which there never was`)
    if (transaction.fate === 'open' || transaction.fate === 'aborted') this.#fail(`${what} is of ${transaction}`)
    transaction.isSeen = true
    return transaction
  }
}

function isBefore(one: ProducerEpoch, other: ProducerEpoch): boolean {
  if (one.producerId !== other.producerId) return one.producerId < other.producerId
  return one.producerEpoch < other.producerEpoch
}
