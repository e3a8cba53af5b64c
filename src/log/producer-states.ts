/**
 * log: what one partition knows of its producers: epoch, the last five batches of each, open transactions.
 *
 * What is written and what is pending (checked, but not written yet) are kept apart: checks look at both, a failed write
 * drops the pending part. Source: KIP-98, Kafka's ProducerStateManager and ProducerAppendInfo.
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { EndTransactionMarker } from '../../protocol/records/control-records.ts'
import { noSequence, type RecordBatchView } from '../../protocol/records/record-batch.ts'
import type { ProducerState, VerificationGuard } from './partition-log.ts'
import type { PendingAppend } from './pending-append.ts'
import { keyOf, type ProducerKey, toKey } from './producer-key.ts'
import type { SnapshotEntry } from './producer-snapshot.ts'
import { Verifications } from './verifications.ts'

/** So many batches of a producer are remembered for finding duplicates: its requests in flight may be as many. */
const rememberedBatches = 5
const largestSequence = 0x7fffffff

export interface ProducedBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly timestampMs: number
}

/** A transaction that a marker has ended. */
export interface CompletedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
  /** The marker's. */
  readonly lastOffset: number
  readonly isAborted: boolean
}

export interface EndMarker {
  readonly isAbort: boolean
  readonly coordinatorEpoch: number
}

/** From here on a marker's epoch is above that of its transaction (KIP-890). */
const firstBumpingVersion = 2

class Producer {
  readonly key: ProducerKey
  /** -1: nothing of it is written. */
  epoch = -1
  batches: ProducedBatch[] = []
  lastTimestampMs = -1
  coordinatorEpoch = -1
  transactionFirstOffset = -1
  /** In the order of their appending. */
  pending: PendingAppend[] = []

  constructor(key: ProducerKey) {
    this.key = key
  }

  get lastSequence(): number {
    return this.batches.at(-1)?.lastSequence ?? noSequence
  }

  // What is true of it behind all that is pending:

  get nextEpoch(): number {
    return this.pending.at(-1)?.producerEpoch ?? this.epoch
  }

  get nextLastSequence(): number {
    return this.pending.at(-1)?.lastSequence ?? this.lastSequence
  }

  get nextCoordinatorEpoch(): number {
    return this.pending.at(-1)?.coordinatorEpoch ?? this.coordinatorEpoch
  }

  get willBeInTransaction(): boolean {
    return this.pending.at(-1)?.leavesTransactionOpen ?? this.transactionFirstOffset >= 0
  }

  becomeEpoch(epoch: number): void {
    if (this.epoch === epoch) return
    this.epoch = epoch
    this.batches = []
  }

  remember(batch: ProducedBatch): void {
    if (this.batches.length === rememberedBatches) this.batches.shift()
    this.batches.push(batch)
  }
}

export class ProducerStates {
  readonly #producers = new Map<ProducerKey, Producer>()
  /** Producer key to the transaction's first offset, in the order of these. */
  #openTransactions: Map<ProducerKey, number> | undefined
  #verifications: Verifications | undefined

  get isEmpty(): boolean {
    return this.#producers.size === 0
  }

  /** First offset of the oldest open transaction; undefined when none is open. */
  get firstOpenTransactionOffset(): number | undefined {
    return this.#openTransactions?.values().next().value
  }

  /** The pending or remembered batch that `batch` repeats. */
  findDuplicate(batch: RecordBatchView): PendingAppend | ProducedBatch | undefined {
    const producer = this.#producers.get(keyOf(batch))
    if (producer === undefined) return undefined
    const { producerEpoch, baseSequence, lastSequence } = batch
    for (const append of producer.pending) {
      const same = append.baseSequence === baseSequence && append.lastSequence === lastSequence
      if (same && append.producerEpoch === producerEpoch) return append
    }
    if (producer.epoch !== producerEpoch) return undefined
    return producer.batches.find((known) => known.baseSequence === baseSequence && known.lastSequence === lastSequence)
  }

