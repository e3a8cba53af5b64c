/** security: what an ACL is, in Kafka's words and numbers, and which ones a filter means. Source: Kafka's AclBinding, AclBindingFilter, KIP-11, KIP-290. */
import type { Operation, ResourceType } from './access.ts'

/** By Kafka's ids; 0 is unknown, 1 any of them. */
export const resourceTypeIds: Readonly<Record<ResourceType, number>> = {
  Topic: 2,
  Group: 3,
  Cluster: 4,
  TransactionalId: 5,
  DelegationToken: 6,
  User: 7,
}

/** By Kafka's ids; 0 is unknown, 1 any, 2 all of them. */
export const operationIds: Readonly<Record<Operation, number>> = {
  Read: 3,
  Write: 4,
  Create: 5,
  Delete: 6,
  Alter: 7,
  Describe: 8,
  ClusterAction: 9,
  DescribeConfigs: 10,
  AlterConfigs: 11,
  IdempotentWrite: 12,
  CreateTokens: 13,
  DescribeTokens: 14,
  TwoPhaseCommit: 15,
}

export const resourceTypeNames = named(resourceTypeIds)
export const operationNames = named(operationIds)

function named<Name extends string>(ids: Readonly<Record<Name, number>>): Readonly<Record<number, Name>> {
  return Object.fromEntries(Object.entries(ids).map(([name, id]) => [id, name]))
}

/** In a filter: any that there is. */
export const anything = 1
export const allOperations = 2

export const patternTypes = { match: 2, literal: 3, prefixed: 4 } as const
export const permissions = { deny: 2, allow: 3 } as const

/** As a literal name: every resource of the type. As a host: everywhere. */
export const wildcard = '*'
/** Everybody, those who are not authenticated too. */
export const everybody = 'User:*'
/** Kafka's name of the one cluster resource. */
export const clusterResource = 'kafka-cluster'

/** Types, pattern, operation and permission by Kafka's ids; `principal` is `User:alice`. */
export interface Acl {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** null: whatever it is. */
export interface AclFilter {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

export function matches(filter: AclFilter, acl: Acl): boolean {
  return (
    isMeant(filter.resourceTypeFilter, acl.resourceType) &&
    isNamed(filter, acl) &&
    (filter.principalFilter === null || filter.principalFilter === acl.principal) &&
    (filter.hostFilter === null || filter.hostFilter === acl.host) &&
    isMeant(filter.operation, acl.operation) &&
    isMeant(filter.permissionType, acl.permissionType)
  )
}

function isMeant(asked: number, id: number): boolean {
  return asked === anything || asked === id
}

function isNamed({ patternTypeFilter: pattern, resourceNameFilter: name }: AclFilter, acl: Acl): boolean {
  if (pattern !== anything && pattern !== patternTypes.match && pattern !== acl.patternType) return false
  if (name === null) return true
  if (pattern !== patternTypes.match) return name === acl.resourceName
  if (acl.patternType === patternTypes.prefixed) return name.startsWith(acl.resourceName)
  return name === acl.resourceName || acl.resourceName === wildcard
}
