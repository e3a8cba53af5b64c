/** groups/assignors: `roundrobin`: all partitions of all topics in one row, dealt out in turn. Source: Kafka's RoundRobinAssignor. */
import {
  type Assignment,
  assignPartition,
  type ClientAssignor,
  compareStrings,
  emptyAssignments,
  inMemberOrder,
  type Subscriptions,
} from './client-assignor.ts'
import type { TopicsView } from './server-assignor.ts'

export const roundRobinAssignor: ClientAssignor = {
  name: 'roundrobin',
  isCooperative: false,
  userData: () => null,
  assign: assignRoundRobin,
}

function assignRoundRobin(subscriptions: Subscriptions, topics: TopicsView): Map<string, Assignment> {
  const assignments = emptyAssignments(subscriptions.keys())
  const members = inMemberOrder(
    [...subscriptions].map(([memberId, { topics: subscribed, groupInstanceId }]) => ({
      memberId,
      instanceId: groupInstanceId ?? null,
      subscribed: new Set(subscribed),
      assignment: assignments.get(memberId)!,
    })),
  )
  const allTopics = new Set(members.flatMap(({ subscribed }) => [...subscribed]))
  let next = 0
  for (const topic of [...allTopics].sort(compareStrings)) {
    const count = topics.partitionCount(topic)
    for (let partition = 0; partition < count; partition += 1) {
      while (!members[next]!.subscribed.has(topic)) next = (next + 1) % members.length
      assignPartition(members[next]!.assignment, topic, partition)
      next = (next + 1) % members.length
    }
  }
  return assignments
}
