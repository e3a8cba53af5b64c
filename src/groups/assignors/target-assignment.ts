/** groups/assignors: a member's target assignment while the uniform assignor works on it. */
import { KafkaError } from '../../../protocol/errors.ts'
import { JavaHashSet, partitionSet } from './java-order.ts'
import type { MemberAssignment, TopicsView } from './server-assignor.ts'

/**
 * Topics and partitions stand in Kafka's order: in it they are written to `__consumer_offsets`, come back as what a member has, and are looked
 * at when it has too many. So this copies when Kafka copies, as a copied table is of another size.
 */
export class TargetAssignment {
  readonly #partitions = new Map<string, JavaHashSet<number>>()
  readonly #hashOf: (topicId: string) => number
  #topicIds: JavaHashSet<string>
  #isCopy = false

  /** `hashOf`: of topic ids. */
  constructor(assigned: MemberAssignment, hashOf: (topicId: string) => number) {
    this.#hashOf = hashOf
    this.#topicIds = new JavaHashSet(hashOf)
    for (const [topicId, partitions] of assigned) {
      this.#topicIds.add(topicId)
      this.#partitions.set(topicId, partitionSet(partitions))
    }
  }

  /** Before the first change, and where Kafka does it without one. */
  copy(): void {
    if (this.#isCopy) return
    this.#isCopy = true
    const topicIds = JavaHashSet.withCapacity(this.#partitions.size, this.#hashOf)
    for (const topicId of this.#topicIds) topicIds.add(topicId)
    this.#topicIds = topicIds
  }

  /** `expected`: how many of the topic there may be in the end; it decides how they are ordered. */
  add(topicId: string, partition: number, expected?: number): void {
    this.copy()
    this.#topicIds.addComputed(topicId)
    let partitions = this.#partitions.get(topicId)
    if (partitions === undefined) {
      partitions = expected === undefined ? partitionSet([]) : JavaHashSet.withCapacity(expected / 0.75 + 1, (of) => of)
      this.#partitions.set(topicId, partitions)
    }
    partitions.add(partition)
  }

  delete(topicId: string, partition: number): void {
    this.copy()
    const partitions = this.#partitions.get(topicId)
    partitions?.delete(partition)
    if (partitions?.size === 0) this.deleteTopic(topicId)
  }

  deleteTopic(topicId: string): void {
    this.copy()
    this.#topicIds.delete(topicId)
    this.#partitions.delete(topicId)
  }

  /** In Kafka's order, as it is now. */
  entries(): [topicId: string, partitions: number[]][] {
    return [...this.#topicIds].map((topicId) => [topicId, [...this.#partitions.get(topicId)!]])
  }

  result(): MemberAssignment {
    return new Map(this.entries().map(([topicId, partitions]) => [topicId, new Set(partitions)]))
  }
}

/** @throws KafkaError UNKNOWN_SERVER_ERROR when there is no such topic: members subscribe to topics that exist. */
export function partitionCountOf(topicId: string, topics: TopicsView): number {
  const count = topics.partitionCount(topicId)
  if (count < 0)
    throw new KafkaError('UNKNOWN_SERVER_ERROR', `a member subscribes to the topic ${topicId}, which does not exist`)
  return count
}
