/**
 * transactions: one transactional id. Its methods decide what a request changes and give back the changed metadata, or throw what the
 * client is answered; nothing is changed but by `replay`. Source: Kafka's TransactionCoordinator and TransactionMetadata.
 *
 *     Empty ──add──► Ongoing ──end──► PrepareCommit ──markers written──► CompleteCommit ─┐
 *       ▲              ▲  └──────end, fence, timeout──► PrepareAbort ──► CompleteAbort ──┤
 *       └──init────────┴────────────────────────────────────────────────────add, init────┘
 *
 * While a transaction is prepared its markers are on their way, and all else waits: CONCURRENT_TRANSACTIONS. Commands behind one that is not
 * written yet see what it comes to, and are answered when both are written; Kafka lets the client come again.
 */
import assert from 'node:assert/strict'
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import { noProducerEpoch, noProducerId } from '../../protocol/records/index.ts'
import type { TopicPartition, TransactionMetadata } from './transaction-records.ts'
import type { EndTransaction, ProducerIdAndEpoch } from './transaction-requests.ts'
import { type TransactionState, transactionStates } from './transaction-states.ts'

const maxEpoch = 32_767
/** Given to no producer: with it the coordinator can still fence whoever has the one before. */
const lastGivenEpoch = maxEpoch - 1
/** The timeout of transactions that somebody else decides on (KIP-939): they have none. */
const neverTimesOutMs = 2 ** 31 - 1

/** Instead of metadata: the command needs a fresh producer id, and is to be given one. */
export const needsProducerId = Symbol('needsProducerId')
export type Changed = TransactionMetadata | typeof needsProducerId

/** The first version that has an epoch for each transaction (KIP-890). */
const epochBumpVersion = 2

export class Transaction {
  readonly transactionalId: string
  #metadata: TransactionMetadata
  /** Prepared: those that still wait for their marker. Else all of the transaction. */
  readonly #partitions = new Map<string, TopicPartition>()

  constructor(transactionalId: string, metadata: TransactionMetadata) {
    this.transactionalId = transactionalId
    this.#metadata = metadata
    this.#takePartitions()
  }

  get metadata(): TransactionMetadata {
    return this.#metadata
  }

  get state(): TransactionState {
    return this.#metadata.state
  }

  get isPrepared(): boolean {
    return this.state === 'PrepareCommit' || this.state === 'PrepareAbort'
  }

