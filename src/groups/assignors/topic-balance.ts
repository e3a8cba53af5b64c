/** groups/assignors: where a group is out of balance, for the general sticky algorithm. */

/** How many members have which load; the lowest and the highest are at hand. */
class Loads {
  readonly #counts: number[] = []
  #total = 0
  lowest = Number.POSITIVE_INFINITY
  highest = -1

  add(load: number): void {
    while (this.#counts.length <= load) this.#counts.push(0)
    this.#counts[load]! += 1
    this.#total += 1
    if (load < this.lowest) this.lowest = load
    if (load > this.highest) this.highest = load
  }

  delete(load: number): void {
    this.#counts[load]! -= 1
    this.#total -= 1
    if (this.#total === 0) {
      this.lowest = Number.POSITIVE_INFINITY
      this.highest = -1
      return
    }
    while (this.#counts[this.lowest] === 0) this.lowest += 1
    while (this.#counts[this.highest] === 0) this.highest -= 1
  }
}

/**
 * Which topics are out of balance: an owner of some of a topic's partitions has at least two partitions more than a subscriber of it, so that
 * one could move. Kept up to date with every move: counting anew for each, as Kafka does, takes minutes in large groups.
 */
export class TopicBalance {
  readonly #topicsOf: readonly (readonly number[])[]
  /** By member. */
  readonly #loadOf: number[]
  /** Loads of all who subscribe to a topic, by topic. */
  readonly #subscribers: Loads[]
  /** Loads of those who own any of it. */
  readonly #owners: Loads[]
  /** By topic: how many of its partitions a member has. */
  readonly #owned: Map<number, number>[]
  readonly #unbalanced = new Set<number>()

  /** `topicsOf`: by member; `topicsOwned`: by member, the topic of each of its partitions. */
  constructor(
    topicCount: number,
    topicsOf: readonly (readonly number[])[],
    topicsOwned: readonly (readonly number[])[],
  ) {
    this.#topicsOf = topicsOf
    this.#loadOf = topicsOwned.map(({ length }) => length)
    this.#subscribers = Array.from({ length: topicCount }, () => new Loads())
    this.#owners = Array.from({ length: topicCount }, () => new Loads())
    this.#owned = Array.from({ length: topicCount }, () => new Map())
    for (const [member, load] of this.#loadOf.entries()) {
      for (const topic of topicsOf[member]!) this.#subscribers[topic]!.add(load)
      for (const topic of topicsOwned[member]!) this.#count(member, topic)
    }
    for (let topic = 0; topic < topicCount; topic += 1) this.#judge(topic)
  }

  get isBalanced(): boolean {
    return this.#unbalanced.size === 0
  }

  /** The fewest partitions that a subscriber of the topic has. */
  lowestOf(topic: number): number {
    return this.#subscribers[topic]!.lowest
  }

  /** One of the topic's partitions goes from one member to another. */
  move(topic: number, from: number, to: number): void {
    this.#changeLoad(from, -1)
    const left = this.#owned[topic]!.get(from)! - 1
    if (left > 0) this.#owned[topic]!.set(from, left)
    else {
      this.#owned[topic]!.delete(from)
      this.#owners[topic]!.delete(this.#loadOf[from]!)
    }
    this.#count(to, topic)
    this.#changeLoad(to, 1)
    this.#judge(topic)
  }

  /** `member` is one of the topic's owners from now on, if it wasn't. */
  #count(member: number, topic: number): void {
    const owned = this.#owned[topic]!.get(member) ?? 0
    this.#owned[topic]!.set(member, owned + 1)
    if (owned === 0) this.#owners[topic]!.add(this.#loadOf[member]!)
  }

  #changeLoad(member: number, by: 1 | -1): void {
    const before = this.#loadOf[member]!
    const after = before + by
    this.#loadOf[member] = after
    for (const topic of this.#topicsOf[member]!) {
      this.#subscribers[topic]!.add(after)
      this.#subscribers[topic]!.delete(before)
      if (this.#owned[topic]!.has(member)) {
        this.#owners[topic]!.add(after)
        this.#owners[topic]!.delete(before)
      }
      this.#judge(topic)
    }
  }

  #judge(topic: number): void {
    if (this.#owners[topic]!.highest > this.#subscribers[topic]!.lowest + 1) this.#unbalanced.add(topic)
    else this.#unbalanced.delete(topic)
  }
}