  /**
   * May `batch`, neither a duplicate nor a marker, follow on what is written and pending? `checksSequence`: it comes from a client.
   * @throws KafkaError INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE
   */
  check(batch: RecordBatchView, checksSequence: boolean): void {
    const key = keyOf(batch)
    const producer = this.#producers.get(key)
    if (producer !== undefined) requireEpoch(producer, batch)
    if (checksSequence) {
      if (this.#verifications?.isEmpty === false)
        this.#verifications.checkSequence(key, batch, isWithoutBatches(producer))
      if (producer !== undefined) checkSequence(producer, batch)
    }
    if (producer?.willBeInTransaction === true && !batch.isTransactional) {
      throw new KafkaError(
        'INVALID_TXN_STATE',
        `Producer ${producer.key} has an open transaction: a transactional write was expected`,
      )
    }
  }

  /**
   * A transactional batch needs an open transaction of its producer's epoch, or the guard that a verification under way has given (KIP-890): that
   * is gone once a batch or a marker has come in between.
   * @throws KafkaError INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE
   */
  requireTransaction(batch: RecordBatchView, guard: VerificationGuard | undefined): void {
    const key = keyOf(batch)
    const producer = this.#producers.get(key)
    if (isInTransaction(producer, batch.producerEpoch)) return
    if (producer !== undefined) requireEpoch(producer, batch)
    if (guard === undefined || this.#verifications?.isCurrent(key, guard) !== true) {
      throw new KafkaError('INVALID_TXN_STATE', 'The partition is not part of an ongoing transaction of this producer')
    }
  }

  /**
   * What a batch has to show that is to open a transaction; undefined while one is open. Asked again before that, the same.
   * `bumpsEpoch`: of a client whose transactions have an epoch each (KIP-890).
   */
  guardFor(
    producer: { producerId: bigint; producerEpoch: number; baseSequence: number; bumpsEpoch: boolean },
    nowMs: number,
  ): VerificationGuard | undefined {
    const key = toKey(producer.producerId)
    if (isInTransaction(this.#producers.get(key), producer.producerEpoch)) return undefined
    this.#verifications ??= new Verifications()
    return this.#verifications.guardFor(key, producer, nowMs)
  }

  /**
   * May the marker in `batch` end what is open? `transactionVersion`: 2 for a transaction whose end has an epoch of its own; of that only
   * the same marker once more, with nothing open, may have the epoch that is known. Source: Kafka's ProducerAppendInfo.
   * @throws KafkaError INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED
   */
  checkMarker(batch: RecordBatchView, marker: EndTransactionMarker, transactionVersion: number): void {
    const producer = this.#producers.get(keyOf(batch))
    if (producer === undefined) return
    const { producerEpoch } = batch
    const { nextEpoch, nextCoordinatorEpoch } = producer
    const isLate =
      transactionVersion >= firstBumpingVersion && producer.willBeInTransaction
        ? producerEpoch <= nextEpoch
        : producerEpoch < nextEpoch
    if (isLate) {
      throw new KafkaError(
        'INVALID_PRODUCER_EPOCH',
        `A marker of producer ${producer.key} has epoch ${producerEpoch}, the last seen epoch is ${nextEpoch}`,
      )
    }
    if (marker.coordinatorEpoch < nextCoordinatorEpoch) {
      throw new KafkaError(
        'TRANSACTION_COORDINATOR_FENCED',
        `A marker of producer ${producer.key} has coordinator epoch ${marker.coordinatorEpoch}, ${nextCoordinatorEpoch} is known`,
      )
    }
  }

  /** `marker`: what `batch` says if it is one. */
  addPending(batch: RecordBatchView, append: PendingAppend, marker?: EndTransactionMarker): void {
    const key = keyOf(batch)
    const producer = this.#producer(key)
    append.coordinatorEpoch = producer.nextCoordinatorEpoch
    if (marker === undefined) {
      append.leavesTransactionOpen = producer.willBeInTransaction || batch.isTransactional
      append.baseSequence = batch.baseSequence
      append.lastSequence = batch.lastSequence
    } else {
      append.coordinatorEpoch = marker.coordinatorEpoch
      append.lastSequence = batch.producerEpoch === producer.nextEpoch ? producer.nextLastSequence : noSequence
    }
    append.producerEpoch = batch.producerEpoch
    producer.pending.push(append)
    if (batch.isTransactional) this.#verifications?.end(key)
  }

  /** The batch at `batch` is written. `marker`: what a control batch of a transaction says. `append`: the pending append it is of. */
  written(
    batch: RecordBatchView,
    marker: EndMarker | undefined,
    append?: PendingAppend,
  ): CompletedTransaction | undefined {
    const producer = this.#producer(keyOf(batch))
    if (append !== undefined && producer.pending[0] === append) producer.pending.shift()
    producer.becomeEpoch(batch.producerEpoch)
    producer.lastTimestampMs = batch.maxTimestamp
    const { baseOffset, lastOffset } = batch
    if (batch.isControl) return marker === undefined ? undefined : this.#end(producer, lastOffset, marker)
    producer.remember({
      baseSequence: batch.baseSequence,
      lastSequence: batch.lastSequence,
      baseOffset,
      lastOffset,
      timestampMs: batch.maxTimestamp,
    })
    if (batch.isTransactional && producer.transactionFirstOffset < 0) {
      producer.transactionFirstOffset = baseOffset
      this.#opened(producer)
    }
    return undefined
  }

  /** What was pending has failed. */
  dropPending(): void {
    for (const producer of this.#producers.values()) {
      producer.pending = []
      if (producer.epoch < 0) this.#producers.delete(producer.key)
    }
  }

  /** Forgets producers without an open transaction whose last batch is `expirationMs` old, and verifications as old. */
  expire(nowMs: number, expirationMs: number): void {
    this.#verifications?.expire(nowMs, expirationMs)
    for (const producer of this.#producers.values()) {
      const idle = producer.transactionFirstOffset < 0 && producer.pending.length === 0
      if (idle && nowMs - producer.lastTimestampMs >= expirationMs) this.#producers.delete(producer.key)
    }
  }

  /** Of no transaction it is known any more that it is open. */
  forgetOpenTransactions(): void {
    if (this.#openTransactions === undefined) return
    for (const key of this.#openTransactions.keys()) this.#producers.get(key)!.transactionFirstOffset = -1
    this.#openTransactions = undefined
  }

  clear(): void {
    this.#producers.clear()
    this.#openTransactions = undefined
    this.#verifications = undefined
  }

  states(): ProducerState[] {
    return this.snapshot().map((entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.producerEpoch,
      lastSequence: entry.lastSequence,
      lastTimestampMs: entry.lastTimestampMs,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTransactionFirstOffset: entry.currentTransactionFirstOffset,
    }))
  }

  snapshot(): SnapshotEntry[] {
    const entries: SnapshotEntry[] = []
    for (const producer of this.#producers.values()) {
      if (producer.epoch < 0) continue
      const last = producer.batches.at(-1)
      entries.push({
        producerId: BigInt(producer.key),
        producerEpoch: producer.epoch,
        lastSequence: last?.lastSequence ?? noSequence,
        lastOffset: last?.lastOffset ?? -1,
        offsetDelta: last === undefined ? 0 : last.lastOffset - last.baseOffset,
        lastTimestampMs: producer.lastTimestampMs,
        coordinatorEpoch: producer.coordinatorEpoch,
        currentTransactionFirstOffset: producer.transactionFirstOffset,
      })
    }
    return entries
  }

  /** Takes the place of all that is known. */
  load(entries: readonly SnapshotEntry[]): void {
    this.clear()
    const open: Producer[] = []
    for (const entry of entries) {
      const producer = this.#producer(toKey(entry.producerId))
      producer.epoch = entry.producerEpoch
      producer.lastTimestampMs = entry.lastTimestampMs
      producer.coordinatorEpoch = entry.coordinatorEpoch
      producer.transactionFirstOffset = entry.currentTransactionFirstOffset
      if (producer.transactionFirstOffset >= 0) open.push(producer)
      if (entry.lastOffset < 0) continue
      producer.remember({
        baseSequence: decrementSequence(entry.lastSequence, entry.offsetDelta),
        lastSequence: entry.lastSequence,
        baseOffset: entry.lastOffset - entry.offsetDelta,
        lastOffset: entry.lastOffset,
        timestampMs: entry.lastTimestampMs,
      })
    }
    open.sort((left, right) => left.transactionFirstOffset - right.transactionFirstOffset)
    for (const producer of open) this.#opened(producer)
  }

  #opened(producer: Producer): void {
    this.#openTransactions ??= new Map()
    this.#openTransactions.set(producer.key, producer.transactionFirstOffset)
  }

  #end(producer: Producer, lastOffset: number, marker: EndMarker): CompletedTransaction | undefined {
    const firstOffset = producer.transactionFirstOffset
    producer.coordinatorEpoch = marker.coordinatorEpoch
    producer.transactionFirstOffset = -1
    this.#openTransactions?.delete(producer.key)
    if (firstOffset < 0) return undefined
    return { producerId: BigInt(producer.key), firstOffset, lastOffset, isAborted: marker.isAbort }
  }

  #producer(key: ProducerKey): Producer {
    let producer = this.#producers.get(key)
    if (producer === undefined) {
      producer = new Producer(key)
      this.#producers.set(key, producer)
    }
    return producer
  }
}

/** @throws KafkaError INVALID_PRODUCER_EPOCH */
function requireEpoch(producer: Producer, { producerEpoch }: RecordBatchView): void {
  const { nextEpoch } = producer
  if (producerEpoch >= nextEpoch) return
  throw new KafkaError(
    'INVALID_PRODUCER_EPOCH',
    `Producer ${producer.key} has epoch ${producerEpoch}, which is smaller than the last seen epoch ${nextEpoch}`,
  )
}

/** A producer of which nothing is known may begin anywhere: what it wrote may have been deleted. @throws KafkaError OUT_OF_ORDER_SEQUENCE_NUMBER */
function checkSequence(producer: Producer, { baseSequence, producerEpoch }: RecordBatchView): void {
  const { nextEpoch } = producer
  if (nextEpoch < 0) return
  const lastSequence = producerEpoch > nextEpoch ? noSequence : producer.nextLastSequence
  if (baseSequence === lastSequence + 1 || (baseSequence === 0 && lastSequence === largestSequence)) return
  throw new KafkaError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `Producer ${producer.key} with epoch ${producerEpoch} sent sequence ${baseSequence} after ${lastSequence}`,
  )
}

function isInTransaction(producer: Producer | undefined, producerEpoch: number): boolean {
  return producer?.willBeInTransaction === true && producer.nextEpoch === producerEpoch
}

function isWithoutBatches(producer: Producer | undefined): boolean {
  return producer === undefined || producer.nextLastSequence === noSequence
}

function decrementSequence(sequence: number, by: number): number {
  return sequence < by ? largestSequence - (by - sequence) + 1 : sequence - by
}
