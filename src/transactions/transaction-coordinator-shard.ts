/**
 * transactions: the transactional ids of one partition of `__transaction_state`, as a replayable state machine. Each method is a command:
 * it decides, and says what to append and what happens when that is written.
 */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import { noProducerEpoch, noProducerId } from '../../protocol/records/index.ts'
import type { Answer, Decision, StateMachine } from '../coordinator/state-machine.ts'
import type { Clock } from '../runtime/clock.ts'
import { atEndOfTurn } from '../runtime/turns.ts'
import { needsProducerId, nextProducer, Transaction } from './transaction.ts'
import { TransactionCompletion, type TransactionCompletionOptions } from './transaction-completion.ts'
import { byTopic, type TransactionMetadata, type TransactionRecord } from './transaction-records.ts'
import type {
  AddPartitions,
  DescribedTransaction,
  EndTransaction,
  InitProducerId,
  ListedTransaction,
  ProducerIdAndEpoch,
  TransactionFilter,
  VerifyPartitions,
} from './transaction-requests.ts'

export interface TransactionCoordinatorShardOptions extends Omit<TransactionCompletionOptions, 'completed'> {
  readonly clock: Clock
  /** The level of the feature transaction.version, as it is now. */
  transactionVersion(): number
}

type TransactionDecision<R> = Decision<TransactionRecord, R>
/** What commands are given that may need a fresh producer id: the first time none. */
type NewProducerId = bigint | undefined

const forgotten: Answer['fail'] = () => {}

export class TransactionCoordinatorShard implements StateMachine<TransactionRecord> {
  readonly #options: TransactionCoordinatorShardOptions
  readonly #transactions = new Map<string, Transaction>()
  readonly #completion: TransactionCompletion
  #isLoaded = false