  /** As of now; a prepared transaction loses each with its marker. */
  get partitions(): readonly TopicPartition[] {
    return [...this.#partitions.values()]
  }

  /** Of a prepared transaction: it can be completed. */
  get hasAllMarkers(): boolean {
    return this.isPrepared && this.#partitions.size === 0
  }

  replay(metadata: TransactionMetadata): void {
    this.#become(metadata.state)
    this.#metadata = metadata
    this.#takePartitions()
  }

  /** It is removed: nothing may come to it any more. */
  die(): void {
    this.#become('Dead')
    this.#metadata = { ...this.#metadata, state: 'Dead' }
  }

  /** The partition has its marker, or needs none. Forgotten by a restart: it gets its marker again then. */
  markerWritten({ topic, partition }: TopicPartition): void {
    assert(this.isPrepared)
    this.#partitions.delete(keyOf(topic, partition))
  }

  // ---- commands

  /**
   * The producer starts anew, or goes on after an error: a further epoch, or a new producer id when there is none left. An open
   * transaction is fenced instead: `state` is PrepareAbort then. `expected`: what the producer believes to have (KIP-360).
   * @throws KafkaError CONCURRENT_TRANSACTIONS, PRODUCER_FENCED
   */
  initProducerId(request: {
    readonly timeoutMs: number
    readonly expected: ProducerIdAndEpoch | undefined
    readonly newProducerId: bigint | undefined
    readonly transactionVersion: number
    readonly nowMs: number
  }): Changed {
    const { timeoutMs, expected, newProducerId, nowMs } = request
    if (this.isPrepared) throw new KafkaError('CONCURRENT_TRANSACTIONS')
    if (expected !== undefined && !this.#isOwn(expected)) throw new KafkaError('PRODUCER_FENCED')
    if (this.state === 'Ongoing') return this.fence(request)
    const anew = { timeoutMs, partitions: [], startMs: -1, lastUpdateMs: nowMs }
    const { producerEpoch } = this.#metadata
    if (!isExhausted(producerEpoch)) return this.#changed('Empty', { ...anew, ...this.#nextEpoch(expected) })
    // Kafka, too, fails at a producer that has missed the last epochs.
    if (expected !== undefined && expected.producerEpoch !== producerEpoch) throw new KafkaError('UNKNOWN_SERVER_ERROR')
    if (newProducerId === undefined) return needsProducerId
    const lastProducerEpoch = expected === undefined ? noProducerEpoch : producerEpoch
    return this.#changed('Empty', { ...anew, producerId: newProducerId, producerEpoch: 0, lastProducerEpoch })
  }

  /** Aborts the open transaction under an epoch that nobody has, so that its producer can't go on. */
  fence({
    newProducerId,
    transactionVersion,
    nowMs,
  }: {
    readonly newProducerId: bigint | undefined
    readonly transactionVersion: number
    readonly nowMs: number
  }): Changed {
    assert(this.state === 'Ongoing')
    const end = { newProducerId, nowMs, startMs: this.#metadata.startMs }
    if (transactionVersion >= epochBumpVersion) {
      return this.#prepareWithEpoch('PrepareAbort', { ...end, clientVersion: transactionVersion })
    }
    return this.#changed('PrepareAbort', {
      producerEpoch: Math.min(this.#metadata.producerEpoch + 1, maxEpoch),
      lastProducerEpoch: noProducerEpoch,
      nextProducerId: noProducerId,
      lastUpdateMs: nowMs,
      clientVersion: 0,
    })
  }

  /**
   * undefined: all are there already. `clientVersion`: transaction.version as the request's version shows it.
   * @throws KafkaError CONCURRENT_TRANSACTIONS, INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED
   */
  addPartitions(
    producer: ProducerIdAndEpoch,
    added: readonly TopicPartition[],
    { clientVersion, nowMs }: { readonly clientVersion: number; readonly nowMs: number },
  ): TransactionMetadata | undefined {
    if (this.isPrepared) throw new KafkaError('CONCURRENT_TRANSACTIONS')
    this.#requireProducer(producer)
    const fresh = new Map<string, TopicPartition>()
    for (const each of added) {
      const key = keyOf(each.topic, each.partition)
      if (!this.#partitions.has(key)) fresh.set(key, each)
    }
    const isOpen = this.state === 'Ongoing'
    if (isOpen && fresh.size === 0) return undefined
    return this.#changed('Ongoing', {
      partitions: [...this.#metadata.partitions, ...fresh.values()],
      startMs: isOpen ? this.#metadata.startMs : nowMs,
      lastUpdateMs: nowMs,
      clientVersion,
    })
  }

  /** TRANSACTION_ABORTABLE for each that is not part of the open transaction. @throws KafkaError as `addPartitions` */
  verify(producer: ProducerIdAndEpoch, partitions: readonly TopicPartition[]): (ErrorName | undefined)[] {
    this.#requireProducer(producer)
    if (this.isPrepared) throw new KafkaError('CONCURRENT_TRANSACTIONS')
    return partitions.map(({ topic, partition }) =>
      this.#partitions.has(keyOf(topic, partition)) ? undefined : 'TRANSACTION_ABORTABLE',
    )
  }

  /**
   * undefined: it has ended so before, and the client did not hear of it.
   * @throws KafkaError INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE
   */
  end(request: EndTransaction, newProducerId: bigint | undefined, nowMs: number): Changed | undefined {
    return request.clientVersion >= epochBumpVersion
      ? this.#endWithEpoch(request, newProducerId, nowMs)
      : this.#endWithinEpoch(request, nowMs)
  }

  /** All markers are written. */
  complete(nowMs: number): TransactionMetadata {
    assert(this.hasAllMarkers)
    const { clientVersion, nextProducerId } = this.#metadata
    const movesOn = clientVersion >= epochBumpVersion && nextProducerId !== noProducerId
    return this.#changed(this.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort', {
      ...(movesOn && { producerId: nextProducerId, producerEpoch: 0 }),
      nextProducerId: noProducerId,
      partitions: [],
      lastUpdateMs: nowMs,
    })
  }

  hasTimedOut(nowMs: number): boolean {
    const { startMs, timeoutMs } = this.#metadata
    return this.state === 'Ongoing' && timeoutMs !== neverTimesOutMs && startMs + timeoutMs < nowMs
  }

  hasExpired(nowMs: number, expirationMs: number): boolean {
    return transactionStates[this.state].expires === true && this.#metadata.lastUpdateMs <= nowMs - expirationMs
  }

  // ---- ends

