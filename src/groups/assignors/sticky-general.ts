/**
 * groups/assignors: the sticky algorithm for members that subscribe to different topics: all stays where it is as far as it may, the rest goes
 * to whoever has least, then partitions move until no move makes it more even. Source: GeneralAssignmentBuilder of Kafka's
 * AbstractStickyAssignor.
 */
import { stringHash } from './java-order.ts'
import { MembersByLoad } from './members-by-load.ts'
import { PartitionMovements } from './partition-movements.ts'
import { noGeneration, remove, type StickyGroup } from './sticky-group.ts'
import { TopicBalance } from './topic-balance.ts'

/** After so many rounds over all partitions every move has to make loads more even: Kafka's own algorithm can go round in circles forever. */
const freeRounds = 32

/** By member. */
export function assignGeneral(group: StickyGroup): readonly number[][] {
  const assignment = new GeneralAssignment(group)
  assignment.keepOwned()
  assignment.balance()
  return assignment.assigned
}

class GeneralAssignment {
  /** By member. */
  assigned: number[][]
  readonly #group: StickyGroup
  /** By member: positions of its topics that have partitions. */
  readonly #topicsOf: readonly (readonly number[])[]
  readonly #subscribes: readonly ReadonlySet<number>[]
  /** By topic. */
  readonly #subscriberCount: number[]
  readonly #memberOfRank: number[] = []
  readonly #ownerOf = new Map<number, number>()
  readonly #byLoad = new MembersByLoad()
  readonly #formerOwnerOf: ReadonlyMap<number, number>
  readonly #movements: PartitionMovements
  /** All partitions, those of topics with the fewest subscribers first. */
  readonly #inOrder: number[] = []
  #mustRevoke = false

