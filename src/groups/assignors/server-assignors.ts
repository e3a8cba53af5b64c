/**
 * groups/assignors: the server-side assignors of KIP-848. `uniform` and `range` are Kafka 4.3's, which look at no racks; `roundrobin` and
 * `sticky` are the client-side ones behind the same interface.
 */
import { type Assignment, inMemberOrder, type Subscription } from './client-assignor.ts'
import { JavaHashSet, uuidHashes } from './java-order.ts'
import { roundRobinAssignor } from './round-robin-assignor.ts'
import type { GroupSpec, MemberAssignment, ServerAssignor } from './server-assignor.ts'
import { assignSticky } from './sticky-assignor.ts'
import { partitionCountOf } from './target-assignment.ts'
import { assignHeterogeneous } from './uniform-heterogeneous.ts'
import { assignHomogeneous } from './uniform-homogeneous.ts'

const uniform: ServerAssignor = {
  name: 'uniform',
  assign(group, topics) {
    if (group.members.size === 0) return new Map()
    return group.isHomogeneous ? assignHomogeneous(group, topics) : assignHeterogeneous(group, topics)
  },
}

/** Each topic's partitions in runs, one for each subscriber. Source: RangeAssignor of Kafka 4.3's group coordinator. */
const range: ServerAssignor = {
  name: 'range',
  assign({ members }, topics) {
    const inOrder = inMemberOrder([...members].map(([memberId, member]) => ({ memberId, ...member })))
    const hashOf = uuidHashes()
    const subscriberCounts = new Map<string, number>()
    for (const { subscribedTopicIds } of inOrder)
      for (const topicId of subscribedTopicIds) subscriberCounts.set(topicId, (subscriberCounts.get(topicId) ?? 0) + 1)
    const given = new Map<string, { members: number; partitions: number }>()
    return new Map(
      inOrder.map(({ memberId, subscribedTopicIds }) => {
        const assignment = new Map<string, ReadonlySet<number>>()
        const topicIds = JavaHashSet.withCapacity(subscribedTopicIds.size / 0.75 + 1, hashOf)
        for (const topicId of subscribedTopicIds) topicIds.add(topicId)
        for (const topicId of topicIds) {
          const so = given.get(topicId) ?? { members: 0, partitions: 0 }
          const [partitions, subscribers] = [partitionCountOf(topicId, topics), subscriberCounts.get(topicId)!]
          const isLonger = so.members < partitions % subscribers
          const run = Math.floor(partitions / subscribers) + (isLonger ? 1 : 0)
          if (run > 0)
            assignment.set(topicId, new Set(Array.from({ length: run }, (_, index) => so.partitions + index)))
          given.set(topicId, { members: so.members + 1, partitions: so.partitions + run })
        }
        return [memberId, assignment]
      }),
    )
  },
}

const roundRobin: ServerAssignor = {
  name: 'roundrobin',
  assign: (group, topics) => asSets(roundRobinAssignor.assign(asSubscriptions(group), topics)),
}

/** Members give up what they lose by KIP-848's own reconciliation, so that nothing need be held back as in `cooperative-sticky`. */
const sticky: ServerAssignor = {
  name: 'sticky',
  assign: (group, topics) =>
    asSets(
      assignSticky(asSubscriptions(group), topics, ({ ownedPartitions = [], generationId }) => ({
        partitions: ownedPartitions,
        generationId,
      })),
    ),
}

/** By name. */
export const serverAssignors: ReadonlyMap<string, ServerAssignor> = new Map(
  [uniform, range, roundRobin, sticky].map((assignor) => [assignor.name, assignor]),
)

/** Topic ids in the place of names; what members have is of one generation. */
function asSubscriptions({ members }: GroupSpec): Map<string, Subscription> {
  return new Map(
    [...members].map(([memberId, { subscribedTopicIds, instanceId, rackId, assigned }]) => {
      const ownedPartitions = [...assigned].map(([topic, partitions]) => ({ topic, partitions: [...partitions] }))
      const topics = [...subscribedTopicIds]
      return [memberId, { topics, ownedPartitions, generationId: 0, rackId, groupInstanceId: instanceId }]
    }),
  )
}

const asSets = (assignments: Map<string, Assignment>): Map<string, MemberAssignment> =>
  new Map(
    [...assignments].map(([memberId, assignment]) => [
      memberId,
      new Map([...assignment].map(([topicId, partitions]) => [topicId, new Set(partitions)])),
    ]),
  )
