/**
 * transactions: the transaction coordinator of one broker: the partitions of `__transaction_state` that it leads, and the transactional ids
 * in them.
 *
 *     transactional id ─hash─► partition of __transaction_state ─leader─► its coordinator
 */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import type { Broker } from '../cluster/broker.ts'
import { type CoordinatorKind, LedPartitions } from '../cluster/led-partitions.ts'
import { noLeader, type Partition } from '../cluster/partition.ts'
import { transactionStateTopic } from '../cluster/topic.ts'
import type { CoordinatorPartition } from '../coordinator/coordinator-partition.ts'
import type { Decision, RecordCodec } from '../coordinator/state-machine.ts'
import { matchingTopics, requireRegularExpression } from '../groups/consumer/topic-regular-expressions.ts'
import { partitionFor } from '../groups/group-coordinator.ts'
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { needsProducerId } from './transaction.ts'
import type { WritesMarkers } from './transaction-completion.ts'
import { TransactionCoordinatorShard } from './transaction-coordinator-shard.ts'
import { type TransactionRecord, transactionRecordCodec } from './transaction-records.ts'
import type {
  AddPartitions,
  DescribedTransaction,
  EndTransaction,
  InitProducerId,
  ListedTransactions,
  ProducerIdAndEpoch,
  TransactionFilter,
  VerifyPartitions,
} from './transaction-requests.ts'
import { isTransactionState } from './transaction-states.ts'

export interface TransactionCoordinatorOptions {
  readonly broker: Broker
  readonly clock: Clock
  readonly logger: Logger
  readonly producerIds: { next(): Promise<bigint> }
  readonly markers: WritesMarkers
}

type Coordinator = CoordinatorPartition<TransactionCoordinatorShard, TransactionRecord>

type ShardCommand<R> = (shard: TransactionCoordinatorShard) => Decision<TransactionRecord, R>
type ProducerIdCommand<R> = (
  shard: TransactionCoordinatorShard,
  newProducerId: bigint | undefined,
) => Decision<TransactionRecord, R | typeof needsProducerId>

export class TransactionCoordinator {
  readonly #options: TransactionCoordinatorOptions
  readonly #broker: Broker
  readonly #codec: RecordCodec<TransactionRecord>
  readonly #led: LedPartitions<TransactionCoordinatorShard, TransactionRecord>
  #cancelTimeouts: Cancel = () => {}
  #cancelExpiry: Cancel = () => {}

  /** To be made before the broker starts: it takes over partitions as it gets to lead them. */
  constructor(options: TransactionCoordinatorOptions) {
    this.#options = options
    this.#broker = options.broker
    this.#codec = transactionRecordCodec(() => this.#transactionVersion)
    const topic = transactionStateTopic
    this.#led = new LedPartitions({ broker: this.#broker, topic, kindFor: (partition) => this.#kindFor(partition) })
    this.#abortTimedOutLater()
    this.#removeExpiredLater()
  }

  /** Whoever waits gets NOT_COORDINATOR. Resolves when nothing is on its way to a log any more. */
  async close(): Promise<void> {
    this.#cancelTimeouts()
    this.#cancelExpiry()
    await this.#led.close()
  }

  /** Id of the broker that coordinates the transactional id. Creates `__transaction_state`. @throws KafkaError COORDINATOR_NOT_AVAILABLE */
  async coordinatorOf(transactionalId: string): Promise<number> {
    await this.#broker.cluster.ensureInternalTopic(transactionStateTopic)
    const brokerId = this.coordinatorIdOf(transactionalId)
    if (brokerId === undefined) throw new KafkaError('COORDINATOR_NOT_AVAILABLE')
    return brokerId
  }

  /** The same as things are; undefined while there is none. */
  coordinatorIdOf(transactionalId: string): number | undefined {
    const leaderId = this.#partitionOf(transactionalId)?.leaderId ?? noLeader
    return leaderId === noLeader ? undefined : leaderId
  }

  // ---- producers

