/** handlers: the bit field of what a client may do with a resource (KIP-430): bit n stands for the operation with Kafka's id n. */
import type { Access, Operation } from '../security/access.ts'

/** Kafka's ids of AclOperation. */
const operationIds: Readonly<Record<Operation, number>> = {
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
}

const operationsOf = {
  Topic: ['Read', 'Write', 'Create', 'Delete', 'Alter', 'Describe', 'DescribeConfigs', 'AlterConfigs'],
  Group: ['Read', 'Delete', 'Describe', 'DescribeConfigs', 'AlterConfigs'],
  Cluster: ['Create', 'Alter', 'Describe', 'ClusterAction', 'DescribeConfigs', 'AlterConfigs', 'IdempotentWrite'],
} as const satisfies Partial<Record<Parameters<Access['isAllowed']>[0], readonly Operation[]>>

/** Kafka's name of the one cluster resource. */
export const clusterResource = 'kafka-cluster'

export function authorizedOperations(access: Access, type: keyof typeof operationsOf, name: string): number {
  let bits = 0
  for (const operation of operationsOf[type]) {
    if (access.isAllowed(type, name, operation)) bits |= 1 << operationIds[operation]
  }
  return bits
}
