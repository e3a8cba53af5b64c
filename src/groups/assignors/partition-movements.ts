/**
 * groups/assignors: what the general sticky algorithm has moved so far. When a partition is to go from A to B and another of its topic has
 * gone from B to A, that one goes back instead: less moves in the end. Source: PartitionMovements of Kafka's AbstractStickyAssignor.
 */
import { JavaHashSet } from './java-order.ts'

type Movement = { readonly from: number; readonly to: number }

export class PartitionMovements {
  readonly #topicOf: (partition: number) => number
  readonly #hashOf: (partition: number) => number
  /** Where a partition was at first, and where it is. */
  readonly #movements = new Map<number, Movement>()
  /** By topic and pair of members; Java's order, as the first of a set is taken. */
  readonly #moved = new Map<string, JavaHashSet<number>>()

  constructor(topicOf: (partition: number) => number, hashOf: (partition: number) => number) {
    this.#topicOf = topicOf
    this.#hashOf = hashOf
  }

  record(partition: number, from: number, to: number): void {
    const existing = this.#movements.get(partition)
    if (existing === undefined) {
      this.#add(partition, { from, to })
      return
    }
    this.#remove(partition, existing)
    // One that is back where it was has not moved.
    if (existing.from !== to) this.#add(partition, { from: existing.from, to })
  }

  /** The partition that is best moved when `partition` is to go from one member to another. */
  insteadOf(partition: number, from: number, to: number): number {
    const origin = this.#movements.get(partition)?.from ?? from
    return this.#moved.get(this.#key(partition, { from: to, to: origin }))?.first() ?? partition
  }

  #add(partition: number, movement: Movement): void {
    this.#movements.set(partition, movement)
    const key = this.#key(partition, movement)
    let moved = this.#moved.get(key)
    if (moved === undefined) {
      moved = new JavaHashSet(this.#hashOf)
      this.#moved.set(key, moved)
    }
    moved.add(partition)
  }

  #remove(partition: number, movement: Movement): void {
    this.#movements.delete(partition)
    const key = this.#key(partition, movement)
    const moved = this.#moved.get(key)!
    moved.delete(partition)
    if (moved.size === 0) this.#moved.delete(key)
  }

  #key(partition: number, { from, to }: Movement): string {
    return `${this.#topicOf(partition)} ${from} ${to}`
  }
}
