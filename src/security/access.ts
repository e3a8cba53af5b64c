/** security: whether the principal of a connection may do something. Without an authorizer, as in Kafka, everyone may do all. */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import type { Principal } from './principal.ts'

export type ResourceType = 'Topic' | 'Group' | 'Cluster' | 'TransactionalId' | 'DelegationToken' | 'User'

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
  | 'TwoPhaseCommit'

export interface Access {
  isAllowed(resource: ResourceType, name: string, operation: Operation): boolean
  /** With at least one resource of that type, whether it exists or not. */
  isAllowedSomewhere(resource: ResourceType, operation: Operation): boolean
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
export const openAccess: Access = { isAllowed: () => true, isAllowedSomewhere: () => true, require: () => {} }

export const openAccessFor: AccessFor = () => openAccess

const failures: Readonly<Record<ResourceType, ErrorName>> = {
  Topic: 'TOPIC_AUTHORIZATION_FAILED',
  Group: 'GROUP_AUTHORIZATION_FAILED',
  Cluster: 'CLUSTER_AUTHORIZATION_FAILED',
  TransactionalId: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  DelegationToken: 'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
  User: 'CLUSTER_AUTHORIZATION_FAILED',
}

export function notAuthorized(resource: ResourceType): KafkaError {
  return new KafkaError(failures[resource])
}
