/**
 * groups/assignors: the sticky algorithm for members that all subscribe to the same topics: everybody keeps what it owns up to its
 * quota, the rest is dealt out in turn. Source: ConstrainedAssignmentBuilder of Kafka's AbstractStickyAssignor.
 */
import type { StickyGroup } from './sticky-group.ts'

export interface StickyResult {
  /** By member. */
  readonly assigned: readonly number[][]
  /** Partition to its new owner, where somebody else may still hold it. */
  readonly transferring: ReadonlyMap<number, number>
}

export function assignConstrained(group: StickyGroup): StickyResult {
  const assignment = new ConstrainedAssignment(group)
  assignment.keepOwned()
  assignment.dealOut()
  return assignment
}

class ConstrainedAssignment implements StickyResult {
  readonly assigned: readonly number[][]
  readonly transferring = new Map<number, number>()
  readonly #group: StickyGroup
  readonly #minQuota: number
  readonly #maxQuota: number
  /** How many members are to have more than `#minQuota`; 0 where the quotas are one. */
  readonly #expectedOverMin: number
  #overMin = 0
  /** Members that need more to have `#minQuota`. */
  #underMin: number[] = []
  /** Members that have `#minQuota` and may get one more. */
  #atMin: number[] = []
  readonly #kept = new Set<number>()
  /** Partitions that their owner did not keep. */
  readonly #givenUp = new Map<number, number>()

  constructor(group: StickyGroup) {
    this.#group = group
    const [partitions, members] = [group.partitions.count, group.members.length]
    this.assigned = group.members.map(() => [])
    this.#minQuota = Math.floor(partitions / members)
    this.#maxQuota = Math.ceil(partitions / members)
    this.#expectedOverMin = partitions % members
  }

  keepOwned(): void {
    for (const member of this.#group.members.keys()) {
      const owned = this.#keepable(member)
      if (owned.length < this.#minQuota) {
        this.#keep(member, owned, owned.length)
        this.#underMin.push(member)
      } else if (owned.length >= this.#maxQuota && this.#overMin < this.#expectedOverMin) {
        this.#keep(member, owned, this.#maxQuota)
        this.#countOverMin()
      } else {
        this.#keep(member, owned, this.#minQuota)
        if (this.#overMin < this.#expectedOverMin) this.#atMin.push(member)
      }
    }
  }

  dealOut(): void {
    const { rankOf, racks, partitions } = this.#group
    const byMemberId = (a: number, b: number) => rankOf[a]! - rankOf[b]!
    this.#underMin.sort(byMemberId)
    this.#atMin.sort(byMemberId)
    let left: number[] = []
    for (let partition = 0; partition < partitions.count; partition += 1)
      if (!this.#kept.has(partition)) left.push(partition)
    left = racks.scarcestFirst(left)
    if (racks.matter) left = this.#dealWithinRacks(left)
    this.#deal(left)
  }

  /** By partition number first, as topics' first partitions are kept before their last ones. */
  #keepable(member: number): number[] {
    const { owned, contested, racks, partitions } = this.#group
    const keepable = owned[member]!.filter((partition) => {
      if (!racks.mismatch(member, partition)) return !contested.has(partition)
      this.#givenUp.set(partition, member)
      return false
    })
    return keepable.sort((a, b) => partitions.partitionOf(a) - partitions.partitionOf(b) || a - b)
  }

  #keep(member: number, owned: readonly number[], count: number): void {
    for (const [index, partition] of owned.entries()) {
      if (index >= count) this.#givenUp.set(partition, member)
      else {
        this.assigned[member]!.push(partition)
        this.#kept.add(partition)
      }
    }
  }

  /** Once all have their extra partition, nobody at the lower quota may get another. */
  #countOverMin(): void {
    this.#overMin += 1
    if (this.#overMin === this.#expectedOverMin) this.#atMin = []
  }

  /** Gives what is left. */
  #dealWithinRacks(partitions: readonly number[]): number[] {
    const left: number[] = []
    let next = 0
    for (const partition of partitions) {
      const at = this.#nextInRack(this.#underMin, partition, next)
      if (at >= 0) next = this.#dealToUnderMin(partition, at)
      else if (!this.#dealToAtMin(partition)) left.push(partition)
    }
    return left
  }

  #nextInRack(members: readonly number[], partition: number, from: number): number {
    for (let step = 0; step < members.length; step += 1) {
      const at = (from + step) % members.length
      if (this.#group.racks.match(members[at]!, partition)) return at
    }
    return -1
  }

  /** Gives where among `#underMin` the turn is next. */
  #dealToUnderMin(partition: number, at: number): number {
    const member = this.#underMin[at]!
    const count = this.assigned[member]!.length + 1
    let next = at
    if (count >= this.#minQuota) {
      this.#underMin.splice(at, 1)
      if (count < this.#maxQuota && this.#overMin < this.#expectedOverMin) this.#atMin.push(member)
    } else next += 1
    this.#assign(partition, member)
    return this.#underMin.length === 0 ? 0 : next % this.#underMin.length
  }

  #dealToAtMin(partition: number): boolean {
    const at = this.#nextInRack(this.#atMin, partition, 0)
    if (at < 0) return false
    const member = this.#atMin[at]!
    if (this.assigned[member]!.length + 1 === this.#maxQuota) {
      this.#atMin.splice(at, 1)
      this.#countOverMin()
    }
    this.#assign(partition, member)
    return true
  }

  #deal(partitions: readonly number[]): void {
    let next = 0
    for (const partition of partitions) {
      if (next >= this.#underMin.length) next = 0
      const member = this.#underMin[next] ?? this.#atMin.shift()
      if (member === undefined) throw new Error('the quotas of a sticky assignment do not add up')
      const isUnderMin = next < this.#underMin.length
      this.#assign(partition, member)
      if (!isUnderMin) continue
      if (this.assigned[member]!.length === this.#minQuota) {
        this.#underMin.splice(next, 1)
        this.#atMin.push(member)
      } else next += 1
    }
  }

  #assign(partition: number, member: number): void {
    this.assigned[member]!.push(partition)
    const previous = this.#givenUp.get(partition)
    const isTaken = previous !== undefined && previous !== member
    if (isTaken || this.#group.contested.has(partition)) this.transferring.set(partition, member)
  }
}
