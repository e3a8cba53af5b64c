/**
 * cluster: the partitions' logs follow the metadata: they are opened, told leader epochs and configs, and removed. A log that can't be
 * opened takes its partition offline, and no other.
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { TopicConfig } from '../config/index.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Logger } from '../runtime/logger.ts'
import { forEachLimited, LimitedQueue, SerialQueue } from '../runtime/serial-queue.ts'
import { mapInTurns, nextTurn, TurnLimit } from '../runtime/turns.ts'
import type { EffectiveConfigs } from './effective-configs.ts'
import type { LogDirectories } from './log-directories.ts'
import type { Partition } from './partition.ts'
import type { ReplicaMoves } from './replica-moves.ts'
import type { Topic } from './topic.ts'
import { logConfigOf } from './topic-configs.ts'
import type { Topics } from './topics.ts'

interface OpenLogsOptions {
  readonly topics: Topics
  readonly configs: EffectiveConfigs
  readonly directories: LogDirectories
  readonly replicaMoves: ReplicaMoves
  readonly logger: Logger
  /** The broker's replica lies in a directory of this process. */
  isHere(partition: Partition, brokerId: number): boolean
}

interface Removal {
  readonly partition: Partition
  readonly ended: Promise<void>
}

/** Logs that are opened or removed at a time. */
const parallelLogs = 32
/** Opened, or removed, before others have their turn, also where they are kept in memory. */
const logsPerTurn = 256

export class OpenLogs {
  readonly #options: OpenLogsOptions
  /** Removals under way, by name of the partition: a new one of that name waits. */
  readonly #removals = new Map<string, Removal>()
  readonly #removalQueue = new LimitedQueue(parallelLogs)
  readonly #removalTurns = new TurnLimit(logsPerTurn)
  /** Begins removals, those of one command after those of the one before. */
  readonly #beginnings = new SerialQueue()
  /** A log could not be opened. */
  #hasFailed = false
  /** One more with each change of configs. */
  #configChanges = 0

  constructor(options: OpenLogsOptions) {
    this.#options = options
  }

  /** While no log has failed, no partition is offline, and nobody needs to ask each. */
  get mayHaveOffline(): boolean {
    return this.#hasFailed || this.#options.directories.opened.some(({ hasEndedLogs }) => hasEndedLogs)
  }

  /** Opens the logs of `partitions` where that was not done yet, and lets them write in the leader epochs of now. */
  async open(partitions: Iterable<Partition>): Promise<void> {
    const opened = [...partitions]
    // Those of a topic of the same name have to be under way.
    if (opened.length > 0) await this.#beginnings.idle()
    for (let start = 0; start < opened.length; start += logsPerTurn) {
      if (start > 0) await nextTurn()
      const some = opened.slice(start, start + logsPerTurn)
      await forEachLimited(some, parallelLogs, (partition) => this.#open(partition))
    }
  }

  /**
   * Removes those of topics that are gone. Resolves when all removals have begun, in turns, and `told` has resolved: whoever waits for one of the
   * partitions is woken, and the names can be used again. Where a later command makes a topic of such a name, its logs are opened after that.
   */
  async removeTopics(topics: readonly Topic[], told: Promise<void>): Promise<void> {
    const partitions = topics.flatMap((topic) => topic.partitions.filter((partition) => !this.#isReplaced(partition)))
    const begin = async (): Promise<void> => {
      // This turn had the replay of as many records.
      if (partitions.length > logsPerTurn) await nextTurn()
      await mapInTurns(partitions, (partition) => this.#remove(partition), logsPerTurn)
    }
    await Promise.all([told, this.#beginnings.run(() => Promise.all([told, begin()]))])
  }

  /** Configs were set; `isChanged`: those that hold for the topic. */
  applyConfigs(isChanged: (topic: Topic) => boolean): void {
    const { topics, configs } = this.#options
    this.#configChanges += 1
    for (const topic of topics.values()) {
      if (!isChanged(topic)) continue
      const byLeader = new Map<number, TopicConfig>()
      for (const partition of topic.partitions) {
        const config = byLeader.get(partition.leaderId) ?? configs.ofTopic(topic.name, partition.leaderId)
        byLeader.set(partition.leaderId, config)
        applyConfig(partition, config)
      }
    }
  }

  /** Nobody reaches the logs any more; closing them is up to their directories. Resolves when no removal is under way. */
  async close(): Promise<void> {
    await this.#beginnings.idle()
    for (const partition of this.#options.topics.partitions()) partition.detach()
    await Promise.all(Array.from(this.#removals.values(), ({ ended }) => ended))
  }

  async #open(partition: Partition): Promise<void> {
    const { isHere, directories, configs, logger } = this.#options
    await this.#removals.get(partition.name)?.ended
    if (partition.isDeleted || partition.hasFailed) return
    if (!partition.isOpen && !partition.replicas.some((id) => isHere(partition, id))) return
    try {
      const { topic, leaderId } = partition
      if (partition.isOpen) {
        if (configs.differByBroker) applyConfig(partition, configs.ofTopic(topic, leaderId))
      } else {
        const config = configs.ofTopic(topic, leaderId)
        const configChanges = this.#configChanges
        applyConfig(partition, config)
        partition.attach(await directories.openLog(partition, logConfigOf(config)))
        if (this.#configChanges > configChanges) applyConfig(partition, configs.ofTopic(topic, leaderId))
        if (partition.isDeleted) return this.#remove(partition)
      }
      const log: PartitionLog = partition.log
      if (log.leaderEpoch < partition.leaderEpoch) await log.becomeLeader(partition.leaderEpoch)
    } catch (error) {
      const reason = `${partition.name} is offline: ${error instanceof Error ? error.message : String(error)}`
      logger.error({ partition: partition.name, error }, reason)
      this.#hasFailed = true
      partition.fail(new KafkaError('KAFKA_STORAGE_ERROR', reason))
    }
  }

  /**
   * While loading, a topic of the same name was found behind a deleted one: what lies under its name is the later one's. What a crash has left
   * of the deleted one there has another topic id, and is put aside when the partition is opened.
   */
  #isReplaced(partition: Partition): boolean {
    const { topics } = this.#options
    return !partition.isOpen && topics.byName(partition.topic)?.partitions[partition.index] !== undefined
  }

  #remove(partition: Partition): void {
    const { name } = partition
    partition.detach()
    // Whoever was opening it meanwhile has found out, too, that it is gone.
    const earlier = this.#removals.get(name)
    if (earlier?.partition === partition) return
    const ended = this.#removalQueue
      .run(async () => {
        await earlier?.ended
        await this.#removalTurns.pass()
        await this.#removeStored(partition)
      })
      .catch((error: unknown) => {
        this.#options.logger.error({ partition: name, error }, 'the partition could not be removed')
      })
      .finally(() => {
        if (this.#removals.get(name)?.partition === partition) this.#removals.delete(name)
      })
    this.#removals.set(name, { partition, ended })
  }

  /** What lies in a directory that is not there is found to be a stray when it is back. */
  async #removeStored(partition: Partition): Promise<void> {
    const { directories, replicaMoves } = this.#options
    const { topic, index } = partition
    await replicaMoves.stop(partition)
    const directory = directories.ownerOf(partition)
    if (directory?.failure === undefined) await directory?.deletePartition(topic, index)
  }
}

function applyConfig(partition: Partition, config: TopicConfig): void {
  partition.minInsyncReplicas = config.get('min.insync.replicas')
  partition.settleHighWatermark()
  partition.maxMessageBytes = config.get('max.message.bytes')
  if (partition.isOpen) partition.log.applyConfig(logConfigOf(config))
}
