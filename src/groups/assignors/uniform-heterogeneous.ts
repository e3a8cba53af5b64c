/**
 * groups/assignors: `uniform` where members subscribe to different topics: all keep what they may, the rest goes to the least loaded, then
 * partitions move until each topic's subscribers are even. Source: UniformHeterogeneousAssignmentBuilder of Kafka 4.3's group coordinator.
 */
import { compareUuids, inHashMapOrder, stringHash, uuidHashes } from './java-order.ts'
import { LoadBalancer } from './load-balancer.ts'
import type { GroupSpec, MemberAssignment, TopicsView } from './server-assignor.ts'
import { partitionCountOf, TargetAssignment } from './target-assignment.ts'

/** Each round over all topics about halves what is uneven. */
const maxRounds = 16

const nobody = -1

export function assignHeterogeneous(group: GroupSpec, topics: TopicsView): Map<string, MemberAssignment> {
  const assignment = new HeterogeneousAssignment(group, topics)
  assignment.assignRest()
  assignment.balance()
  return assignment.result()
}

type Topic = {
  readonly topicId: string
  readonly partitionCount: number
  /** Ascending. */
  readonly subscribers: number[]
  /** By partition. */
  readonly owners: Int32Array
}

/** Members are named by their place in Kafka's map of them. */
class HeterogeneousAssignment {
  readonly #memberIds: readonly string[]
  readonly #targets: readonly TargetAssignment[]
  readonly #loads: Int32Array
  readonly #topics: readonly Topic[]
  readonly #balancer: LoadBalancer

  constructor(group: GroupSpec, topics: TopicsView) {
    this.#memberIds = inHashMapOrder(group.members.keys(), stringHash)
    this.#loads = new Int32Array(this.#memberIds.length)
    this.#balancer = new LoadBalancer(this.#loads)
    const members = this.#memberIds.map((memberId) => group.members.get(memberId)!)
    const byId = new Map<string, Topic>()
    for (const [member, { subscribedTopicIds }] of members.entries())
      for (const topicId of subscribedTopicIds) {
        if (!byId.has(topicId)) byId.set(topicId, newTopic(topicId, partitionCountOf(topicId, topics)))
        byId.get(topicId)!.subscribers.push(member)
      }
    this.#topics = inBalancingOrder([...byId.values()])
    const hashOf = uuidHashes()
    this.#targets = members.map(({ assigned, subscribedTopicIds }, member) => {
      const target = new TargetAssignment(assigned, hashOf)
      for (const [topicId, partitions] of assigned) {
        if (!subscribedTopicIds.has(topicId)) target.deleteTopic(topicId)
        else this.#keep(member, byId.get(topicId)!, partitions)
      }
      return target
    })
  }

  assignRest(): void {
    for (const topic of this.#topics) {
      if (!topic.owners.includes(nobody)) continue
      this.#balancer.start(topic.subscribers)
      for (const [partition, owner] of topic.owners.entries())
        if (owner === nobody) this.#assign(topic, partition, this.#balancer.nextTaker())
    }
  }

  balance(): void {
    const movable = this.#topics.filter(({ subscribers }) => subscribers.length >= 2)
    let lastMoved: Topic | undefined
    for (let round = 0; round < maxRounds; round += 1)
      for (const topic of movable) {
        // Nothing has moved since this one's last turn.
        if (topic === lastMoved) return
        if (this.#balanceTopic(topic) || lastMoved === undefined) lastMoved = topic
      }
  }

  result(): Map<string, MemberAssignment> {
    return new Map(this.#memberIds.map((memberId, member) => [memberId, this.#targets[member]!.result()]))
  }

  #keep(member: number, { owners }: Topic, partitions: ReadonlySet<number>): void {
    this.#loads[member]! += partitions.size
    for (const partition of partitions) if (partition < owners.length) owners[partition] = member
  }

  /** Whether anything moved. */
  #balanceTopic(topic: Topic): boolean {
    if (this.#balancer.start(topic.subscribers) <= 1) return false
    // Ascending; what a member has got in this turn is not moved on.
    const givable = new Map<number, number[]>()
    for (const [partition, owner] of topic.owners.entries()) {
      if (!givable.has(owner)) givable.set(owner, [])
      givable.get(owner)!.push(partition)
    }
    let hasMoved = false
    while (!this.#balancer.isBalanced) {
      const partition = this.#nextGiven(givable)
      if (partition === undefined) break
      const taker = this.#balancer.nextTaker()
      if (this.#balancer.isBalanced) break
      this.#assign(topic, partition, taker)
      hasMoved = true
    }
    return hasMoved
  }

  #nextGiven(givable: ReadonlyMap<number, number[]>): number | undefined {
    for (let giver = this.#balancer.nextGiver(); giver !== undefined; giver = this.#balancer.nextGiver()) {
      const partition = givable.get(giver)?.pop()
      if (partition !== undefined) return partition
      this.#balancer.excludeGiver()
    }
    return undefined
  }

  #assign({ topicId, partitionCount, subscribers, owners }: Topic, partition: number, member: number): void {
    const owner = owners[partition]!
    if (owner !== nobody) {
      this.#targets[owner]!.delete(topicId, partition)
      this.#loads[owner]! -= 1
    }
    this.#targets[member]!.add(topicId, partition, Math.ceil(partitionCount / subscribers.length))
    owners[partition] = member
    this.#loads[member]! += 1
  }
}

const newTopic = (topicId: string, partitionCount: number): Topic => ({
  topicId,
  partitionCount,
  subscribers: [],
  owners: new Int32Array(partitionCount).fill(nobody),
})

/** Those with the most partitions for each subscriber first; then with the fewest subscribers; then by id. */
function inBalancingOrder(topics: readonly Topic[]): Topic[] {
  const share = ({ partitionCount, subscribers }: Topic) => partitionCount / subscribers.length
  return [...topics].sort(
    (a, b) => share(b) - share(a) || a.subscribers.length - b.subscribers.length || compareUuids(a.topicId, b.topicId),
  )
}
