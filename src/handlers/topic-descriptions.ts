/** handlers: one topic as Metadata and DescribeTopicPartitions show it. */
import { errorCode } from '../../protocol/errors.ts'
import { zeroUuid } from '../../protocol/schema/index.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Partition } from '../cluster/partition.ts'
import { isInternalTopic, type Topic } from '../cluster/topic.ts'
import { isValidTopicName } from '../cluster/topic-name.ts'
import type { Access } from '../security/access.ts'
import { authorizedOperations } from './authorized-operations.ts'

/** From here on a leader without the listener asked for has an error of its own. */
const firstListenerErrorVersion = 6
const noLeader = -1
const none: readonly number[] = []

/** The brokers that a client of one listener can reach. */
export class ReachableBrokers {
  readonly #reachable: ReadonlySet<number>
  readonly #alive: ReadonlySet<number>
  readonly #mayBeOffline: boolean

  constructor(cluster: Cluster, listener: string) {
    this.#mayBeOffline = cluster.mayHaveOfflinePartitions
    this.#reachable = new Set(cluster.nodes(listener).map(({ nodeId }) => nodeId))
    this.#alive = new Set(
      cluster.registrations
        .values()
        .filter(({ isFenced }) => !isFenced)
        .map(({ id }) => id),
    )
  }

  has(brokerId: number): boolean {
    return this.#reachable.has(brokerId)
  }

  /** Those that the client can't reach. In most clusters none: they share one list, which is not made for each partition. */
  offline(replicas: readonly number[]): readonly number[] {
    return replicas.every((id) => this.#reachable.has(id)) ? none : replicas.filter((id) => !this.#reachable.has(id))
  }

  /** A partition as Metadata shows it. One literal and no lists of its own where none are needed: an answer may have 10,000 at a time. */
  describe(partition: Partition, apiVersion: number) {
    const { leaderId, replicas, isr } = partition
    const offlineReplicas = this.#mayBeOffline && partition.isOffline ? replicas : this.offline(replicas)
    const isReachable = this.has(leaderId)
    return {
      errorCode: isReachable
        ? this.#replicaError(offlineReplicas, apiVersion)
        : this.#leaderError(leaderId, apiVersion),
      partitionIndex: partition.index,
      leaderId: isReachable ? leaderId : noLeader,
      leaderEpoch: partition.leaderEpoch,
      replicaNodes: this.#listed(replicas, apiVersion),
      isrNodes: this.#listed(isr, apiVersion),
      offlineReplicas,
    }
  }

  /** Clients of v0 know of no offline replicas. */
  #listed(ids: readonly number[], apiVersion: number): readonly number[] {
    return apiVersion === 0 ? ids.filter((id) => this.has(id)) : ids
  }

  #leaderError(leaderId: number, apiVersion: number): number {
    const hasOtherListener = this.#alive.has(leaderId) && apiVersion >= firstListenerErrorVersion
    return errorCode(hasOtherListener ? 'LISTENER_NOT_FOUND' : 'LEADER_NOT_AVAILABLE')
  }

  /** Only clients of v0 are told of missing replicas by an error. */
  #replicaError(offlineReplicas: readonly number[], apiVersion: number): number {
    return apiVersion === 0 && offlineReplicas.length > 0 ? errorCode('REPLICA_NOT_AVAILABLE') : 0
  }
}

/** A topic without its partitions. */
export function describeTopic(topic: Topic, access: Access, includeOperations: boolean) {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    ...operationsOf(topic.name, access, includeOperations),
  }
}

/** A topic that is not there, asked for by somebody who may see it, and so is told what else is allowed. */
export function missingTopic(name: string, access: Access, includeOperations: boolean) {
  const code = errorCode(isValidTopicName(name) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION')
  return { ...failedTopic(name, code), ...operationsOf(name, access, includeOperations) }
}

function operationsOf(name: string, access: Access, includeOperations: boolean) {
  return includeOperations ? { topicAuthorizedOperations: authorizedOperations(access, 'Topic', name) } : {}
}

/** A topic of which only an error is told. */
export function failedTopic(name: string | null, code: number, topicId: string = zeroUuid) {
  const isInternal = name !== null && isInternalTopic(name)
  return { errorCode: code, name, topicId, isInternal, partitions: [] as never[] }
}
