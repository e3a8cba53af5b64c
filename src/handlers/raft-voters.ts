/** handlers: what AddRaftVoter and RemoveRaftVoter share. This node is the only voter of its quorum, and stays it. */
import { KafkaError } from '../../protocol/errors.ts'
import { zeroUuid } from '../../protocol/schema/index.ts'
import type { Cluster } from '../cluster/cluster.ts'

interface NamedVoter {
  readonly clusterId: string | null
  readonly voterId: number
  readonly voterDirectoryId: string
}

/** @throws KafkaError INCONSISTENT_CLUSTER_ID; messages are Kafka's */
export function requireOwnCluster({ clusterId }: NamedVoter, cluster: Cluster): void {
  if (clusterId === null || clusterId === cluster.clusterId) return
  const message = `The given id "${clusterId}" doesn't match the cluster id "${cluster.clusterId}"`
  throw new KafkaError('INCONSISTENT_CLUSTER_ID', message)
}

/** @throws KafkaError INVALID_REQUEST */
export function requireVoter({ voterId, voterDirectoryId }: NamedVoter, request: 'Add' | 'Remove'): void {
  if (voterId >= 0 && voterDirectoryId !== zeroUuid) return
  throw new KafkaError('INVALID_REQUEST', `${request} voter request didn't include a valid voter`)
}

/** @throws KafkaError UNSUPPORTED_VERSION where voters are configured (kraft.version 0) */
export function requireVotersInLog({ metadata }: Cluster, what: 'adding' | 'removing'): void {
  if (metadata.kRaftVersion > 0) return
  const why = 'because the kraft.version feature is 0'
  throw new KafkaError('UNSUPPORTED_VERSION', `Cluster doesn't support ${what} voter ${why}`)
}

/** As Kafka writes a voter, and the set of all. */
export function voterKey(voterId: number, directoryId: string): string {
  return `ReplicaKey(id=${voterId}, directoryId=${directoryId})`
}

export function ownVoterKey({ metadata }: Cluster): string {
  return `[${voterKey(metadata.voter.id, metadata.voter.directoryId)}]`
}
