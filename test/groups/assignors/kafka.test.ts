/** groups/assignors: the same answers as Kafka 4.3.1's own classes, recorded by interop/assignors (INTEROP_RECORD_ASSIGNORS). */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  type Assignment,
  clientAssignors,
  decodeSubscription,
  type MemberAssignment,
  serverAssignors,
  type TopicPartitions,
  topicsView,
} from '../../../src/groups/assignors/index.ts'

type Recorded = {
  input: {
    side: 'client' | 'server'
    assignor: string
    topics: Record<string, string[][]>
    isHomogeneous: boolean
    members: {
      memberId: string
      instanceId: string | null
      rackId: string | null
      topics: string[]
      subscription?: string
      assigned?: TopicPartitions[]
    }[]
  }
  answer: Record<string, TopicPartitions[]>
}

const file = new URL('../../fixtures/kafka-4.3.1/assignors.jsonl', import.meta.url)
const recorded = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line): Recorded => JSON.parse(line))

function assign({ side, assignor, topics, isHomogeneous, members }: Recorded['input']) {
  if (side === 'client') {
    const subscriptions = members.map(({ memberId, instanceId, subscription }) => {
      const decoded = decodeSubscription(Buffer.from(subscription!, 'base64'))
      return [memberId, { ...decoded, groupInstanceId: instanceId }] as const
    })
    return clientAssignors.get(assignor)!.assign(new Map(subscriptions), topicsView(topics))
  }
  const specs = members.map(({ memberId, instanceId, rackId, topics: subscribed, assigned }) => {
    const had = new Map(assigned!.map(({ topic, partitions }) => [topic, new Set(partitions)]))
    return [memberId, { instanceId, rackId, subscribedTopicIds: new Set(subscribed), assigned: had }] as const
  })
  const group = { isHomogeneous, members: new Map(specs) }
  return serverAssignors.get(assignor)!.assign(group, topicsView(topics))
}

/** Members in the order of their ids; on the client's side topics too: there nobody sees their order. */
function comparable(side: string, assigned: readonly (readonly [string, readonly TopicPartitions[]])[]) {
  const inOrder = assigned.map(([memberId, topics]) => {
    const some = topics.filter(({ partitions }) => partitions.length > 0)
    return [memberId, side === 'client' ? some.sort((a, b) => (a.topic < b.topic ? -1 : 1)) : some] as const
  })
  return inOrder.sort(([a], [b]) => (a < b ? -1 : 1))
}

const listed = (assignment: Assignment | MemberAssignment): TopicPartitions[] =>
  [...assignment].map(([topic, partitions]) => ({ topic, partitions: [...partitions] }))

describe.each(['range', 'roundrobin', 'sticky', 'cooperative-sticky', 'uniform'])('%s', (name) => {
  const of = recorded.filter(({ input }) => input.assignor === name)
  it(`assigns as Kafka's in ${of.length} groups that churned`, () => {
    expect(of.length).toBeGreaterThan(10)
    for (const { input, answer } of of) {
      const ours = [...assign(input)].map(([memberId, assignment]) => [memberId, listed(assignment)] as const)
      expect(comparable(input.side, ours), JSON.stringify(input)).toEqual(
        comparable(input.side, Object.entries(answer)),
      )
    }
  })
})
