/** groups/assignors: what a server-side assignor of KIP-848 is given and gives back. Source: Kafka's group-coordinator-api. */

/** One member as a server-side assignor sees it. */
export interface MemberSpec {
  readonly instanceId: string | null
  readonly rackId: string | null
  /** Topic ids. */
  readonly subscribedTopicIds: ReadonlySet<string>
  /** What its current target assignment is: topic id to partitions. */
  readonly assigned: ReadonlyMap<string, ReadonlySet<number>>
}

export interface GroupSpec {
  /** By member id. */
  readonly members: ReadonlyMap<string, MemberSpec>
  /** All members subscribe to the same topics. */
  readonly isHomogeneous: boolean
}

export interface TopicsView {
  /** -1: no such topic. */
  partitionCount(topicId: string): number
  racksOf(topicId: string, partition: number): ReadonlySet<string>
}

/** Topic id to partitions. */
export type MemberAssignment = ReadonlyMap<string, ReadonlySet<number>>

export interface ServerAssignor {
  readonly name: string
  /** By member id. */
  assign(group: GroupSpec, topics: TopicsView): Map<string, MemberAssignment>
}
