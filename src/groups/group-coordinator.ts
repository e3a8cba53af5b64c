/**
 * groups: the group coordinator of one broker: the partitions of `__consumer_offsets` that it leads, and the groups in them.
 *
 *     group id ─hash─► partition of __consumer_offsets ─leader─► its coordinator
 */
import { KafkaError } from '../../protocol/errors.ts'
import { codecs } from '../../protocol/records/index.ts'
import type { Broker } from '../cluster/broker.ts'
import { type CoordinatorKind, LedPartitions } from '../cluster/led-partitions.ts'
import type { Partition } from '../cluster/partition.ts'
import { consumerOffsetsTopic, type Topic } from '../cluster/topic.ts'
import { buildBatch, sizeBound } from '../coordinator/coordinator-batches.ts'
import type { CoordinatorPartition } from '../coordinator/coordinator-partition.ts'
import type { Decision, TransactionMarker } from '../coordinator/state-machine.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { mapInTurns } from '../runtime/turns.ts'
import type {
  DescribedGroup,
  JoinGroup,
  JoinGroupResult,
  JoiningClient,
  LeavingMember,
  LeftMember,
  MemberIdentity,
  SyncGroup,
  SyncGroupResult,
} from './classic/classic-group-requests.ts'
import { BrokerConsumerConfigs } from './consumer/broker-consumer-configs.ts'
import { ClusterTopics } from './consumer/cluster-topics.ts'
import type {
  ConsumerGroupClient,
  ConsumerGroupHeartbeat,
  ConsumerGroupHeartbeatResult,
  DescribedConsumerGroup,
} from './consumer/consumer-group-requests.ts'
import { GroupCoordinatorShard } from './group-coordinator-shard.ts'
import { type GroupRecord, groupRecordCodec } from './group-records.ts'
import type {
  DeletedOffsets,
  FetchedTopic,
  GroupFilter,
  ListedGroup,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  TopicAnswer,
  TransactionalOffsetCommit,
} from './group-requests.ts'
import { Poll } from './poll.ts'

export interface GroupCoordinatorOptions {
  readonly broker: Broker
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

interface DeletedTopic {
  readonly name: string
  readonly topicId: string
}

/** Looked up by shards in one turn of the event loop, counted for each shard. */
const topicsForgottenPerTurn = 10_000

type ShardCommand<R> = (shard: GroupCoordinatorShard) => Decision<GroupRecord, R>

export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions
  readonly #broker: Broker
  readonly #led: LedPartitions<GroupCoordinatorShard, GroupRecord>
  readonly #consumer: { readonly topics: ClusterTopics; readonly configs: BrokerConsumerConfigs }
  readonly #stopListening: () => void
  /** Whose offsets are to go at the end of what is done now. */
  #deleted: { readonly topics: DeletedTopic[]; forgotten: Promise<void> } | undefined

