/** cluster: what DescribeConfigs shows of one resource. Messages are Kafka's. */
import { KafkaError } from '../../protocol/errors.ts'
import {
  type DescribedConfig,
  describeBrokerConfigs,
  describeClientMetricsConfigs,
  describeClusterWideConfigs,
  describeGroupConfigs,
  describeTopicConfigs,
} from '../config/index.ts'
import type { Broker } from './broker.ts'
import type { ConfigResourceType } from './dynamic-configs.ts'
import { describeLogLevels } from './logger-configs.ts'
import { requireValidTopicName } from './topic-name.ts'

/**
 * @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION, INVALID_REQUEST for a broker that is not this one, or a missing name
 */
export function describeConfigs(broker: Broker, type: ConfigResourceType, name: string): readonly DescribedConfig[] {
  const { cluster } = broker
  switch (type) {
    case 'topic':
      requireValidTopicName(name)
      // Without a text, as Kafka.
      if (cluster.topics.byName(name) === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', '')
      return describeTopicConfigs(broker.config, cluster.dynamicConfigs.of('topic', name))
    case 'broker':
      if (name === '') return describeClusterWideConfigs(broker.config)
      requireOwnId(broker, name, `${broker.id} or empty string,`)
      return describeBrokerConfigs(broker.config)
    case 'brokerLogger':
      if (name === '') throw new KafkaError('INVALID_REQUEST', 'Broker id must not be empty')
      requireOwnId(broker, name, String(broker.id))
      return describeLogLevels(cluster.logLevels)
    case 'group':
      if (name === '') throw new KafkaError('INVALID_REQUEST', 'Group name must not be empty')
      return describeGroupConfigs(broker.config, cluster.dynamicConfigs.of('group', name))
    case 'clientMetrics':
      if (name === '') {
        throw new KafkaError('INVALID_REQUEST', 'Client metrics subscription name must not be empty')
      }
      return describeClientMetricsConfigs(cluster.dynamicConfigs.of('clientMetrics', name))
  }
}

function requireOwnId(broker: Broker, name: string, expected: string): void {
  if (!/^[+-]?\d+$/.test(name)) {
    throw new KafkaError('INVALID_REQUEST', `Broker id must be an integer, but it is: ${name}`)
  }
  if (Number(name) !== broker.id) {
    throw new KafkaError('INVALID_REQUEST', `Unexpected broker id, expected ${expected} but received ${name}`)
  }
}