  constructor(group: StickyGroup) {
    const { members, partitions, rankOf } = group
    this.#group = group
    this.assigned = members.map(() => [])
    this.#subscribes = members.map(
      ({ subscription }) => new Set(subscription.topics.flatMap((topic) => partitions.topicPosition(topic) ?? [])),
    )
    this.#topicsOf = this.#subscribes.map((topics) => [...topics])
    this.#subscriberCount = partitions.topics.map(() => 0)
    for (const topic of this.#topicsOf.flat()) this.#subscriberCount[topic]! += 1
    for (const [member, rank] of rankOf.entries()) this.#memberOfRank[rank] = member
    this.#formerOwnerOf = formerOwners(group)
    const topicHashes = partitions.topics.map(stringHash)
    this.#movements = new PartitionMovements(
      (partition) => partitions.topicOf[partition]!,
      (partition) =>
        topicPartitionHash(topicHashes[partitions.topicOf[partition]!]!, partitions.partitionOf(partition)),
    )
    const topics = [...partitions.topics.keys()]
    for (const topic of topics.sort((a, b) => this.#subscriberCount[a]! - this.#subscriberCount[b]! || a - b))
      for (let partition = partitions.starts[topic]!; partition < partitions.starts[topic + 1]!; partition += 1)
        this.#inOrder.push(partition)
  }

  keepOwned(): void {
    const { members, owned, partitions, racks, rankOf } = this.#group
    for (const member of members.keys()) {
      for (const partition of owned[member]!) {
        const isSubscribed = this.#subscribes[member]!.has(partitions.topicOf[partition]!)
        if (!isSubscribed || racks.mismatch(member, partition)) this.#mustRevoke = true
        else {
          this.assigned[member]!.push(partition)
          this.#ownerOf.set(partition, member)
        }
      }
      this.#byLoad.add(rankOf[member]!, this.assigned[member]!.length)
    }
  }

  balance(): void {
    const isNew = this.#ownerOf.size === 0
    const unassigned = this.#inOrder.filter((partition) => !this.#ownerOf.has(partition))
    this.#assignToLeastLoaded(unassigned)
    const before = this.assigned.map((partitions) => [...partitions])
    const topicsOwned = this.assigned.map((partitions) => partitions.map((partition) => this.#topicOf(partition)))
    const topicBalance = new TopicBalance(this.#subscriberCount.length, this.#topicsOf, topicsOwned)
    if (!this.#mustRevoke) this.#moveWhereMoreEven(unassigned, topicBalance)
    const hasMoved = this.#moveWhereMoreEven(this.#inOrder, topicBalance)
    if (isNew || !hasMoved) return
    // Then it was for nothing.
    const taking = [...this.assigned.keys()].filter((member) => this.#takesPart(member, before[member]!))
    const loads = (assigned: readonly number[][]) => taking.map((member) => assigned[member]!.length)
    if (unevenness(loads(this.assigned)) >= unevenness(loads(before))) this.assigned = before
  }

  #assignToLeastLoaded(unassigned: readonly number[]): void {
    const { racks } = this.#group
    if (racks.matter)
      for (const partition of unassigned) this.#assign(partition, (member) => !racks.mismatch(member, partition))
    for (const partition of unassigned) if (!this.#ownerOf.has(partition)) this.#assign(partition, () => true)
  }

  #assign(partition: number, accept: (member: number) => boolean): void {
    const topic = this.#group.partitions.topicOf[partition]!
    const rank = this.#byLoad.findFirst((rank) => {
      const member = this.#memberOfRank[rank]!
      return this.#subscribes[member]!.has(topic) && accept(member)
    })
    if (rank === undefined) return
    const member = this.#memberOfRank[rank]!
    this.#byLoad.delete(rank, this.assigned[member]!.length)
    this.assigned[member]!.push(partition)
    this.#ownerOf.set(partition, member)
    this.#byLoad.add(rank, this.assigned[member]!.length)
  }

  #topicOf(partition: number): number {
    return this.#group.partitions.topicOf[partition]!
  }

  /** Whether the topic's partitions can go from one member to another. */
  #isMovable(topic: number): boolean {
    return this.#subscriberCount[topic]! >= 2
  }

  /** Not so a member that has all that it can get and can't lose any. */
  #takesPart(member: number, partitions: readonly number[]): boolean {
    const { starts } = this.#group.partitions
    const most = this.#topicsOf[member]!.reduce((sum, topic) => sum + starts[topic + 1]! - starts[topic]!, 0)
    return partitions.length < most || partitions.some((partition) => this.#isMovable(this.#topicOf(partition)))
  }

  /** Whether anything moved. */
  #moveWhereMoreEven(partitions: readonly number[], topicBalance: TopicBalance): boolean {
    const movable = partitions.filter((partition) => this.#isMovable(this.#topicOf(partition)))
    let hasMoved = false
    let movedInRound = true
    for (let round = 0; movedInRound; round += 1) {
      movedInRound = false
      for (const partition of movable) {
        if (topicBalance.isBalanced) break
        const to = this.#betterOwner(partition, topicBalance)
        if (to === undefined) continue
        const from = this.#ownerOf.get(partition)!
        const moved = round < freeRounds ? this.#movements.insteadOf(partition, from, to) : partition
        this.#move(moved, to, topicBalance)
        movedInRound = true
      }
      hasMoved ||= movedInRound
    }
    return hasMoved
  }

  /** Whoever had it before the last owner comes first. */
  #betterOwner(partition: number, topicBalance: TopicBalance): number | undefined {
    const topic = this.#topicOf(partition)
    const load = this.assigned[this.#ownerOf.get(partition)!]!.length
    const former = this.#formerOwnerOf.get(partition)
    if (former !== undefined && this.#subscribes[former]!.has(topic) && load > this.assigned[former]!.length + 1)
      return former
    if (load <= topicBalance.lowestOf(topic) + 1) return undefined
    const rank = this.#byLoad.findFirst((each) => this.#subscribes[this.#memberOfRank[each]!]!.has(topic))
    return this.#memberOfRank[rank!]!
  }

  #move(partition: number, to: number, topicBalance: TopicBalance): void {
    const from = this.#ownerOf.get(partition)!
    this.#movements.record(partition, from, to)
    for (const member of [from, to]) this.#byLoad.delete(this.#group.rankOf[member]!, this.assigned[member]!.length)
    remove(this.assigned[from]!, partition)
    this.assigned[to]!.push(partition)
    this.#ownerOf.set(partition, to)
    for (const member of [from, to]) this.#byLoad.add(this.#group.rankOf[member]!, this.assigned[member]!.length)
    topicBalance.move(this.#topicOf(partition), from, to)
  }
}

/** Partition to who owned it in the latest generation before the group's last. */
function formerOwners({ members, maxGeneration }: StickyGroup): Map<number, number> {
  const owners = new Map<number, { member: number; generation: number }>()
  for (const [member, { claim, claimed }] of members.entries()) {
    const generation = claim.generationId ?? noGeneration
    if (generation >= maxGeneration) continue
    for (const partition of claimed)
      if (generation > (owners.get(partition)?.generation ?? Number.NEGATIVE_INFINITY))
        owners.set(partition, { member, generation })
  }
  return new Map([...owners].map(([partition, { member }]) => [partition, member]))
}

/** The sum of the differences between each two loads. */
function unevenness(loads: readonly number[]): number {
  const sorted = [...loads].sort((a, b) => a - b)
  return sorted.reduce((sum, load, index) => sum + load * (2 * index - sorted.length + 1), 0)
}

/** java.util's hash of an org.apache.kafka.common.TopicPartition. */
const topicPartitionHash = (topicHash: number, partition: number): number =>
  (Math.imul(31, 31 + partition) + topicHash) | 0