  /** To be made before the broker starts: it takes over partitions as it gets to lead them. @throws ConfigError as BrokerConsumerConfigs */
  constructor(options: GroupCoordinatorOptions) {
    this.#options = options
    this.#broker = options.broker
    const { cluster } = options.broker
    this.#consumer = { topics: new ClusterTopics(cluster), configs: new BrokerConsumerConfigs(options.broker) }
    this.#led = new LedPartitions({
      broker: this.#broker,
      topic: consumerOffsetsTopic,
      kindFor: (partition) => this.#kindFor(partition),
    })
    this.#stopListening = cluster.onTopicDeleted((topic) => this.#topicDeleted(topic))
  }

  /** Whoever waits gets NOT_COORDINATOR. Resolves when nothing is on its way to a log any more. */
  async close(): Promise<void> {
    this.#stopListening()
    await this.#led.close()
  }

  /** Id of the broker that coordinates the group. Creates `__consumer_offsets`. @throws KafkaError COORDINATOR_NOT_AVAILABLE */
  async coordinatorOf(groupId: string): Promise<number> {
    const topic = await this.#broker.cluster.ensureInternalTopic(consumerOffsetsTopic)
    const partition = topic.partitions[partitionFor(groupId, topic.partitions.length)]
    if (partition === undefined || partition.leaderId < 0) throw new KafkaError('COORDINATOR_NOT_AVAILABLE')
    return partition.leaderId
  }

  /** Index of the partition of `__consumer_offsets` that the group is in, also before there is one. */
  partitionOf(groupId: string): number {
    const count = this.#led.topic?.partitions.length ?? this.#broker.config.get('offsets.topic.num.partitions')
    return partitionFor(groupId, count)
  }

  // ---- members of classic groups

  /**
   * Resolves when the member is in a generation, or why it is not: an error code with, perhaps, a member id to join with.
   * @throws KafkaError INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT, and as every command: NOT_COORDINATOR,
   * COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE
   */
  async joinGroup(request: JoinGroup, client: JoiningClient): Promise<JoinGroupResult> {
    requireGroupId(request.groupId)
    const { config } = this.#broker
    const { sessionTimeoutMs } = request
    if (
      sessionTimeoutMs < config.get('group.min.session.timeout.ms') ||
      sessionTimeoutMs > config.get('group.max.session.timeout.ms')
    ) {
      throw new KafkaError('INVALID_SESSION_TIMEOUT')
    }
    const poll = new Poll<JoinGroupResult>()
    await this.#run(request.groupId, (shard) => shard.joinGroup({ request, client, poll }))
    return poll.promise
  }

  /** Resolves with the member's assignment, or why there is none. @throws KafkaError as ClassicGroup.sync */
  async syncGroup(request: SyncGroup): Promise<SyncGroupResult> {
    requireGroupId(request.groupId)
    const poll = new Poll<SyncGroupResult>()
    await this.#run(request.groupId, (shard) => shard.syncGroup(request, poll))
    return poll.promise
  }

  /** @throws KafkaError as ClassicGroup.heartbeat */
  heartbeat(request: MemberIdentity & { readonly groupId: string }): void | Promise<void> {
    requireGroupId(request.groupId)
    return this.#run(request.groupId, (shard) => shard.heartbeat(request))
  }

  async leaveGroup(groupId: string, members: readonly LeavingMember[]): Promise<LeftMember[]> {
    requireGroupId(groupId)
    return this.#run(groupId, (shard) => shard.leaveGroup(groupId, members))
  }

  // ---- members of consumer groups

  /** @throws KafkaError as ConsumerGroups.heartbeat */
  consumerGroupHeartbeat(
    request: ConsumerGroupHeartbeat,
    client: ConsumerGroupClient,
  ): ConsumerGroupHeartbeatResult | Promise<ConsumerGroupHeartbeatResult> {
    return this.#run(request.groupId, (shard) => shard.consumerGroups.heartbeat(request, client))
  }

  /** @throws KafkaError INVALID_GROUP_ID, GROUP_ID_NOT_FOUND */
  async describeConsumerGroup(groupId: string): Promise<DescribedConsumerGroup> {
    requireGroupId(groupId)
    return this.#run(groupId, (shard) => ({ records: [], response: shard.consumerGroups.describe(groupId) }))
  }

  // ---- committed offsets

  /** Resolves when the offsets are written. @throws KafkaError as GroupCoordinatorShard.commitOffsets */
  async commitOffsets(request: OffsetCommit): Promise<TopicAnswer[]> {
    return this.#run(request.groupId, (shard) => shard.commitOffsets(request))
  }

  /** Only offsets that are written. `requireStable`: UNSTABLE_OFFSET_COMMIT where a transaction is still open (KIP-447). */
  async fetchOffsets(request: OffsetFetch, requireStable: boolean): Promise<FetchedTopic[]> {
    return this.#run(request.groupId, (shard) => shard.fetchOffsets(request, requireStable))
  }

  /** @throws KafkaError GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP */
  async deleteOffsets(request: OffsetDelete): Promise<DeletedOffsets[]> {
    requireGroupId(request.groupId)
    return this.#run(request.groupId, (shard) => shard.deleteOffsets(request))
  }

  // ---- administration

  /** @throws KafkaError GROUP_ID_NOT_FOUND */
  async describeGroup(groupId: string): Promise<DescribedGroup> {
    return this.#run(groupId, (shard) => shard.describeGroup(groupId))
  }

  /** The groups that this broker coordinates. @throws KafkaError COORDINATOR_LOAD_IN_PROGRESS */
  async listGroups(filter: GroupFilter): Promise<ListedGroup[]> {
    const partitions = this.#led.topic?.partitions.filter((partition) => this.#broker.leads(partition)) ?? []
    const listed = await Promise.all(
      partitions.map((partition) => this.#led.coordinatorOf(partition).run((shard) => shard.listGroups(filter))),
    )
    return listed.flat()
  }

  /** @throws KafkaError GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP */
  async deleteGroup(groupId: string): Promise<void> {
    return this.#run(groupId, (shard) => shard.deleteGroup(groupId))
  }

  // ---- transactions

  /** The partition of `__consumer_offsets` that a transaction with offsets of the group has. @throws KafkaError INVALID_GROUP_ID, NOT_COORDINATOR */
  offsetsPartitionOf(groupId: string): Partition {
    requireGroupId(groupId)
    const partition = this.#partitionOf(groupId)
    if (!this.#broker.leads(partition)) throw new KafkaError('NOT_COORDINATOR')
    return partition
  }

  /** Resolves when the offsets are written; they count from the marker on. @throws KafkaError as GroupCoordinatorShard.commitTransactionalOffsets */
  async commitTransactionalOffsets(request: TransactionalOffsetCommit): Promise<TopicAnswer[]> {
    return this.#run(request.groupId, (shard) => shard.commitTransactionalOffsets(request))
  }

  /**
   * Writes the marker that ends a transaction in `partition` of `__consumer_offsets`: its offsets count from then on, or never.
   * @throws KafkaError INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, and as every command
   */
  async endTransaction(partition: Partition, marker: TransactionMarker): Promise<void> {
    await this.#led.coordinatorOf(partition).run(() => ({ records: [], response: undefined, marker }))
  }

  // ---- partitions

  #run<R>(groupId: string, decide: ShardCommand<R>): R | Promise<R> {
    return this.#led.coordinatorOf(this.#partitionOf(groupId)).run(decide)
  }

  /** @throws KafkaError NOT_COORDINATOR */
  #partitionOf(groupId: string): Partition {
    const topic = this.#led.topic
    const partition = topic?.partitions[partitionFor(groupId, topic.partitions.length)]
    if (partition === undefined) throw new KafkaError('NOT_COORDINATOR')
    return partition
  }

  #kindFor(partition: Partition): CoordinatorKind<GroupCoordinatorShard, GroupRecord> {
    const { clock, random, logger } = this.#options
    const { config } = this.#broker
    const compression = codecs[config.get('offsets.topic.compression.codec')]!
    const shardOptions = {
      clock,
      random,
      logger,
      consumer: this.#consumer,
      maxSize: config.get('group.max.size'),
      initialRebalanceDelayMs: config.get('group.initial.rebalance.delay.ms'),
      offsetMetadataMaxSize: config.get('offset.metadata.max.bytes'),
      offsetsRetentionMs: config.get('offsets.retention.minutes') * 60_000,
      offsetsRetentionCheckIntervalMs: config.get('offsets.retention.check.interval.ms'),
      fits: (record: GroupRecord) => {
        const stored = groupRecordCodec.encode(record)
        if (sizeBound(stored) < partition.maxMessageBytes / 2) return true
        return buildBatch([stored], clock.now(), compression).length <= partition.maxMessageBytes
      },
    }
    const createMachine: CoordinatorKind<GroupCoordinatorShard, GroupRecord>['createMachine'] = (run) =>
      new GroupCoordinatorShard(shardOptions, run)
    return { codec: groupRecordCodec, createMachine, clock, logger, compression }
  }

  /** Topics that are deleted together are looked for together: a shard goes through all its offsets. Resolves when every loaded one has. */
  #topicDeleted({ name, id }: Topic): Promise<void> | undefined {
    if (name === consumerOffsetsTopic) return undefined
    const deleted = this.#deleted ?? { topics: [], forgotten: Promise.resolve() }
    deleted.topics.push({ name, topicId: id })
    if (this.#deleted === undefined) {
      this.#deleted = deleted
      deleted.forgotten = Promise.resolve().then(() => {
        this.#deleted = undefined
        return this.#forget(deleted.topics)
      })
    }
    return deleted.forgotten
  }

  /** Many topics in turns: each shard has to know all of them. */
  async #forget(topics: readonly DeletedTopic[]): Promise<void> {
    const forget = async (coordinator: CoordinatorPartition<GroupCoordinatorShard, GroupRecord>): Promise<void> => {
      try {
        await coordinator.run((shard) => shard.topicsDeleted(topics))
      } catch (error) {
        const names = topics.slice(0, 10).map(({ name }) => name)
        this.#options.logger.warn({ topics: names, error }, 'Offsets of deleted topics could not be removed')
      }
    }
    const shardsPerTurn = Math.max(1, Math.floor(topicsForgottenPerTurn / topics.length))
    await mapInTurns(this.#led.coordinators, (coordinator) => void forget(coordinator), shardsPerTurn)
  }
}

function requireGroupId(groupId: string): void {
  if (groupId === '') throw new KafkaError('INVALID_GROUP_ID')
}

/** Kafka's abs(String.hashCode(groupId)) % partitions. */
export function partitionFor(groupId: string, partitionCount: number): number {
  let hash = 0
  for (let index = 0; index < groupId.length; index += 1) hash = (Math.imul(hash, 31) + groupId.charCodeAt(index)) | 0
  const positive = hash === -(2 ** 31) ? 0 : Math.abs(hash)
  return positive % partitionCount
}
