/**
 * cluster: the partitions of one internal topic that a broker leads, each with the coordinator that keeps state over its log.
 *
 *     leader changes ─► led here: a coordinator for this leader epoch, which loads when the one before writes no more
 *                    ─► led elsewhere, or deleted: its coordinator closes
 */
import { KafkaError } from '../../protocol/errors.ts'
import { CoordinatorPartition, type CoordinatorPartitionOptions } from '../coordinator/coordinator-partition.ts'
import type { StateMachine } from '../coordinator/state-machine.ts'
import type { Broker } from './broker.ts'
import type { Partition } from './partition.ts'
import type { Topic } from './topic.ts'

/** What coordinators of one kind have of their own. */
export type CoordinatorKind<M, Rec> = Pick<
  CoordinatorPartitionOptions<M, Rec>,
  'codec' | 'createMachine' | 'clock' | 'logger' | 'compression'
>

export interface LedPartitionsOptions<M, Rec> {
  readonly broker: Broker
  /** Name of the internal topic. */
  readonly topic: string
  /** Asked each time a partition is taken over. */
  kindFor(partition: Partition): CoordinatorKind<M, Rec>
}

/** One partition while this broker leads it in one leader epoch. */
interface Led<M extends StateMachine<Rec>, Rec> {
  readonly leaderEpoch: number
  readonly coordinator: CoordinatorPartition<M, Rec>
}

export class LedPartitions<M extends StateMachine<Rec>, Rec> {
  readonly #options: LedPartitionsOptions<M, Rec>
  readonly #led = new Map<Partition, Led<M, Rec>>()
  readonly #stopListening: (() => void)[]
  #isClosed = false

  /** To be made before the broker starts: it takes over partitions as it gets to lead them. */
  constructor(options: LedPartitionsOptions<M, Rec>) {
    this.#options = options
    const { cluster } = options.broker
    this.#stopListening = [
      cluster.onLeaderChanged((partition) => this.#leaderChanged(partition)),
      cluster.onTopicDeleted(({ name }) => this.#topicDeleted(name)),
    ]
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** undefined before anybody has asked for a coordinator. */
  get topic(): Topic | undefined {
    return this.#options.broker.cluster.topics.byName(this.#options.topic)
  }

  /** Of all partitions that were taken over, loaded or not. */
  get coordinators(): CoordinatorPartition<M, Rec>[] {
    return Array.from(this.#led.values(), ({ coordinator }) => coordinator)
  }

  /** Takes the partition over if that has not been done. @throws KafkaError NOT_COORDINATOR */
  coordinatorOf(partition: Partition): CoordinatorPartition<M, Rec> {
    if (this.#isClosed || !this.#options.broker.leads(partition) || !partition.isOpen) {
      throw new KafkaError('NOT_COORDINATOR')
    }
    const led = this.#led.get(partition)
    return led?.leaderEpoch === partition.leaderEpoch ? led.coordinator : this.#takeOver(partition)
  }

  /** Whoever waits gets NOT_COORDINATOR. Resolves when nothing is on its way to a log any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#stopListening) stop()
    const { coordinators } = this
    this.#led.clear()
    await Promise.all(coordinators.map((coordinator) => coordinator.close()))
  }

  #leaderChanged(partition: Partition): void {
    if (partition.topic !== this.#options.topic) return
    if (!this.#options.broker.leads(partition)) this.#giveUp(partition)
    else if (partition.isOpen) void this.coordinatorOf(partition).load()
  }

  #topicDeleted(name: string): void {
    if (name !== this.#options.topic) return
    for (const partition of [...this.#led.keys()]) this.#giveUp(partition)
  }

  #takeOver(partition: Partition): CoordinatorPartition<M, Rec> {
    const coordinator = new CoordinatorPartition<M, Rec>({
      ...this.#options.kindFor(partition),
      log: partition.log,
      get maxBatchBytes() {
        return partition.maxMessageBytes
      },
      after: partition.release(),
      requireWritable: () => {
        if (partition.isr.length < partition.requiredInSync) throw new KafkaError('COORDINATOR_NOT_AVAILABLE')
      },
    })
    partition.keptBy(coordinator)
    this.#led.set(partition, { leaderEpoch: partition.leaderEpoch, coordinator })
    return coordinator
  }

  #giveUp(partition: Partition): void {
    const led = this.#led.get(partition)
    this.#led.delete(partition)
    void led?.coordinator.close()
  }
}