  /**
   * An epoch that fences all earlier producers of the transactional id, and ends what they have left open.
   * @throws KafkaError INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS until what was left open has ended,
   * and as every command: NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE
   */
  async initProducerId(request: InitProducerId): Promise<ProducerIdAndEpoch> {
    const { transactionalId, transactionTimeoutMs } = request
    requireTransactionalId(transactionalId)
    const longestMs = this.#broker.config.get('transaction.max.timeout.ms')
    if (transactionTimeoutMs <= 0 || transactionTimeoutMs > longestMs) {
      throw new KafkaError('INVALID_TRANSACTION_TIMEOUT')
    }
    const producer = await this.#runWithProducerId(transactionalId, (shard, newProducerId) =>
      shard.initProducerId(request, newProducerId),
    )
    if (producer === 'fenced') throw new KafkaError('CONCURRENT_TRANSACTIONS')
    return producer
  }

  /**
   * Whether each of the partitions is part of the producer's open transaction: why not, or undefined, in their order. Changes nothing.
   * @throws KafkaError INVALID_REQUEST, INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS, and as every command
   */
  async verifyPartitions(request: VerifyPartitions): Promise<(ErrorName | undefined)[]> {
    requireTransactionalId(request.transactionalId)
    return this.#run(request.transactionalId, (shard) => shard.verifyPartitions(request))
  }

  /**
   * Makes the partitions part of the transaction, which starts with the first ones: all of them, or none. undefined for each, as
   * `verifyPartitions` answers. @throws KafkaError as `verifyPartitions`
   */
  async addPartitions(request: AddPartitions): Promise<undefined[]> {
    requireTransactionalId(request.transactionalId)
    await this.#run(request.transactionalId, (shard) => shard.addPartitions(request))
    return request.partitions.map(() => undefined)
  }

  /**
   * Resolves when it is sure to end so, with what the producer goes on with; the markers follow.
   * @throws KafkaError INVALID_REQUEST, INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE, and as every command
   */
  async endTransaction(request: EndTransaction): Promise<ProducerIdAndEpoch> {
    requireTransactionalId(request.transactionalId)
    return this.#runWithProducerId(request.transactionalId, (shard, newProducerId) =>
      shard.endTransactionOf(request, newProducerId),
    )
  }

  // ---- administration

  /** @throws KafkaError INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND, and as every command */
  async describeTransaction(transactionalId: string): Promise<DescribedTransaction> {
    requireTransactionalId(transactionalId)
    return this.#run(transactionalId, (shard) => shard.describe(transactionalId))
  }

  /** The transactional ids that this broker coordinates. @throws KafkaError INVALID_REGULAR_EXPRESSION, COORDINATOR_LOAD_IN_PROGRESS */
  async listTransactions(filter: TransactionFilter): Promise<ListedTransactions> {
    const pattern = filter.transactionalIdPattern ?? ''
    if (pattern !== '') requireRegularExpression(pattern, 'Transaction ID pattern')
    const coordinators = this.#coordinators()
    const listed = (await Promise.all(coordinators.map((each) => each.run((shard) => shard.list(filter))))).flat()
    const unknownStateFilters = filter.stateFilters.filter((name) => !isTransactionState(name))
    if (pattern === '') return { unknownStateFilters, transactionStates: listed }
    const ids = listed.map(({ transactionalId }) => transactionalId)
    const matching = (await matchingTopics([pattern], ids, this.#options.clock)).get(pattern)
    const transactionStates = listed.filter(({ transactionalId }) => matching?.has(transactionalId))
    return { unknownStateFilters, transactionStates }
  }

  // ---- time

  #abortTimedOutLater(): void {
    const delayMs = this.#broker.config.get('transaction.abort.timed.out.transaction.cleanup.interval.ms')
    this.#cancelTimeouts = this.#options.clock.after(delayMs, () => {
      for (const coordinator of this.#loaded()) void this.#abortTimedOut(coordinator)
      this.#abortTimedOutLater()
    })
  }

  async #abortTimedOut(coordinator: Coordinator): Promise<void> {
    const { logger } = this.#options
    try {
      for (const transactionalId of await coordinator.run((shard) => shard.timedOut())) {
        const isAborted = await this.#runIn(coordinator, (shard, newProducerId) =>
          shard.abortTimedOut(transactionalId, newProducerId),
        )
        if (isAborted) logger.info({ transactionalId }, 'A transaction has timed out and is aborted')
      }
    } catch (error) {
      if (!this.#led.isClosed) logger.warn({ error }, 'Transactions that have timed out could not be aborted')
    }
  }

  #removeExpiredLater(): void {
    const delayMs = this.#broker.config.get('transaction.remove.expired.transaction.cleanup.interval.ms')
    this.#cancelExpiry = this.#options.clock.after(delayMs, () => {
      for (const coordinator of this.#loaded()) void this.#removeExpired(coordinator)
      this.#removeExpiredLater()
    })
  }

  async #removeExpired(coordinator: Coordinator): Promise<void> {
    const { logger } = this.#options
    const expirationMs = this.#broker.config.get('transactional.id.expiration.ms')
    try {
      const count = await coordinator.run((shard) => shard.removeExpired(expirationMs))
      if (count > 0) logger.info({ count }, 'Transactional ids have expired')
    } catch (error) {
      if (!this.#led.isClosed) logger.warn({ error }, 'Expired transactional ids could not be removed')
    }
  }

  // ---- partitions

  get #transactionVersion(): number {
    return this.#broker.cluster.features.level('transaction.version')
  }

  #run<R>(transactionalId: string, decide: ShardCommand<R>): R | Promise<R> {
    return this.#coordinatorFor(transactionalId).run(decide)
  }

  /** Producer ids come from the cluster: a command that turns out to need one is decided again when there is one. */
  #runWithProducerId<R>(transactionalId: string, decide: ProducerIdCommand<R>): Promise<R> {
    return this.#runIn(this.#coordinatorFor(transactionalId), decide)
  }

  async #runIn<R>(coordinator: Coordinator, decide: ProducerIdCommand<R>): Promise<R> {
    const decided = await coordinator.run((shard) => decide(shard, undefined))
    if (decided !== needsProducerId) return decided
    const newProducerId = await this.#options.producerIds.next()
    return coordinator.run((shard) => decide(shard, newProducerId)) as Promise<R>
  }

  /** @throws KafkaError NOT_COORDINATOR */
  #coordinatorFor(transactionalId: string): Coordinator {
    const partition = this.#partitionOf(transactionalId)
    if (partition === undefined) throw new KafkaError('NOT_COORDINATOR')
    return this.#led.coordinatorOf(partition)
  }

  #coordinators(): Coordinator[] {
    const partitions = this.#led.topic?.partitions ?? []
    const led = partitions.filter((partition) => this.#broker.leads(partition) && partition.isOpen)
    return led.map((partition) => this.#led.coordinatorOf(partition))
  }

  #loaded(): Coordinator[] {
    return this.#led.coordinators.filter(({ isLoaded }) => isLoaded)
  }

  #partitionOf(transactionalId: string): Partition | undefined {
    const topic = this.#led.topic
    return topic?.partitions[partitionFor(transactionalId, topic.partitions.length)]
  }

  #kindFor({ leaderEpoch }: Partition): CoordinatorKind<TransactionCoordinatorShard, TransactionRecord> {
    const { clock, logger, markers } = this.#options
    const transactionVersion = (): number => this.#transactionVersion
    const shardOptions = { clock, logger, markers, coordinatorEpoch: leaderEpoch, transactionVersion }
    const createMachine: CoordinatorKind<TransactionCoordinatorShard, TransactionRecord>['createMachine'] = (run) =>
      new TransactionCoordinatorShard(shardOptions, run)
    return { codec: this.#codec, createMachine, clock, logger }
  }
}

/** @throws KafkaError INVALID_REQUEST */
function requireTransactionalId(transactionalId: string): void {
  if (transactionalId === '') throw new KafkaError('INVALID_REQUEST')
}
