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

const milliseconds = (run: () => void): number => {
  const since = performance.now()
  run()
  return performance.now() - since
}

/** The least of a few, each of two times that are about as long, so that others on the machine disturb both alike. */
function timesAsMuch(large: () => void, small: () => void): number {
  small()
  const smallRuns = 20
  const ratios = [1, 2, 3].map(() => {
    const each = milliseconds(() => Array.from({ length: smallRuns }, small)) / smallRuns
    return milliseconds(large) / each
  })
  return Math.min(...ratios)
}

describe.each(assignments)('%s', (_name, assign) => {
  it.each([
    ['the same topics', alike],
    ['different topics', differing],
  ])(
    'costs not much more than ten times as much for ten times as many members and partitions, with %s',
    (_of, shape) => {
      const ratio = timesAsMuch(
        () => assign(1000, 10_000, shape),
        () => assign(100, 1000, shape),
      )
      // Were it quadratic, it would be 100 times as much, and cubic as in Kafka's general sticky algorithm 1,000 times.
      expect(ratio).toBeLessThan(50)
    },
  )
})