  /** Until transaction version 1: the producer keeps its epoch. */
  #endWithinEpoch(request: EndTransaction, nowMs: number): TransactionMetadata | undefined {
    this.#requireProducer(request)
    if (this.isPrepared) throw new KafkaError('CONCURRENT_TRANSACTIONS')
    if (this.state === endOf(request)) return undefined
    if (this.state !== 'Ongoing') throw new KafkaError('INVALID_TXN_STATE')
    return this.#changed(request.isCommit ? 'PrepareCommit' : 'PrepareAbort', {
      nextProducerId: noProducerId,
      lastUpdateMs: nowMs,
      clientVersion: 0,
    })
  }

  /** Transaction version 2: an epoch of its own for each transaction tells a request that comes again from the next one. */
  #endWithEpoch(request: EndTransaction, newProducerId: bigint | undefined, nowMs: number): Changed | undefined {
    if (this.isPrepared) throw new KafkaError('CONCURRENT_TRANSACTIONS')
    const { producerId, previousProducerId, producerEpoch, startMs } = this.#metadata
    const isLastEpochAgain =
      previousProducerId === request.producerId && request.producerEpoch === lastGivenEpoch && producerEpoch === 0
    if (producerId !== request.producerId && !isLastEpochAgain) throw new KafkaError('INVALID_PRODUCER_ID_MAPPING')
    const hasEnded = this.state === 'CompleteCommit' || this.state === 'CompleteAbort'
    const isAgain = hasEnded && (isLastEpochAgain || producerEpoch === request.producerEpoch + 1)
    if (!isAgain && request.producerEpoch !== producerEpoch) throw new KafkaError('PRODUCER_FENCED')
    const end = { newProducerId, nowMs, clientVersion: request.clientVersion }
    if (this.state === 'Ongoing') {
      return this.#prepareWithEpoch(request.isCommit ? 'PrepareCommit' : 'PrepareAbort', { ...end, startMs })
    }
    if (isAgain) {
      if (this.state !== endOf(request)) throw new KafkaError('INVALID_TXN_STATE')
      return undefined
    }
    if (request.isCommit) throw new KafkaError('INVALID_TXN_STATE')
    // The producer can't know whether anything of it has arrived; there is nothing to abort but its epoch.
    return this.#prepareWithEpoch('PrepareAbort', { ...end, startMs: nowMs })
  }

  #prepareWithEpoch(
    state: 'PrepareCommit' | 'PrepareAbort',
    end: {
      readonly newProducerId: bigint | undefined
      readonly nowMs: number
      readonly startMs: number
      readonly clientVersion: number
    },
  ): Changed {
    const { producerEpoch } = this.#metadata
    const needsNext = isExhausted(producerEpoch)
    if (needsNext && end.newProducerId === undefined) return needsProducerId
    return this.#changed(state, {
      producerEpoch: Math.min(producerEpoch + 1, maxEpoch),
      lastProducerEpoch: producerEpoch,
      nextProducerId: needsNext ? end.newProducerId! : noProducerId,
      startMs: end.startMs,
      lastUpdateMs: end.nowMs,
      clientVersion: end.clientVersion,
    })
  }

  // ---- producers

  /** @throws KafkaError INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED */
  #requireProducer({ producerId, producerEpoch }: ProducerIdAndEpoch): void {
    if (producerId !== this.#metadata.producerId) throw new KafkaError('INVALID_PRODUCER_ID_MAPPING')
    if (producerEpoch !== this.#metadata.producerEpoch) throw new KafkaError('PRODUCER_FENCED')
  }

  /** It has this producer id, or the one before with its last epoch: it did not hear of the new one then. Nobody has one yet: it may be. */
  #isOwn({ producerId, producerEpoch }: ProducerIdAndEpoch): boolean {
    const { metadata } = this
    if (metadata.producerEpoch === noProducerEpoch || producerId === metadata.producerId) return true
    return producerId === metadata.previousProducerId && isExhausted(producerEpoch)
  }

  /** @throws KafkaError PRODUCER_FENCED */
  #nextEpoch(expected: ProducerIdAndEpoch | undefined): { producerEpoch: number; lastProducerEpoch: number } {
    const { producerEpoch, lastProducerEpoch } = this.#metadata
    const next = producerEpoch + 1
    if (expected === undefined) return { producerEpoch: next, lastProducerEpoch: noProducerEpoch }
    if (producerEpoch === noProducerEpoch || expected.producerEpoch === producerEpoch) {
      return { producerEpoch: next, lastProducerEpoch: producerEpoch }
    }
    // It was given this one before, and did not hear of it.
    if (expected.producerEpoch === lastProducerEpoch) return { producerEpoch, lastProducerEpoch }
    throw new KafkaError('PRODUCER_FENCED')
  }

  // ---- state

  #changed(state: TransactionState, changes: Partial<TransactionMetadata>): TransactionMetadata {
    return { ...this.#metadata, previousProducerId: this.#metadata.producerId, ...changes, state }
  }

  #become(next: TransactionState): void {
    const isAllowed = transactionStates[this.state].next.includes(next)
    assert(isAllowed, `transactional id ${this.transactionalId}: ${this.state} can't become ${next}`)
  }

  #takePartitions(): void {
    this.#partitions.clear()
    for (const each of this.#metadata.partitions) this.#partitions.set(keyOf(each.topic, each.partition), each)
  }
}

/** What the producer goes on with after the end of a transaction: with version 2 a new epoch, perhaps of another id. */
export function nextProducer({ producerId, producerEpoch, nextProducerId }: TransactionMetadata): ProducerIdAndEpoch {
  return nextProducerId === noProducerId
    ? { producerId, producerEpoch }
    : { producerId: nextProducerId, producerEpoch: 0 }
}

function endOf({ isCommit }: EndTransaction): TransactionState {
  return isCommit ? 'CompleteCommit' : 'CompleteAbort'
}

function isExhausted(producerEpoch: number): boolean {
  return producerEpoch >= lastGivenEpoch
}

/** One string for each partition: no two can be the same, for a number stands behind the last dash. */
function keyOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
