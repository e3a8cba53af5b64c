/** groups/assignors: what a group's leader knows of its members, and what a client-side assignor makes of it. */
import type { TopicsView } from './server-assignor.ts'

export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** A member's part in JoinGroup. What is left out is what an old version of the protocol leaves out. */
export interface Subscription {
  readonly topics: readonly string[]
  /** What the assignor itself put in, in its own form. */
  readonly userData?: Buffer | null
  /** From version 1: what the member still holds while it joins. */
  readonly ownedPartitions?: readonly TopicPartitions[]
  /** From version 2: of the generation that `ownedPartitions` are from; below 0: none. */
  readonly generationId?: number
  /** From version 3. */
  readonly rackId?: string | null
  /** `group.instance.id` of a static member; not in the subscription but beside it. */
  readonly groupInstanceId?: string | null
}

/** By member id, as the coordinator listed them: the order can decide who gets an odd partition. */
export type Subscriptions = ReadonlyMap<string, Subscription>

/** Topic to partitions. */
export type Assignment = Map<string, number[]>

/** What a member learnt when it was last assigned something. */
export interface PreviousAssignment {
  readonly partitions: readonly TopicPartitions[]
  readonly generationId: number
}

export interface ClientAssignor {
  /** As members name it in JoinGroup. */
  readonly name: string
  /** Whether members may hold on to what they own while they rebalance (KIP-429). */
  readonly isCooperative: boolean
  /** The user data that goes into a member's subscription; `previous`: null before its first assignment. */
  userData(previous: PreviousAssignment | null): Buffer | null
  /**
   * `topics`: by topic name; topics without partitions are left alone.
   * By member id; every member has an entry. A result depends on the arguments alone.
   */
  assign(subscriptions: Subscriptions, topics: TopicsView): Map<string, Assignment>
}

/** Sees topics as they are given: a number of partitions, or the racks of each partition's replicas. */
export function topicsView(topics: Readonly<Record<string, number | readonly (readonly string[])[]>>): TopicsView {
  const known = new Map(Object.entries(topics))
  const noRacks: ReadonlySet<string> = new Set()
  return {
    partitionCount(topic) {
      const partitions = known.get(topic)
      return typeof partitions === 'number' ? partitions : (partitions?.length ?? -1)
    },
    racksOf(topic, partition) {
      const partitions = known.get(topic)
      return typeof partitions === 'object' ? new Set(partitions[partition]) : noRacks
    },
  }
}

/** An empty assignment for everybody. */
export const emptyAssignments = (memberIds: Iterable<string>): Map<string, Assignment> =>
  new Map([...memberIds].map((memberId) => [memberId, new Map()]))

export function assignPartition(assignment: Assignment, topic: string, partition: number): void {
  const partitions = assignment.get(topic)
  if (partitions === undefined) assignment.set(topic, [partition])
  else partitions.push(partition)
}

type Identified = { readonly memberId: string; readonly instanceId: string | null }

/** As Java compares strings: by UTF-16 units. */
export const compareStrings = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

/** Static members first, by instance id, then the others by member id: a static member that comes back has its old place. */
export function inMemberOrder<T extends Identified>(members: Iterable<T>): T[] {
  return [...members].sort((left, right) => {
    if (left.instanceId !== null && right.instanceId !== null) return compareStrings(left.instanceId, right.instanceId)
    if (left.instanceId !== null) return -1
    if (right.instanceId !== null) return 1
    return compareStrings(left.memberId, right.memberId)
  })
}
