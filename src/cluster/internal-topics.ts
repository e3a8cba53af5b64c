/** cluster: how the topics that Kafka itself needs are created: the configs that its coordinators ask for. */
import type { BrokerConfig } from '../config/index.ts'
import { consumerOffsetsTopic, shareGroupStateTopic, transactionStateTopic } from './topic.ts'
import type { NewTopic } from './topic-commands.ts'

export function internalTopic(name: string, config: BrokerConfig): NewTopic {
  switch (name) {
    case consumerOffsetsTopic:
      return {
        name,
        numPartitions: config.get('offsets.topic.num.partitions'),
        replicationFactor: config.get('offsets.topic.replication.factor'),
        assignments: [],
        configs: [
          { name: 'compression.type', value: 'producer' },
          { name: 'cleanup.policy', value: 'compact' },
          { name: 'segment.bytes', value: String(config.get('offsets.topic.segment.bytes')) },
        ],
      }
    case transactionStateTopic:
      return {
        name,
        numPartitions: config.get('transaction.state.log.num.partitions'),
        replicationFactor: config.get('transaction.state.log.replication.factor'),
        assignments: [],
        configs: [
          { name: 'compression.type', value: 'uncompressed' },
          { name: 'cleanup.policy', value: 'compact' },
          { name: 'min.insync.replicas', value: String(config.get('transaction.state.log.min.isr')) },
          { name: 'segment.bytes', value: String(config.get('transaction.state.log.segment.bytes')) },
          { name: 'unclean.leader.election.enable', value: 'false' },
        ],
      }
    case shareGroupStateTopic:
      return {
        name,
        numPartitions: config.get('share.coordinator.state.topic.num.partitions'),
        replicationFactor: config.get('share.coordinator.state.topic.replication.factor'),
        assignments: [],
        configs: [
          { name: 'compression.type', value: 'uncompressed' },
          { name: 'cleanup.policy', value: 'delete' },
          { name: 'min.insync.replicas', value: String(config.get('share.coordinator.state.topic.min.isr')) },
          { name: 'segment.bytes', value: String(config.get('share.coordinator.state.topic.segment.bytes')) },
          { name: 'retention.ms', value: '-1' },
        ],
      }
    default:
      throw new Error(`${name} is no internal topic`)
  }
}
