/** cluster: topics that are created because somebody asks for them: a client for its own (auto.create.topics.enable), or a coordinator. */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import type { BrokerConfig } from '../config/index.ts'
import type { Logger } from '../runtime/logger.ts'
import { internalTopic } from './internal-topics.ts'
import { isInternalTopic, type Topic } from './topic.ts'
import type { CreatedTopic, NewTopic } from './topic-commands.ts'
import type { Topics } from './topics.ts'

/** Counts what somebody changes. */
export interface MutationCount {
  /** @throws KafkaError THROTTLING_QUOTA_EXCEEDED */
  record(partitions: number): void
}

interface TopicAutoCreationOptions {
  readonly topics: Topics
  readonly logger: Logger
  config(): BrokerConfig
  create(topics: readonly NewTopic[], mutations: MutationCount | undefined): Promise<(CreatedTopic | KafkaError)[]>
}

/** They ask again. */
const expectedFailures: ReadonlySet<ErrorName> = new Set(['TOPIC_ALREADY_EXISTS', 'THROTTLING_QUOTA_EXCEEDED'])
/** Topics of which it is logged that they can't be created. */
const maxWarnings = 1000

export class TopicAutoCreation {
  readonly #options: TopicAutoCreationOptions
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #warnedOf = new Set<string>()

  constructor(options: TopicAutoCreationOptions) {
    this.#options = options
  }

  /** Starts to create a topic that somebody asked for; the caller does not wait for it. `mutations`: of whoever asks; nobody's when absent. */
  begin(name: string, mutations?: MutationCount): void {
    if (this.#underWay.has(name)) return
    const creating = this.#create(name, mutations)
      .catch((error: unknown) => this.#warnOnce(name, error))
      .finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, creating)
  }

  /** An internal topic, created with Kafka's configs if it is missing. @throws KafkaError COORDINATOR_NOT_AVAILABLE */
  async ensureInternal(name: string): Promise<Topic> {
    const { topics } = this.#options
    const known = topics.byName(name)
    if (known !== undefined) return known
    this.begin(name)
    await this.#underWay.get(name)
    const topic = topics.byName(name)
    if (topic === undefined) throw new KafkaError('COORDINATOR_NOT_AVAILABLE')
    return topic
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.values())
  }

  async #create(name: string, mutations: MutationCount | undefined): Promise<void> {
    const topic = isInternalTopic(name)
      ? internalTopic(name, this.#options.config())
      : { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
    const [result] = await this.#options.create([topic], mutations)
    if (result instanceof KafkaError && !expectedFailures.has(result.kafkaError)) throw result
  }

  /** A client asks for its topic again and again. */
  #warnOnce(topic: string, error: unknown): void {
    if (this.#warnedOf.has(topic) || this.#warnedOf.size >= maxWarnings) return
    this.#warnedOf.add(topic)
    this.#options.logger.warn({ topic, error }, 'a topic that a client asks for could not be created')
  }
}
