/** cluster: what Kafka's controller does with topics: it creates them, also those that are only asked for, adds partitions, and deletes. */
import type { KafkaError } from '../../protocol/errors.ts'
import type { BrokerConfig } from '../config/index.ts'
import type { Decision } from '../metadata/index.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { Features } from './features.ts'
import type { LogDirectories } from './log-directories.ts'
import type { Registrations } from './registrations.ts'
import { type MutationCount, TopicAutoCreation } from './topic-auto-creation.ts'
import {
  type CreatedTopic,
  decideCreatePartitions,
  decideCreateTopics,
  decideDeleteTopics,
  type NewPartitions,
  type NewTopic,
  type TopicState,
} from './topic-commands.ts'
import type { Topics } from './topics.ts'

interface TopicControllerOptions {
  readonly topics: Topics
  readonly registrations: Registrations
  readonly features: Features
  readonly directories: LogDirectories
  readonly random: Random
  readonly logger: Logger
  /** Changes metadata, and makes the process follow. */
  run<R>(decide: () => Decision<R> | Promise<Decision<R>>): Promise<R>
  /** What is set for all brokers, with the dynamic ones of that moment. */
  config(): BrokerConfig
  /** The broker puts no new partitions into the log directory `path`. */
  isCordoned(brokerId: number, path: string): boolean
}

export interface TopicCommandOptions {
  readonly validateOnly?: boolean
  /** Of whoever asks; nobody's when absent. */
  readonly mutations?: MutationCount | undefined
}

export class TopicController {
  /** Of topics that somebody asks for. */
  readonly autoCreation: TopicAutoCreation
  readonly #options: TopicControllerOptions

  constructor(options: TopicControllerOptions) {
    this.#options = options
    this.autoCreation = new TopicAutoCreation({
      topics: options.topics,
      logger: options.logger,
      config: () => options.config(),
      create: (names, mutations) => this.createTopics(names, { mutations }),
    })
  }

  /** One result for each topic, in their order. Resolves when the new partitions can be used. */
  createTopics(topics: readonly NewTopic[], options: TopicCommandOptions): Promise<(CreatedTopic | KafkaError)[]> {
    return this.#options.run(async () => {
      const { records, results } = await decideCreateTopics(this.#state(options), topics)
      return { records: options.validateOnly === true ? [] : records, response: results }
    })
  }

  /** One result for each, in their order: undefined where partitions were added. */
  createPartitions(
    topics: readonly NewPartitions[],
    options: TopicCommandOptions,
  ): Promise<(KafkaError | undefined)[]> {
    return this.#options.run(async () => {
      const { records, results } = await decideCreatePartitions(this.#state(options), topics)
      return { records: options.validateOnly === true ? [] : records, response: results }
    })
  }

  /** One result for each topic id, in their order: undefined where the topic is gone. */
  deleteTopics(
    topicIds: readonly string[],
    options: Pick<TopicCommandOptions, 'mutations'>,
  ): Promise<(KafkaError | undefined)[]> {
    return this.#options.run(async () => {
      const { records, results } = await decideDeleteTopics(this.#state(options), topicIds)
      return { records, response: results }
    })
  }

  #state({ mutations }: TopicCommandOptions): TopicState {
    const { topics, registrations, features, directories, random, config, isCordoned } = this.#options
    let place: ReturnType<LogDirectories['placement']> | undefined
    return {
      topics,
      registrations,
      features,
      random,
      config: config(),
      directoryFor: (brokerId) => {
        place ??= directories.placement(topics.partitions())
        return place((path) => isCordoned(brokerId, path))
      },
      hasDirectories: (brokerId) => directories.usable.some(({ path }) => !isCordoned(brokerId, path)),
      countMutations: (partitions) => mutations?.record(partitions),
    }
  }
}
