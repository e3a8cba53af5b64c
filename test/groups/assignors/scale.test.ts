/** groups/assignors: large groups. `npx tsx bench/assignors.ts` prints how long 1,000 members with 10,000 partitions take. */
import { describe, expect, it } from 'vitest'
import { clientAssignors, type Subscription, serverAssignors, topicsView } from '../../../src/groups/assignors/index.ts'

type Shape = (member: number, topic: number) => boolean
type Assign = (members: number, partitions: number, shape: Shape) => void

const topicNames = Array.from({ length: 20 }, (_, topic) => `topic-${topic}`)
const topicsOf = (member: number, shape: Shape) => topicNames.filter((_, topic) => shape(member, topic))
const topicsWith = (partitions: number) =>
  topicsView(Object.fromEntries(topicNames.map((name) => [name, partitions / topicNames.length])))

const assignments: [name: string, assign: Assign][] = [
  ...[...clientAssignors.values()].map((assignor): [string, Assign] => [
    `the client's ${assignor.name}`,
    (members, partitions, shape) => {
      const all = Array.from({ length: members }, (_, member): [string, Subscription] => [
        `consumer-${member}`,
        { topics: topicsOf(member, shape) },
      ])
      assignor.assign(new Map(all), topicsWith(partitions))
    },
  ]),
  ...[...serverAssignors.values()].map((assignor): [string, Assign] => [
    `the server's ${assignor.name}`,
    (members, partitions, shape) => {
      const all = Array.from({ length: members }, (_, member) => {
        const spec = { instanceId: null, rackId: null, subscribedTopicIds: new Set(topicsOf(member, shape)) }
        return [`consumer-${member}`, { ...spec, assigned: new Map<string, Set<number>>() }] as const
      })
      assignor.assign({ isHomogeneous: shape === alike, members: new Map(all) }, topicsWith(partitions))
    },
  ]),
]

const alike: Shape = () => true
const differing: Shape = (member, topic) => (member + topic) % 4 > 0

/** Processor time, which others on the machine add little to; the least of a few runs. */
function cost(runs: number, run: () => void): number {
  const costs = Array.from({ length: runs }, () => {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    return user + system
  })
  return Math.min(...costs)
}

describe.each(assignments)('%s', (_name, assign) => {
  it.each([
    ['the same topics', alike],
    ['different topics', differing],
  ])(
    'costs not much more than ten times as much for ten times as many members and partitions, with %s',
    (_of, shape) => {
      const small = cost(8, () => assign(100, 1000, shape))
      const large = cost(3, () => assign(1000, 10_000, shape))
      // Were it quadratic, it would be 100 times as much, and cubic as in Kafka's general sticky algorithm 1,000 times.
      expect(large / small).toBeLessThan(90)
    },
  )
})
