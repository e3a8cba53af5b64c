/**
 * groups/assignors: `range`: each topic's partitions in runs, one for each member, so that members get the same partitions of topics with
 * as many. Source: Kafka's RangeAssignor, with racks as KIP-881 has them.
 */
import {
  type Assignment,
  assignPartition,
  type ClientAssignor,
  emptyAssignments,
  inMemberOrder,
  type Subscriptions,
} from './client-assignor.ts'
import { racksMatter } from './racks.ts'
import type { TopicsView } from './server-assignor.ts'

export const rangeAssignor: ClientAssignor = {
  name: 'range',
  isCooperative: false,
  userData: () => null,
  assign: assignRanges,
}

/** Its rack is null where it has none. */
type Member = { readonly memberId: string; readonly instanceId: string | null; readonly rack: string | null }

function assignRanges(subscriptions: Subscriptions, topics: TopicsView): Map<string, Assignment> {
  const assignments = emptyAssignments(subscriptions.keys())
  const ranges = [...subscribersByTopic(subscriptions)]
    .filter(([topic]) => topics.partitionCount(topic) > 0)
    .map(([topic, members]) => new TopicRange(topic, inMemberOrder(members), topics))
  if (ranges.some((range) => range.racksMatter)) for (const alike of rangesAlike(ranges)) assignWithinRacks(alike)
  for (const range of ranges) {
    range.assignInOrder()
    for (const [position, partitions] of range.assigned.entries())
      for (const partition of partitions.sort((a, b) => a - b))
        assignPartition(assignments.get(range.members[position]!.memberId)!, range.topic, partition)
  }
  return assignments
}

function subscribersByTopic(subscriptions: Subscriptions): Map<string, Set<Member>> {
  const subscribers = new Map<string, Set<Member>>()
  for (const [memberId, { topics, groupInstanceId, rackId }] of subscriptions) {
    const member: Member = { memberId, instanceId: groupInstanceId ?? null, rack: rackId || null }
    for (const topic of topics) {
      if (!subscribers.has(topic)) subscribers.set(topic, new Set())
      subscribers.get(topic)!.add(member)
    }
  }
  return subscribers
}

/** Topics with the same members and as many partitions: they are assigned together, to stay co-partitioned. */
function rangesAlike(ranges: readonly TopicRange[]): TopicRange[][] {
  const alike = new Map<string, TopicRange[]>()
  for (const range of ranges) {
    const key = JSON.stringify([range.partitionCount, ...range.members.map(({ memberId }) => memberId)])
    if (!alike.has(key)) alike.set(key, [])
    alike.get(key)!.push(range)
  }
  return [...alike.values()]
}

function assignWithinRacks(alike: readonly TopicRange[]): void {
  const [first] = alike as [TopicRange]
  if (!first.hasRacks) return
  if (alike.length === 1) {
    if (first.racksMatter) first.assignWithinRacks()
    return
  }
  for (let partition = 0; partition < first.partitionCount; partition += 1) {
    const position = first.members.findIndex((_member, at) =>
      alike.every((range) => range.remaining(at) > 0 && range.rackMatches(at, partition)),
    )
    if (position >= 0) for (const range of alike) range.assign(position, [partition])
  }
}

/** One topic's partitions on their way to its members, which are named by their position. */
class TopicRange {
  readonly topic: string
  readonly members: readonly Member[]
  readonly partitionCount: number
  readonly hasRacks: boolean
  readonly racksMatter: boolean
  /** By member. */
  readonly assigned: number[][]
  /** By partition; empty without members in racks. */
  readonly #racks: readonly ReadonlySet<string>[]
  readonly #isAssigned: boolean[]
  readonly #each: number
  /** How many members may still get one more than `#each`. */
  #extras: number

  constructor(topic: string, members: readonly Member[], topics: TopicsView) {
    this.topic = topic
    this.members = members
    this.partitionCount = topics.partitionCount(topic)
    this.assigned = members.map(() => [])
    this.#isAssigned = new Array(this.partitionCount).fill(false)
    this.#each = Math.floor(this.partitionCount / members.length)
    this.#extras = this.partitionCount % members.length
    const memberRacks = new Set(members.flatMap(({ rack }) => (rack === null ? [] : [rack])))
    this.hasRacks = memberRacks.size > 0
    this.#racks = this.hasRacks
      ? Array.from({ length: this.partitionCount }, (_, partition) => topics.racksOf(topic, partition))
      : []
    this.racksMatter = racksMatter(memberRacks, this.#racks)
  }

  /** How many more a member may get. */
  remaining(position: number): number {
    return Math.max(0, this.#each + (this.#extras > 0 ? 1 : 0) - this.assigned[position]!.length)
  }

  /** A member without a rack is at home in all. */
  rackMatches(position: number, partition: number): boolean {
    const { rack } = this.members[position]!
    return rack === null || this.#racks[partition]!.has(rack)
  }

  assign(position: number, partitions: readonly number[]): void {
    const assigned = this.assigned[position]!
    for (const partition of partitions) {
      assigned.push(partition)
      this.#isAssigned[partition] = true
    }
    if (assigned.length > this.#each) this.#extras -= 1
  }

  /** What is left, in runs. */
  assignInOrder(): void {
    let next = 0
    for (const position of this.members.keys()) {
      const run: number[] = []
      for (const most = this.remaining(position); run.length < most && next < this.partitionCount; next += 1)
        if (!this.#isAssigned[next]) run.push(next)
      if (run.length > 0) this.assign(position, run)
    }
  }

  assignWithinRacks(): void {
    for (const position of this.members.keys()) {
      const run: number[] = []
      const most = this.remaining(position)
      for (let partition = 0; partition < this.partitionCount && run.length < most; partition += 1)
        if (!this.#isAssigned[partition] && this.rackMatches(position, partition)) run.push(partition)
      if (run.length > 0) this.assign(position, run)
    }
  }
}
