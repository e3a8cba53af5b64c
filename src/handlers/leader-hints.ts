/** handlers: tells a client that asked the wrong broker for a partition who leads it, and where that one is (KIP-951). */
import { errorCode } from '../../protocol/errors.ts'
import type { Context } from './context.ts'

const wrongLeaderCodes: ReadonlySet<number> = new Set([
  errorCode('NOT_LEADER_OR_FOLLOWER'),
  errorCode('FENCED_LEADER_EPOCH'),
])

export interface CurrentLeader {
  readonly leaderId: number
  readonly leaderEpoch: number
}

/** Collects, for one answer, the leaders that it names. */
export class LeaderHints {
  readonly #context: Context
  /** Most answers name none. */
  #leaderIds: Set<number> | undefined

  constructor(context: Context) {
    this.#context = context
  }

  /** The leader to name beside `code`, -1 where nobody leads; undefined where the code does not send the client elsewhere. */
  leaderFor(code: number, topic: { name: string; topicId: string }, index: number): CurrentLeader | undefined {
    if (!wrongLeaderCodes.has(code)) return undefined
    const partition = this.#context.cluster.findPartition(topic.name || topic.topicId, index)
    if (partition === undefined) return undefined
    this.#leaderIds ??= new Set()
    this.#leaderIds.add(partition.leaderId)
    return { leaderId: partition.leaderId, leaderEpoch: partition.leaderEpoch }
  }

  /** Endpoints of the leaders that were named; empty when none was. */
  nodeEndpoints(): { nodeId: number; host: string; port: number; rack: string | null }[] {
    const leaderIds = this.#leaderIds
    if (leaderIds === undefined) return []
    const { cluster, connection } = this.#context
    return cluster.nodes(connection.listener).filter(({ nodeId }) => leaderIds.has(nodeId))
  }
}
