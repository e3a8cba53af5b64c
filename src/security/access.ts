/** security: whether the principal of a connection may do something. Without an authorizer, as in Kafka, everyone may do all. */

type ResourceType = 'Topic' | 'Group' | 'Cluster' | 'TransactionalId' | 'DelegationToken' | 'User'

export type Operation =
  | 'Read'
  | 'Write'
  | 'Create'
  | 'Delete'
  | 'Alter'
  | 'Describe'
  | 'ClusterAction'
  | 'DescribeConfigs'
  | 'AlterConfigs'
  | 'IdempotentWrite'

export interface Access {
  isAllowed(resource: ResourceType, name: string, operation: Operation): boolean
  /** @throws KafkaError TOPIC_AUTHORIZATION_FAILED and its like, as the resource's type has it. */
  require(resource: ResourceType, name: string, operation: Operation): void
}

/** What Kafka does without `authorizer.class.name`. */
export const openAccess: Access = { isAllowed: () => true, require: () => {} }
