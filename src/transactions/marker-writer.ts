/**
 * transactions: writes the markers that end transactions into partitions, whatever broker of the process leads them.
 *
 *     marker ─► partition of a topic        ─► its log
 *            ─► partition of __consumer_offsets ─► its group coordinator ─► its log, and the offsets that waited for it
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Partition } from '../cluster/partition.ts'
import { consumerOffsetsTopic } from '../cluster/topic.ts'
import { buildMarker } from '../coordinator/coordinator-batches.ts'
import type { TransactionMarker } from '../coordinator/state-machine.ts'
import type { GroupCoordinator } from '../groups/group-coordinator.ts'
import type { Clock } from '../runtime/clock.ts'

export type { TransactionMarker } from '../coordinator/state-machine.ts'

export interface MarkerWriterOptions {
  readonly cluster: Cluster
  readonly clock: Clock
  /** That of a broker of this process. */
  groupsOf(brokerId: number): GroupCoordinator | undefined
}

/** What a group coordinator that is about to come or go says. */
const notReady: ReadonlySet<string> = new Set([
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
])

export class MarkerWriter {
  readonly #options: MarkerWriterOptions

  constructor(options: MarkerWriterOptions) {
    this.#options = options
  }

  /**
   * Resolves when the marker is written. Once more is no harm: a marker that ends nothing takes an offset and changes nothing else.
   * @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER (also while the group coordinator loads), NOT_ENOUGH_REPLICAS,
   * INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR
   */
  async write(marker: TransactionMarker, topic: string, partition: number): Promise<void> {
    const { cluster, clock, groupsOf } = this.#options
    const found = cluster.topics.byName(topic)?.partitions[partition]
    if (found === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    if (cluster.broker(found.leaderId)?.leads(found) !== true) throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
    found.requireOpen()
    if (topic === consumerOffsetsTopic) await this.#endOffsets(groupsOf(found.leaderId), found, marker)
    else await found.appendMarker(buildMarker(marker, clock.now()), marker.transactionVersion)
  }

  async #endOffsets(
    groups: GroupCoordinator | undefined,
    partition: Partition,
    marker: TransactionMarker,
  ): Promise<void> {
    if (groups === undefined) throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
    try {
      await groups.endTransaction(partition, marker)
    } catch (error) {
      if (!(error instanceof KafkaError && notReady.has(error.kafkaError))) throw error
      throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
    }
  }
}
