/**
 * transactions: asks a transaction's coordinator whether a partition is part of it before the first batch is appended there, so that none is left
 * open that nobody will end (KIP-890). Clients of transaction version 2 leave it to the broker to add the partition.
 *
 *     batch ─► is a transaction of its epoch open here? ─yes─► append
 *                └─no─► guard from the log ─► coordinator: verify, or add ─► append with the guard, which a marker in between makes void
 *
 * Source: Kafka's AddPartitionsToTxnManager and ReplicaManager.
 */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import type { Broker } from '../cluster/broker.ts'
import type { Partition, TransactionAppend } from '../cluster/partition.ts'
import type { Clock } from '../runtime/clock.ts'

/** What a coordinator is asked about: one producer's transaction and partitions that are about to be written to. */
export interface AskedTransaction {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
}

/** What is needed of a transaction coordinator. Each call resolves with one error name, or none, for each partition in its order. */
export interface VerifiesPartitions {
  verifyPartitions(transaction: AskedTransaction): Promise<readonly (ErrorName | undefined)[]>
  /** `clientVersion`: the transaction version of the client. */
  addPartitions(
    transaction: AskedTransaction & { readonly clientVersion: number },
  ): Promise<readonly (ErrorName | undefined)[]>
}

/**
 * What a client's version of Produce or TxnOffsetCommit allows: TransactionSupportedOperation of Kafka. `defaultError`: it does not know
 * TRANSACTION_ABORTABLE. `addPartition`: it leaves adding to the broker.
 */
export type SupportedOperation = 'defaultError' | 'genericErrorSupported' | 'addPartition'

/** A producer's first batches in partitions that this broker leads. */
export interface VerifiedTransaction {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly partitions: readonly { readonly partition: Partition; readonly baseSequence: number }[]
}

/** What the append has to bring, or why there may be none. */
export type Verified = TransactionAppend | KafkaError

export interface TransactionVerificationOptions {
  readonly broker: Broker
  readonly clock: Clock
  /** The coordinator of a transactional id, on whatever broker of the process; undefined while there is none. */
  coordinatorOf(transactionalId: string): VerifiesPartitions | undefined
}

/** Transaction version of clients that leave adding partitions to the broker. */
const addingClientVersion = 2

export class TransactionVerification {
  readonly #options: TransactionVerificationOptions
  /** The last call for each transactional id that is not answered: batches are verified in the order of their coming. */
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(options: TransactionVerificationOptions) {
    this.#options = options
  }

  /**
   * Resolves with one outcome for each partition, in their order. While the coordinator is about to end the transaction before, a partition to be
   * added is tried again for add.partitions.to.txn.retry.backoff.max.ms if `isRetried`.
   */
  async verify(
    transaction: VerifiedTransaction,
    operation: SupportedOperation,
    { isRetried }: { isRetried: boolean },
  ): Promise<Verified[]> {
    if (operation !== 'addPartition' && !this.#isEnabled) return transaction.partitions.map(() => ({}))
    const guarded = this.#guard(transaction, operation)
    const { transactionalId } = transaction
    // Nothing to ask, and nothing that it could overtake.
    if (!guarded.some(needsAnswer) && !this.#underWay.has(transactionalId)) return guarded
    const before = this.#underWay.get(transactionalId) ?? Promise.resolve()
    const retries = isRetried && operation === 'addPartition'
    const verified = before.then(() => (retries ? this.#askAgain(transaction) : this.#ask(transaction, operation)))
    const settled = verified.then(
      () => {},
      () => {},
    )
    this.#underWay.set(transactionalId, settled)
    void settled.then(() => {
      if (this.#underWay.get(transactionalId) === settled) this.#underWay.delete(transactionalId)
    })
    return await verified
  }

  get #isEnabled(): boolean {
    return this.#options.broker.config.get('transaction.partition.verification.enable')
  }

  async #askAgain(transaction: VerifiedTransaction): Promise<Verified[]> {
    const { clock, broker } = this.#options
    const { config } = broker
    const mostMs = Math.min(config.get('add.partitions.to.txn.retry.backoff.max.ms'), config.get('request.timeout.ms'))
    const startMs = clock.monotonicMs()
    for (;;) {
      const verified = await this.#ask(transaction, 'addPartition')
      const isEnding = verified.some(
        (each) => each instanceof KafkaError && each.kafkaError === 'CONCURRENT_TRANSACTIONS',
      )
      if (!isEnding || clock.monotonicMs() - startMs >= mostMs) return verified
      await new Promise<void>((resolve) => clock.after(config.get('add.partitions.to.txn.retry.backoff.ms'), resolve))
    }
  }

  /** The guards are new each time: the end of the transaction before has made earlier ones void. */
  async #ask(transaction: VerifiedTransaction, operation: SupportedOperation): Promise<Verified[]> {
    const guarded = this.#guard(transaction, operation)
    const waiting = transaction.partitions.filter((_, index) => needsAnswer(guarded[index]!))
    if (waiting.length === 0) return guarded
    const { transactionalId, producerId, producerEpoch } = transaction
    const partitions = waiting.map(({ partition }) => ({ topic: partition.topic, partition: partition.index }))
    const errors = await this.#askCoordinator({ transactionalId, producerId, producerEpoch, partitions }, operation)
    let asked = 0
    return guarded.map((each) => {
      if (!needsAnswer(each)) return each
      const error = errors[asked]
      asked += 1
      return error === undefined ? each : new KafkaError(appendErrorOf(error, operation))
    })
  }

  /** A guard where no transaction of the epoch is open yet. */
  #guard({ partitions, producerId, producerEpoch }: VerifiedTransaction, operation: SupportedOperation): Verified[] {
    const bumpsEpoch = operation === 'addPartition'
    return partitions.map(({ partition, baseSequence }) => {
      try {
        return { guard: partition.log.startVerification({ producerId, producerEpoch, baseSequence, bumpsEpoch }) }
      } catch (error) {
        if (error instanceof KafkaError) return error
        throw error
      }
    })
  }

  async #askCoordinator(
    asked: AskedTransaction,
    operation: SupportedOperation,
  ): Promise<readonly (ErrorName | undefined)[]> {
    const coordinator = this.#options.coordinatorOf(asked.transactionalId)
    if (coordinator === undefined) return asked.partitions.map(() => 'COORDINATOR_NOT_AVAILABLE')
    try {
      return operation === 'addPartition'
        ? await coordinator.addPartitions({ ...asked, clientVersion: addingClientVersion })
        : await coordinator.verifyPartitions(asked)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return asked.partitions.map(() => error.kafkaError)
    }
  }
}

function needsAnswer(verified: Verified): boolean {
  return !(verified instanceof KafkaError) && verified.guard !== undefined
}

/** Producers know the errors of an append, not all of a coordinator. */
function appendErrorOf(error: ErrorName, operation: SupportedOperation): ErrorName {
  if (error === 'PRODUCER_FENCED') return 'INVALID_PRODUCER_EPOCH'
  return error === 'TRANSACTION_ABORTABLE' && operation === 'defaultError' ? 'INVALID_TXN_STATE' : error
}
