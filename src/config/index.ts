/** config: what other rooms use of it. */

export { BrokerConfig } from './broker-config.ts'
export { ConfigError } from './config-error.ts'
export {
  type DescribedConfig,
  describeBrokerConfigs,
  describeClientMetricsConfigs,
  describeClusterWideConfigs,
  describeGroupConfigs,
  describeTopicConfigs,
} from './describe.ts'
export type { Listener } from './listeners.ts'
export { TopicConfig, type TopicConfigName, validateTopicConfigs } from './topic-config.ts'
