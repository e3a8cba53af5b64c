/** security: whether the principal of a connection may do something. Without an authorizer, as in Kafka, everyone may do all. */
import type { Principal } from './principal.ts'

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
  | 'CreateTokens'
  | 'DescribeTokens'

export interface Access {
  isAllowed(resource: ResourceType, name: string, operation: Operation): boolean
  /** @throws KafkaError TOPIC_AUTHORIZATION_FAILED and its like, as the resource's type has it. */
  require(resource: ResourceType, name: string, operation: Operation): void
}

/** Who asks, and from where. */
export interface Requester {
  readonly principal: Principal
  /** The client's IP address. */
  readonly clientAddress: string
  /** Name of the listener. */
  readonly listener: string
}

/** Asked once for each connection and principal. */
export type AccessFor = (requester: Requester) => Access

/** What Kafka does without `authorizer.class.name`. */
export const openAccess: Access = { isAllowed: () => true, require: () => {} }

export const openAccessFor: AccessFor = () => openAccess
