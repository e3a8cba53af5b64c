/** groups/consumer: the configs of consumer groups, as the broker and the GROUP resources have them. */
import type { Broker } from '../../cluster/broker.ts'
import { ConfigError } from '../../config/index.ts'
import { serverAssignors } from '../assignors/index.ts'
import type { ServerAssignor } from '../assignors/server-assignor.ts'
import { type ConsumerGroupConfigs, type MigrationPolicy, migrationPolicy } from './consumer-group-configs.ts'

/** A config of single groups; where a group has none, the broker's holds. */
const sessionTimeout = {
  ofGroup: 'consumer.session.timeout.ms',
  ofBroker: 'group.consumer.session.timeout.ms',
  smallest: 'group.consumer.min.session.timeout.ms',
  largest: 'group.consumer.max.session.timeout.ms',
} as const
const heartbeatInterval = {
  ofGroup: 'consumer.heartbeat.interval.ms',
  ofBroker: 'group.consumer.heartbeat.interval.ms',
  smallest: 'group.consumer.min.heartbeat.interval.ms',
  largest: 'group.consumer.max.heartbeat.interval.ms',
} as const
const assignmentInterval = {
  ofGroup: 'consumer.assignment.interval.ms',
  ofBroker: 'group.consumer.assignment.interval.ms',
  smallest: 'group.consumer.min.assignment.interval.ms',
  largest: 'group.consumer.max.assignment.interval.ms',
} as const
type OfGroupOrBroker = typeof sessionTimeout | typeof heartbeatInterval | typeof assignmentInterval

export class BrokerConsumerConfigs implements ConsumerGroupConfigs {
  readonly #broker: Broker
  readonly assignors: readonly ServerAssignor[]

  /** @throws ConfigError for an assignor that is not there */
  constructor(broker: Broker) {
    this.#broker = broker
    this.assignors = broker.config.get('group.consumer.assignors').map((name) => {
      const assignor = serverAssignors.get(name)
      if (assignor !== undefined) return assignor
      const known = [...serverAssignors.keys()].join(', ')
      throw new ConfigError(`group.consumer.assignors names ${name}, which is not one of ${known}.`)
    })
  }

  get maxSize(): number {
    return this.#broker.config.get('group.consumer.max.size')
  }

  get classicMaxSize(): number {
    return this.#broker.config.get('group.max.size')
  }

  get migrationPolicy(): MigrationPolicy {
    return migrationPolicy(this.#broker.config.get('group.consumer.migration.policy'))
  }

  get regexRefreshIntervalMs(): number {
    return this.#broker.config.get('group.consumer.regex.refresh.interval.ms')
  }

  sessionTimeoutMs(groupId: string): number {
    return this.#value(groupId, sessionTimeout)
  }

  heartbeatIntervalMs(groupId: string): number {
    return this.#value(groupId, heartbeatInterval)
  }

  assignmentIntervalMs(groupId: string): number {
    return this.#value(groupId, assignmentInterval)
  }

  /** Of a group's value that was set before the broker's bounds were, as much as they allow. */
  #value(groupId: string, { ofGroup, ofBroker, smallest, largest }: OfGroupOrBroker): number {
    const { config, cluster } = this.#broker
    const text = cluster.dynamicConfigs.of('group', groupId).get(ofGroup)
    if (text === undefined) return config.get(ofBroker)
    return Math.min(Math.max(Number(text), config.get(smallest)), config.get(largest))
  }
}
