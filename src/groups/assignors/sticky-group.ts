/**
 * groups/assignors: a group as the sticky algorithms see it: partitions and members as numbers, and who owns what by its own account.
 * Source: Kafka's AbstractStickyAssignor.
 */
import { compareStrings, type Subscription, type Subscriptions } from './client-assignor.ts'
import { inHashMapOrder, stringHash } from './java-order.ts'
import { racksMatter } from './racks.ts'
import type { TopicsView } from './server-assignor.ts'
import type { Claim } from './sticky-user-data.ts'

export const noGeneration = -1

/** The partitions of all subscribed topics that have any, numbered in the order of topic names, then of partitions. */
class Partitions {
  /** In the order of their names. */
  readonly topics: readonly string[]
  /** By topic: the number of its first partition; one more entry at the end. */
  readonly starts: readonly number[]
  /** By partition: which of `topics`. */
  readonly topicOf: Int32Array
  readonly #positions = new Map<string, number>()

  constructor(subscribed: ReadonlySet<string>, topics: TopicsView) {
    this.topics = [...subscribed].filter((topic) => topics.partitionCount(topic) > 0).sort(compareStrings)
    const starts = [0]
    for (const [position, topic] of this.topics.entries()) {
      this.#positions.set(topic, position)
      starts.push(starts[position]! + topics.partitionCount(topic))
    }
    this.starts = starts
    this.topicOf = new Int32Array(this.count)
    for (const position of this.topics.keys()) this.topicOf.fill(position, starts[position], starts[position + 1])
  }

  get count(): number {
    return this.starts.at(-1)!
  }

  topicPosition(topic: string): number | undefined {
    return this.#positions.get(topic)
  }

  /** Undefined where there is no such partition. */
  find(topic: string, partition: number): number | undefined {
    const position = this.#positions.get(topic)
    if (position === undefined || partition < 0) return undefined
    const number = this.starts[position]! + partition
    return number < this.starts[position + 1]! ? number : undefined
  }

  topicNameOf(number: number): string {
    return this.topics[this.topicOf[number]!]!
  }

  /** Its number within its topic. */
  partitionOf(number: number): number {
    return number - this.starts[this.topicOf[number]!]!
  }
}

interface StickyMember {
  readonly memberId: string
  readonly subscription: Subscription
  readonly claim: Claim
  /** `claim`'s partitions that exist. */
  readonly claimed: readonly number[]
}

export interface StickyGroup {
  readonly partitions: Partitions
  /** In the order of Kafka's map of them; the algorithms name members by their place in it. */
  readonly members: readonly StickyMember[]
  /** By member: its place in the order of member ids. */
  readonly rankOf: readonly number[]
  /** By member: what it owns after claims to the same partition have been settled. */
  readonly owned: readonly number[][]
  /** Claimed twice for the same generation, so that nobody can be believed. */
  readonly contested: ReadonlySet<number>
  readonly maxGeneration: number
  readonly subscribesAlike: boolean
  readonly racks: Racks
}

export function stickyGroup(
  subscriptions: Subscriptions,
  topics: TopicsView,
  claimOf: (subscription: Subscription) => Claim,
): StickyGroup {
  const partitions = new Partitions(new Set([...subscriptions.values()].flatMap((each) => each.topics)), topics)
  const members = inHashMapOrder(subscriptions.keys(), stringHash).map((memberId): StickyMember => {
    const subscription = subscriptions.get(memberId)!
    const claim = claimOf(subscription)
    return { memberId, subscription, claim, claimed: existing(claim, partitions) }
  })
  const rankOf: number[] = []
  const byId = [...members.keys()].sort((a, b) => compareStrings(members[a]!.memberId, members[b]!.memberId))
  for (const [rank, member] of byId.entries()) rankOf[member] = rank
  return {
    partitions,
    members,
    rankOf,
    ...settleClaims(members),
    maxGeneration: members.reduce((latest, { claim }) => Math.max(latest, claim.generationId ?? latest), noGeneration),
    subscribesAlike: subscribeAlike(members),
    racks: new Racks(partitions, members, topics),
  }
}

