/**
 * cluster: what all brokers of this process share: topics, partitions and their logs, registrations, configs. It is Kafka's controller and
 * the owner of the log directories. Metadata changes in `#run` alone: decide, write, replay, then open or remove logs.
 */
import type { KafkaError } from '../../protocol/errors.ts'
import type { BrokerConfig, TopicConfig } from '../config/index.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import { type MetadataLog, openMetadataLog } from '../metadata/index.ts'
import type { Clock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import { LogLevels } from '../runtime/log-levels.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { Broker } from './broker.ts'
import { Brokers } from './brokers.ts'
import { type AlteredResource, decideAlterConfigs } from './config-commands.ts'
import { Controller } from './controller.ts'
import { watchForFailures } from './directory-failures.ts'
import { DynamicConfigs } from './dynamic-configs.ts'
import { EffectiveConfigs } from './effective-configs.ts'
import { Features } from './features.ts'
import { LogDirectories, type UnreadableDirectory } from './log-directories.ts'
import { applyLogLevels } from './logger-configs.ts'
import { OpenLogs } from './open-logs.ts'
import type { Partition } from './partition.ts'
import { ProducerIdBlocks } from './producer-id-blocks.ts'
import { type Node, Registrations } from './registrations.ts'
import { ReplicaMoves } from './replica-moves.ts'
import type { Topic } from './topic.ts'
import type { MutationCount } from './topic-auto-creation.ts'
import type { CreatedTopic, NewPartitions, NewTopic } from './topic-commands.ts'
import { type TopicCommandOptions, TopicController } from './topic-controller.ts'
import { Topics } from './topics.ts'

export interface ClusterOptions {
  /** Opened; from here on the cluster's to close. */
  readonly directories: readonly LogDirectory[]
  /** Those of log.dirs that could not be. */
  readonly unreadableDirectories?: readonly UnreadableDirectory[]
  /** metadata.log.dir, opened: holds the metadata log, and partitions only if it is one of `directories`. */
  readonly metadataDirectory?: LogDirectory | undefined
  /** What is set for all brokers of the process. */
  readonly config: BrokerConfig
  /** Of meta.properties. */
  readonly nodeId: number
  readonly files: FileSystem
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Other rooms take over their parts of the metadata image, before it is loaded. */
  readonly registerParts?: (metadata: MetadataLog) => void
  /** Those of all loggers of the process, for BROKER_LOGGER; of `logger` alone unless given. */
  readonly logLevels?: LogLevels
  /** Hears that the cluster can't go on: it is to be closed. */
  readonly onFailure?: (error: Error) => void
}

type TopicDeletedListener = (topic: Topic) => unknown

export class Cluster {
  readonly clusterId: string
  readonly metadata: MetadataLog
  readonly topics: Topics
  readonly registrations: Registrations
  readonly dynamicConfigs: DynamicConfigs
  readonly features: Features
  readonly directories: readonly LogDirectory[]
  readonly logDirectories: LogDirectories
  readonly brokers: Brokers
  /** What admin tools ask of it beside topics and configs. */
  readonly controller: Controller
  readonly replicaMoves: ReplicaMoves
  readonly logLevels: LogLevels
  readonly #configs: EffectiveConfigs
  readonly #logs: OpenLogs
  readonly #producerIdBlocks: ProducerIdBlocks
  readonly #options: ClusterOptions
  readonly #topicDeleted = new Set<TopicDeletedListener>()
  readonly #leaderChanged = new Set<(partition: Partition) => void>()
  readonly #topicController: TopicController
  #isClosing = false
  #hasFailed = false

  private constructor(options: ClusterOptions, metadata: MetadataLog, directories: LogDirectories) {
    this.#options = options
    this.logLevels = options.logLevels ?? new LogLevels(options.logger)
    this.metadata = metadata
    this.directories = directories.opened
    this.logDirectories = directories
    this.clusterId = directories.metadata.clusterId
    this.features = new Features(metadata)
    this.registrations = new Registrations(metadata, this.features)
    this.dynamicConfigs = new DynamicConfigs(metadata)
    this.#configs = new EffectiveConfigs({ ...options, dynamicConfigs: this.dynamicConfigs })
    this.topics = new Topics(metadata, this.features, (topic) => this.dynamicConfigs.forgetTopic(topic.name))
    this.#producerIdBlocks = new ProducerIdBlocks(metadata)
    const { topics, registrations, features } = this
    this.brokers = new Brokers({
      ...options,
      ...{ topics, registrations, features, directories },
      run: (decide) => this.#run(decide),
      config: () => this.config,
      mayElectUnclean: ({ topic }) => this.topicConfig(topic).get('unclean.leader.election.enable'),
      decideEndedReassignments: (partitions, brokerId) =>
        this.controller.decideEndedReassignments(partitions, brokerId),
    })
    this.controller = new Controller({
      ...{ metadata, topics, registrations, features, dynamicConfigs: this.dynamicConfigs },
      minInsyncReplicas: options.config.get('min.insync.replicas'),
      run: (decide) => this.#run(decide),
      leadership: () => this.brokers.leadership(),
      registrationChanges: () => this.brokers.directoryChanges(),
      clock: options.clock,
    })
    this.#topicController = new TopicController({
      ...{ topics, registrations, features, directories, random: options.random, logger: options.logger },
      run: (decide) => this.#run(decide),
      config: () => this.config,
      isCordoned: (brokerId, path) => this.isCordoned(brokerId, path),
    })
    this.replicaMoves = new ReplicaMoves({
      ...{ metadata, directories, features, logger: options.logger },
      topicConfig: ({ topic, leaderId }) => this.topicConfig(topic, leaderId),
      config: () => this.configOf(options.nodeId),
    })
    this.#logs = new OpenLogs({
      ...{ topics, directories, logger: options.logger },
      ...{ configs: this.#configs, replicaMoves: this.replicaMoves },
      isHere: (partition, brokerId) => this.brokers.isHere(partition, brokerId),
    })
    // Before all others that want to know.
    this.#configs.onBrokersChanged(() => this.#configureDirectories())
    watchForFailures({
      ...{ directories, topics, clock: options.clock, logger: options.logger },
      config: () => this.config,
      record: () => this.#run(() => ({ records: this.brokers.directoryChanges(), response: undefined })),
      fail: (error) => this.#fail(error),
    })
  }

  /** Replays the metadata log and opens every partition's log. No broker runs yet: see `addBroker` and `Broker.start`. */
  static async open(options: ClusterOptions): Promise<Cluster> {
    const directories = await LogDirectories.among(options)
    const metadata = await openMetadataLog({
      ...options,
      directory: directories.metadata,
      onFailure: (failure) => cluster.#fail(failure),
    })
    const cluster = new Cluster(options, metadata, directories)
    options.registerParts?.(metadata)
    await metadata.load()
    cluster.topics.elections.startAnew()
    cluster.#configureDirectories()
    await directories.setStraysAside((topic, partition) => cluster.findPartition(topic, partition))
    await cluster.#applyChanges()
    await cluster.replicaMoves.resume((topic, partition) => cluster.findPartition(topic, partition))
    cluster.controller.electUncleanEvery(cluster.config.get('unclean.leader.election.interval.ms'))
    return cluster
  }

  /** Stops all brokers, and closes logs and directories. */
  async close(): Promise<void> {
    this.#isClosing = true
    const brokerEpoch = this.brokers.highestEpoch
    const failures: unknown[] = []
    const note = (error: unknown): void => void failures.push(error)
    await this.brokers.close(note)
    await this.#topicController.autoCreation.settled()
    await Promise.all([this.controller.close(), this.replicaMoves.close()])
    await this.metadata.close()
    await this.#logs.close()
    await Promise.all(this.logDirectories.all.map((directory) => directory.close(brokerEpoch).catch(note)))
    // One that has failed has said so already.
    if (failures.length > 0 && !this.#hasFailed) throw failures[0]
  }

  /** Without its metadata, or without any log directory, it can't go on. */
  #fail(error: Error): void {
    if (this.#hasFailed || this.#isClosing) return
    this.#hasFailed = true
    this.#options.onFailure?.(error)
  }

  // Brokers

  /** `config`: what is set for it, where that is not what is set for all. */
  addBroker(id: number, rack: string | null = null, config: BrokerConfig = this.#options.config): Broker {
    if (this.broker(id) !== undefined) throw new Error(`broker ${id} is already there`)
    this.#configs.setStatic(id, config)
    const broker = new Broker(this, id, rack)
    this.brokers.add(broker)
    return broker
  }

  broker(id: number): Broker | undefined {
    return this.brokers.get(id)
  }

  /** What clients are told is the controller: a broker that is alive, -1 if none is. */
  get controllerId(): number {
    return this.registrations.controllerId
  }

  /** False: no partition is. */
  get mayHaveOfflinePartitions(): boolean {
    return this.#logs.mayHaveOffline
  }

  /** The brokers that have `listener`, by id; fenced ones when asked for. */
  nodes(listener: string, options: { includeFenced?: boolean } = {}): Node[] {
    return this.registrations.nodes(listener, options)
  }

  /** To be called when all brokers of the process run: what only others could lead has no leader. */
  brokersStarted(): Promise<void> {
    return this.brokers.allStarted()
  }

  /** @throws Error in one readable line when the partition is not there, or the broker can't lead it */
  moveLeader(topic: string, partition: number, brokerId: number): Promise<void> {
    return this.brokers.moveLeader(topic, partition, brokerId)
  }

  /** What to tell whoever started the process, once its brokers run, about those that it lacks: one line each. */
  describeOtherBrokers(): string[] {
    return this.brokers.describeOthers()
  }

  // Lookup

  /** By name or id of the topic. */
  findPartition(topicOrId: string, index: number): Partition | undefined {
    return this.topics.findPartition(topicOrId, index)
  }

  // Topics

  /** One result for each topic, in their order. Resolves when the new partitions can be used. */
  createTopics(topics: readonly NewTopic[], options: TopicCommandOptions = {}): Promise<(CreatedTopic | KafkaError)[]> {
    return this.#topicController.createTopics(topics, options)
  }

  /** One result for each, in their order: undefined where partitions were added. */
  createPartitions(
    topics: readonly NewPartitions[],
    options: TopicCommandOptions = {},
  ): Promise<(KafkaError | undefined)[]> {
    return this.#topicController.createPartitions(topics, options)
  }

  /** One result for each topic id, in their order: undefined where the topic is gone. */
  deleteTopics(
    topicIds: readonly string[],
    options: Pick<TopicCommandOptions, 'mutations'> = {},
  ): Promise<(KafkaError | undefined)[]> {
    return this.#topicController.deleteTopics(topicIds, options)
  }

  /** Starts to create a topic that somebody asked for; the caller does not wait for it. */
  autoCreateTopic(name: string, mutations?: MutationCount): void {
    this.#topicController.autoCreation.begin(name, mutations)
  }

  /** An internal topic, created with Kafka's configs if it is missing. */
  ensureInternalTopic(name: string): Promise<Topic> {
    return this.#topicController.autoCreation.ensureInternal(name)
  }

  /** `listener` runs when a topic is gone; the deletion is answered when what it returns has resolved. Returns the way to stop it. */
  onTopicDeleted(listener: TopicDeletedListener): () => void {
    this.#topicDeleted.add(listener)
    return () => this.#topicDeleted.delete(listener)
  }

  /** `listener` runs when a partition is new or has a new leader or leader epoch, and its log can be used. Returns the way to stop it. */
  onLeaderChanged(listener: (partition: Partition) => void): () => void {
    this.#leaderChanged.add(listener)
    return () => this.#leaderChanged.delete(listener)
  }

  // Configs

  /** What is set for all brokers, also dynamically. */
  get config(): BrokerConfig {
    return this.configOf(-1)
  }

  /** What holds for one broker. */
  configOf(brokerId: number): BrokerConfig {
    return this.#configs.of(brokerId)
  }

  /** `listener` runs when configs of brokers were set, also to what they were. Returns the way to stop it. */
  onBrokerConfigChanged(listener: () => void): () => void {
    return this.#configs.onBrokersChanged(listener)
  }

  /** What holds for the topic's partitions that `brokerId` leads, which may have configs of its own. */
  topicConfig(topic: string, brokerId = -1): TopicConfig {
    return this.#configs.ofTopic(topic, brokerId)
  }

  /** One result for each resource, in their order: undefined where its configs are changed, which has taken effect. `broker`: the one that is asked. */
  async alterConfigs(
    broker: Broker,
    resources: readonly AlteredResource[],
    options: { validateOnly?: boolean } = {},
  ): Promise<(KafkaError | undefined)[]> {
    const { topics, features, dynamicConfigs, logLevels } = this
    const results = await this.#run(async () => {
      const state = {
        topics,
        features,
        dynamicConfigs,
        logLevels,
        config: this.#configs.staticOf(broker.id),
        brokerId: broker.id,
      }
      const decided = await decideAlterConfigs(state, resources)
      return { records: options.validateOnly === true ? [] : decided.records, response: decided.results }
    })
    for (const [index, resource] of resources.entries()) {
      const isLogger = resource.type === 'brokerLogger' && results[index] === undefined
      if (isLogger && options.validateOnly !== true) applyLogLevels(logLevels, resource)
    }
    return results
  }

  /** A block of producer ids for one broker, recorded before it is used. */
  allocateProducerIds(broker: Broker): Promise<{ firstProducerId: bigint; length: number }> {
    return this.#producerIdBlocks.allocate(broker.id, broker.epoch)
  }

  /** `brokerId` puts no new partitions into the log directory `path`: cordoned.log.dirs (KIP-1066). */
  isCordoned(brokerId: number, path: string): boolean {
    const cordoned = this.configOf(brokerId).get('cordoned.log.dirs')
    return cordoned.includes('*') || cordoned.includes(path)
  }

  // Changes

  async #run<R>(decide: Parameters<typeof this.metadata.run<R>>[0]): Promise<R> {
    const response = await this.metadata.run(decide)
    await this.#applyChanges()
    return response
  }

  /** Makes logs and listeners follow what was replayed. */
  async #applyChanges(): Promise<void> {
    const { changedPartitions, removedTopics } = this.topics.takeChanges()
    this.#applyConfigChanges()
    if (removedTopics.length > 0) await this.#logs.removeTopics(removedTopics, this.#tellDeleted(removedTopics))
    await this.#logs.open(changedPartitions)
    for (const partition of changedPartitions) {
      partition.wake()
      if (partition.isOpen) for (const listener of this.#leaderChanged) listener(partition)
    }
  }

  /** Resolves when all who had to do something about it in turns have done it. */
  async #tellDeleted(topics: readonly Topic[]): Promise<void> {
    const answers = new Set<unknown>()
    for (const topic of topics) for (const listener of this.#topicDeleted) answers.add(listener(topic))
    await Promise.all(answers)
  }

  #applyConfigChanges(): void {
    const changes = this.dynamicConfigs.takeChanges()
    if (changes.length === 0) return
    const brokersChanged = changes.some(({ type }) => type === 'broker')
    if (brokersChanged) this.#configs.brokersChanged()
    const changed = new Set(changes.filter(({ type }) => type === 'topic').map(({ name }) => name))
    this.#logs.applyConfigs(({ name }) => brokersChanged || changed.has(name))
  }

  #configureDirectories(): void {
    this.logDirectories.applyConfig(this.configOf(this.#options.nodeId))
  }
}