  /** `run`: for commands that the end of a transaction brings. */
  constructor(options: TransactionCoordinatorShardOptions, run: (decide: () => TransactionDecision<void>) => void) {
    this.#options = options
    this.#completion = new TransactionCompletion({
      ...options,
      completed: (transaction) => run(() => this.#complete(transaction)),
    })
  }

  // ---- replay

  replay({ transactionalId, metadata }: TransactionRecord): void {
    const known = this.#transactions.get(transactionalId)
    if (metadata === null) {
      if (this.#isLoaded) known?.die()
      this.#transactions.delete(transactionalId)
    } else if (known !== undefined && this.#isLoaded) known.replay(metadata)
    // Compaction may have taken the states between the ones that are read.
    else this.#transactions.set(transactionalId, new Transaction(transactionalId, metadata))
  }

  /** Its own records are no part of transactions. */
  endTransaction(): void {}

  /** What was prepared before a crash is brought to its end. */
  loaded(): void {
    this.#isLoaded = true
    for (const transaction of this.#transactions.values()) {
      if (transaction.isPrepared) this.#completion.start(transaction)
    }
  }

  unload(): void {
    this.#completion.stop()
  }

  // ---- producers

  /**
   * `fenced`: the open transaction of an earlier producer is aborted first.
   * @throws KafkaError as Transaction.initProducerId
   */
  initProducerId(
    { transactionalId, transactionTimeoutMs, expected }: InitProducerId,
    newProducerId: NewProducerId,
  ): TransactionDecision<ProducerIdAndEpoch | 'fenced' | typeof needsProducerId> {
    const known = this.#transactions.get(transactionalId)
    if (known === undefined && newProducerId === undefined) return { records: [], response: needsProducerId }
    const nowMs = this.#options.clock.now()
    const transaction =
      known ?? new Transaction(transactionalId, unusedMetadata(newProducerId!, transactionTimeoutMs, nowMs))
    const changed = transaction.initProducerId({
      timeoutMs: transactionTimeoutMs,
      expected,
      newProducerId,
      transactionVersion: this.#options.transactionVersion(),
      nowMs,
    })
    if (changed === needsProducerId) return { records: [], response: needsProducerId }
    if (changed.state === 'PrepareAbort') return this.#prepared(transaction, changed, 'fenced' as const)
    const { producerId, producerEpoch } = changed
    return { records: [{ transactionalId, metadata: changed }], response: { producerId, producerEpoch } }
  }

  /** @throws KafkaError as Transaction.verify */
  verifyPartitions(request: VerifyPartitions): TransactionDecision<(ErrorName | undefined)[]> {
    const { transactionalId, partitions } = request
    return { records: [], response: this.#known(transactionalId).verify(request, partitions) }
  }

  /** @throws KafkaError as Transaction.addPartitions */
  addPartitions(request: AddPartitions): TransactionDecision<undefined> {
    const { transactionalId, partitions, clientVersion } = request
    const by = { clientVersion, nowMs: this.#options.clock.now() }
    const metadata = this.#known(transactionalId).addPartitions(request, partitions, by)
    return { records: metadata === undefined ? [] : [{ transactionalId, metadata }], response: undefined }
  }

  /** What the producer goes on with. @throws KafkaError as Transaction.end */
  endTransactionOf(
    request: EndTransaction,
    newProducerId: NewProducerId,
  ): TransactionDecision<ProducerIdAndEpoch | typeof needsProducerId> {
    const transaction = this.#known(request.transactionalId)
    const changed = transaction.end(request, newProducerId, this.#options.clock.now())
    if (changed === undefined) return { records: [], response: nextProducer(transaction.metadata) }
    if (changed === needsProducerId) return { records: [], response: changed }
    return this.#prepared(transaction, changed, nextProducer(changed))
  }

  // ---- time

  timedOut(): TransactionDecision<string[]> {
    const nowMs = this.#options.clock.now()
    const open = [...this.#transactions.values()].filter((transaction) => transaction.hasTimedOut(nowMs))
    return { records: [], response: open.map(({ transactionalId }) => transactionalId) }
  }

  /** Whether it was aborted; not, when it has ended meanwhile. */
  abortTimedOut(
    transactionalId: string,
    newProducerId: NewProducerId,
  ): TransactionDecision<boolean | typeof needsProducerId> {
    const nowMs = this.#options.clock.now()
    const transaction = this.#transactions.get(transactionalId)
    if (transaction?.hasTimedOut(nowMs) !== true) return { records: [], response: false }
    const transactionVersion = this.#options.transactionVersion()
    const changed = transaction.fence({ newProducerId, transactionVersion, nowMs })
    if (changed === needsProducerId) return { records: [], response: changed }
    return this.#prepared(transaction, changed, true)
  }

  /** How many transactional ids nobody has used for so long that they go. */
  removeExpired(expirationMs: number): TransactionDecision<number> {
    const nowMs = this.#options.clock.now()
    const expired = [...this.#transactions.values()].filter((each) => each.hasExpired(nowMs, expirationMs))
    const records = expired.map(({ transactionalId }) => ({ transactionalId, metadata: null }))
    return { records, response: records.length, atomic: false }
  }

  // ---- administration

  /** Ids by all that the filter says but the pattern. */
  list(filter: Omit<TransactionFilter, 'transactionalIdPattern'>): TransactionDecision<ListedTransaction[]> {
    const { stateFilters, producerIdFilters, durationFilter } = filter
    const nowMs = this.#options.clock.now()
    const listed: ListedTransaction[] = []
    for (const { transactionalId, metadata } of this.#transactions.values()) {
      const { producerId, state, startMs } = metadata
      if (stateFilters.length > 0 && !stateFilters.includes(state)) continue
      if (producerIdFilters.length > 0 && !producerIdFilters.includes(producerId)) continue
      if (durationFilter >= 0 && nowMs - startMs <= durationFilter) continue
      listed.push({ transactionalId, producerId, transactionState: state })
    }
    return { records: [], response: listed }
  }

  /** @throws KafkaError TRANSACTIONAL_ID_NOT_FOUND */
  describe(transactionalId: string): TransactionDecision<DescribedTransaction> {
    const transaction = this.#transactions.get(transactionalId)
    if (transaction === undefined) throw new KafkaError('TRANSACTIONAL_ID_NOT_FOUND')
    const { metadata } = transaction
    return {
      records: [],
      response: {
        transactionalId,
        producerId: metadata.producerId,
        producerEpoch: metadata.producerEpoch,
        transactionState: metadata.state,
        transactionTimeoutMs: metadata.timeoutMs,
        transactionStartTimeMs: metadata.startMs,
        topics: byTopic(transaction.partitions),
      },
    }
  }

  // ---- ends

  /** The markers go out when it is written that they must: behind the answer, which waits for nothing else. */
  #prepared<R>(transaction: Transaction, metadata: TransactionMetadata, response: R): TransactionDecision<R> {
    const deliver = (): void => atEndOfTurn(() => this.#completion.start(transaction))
    const start: Answer = { deliver, fail: forgotten }
    const { transactionalId } = transaction
    return { records: [{ transactionalId, metadata }], response, answers: [start] }
  }

  #complete(transaction: Transaction): TransactionDecision<void> {
    const { transactionalId } = transaction
    const metadata = transaction.complete(this.#options.clock.now())
    return { records: [{ transactionalId, metadata }], response: undefined }
  }

  /** @throws KafkaError INVALID_PRODUCER_ID_MAPPING */
  #known(transactionalId: string): Transaction {
    const transaction = this.#transactions.get(transactionalId)
    if (transaction === undefined) throw new KafkaError('INVALID_PRODUCER_ID_MAPPING')
    return transaction
  }
}

/** Of an id that nobody has used: no producer has an epoch yet. */
function unusedMetadata(producerId: bigint, timeoutMs: number, nowMs: number): TransactionMetadata {
  return {
    state: 'Empty',
    producerId,
    previousProducerId: noProducerId,
    nextProducerId: noProducerId,
    producerEpoch: noProducerEpoch,
    lastProducerEpoch: noProducerEpoch,
    timeoutMs,
    partitions: [],
    startMs: -1,
    lastUpdateMs: nowMs,
    clientVersion: 0,
  }
}