/** A topic that was made anew can have fewer partitions than somebody remembers. */
function existing({ partitions: claimed }: Claim, partitions: Partitions): number[] {
  const found: number[] = []
  for (const { topic, partitions: numbers } of claimed)
    for (const number of numbers) {
      const partition = partitions.find(topic, number)
      if (partition !== undefined) found.push(partition)
    }
  return found
}

/** Of claims to one partition the latest generation's wins; of the same generation none does. */
function settleClaims(members: readonly StickyMember[]): { owned: number[][]; contested: Set<number> } {
  const owned: number[][] = members.map(() => [])
  const contested = new Set<number>()
  const ownerOf = new Map<number, number>()
  for (const [member, { claim, claimed }] of members.entries()) {
    const generation = claim.generationId ?? noGeneration
    for (const partition of claimed) {
      const other = ownerOf.get(partition)
      if (other === undefined) {
        owned[member]!.push(partition)
        ownerOf.set(partition, member)
        continue
      }
      // The other's is compared as its subscription has it, not its user data: so Kafka does.
      const otherGeneration = generationOf(members[other]!.subscription) ?? noGeneration
      if (generation < otherGeneration) continue
      if (generation === otherGeneration) contested.add(partition)
      else owned[member]!.push(partition)
      remove(owned[other]!, partition)
      ownerOf.set(partition, member)
    }
  }
  return { owned, contested }
}

export const generationOf = ({ generationId }: Subscription): number | undefined =>
  generationId === undefined || generationId < 0 ? undefined : generationId

export function remove(from: number[], partition: number): void {
  const at = from.indexOf(partition)
  if (at >= 0) from.splice(at, 1)
}

function subscribeAlike(members: readonly StickyMember[]): boolean {
  let first: Set<string> | undefined
  for (const { subscription } of members) {
    const { topics } = subscription
    if (first === undefined || first.size === 0) first = new Set(topics)
    else if (topics.length !== first.size || !topics.every((topic) => first!.has(topic))) return false
  }
  return true
}

/** Racks of members and partitions; all empty where they don't matter. */
class Racks {
  readonly matter: boolean
  readonly #memberRacks: readonly (string | undefined)[]
  /** By partition. */
  readonly #partitionRacks: readonly ReadonlySet<string>[]

  constructor(partitions: Partitions, members: readonly StickyMember[], topics: TopicsView) {
    this.#memberRacks = members.map(({ subscription }) => subscription.rackId || undefined)
    const known = new Set(this.#memberRacks.filter((rack) => rack !== undefined))
    this.#partitionRacks =
      known.size === 0
        ? []
        : Array.from({ length: partitions.count }, (_, partition) =>
            topics.racksOf(partitions.topicNameOf(partition), partitions.partitionOf(partition)),
          )
    this.matter = racksMatter(known, this.#partitionRacks)
  }

  mismatch(member: number, partition: number): boolean {
    if (!this.matter) return false
    const rack = this.#memberRacks[member]
    return rack !== undefined && !this.#partitionRacks[partition]!.has(rack)
  }

  /** In one of the partition's racks; not so without a rack. */
  match(member: number, partition: number): boolean {
    const rack = this.#memberRacks[member]
    return this.matter && rack !== undefined && this.#partitionRacks[partition]!.has(rack)
  }

  /** Those that fewest members are near to come first. */
  scarcestFirst(partitions: readonly number[]): number[] {
    if (!this.matter) return [...partitions]
    const membersIn = new Map<string, number>()
    for (const rack of this.#memberRacks) if (rack !== undefined) membersIn.set(rack, (membersIn.get(rack) ?? 0) + 1)
    const near = this.#partitionRacks.map((racks) =>
      [...racks].reduce((sum, rack) => sum + (membersIn.get(rack) ?? 0), 0),
    )
    return [...partitions].sort((a, b) => near[a]! - near[b]!)
  }
}
