/**
 * groups/assignors: says which of a topic's subscribers takes the next partition and which gives one up, for the heterogeneous uniform
 * assignor. Source: MemberAssignmentBalancer of Kafka 4.3's UniformHeterogeneousAssignmentBuilder.
 *
 *     subscribers by load     # # # # # # # # # #
 *     takers from the left    [ takers )   ( givers ]       givers from the right
 *
 * All takers have the same load, and all givers; when each had its turn, the range widens to those whose load is next.
 */
export class LoadBalancer {
  readonly #loads: Int32Array
  #members: number[] = []
  #takersEnd = 0
  #takersLoad = 0
  #nextTaker = 0
  #giversStart = 0
  #giversEnd = 0
  #giversLoad = 0
  #nextGiver = 0

  /** `loads`: how many partitions each member has, by member; it is read, never changed. */
  constructor(loads: Int32Array) {
    this.#loads = loads
  }

  /** Starts with these members, of whom there is at least one; gives the difference between the highest load and the lowest. */
  start(members: readonly number[]): number {
    this.#members = [...members].sort((a, b) => this.#loads[a]! - this.#loads[b]! || a - b)
    const count = this.#members.length
    const [lowest, highest] = [this.#loadAt(0), this.#loadAt(count - 1)]
    this.#takersEnd = 0
    this.#takersLoad = lowest - 1
    this.#nextTaker = 0
    this.#giversStart = count
    this.#giversEnd = count
    this.#giversLoad = highest + 1
    this.#nextGiver = count - 1
    return highest - lowest
  }

  get isBalanced(): boolean {
    return this.#giversLoad - this.#takersLoad <= 1
  }

  /** Whoever is asked for is taken to get a partition. */
  nextTaker(): number {
    if (this.#nextTaker >= this.#takersEnd) {
      this.#takersLoad += 1
      while (this.#takersEnd < this.#members.length && this.#loadAt(this.#takersEnd) === this.#takersLoad)
        this.#takersEnd += 1
      this.#nextTaker = 0
    }
    return this.#members[this.#nextTaker++]!
  }

  /** Whoever is asked for is taken to lose a partition; undefined when nobody is left. */
  nextGiver(): number | undefined {
    if (this.#nextGiver < this.#giversStart) {
      const isEmpty = this.#giversEnd <= this.#giversStart
      this.#giversLoad = isEmpty && this.#giversStart > 0 ? this.#loadAt(this.#giversStart - 1) : this.#giversLoad - 1
      while (this.#giversStart > 0 && this.#loadAt(this.#giversStart - 1) === this.#giversLoad) this.#giversStart -= 1
      this.#nextGiver = this.#giversEnd - 1
    }
    if (this.#nextGiver < 0) return undefined
    return this.#members[this.#nextGiver--]!
  }

  /** The last giver has nothing to give after all, and is not asked again. */
  excludeGiver(): void {
    const [at, last] = [this.#nextGiver + 1, this.#giversEnd - 1]
    const giver = this.#members[at]!
    this.#members[at] = this.#members[last]!
    this.#members[last] = giver
    this.#giversEnd -= 1
  }

  #loadAt(position: number): number {
    return this.#loads[this.#members[position]!]!
  }
}
