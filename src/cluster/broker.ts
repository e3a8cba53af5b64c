/** cluster: one broker id of the process: whether it runs, its config, and which partitions it leads. */
import { KafkaError } from '../../protocol/errors.ts'
import type { BrokerConfig } from '../config/index.ts'
import type { Cluster } from './cluster.ts'
import type { Partition } from './partition.ts'
import type { Endpoint } from './registrations.ts'
import type { Topic } from './topic.ts'

/** The client did not say which leader epoch it knows. */
const noEpoch = -1

/** Fenced: it serves its clients, but the cluster counts on it no more, as Kafka does of one whose session has ended. */
export type BrokerState = 'added' | 'running' | 'fenced' | 'stopped'

const nextStates: Readonly<Record<BrokerState, readonly BrokerState[]>> = {
  added: ['running'],
  running: ['fenced', 'stopped'],
  fenced: ['running', 'stopped'],
  stopped: ['running'],
}

export class Broker {
  readonly id: number
  readonly cluster: Cluster
  readonly rack: string | null
  /** Offset of the record that registered it; -1 while it does not run. */
  epoch = -1
  #state: BrokerState = 'added'

  constructor(cluster: Cluster, id: number, rack: string | null) {
    this.cluster = cluster
    this.id = id
    this.rack = rack
  }

  get state(): BrokerState {
    return this.#state
  }

  /** It leads and coordinates what the cluster says. */
  get isRunning(): boolean {
    return this.#state === 'running'
  }

  /** Its settings with the dynamic ones, cluster-wide and its own. */
  get config(): BrokerConfig {
    return this.cluster.configOf(this.id)
  }

  /** Registers with the endpoints that clients are told, and takes the lead where it may. */
  async start(endpoints: readonly Endpoint[]): Promise<void> {
    this.#become('running')
    this.epoch = await this.cluster.brokers.started(this, endpoints)
  }

  /** Gives the lead to others, where there are any that may. */
  async stop(): Promise<void> {
    if (this.#state !== 'running' && this.#state !== 'fenced') return
    this.#become('stopped')
    await this.cluster.brokers.stopped(this)
    this.epoch = -1
  }

  /** It leads nothing and is in sync with nothing from now on, and clients are not sent to it; nothing is done to one that is fenced. */
  async fence(): Promise<void> {
    if (this.#state === 'fenced') return
    this.#become('fenced')
    await this.cluster.brokers.stopped(this)
  }

  /** The end of that; nothing is done to one that is not fenced. */
  async unfence(): Promise<void> {
    if (this.#state !== 'fenced') return
    this.#become('running')
    await this.cluster.brokers.unfenced(this)
  }

  /**
   * The partition, led by this broker. `currentLeaderEpoch`: the one that the client knows, -1 for none.
   * @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR
   */
  leaderFor(topic: string, partition: number, currentLeaderEpoch: number = noEpoch): Partition {
    return this.#leader(this.cluster.topics.byName(topic), partition, currentLeaderEpoch)
  }

  /** The same, though its log may be offline. @throws KafkaError as `leaderFor` */
  leaderOfDamaged(topic: string, partition: number): Partition {
    return this.#ledPartition(this.cluster.topics.byName(topic), partition, noEpoch)
  }

  /** The same by topic id. @throws KafkaError UNKNOWN_TOPIC_ID, and as `leaderFor` */
  leaderForId(topicId: string, partition: number, currentLeaderEpoch: number = noEpoch): Partition {
    const topic = this.cluster.topics.byId(topicId)
    if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_ID')
    return this.#leader(topic, partition, currentLeaderEpoch)
  }

  /** The partition, if this broker holds any replica of it: consumers may read followers (KIP-392). @throws KafkaError as `leaderFor` */
  replicaFor(topic: string, partition: number, currentLeaderEpoch: number = noEpoch): Partition {
    return this.#replica(this.cluster.topics.byName(topic), partition, currentLeaderEpoch)
  }

  /** The same by topic id. @throws KafkaError UNKNOWN_TOPIC_ID, and as `leaderFor` */
  replicaForId(topicId: string, partition: number, currentLeaderEpoch: number = noEpoch): Partition {
    const topic = this.cluster.topics.byId(topicId)
    if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_ID')
    return this.#replica(topic, partition, currentLeaderEpoch)
  }

  leads(partition: Partition): boolean {
    return partition.leaderId === this.id && this.isRunning && !partition.isDeleted
  }

  #become(next: BrokerState): void {
    if (!nextStates[this.#state].includes(next)) {
      throw new Error(`broker ${this.id} is ${this.#state}: it can't become ${next}`)
    }
    this.#state = next
  }

  #leader(topic: Topic | undefined, index: number, currentLeaderEpoch: number): Partition {
    const partition = this.#ledPartition(topic, index, currentLeaderEpoch)
    partition.requireOpen()
    return partition
  }

  #ledPartition(topic: Topic | undefined, index: number, currentLeaderEpoch: number): Partition {
    const partition = this.#knownPartition(topic, index, currentLeaderEpoch)
    if (partition.leaderId !== this.id || !this.isRunning) throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
    return partition
  }

  #replica(topic: Topic | undefined, index: number, currentLeaderEpoch: number): Partition {
    const partition = this.#knownPartition(topic, index, currentLeaderEpoch)
    if (!partition.replicas.includes(this.id) || !this.isRunning) throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
    partition.requireOpen()
    return partition
  }

  #knownPartition(topic: Topic | undefined, index: number, currentLeaderEpoch: number): Partition {
    const partition = topic?.partitions[index]
    if (partition === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    if (currentLeaderEpoch !== noEpoch && currentLeaderEpoch !== partition.leaderEpoch) {
      if (!partition.replicas.includes(this.id)) throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
      throw new KafkaError(currentLeaderEpoch < partition.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH')
    }
    return partition
  }
}
