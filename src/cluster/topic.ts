/** cluster: one topic: its id, its partitions by index, and whether Kafka itself uses it. */
import type { Partition } from './partition.ts'

export const consumerOffsetsTopic = '__consumer_offsets'
export const transactionStateTopic = '__transaction_state'
export const shareGroupStateTopic = '__share_group_state'

const internalTopics: ReadonlySet<string> = new Set([consumerOffsetsTopic, transactionStateTopic, shareGroupStateTopic])

export function isInternalTopic(name: string): boolean {
  return internalTopics.has(name)
}

export class Topic {
  readonly name: string
  readonly id: string
  /** By index. */
  readonly partitions: Partition[] = []
  readonly isInternal: boolean

  constructor(name: string, id: string) {
    this.name = name
    this.id = id
    this.isInternal = isInternalTopic(name)
  }

  /** Of partition 0: all partitions of a topic are created with the same. */
  get replicationFactor(): number {
    return this.partitions[0]?.replicas.length ?? 0
  }
}
