/**
 * transactions: the transaction coordinator of one broker: the partitions of `__transaction_state` that it leads, and the transactional ids
 * in them.
 *
 *     transactional id ─hash─► partition of __transaction_state ─leader─► its coordinator
 */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import type { Broker } from '../cluster/broker.ts'
import { noLeader, type Partition } from '../cluster/partition.ts'
import { type Topic, transactionStateTopic } from '../cluster/topic.ts'
import { CoordinatorPartition } from '../coordinator/coordinator-partition.ts'
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

/** One partition while this broker leads it in one leader epoch. */
interface Led {
  readonly leaderEpoch: number
  readonly coordinator: Coordinator
}

type ShardCommand<R> = (shard: TransactionCoordinatorShard) => Decision<TransactionRecord, R>
type ProducerIdCommand<R> = (
  shard: TransactionCoordinatorShard,
  newProducerId: bigint | undefined,
) => Decision<TransactionRecord, R | typeof needsProducerId>

export class TransactionCoordinator {
  readonly #options: TransactionCoordinatorOptions
  readonly #broker: Broker
  readonly #codec: RecordCodec<TransactionRecord>
  readonly #led = new Map<Partition, Led>()
  readonly #stopListening: (() => void)[]
  #cancelTimeouts: Cancel = () => {}
  #cancelExpiry: Cancel = () => {}
  #isClosed = false

  /** To be made before the broker starts: it takes over partitions as it gets to lead them. */
  constructor(options: TransactionCoordinatorOptions) {
    this.#options = options
    this.#broker = options.broker
    this.#codec = transactionRecordCodec(() => this.#transactionVersion)
    const { cluster } = options.broker
    this.#stopListening = [
      cluster.onLeaderChanged((partition) => this.#leaderChanged(partition)),
      cluster.onTopicDeleted((topic) => this.#topicDeleted(topic)),
    ]
    this.#abortTimedOutLater()
    this.#removeExpiredLater()
  }

  /** Whoever waits gets NOT_COORDINATOR. Resolves when nothing is on its way to a log any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#stopListening) stop()
    this.#cancelTimeouts()
    this.#cancelExpiry()
    const led = [...this.#led.values()]
    this.#led.clear()
    await Promise.all(led.map(({ coordinator }) => coordinator.close()))
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
      if (!this.#isClosed) logger.warn({ error }, 'Transactions that have timed out could not be aborted')
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
      if (!this.#isClosed) logger.warn({ error }, 'Expired transactional ids could not be removed')
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
    return this.#coordinator(partition)
  }

  #coordinators(): Coordinator[] {
    const partitions = this.#stateTopic()?.partitions ?? []
    const led = partitions.filter((partition) => this.#broker.leads(partition) && partition.isOpen)
    return led.map((partition) => this.#coordinator(partition))
  }

  #loaded(): Coordinator[] {
    return [...this.#led.values()].map(({ coordinator }) => coordinator).filter(({ isLoaded }) => isLoaded)
  }

  #partitionOf(transactionalId: string): Partition | undefined {
    const topic = this.#stateTopic()
    return topic?.partitions[partitionFor(transactionalId, topic.partitions.length)]
  }

  #stateTopic(): Topic | undefined {
    return this.#broker.cluster.topics.byName(transactionStateTopic)
  }

  /** @throws KafkaError NOT_COORDINATOR */
  #coordinator(partition: Partition): Coordinator {
    if (this.#isClosed || !this.#broker.leads(partition) || !partition.isOpen) throw new KafkaError('NOT_COORDINATOR')
    const led = this.#led.get(partition)
    return led?.leaderEpoch === partition.leaderEpoch ? led.coordinator : this.#takeOver(partition)
  }

  #leaderChanged(partition: Partition): void {
    if (partition.topic !== transactionStateTopic) return
    if (!this.#broker.leads(partition)) void this.#giveUp(partition)
    else if (partition.isOpen) void this.#coordinator(partition).load()
  }

  #takeOver(partition: Partition): Coordinator {
    const { clock, logger, markers } = this.#options
    const { leaderEpoch } = partition
    const transactionVersion = (): number => this.#transactionVersion
    const shardOptions = { clock, logger, markers, coordinatorEpoch: leaderEpoch, transactionVersion }
    const coordinator: Coordinator = new CoordinatorPartition<TransactionCoordinatorShard, TransactionRecord>({
      log: partition.log,
      codec: this.#codec,
      createMachine: (run) => new TransactionCoordinatorShard(shardOptions, run),
      clock,
      logger,
      get maxBatchBytes() {
        return partition.maxMessageBytes
      },
      after: partition.release(),
      requireWritable: () => {
        if (partition.isr.length < partition.requiredInSync) throw new KafkaError('COORDINATOR_NOT_AVAILABLE')
      },
    })
    partition.keptBy(coordinator)
    this.#led.set(partition, { leaderEpoch, coordinator })
    return coordinator
  }

  /** Resolves when what was on its way to the log is there. */
  #giveUp(partition: Partition): Promise<void> {
    const led = this.#led.get(partition)
    this.#led.delete(partition)
    return led?.coordinator.close() ?? Promise.resolve()
  }

  #topicDeleted({ name }: Topic): void {
    if (name !== transactionStateTopic) return
    for (const partition of [...this.#led.keys()]) void this.#giveUp(partition)
  }
}

/** @throws KafkaError INVALID_REQUEST */
function requireTransactionalId(transactionalId: string): void {
  if (transactionalId === '') throw new KafkaError('INVALID_REQUEST')
}
