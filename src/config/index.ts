/** config: what other rooms use of it. */

export { BrokerConfig, type BrokerConfigName, type BrokerSettings } from './broker-config.ts'
export { validateClientMetricsConfigs } from './client-metrics-rules.ts'
export { ConfigError, ConfigRequestError } from './config-error.ts'
export {
  type DescribedConfig,
  describeBrokerConfigs,
  describeClientMetricsConfigs,
  describeClusterWideConfigs,
  describeGroupConfigs,
  describeTopicConfigs,
} from './describe.ts'
export { validateDynamicBrokerConfigs } from './dynamic-broker-configs.ts'
export { validateGroupConfigs } from './group-rules.ts'
export { listConfigDefault } from './list-configs.ts'
export { type Listener, type SecurityProtocol, securityProtocols } from './listeners.ts'
export { nearestName } from './nearest-name.ts'
export { TopicConfig, type TopicConfigName, validateTopicConfigs } from './topic-config.ts'
