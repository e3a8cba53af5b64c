/**
 * cluster: what holds for each broker and topic: what is set in files or when started, under what is set dynamically, cluster-wide and for
 * one broker or topic. Worked out when it is asked for; those of brokers are kept until one is set.
 */
import type { BrokerConfig, TopicConfig } from '../config/index.ts'
import type { Logger } from '../runtime/logger.ts'
import type { DynamicConfigs } from './dynamic-configs.ts'
import { topicConfigOf } from './topic-configs.ts'

interface EffectiveConfigsOptions {
  /** What is set for all brokers of the process, without dynamic ones. */
  readonly config: BrokerConfig
  readonly dynamicConfigs: DynamicConfigs
  readonly logger: Logger
}

export class EffectiveConfigs {
  readonly #options: EffectiveConfigsOptions
  /** Without dynamic ones. */
  readonly #staticConfigs = new Map<number, BrokerConfig>()
  readonly #configs = new Map<number, BrokerConfig>()
  readonly #listeners = new Set<() => void>()

  constructor(options: EffectiveConfigsOptions) {
    this.#options = options
  }

  /** What is set for one broker of the process, without dynamic ones. */
  setStatic(brokerId: number, config: BrokerConfig): void {
    this.#staticConfigs.set(brokerId, config)
    this.#configs.delete(brokerId)
  }

  /** The same; what is set for all where it has none of its own. */
  staticOf(brokerId: number): BrokerConfig {
    return this.#staticConfigs.get(brokerId) ?? this.#options.config
  }

  /** What holds for one broker; -1: what is set for all. */
  of(brokerId: number): BrokerConfig {
    const known = this.#configs.get(brokerId)
    if (known !== undefined) return known
    const { dynamicConfigs } = this.#options
    const clusterWide = dynamicConfigs.of('broker', '')
    const own = dynamicConfigs.of('broker', String(brokerId))
    const config = this.staticOf(brokerId)
    const effective = clusterWide.size + own.size === 0 ? config : config.withDynamic(clusterWide, own)
    this.#configs.set(brokerId, effective)
    return effective
  }

  /** What holds for the topic's partitions that `brokerId` leads, which may have configs of its own. */
  ofTopic(topic: string, brokerId = -1): TopicConfig {
    const { dynamicConfigs, logger } = this.#options
    return topicConfigOf(this.of(brokerId), dynamicConfigs.of('topic', topic), (problem) =>
      logger.warn({ topic, problem }, 'a stored topic config is not valid: ignored'),
    )
  }

  /** Some brokers of the process have dynamic ones of their own, so that those of a partition change with its leader. */
  get differByBroker(): boolean {
    return [...this.#staticConfigs.keys()].some((id) => this.#options.dynamicConfigs.of('broker', String(id)).size > 0)
  }

  /** `listener` runs when configs of brokers were set, also to what they were. Returns the way to stop it. */
  onBrokersChanged(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Dynamic configs of brokers were set. */
  brokersChanged(): void {
    this.#configs.clear()
    for (const listener of this.#listeners) listener()
  }
}
