/** groups/assignors: what holds for any group: who owns what, how evenly, how much stays, and how long it takes. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Assignment,
  type ClientAssignor,
  clientAssignors,
  cooperativeStickyAssignor,
  decodeSubscription,
  type MemberAssignment,
  type Subscription,
  serverAssignors,
  stickyAssignor,
  topicsView,
} from '../../../src/groups/assignors/index.ts'

const stickyAssignors = [stickyAssignor, cooperativeStickyAssignor]

/** By member: partitions as `topic-partition`. */
type Owned = Map<string, string[]>

const owned = (assignments: ReadonlyMap<string, Assignment | MemberAssignment>): Owned =>
  new Map(
    [...assignments].map(([memberId, assignment]) => [
      memberId,
      [...assignment].flatMap(([topic, partitions]) => [...partitions].map((partition) => `${topic}-${partition}`)),
    ]),
  )

const topicNames = ['a', 'b', 'c', 'd']
/** Topic to number of partitions; members' topics, at least one each. */
const groups = fc.record({
  topics: fc.record(Object.fromEntries(topicNames.map((name) => [name, fc.integer({ min: 1, max: 12 })]))),
  members: fc.dictionary(fc.stringMatching(/^m[0-9]{1,3}$/), fc.subarray(topicNames, { minLength: 1 }), {
    minKeys: 1,
    maxKeys: 8,
    noNullPrototype: true,
  }),
  alike: fc.boolean(),
})
type Group = typeof groups extends fc.Arbitrary<infer G> ? G : never

function subscriptionsOf({ members, alike }: Group): Map<string, Subscription> {
  const [first] = Object.values(members)
  return new Map(Object.entries(members).map(([memberId, topics]) => [memberId, { topics: alike ? first! : topics }]))
}

/** All partitions of topics that somebody subscribes to. */
function allOf({ topics }: Group, subscriptions: Map<string, Subscription>): string[] {
  const subscribed = new Set([...subscriptions.values()].flatMap((subscription) => subscription.topics))
  return [...subscribed].flatMap((topic) => Array.from({ length: topics[topic]! }, (_, index) => `${topic}-${index}`))
}

/** Every partition has one owner, which subscribes to its topic. */
function expectComplete(group: Group, subscriptions: Map<string, Subscription>, assigned: Owned): void {
  expect([...assigned.values()].flat().sort()).toEqual(allOf(group, subscriptions).sort())
  for (const [memberId, partitions] of assigned) {
    const { topics } = subscriptions.get(memberId)!
    expect(partitions.filter((partition) => !topics.includes(partition.split('-')[0]!))).toEqual([])
  }
}

/** The same members with what they were assigned. */
function rejoined(
  assignor: ClientAssignor,
  subscriptions: Map<string, Subscription>,
  assigned: Map<string, Assignment>,
) {
  const generationId = 1
  return new Map(
    [...subscriptions].map(([memberId, subscription]): [string, Subscription] => {
      const partitions = [...(assigned.get(memberId) ?? [])].map(([topic, of]) => ({ topic, partitions: of }))
      const userData = assignor.userData({ partitions, generationId })
      const ownedPartitions = assignor.isCooperative ? partitions : []
      return [
        memberId,
        assigned.has(memberId) ? { ...subscription, userData, ownedPartitions, generationId } : subscription,
      ]
    }),
  )
}

const sizes = (assigned: Owned) => [...assigned.values()].map(({ length }) => length)
const spread = (assigned: Owned) => Math.max(...sizes(assigned)) - Math.min(...sizes(assigned))

describe.each([...clientAssignors])('%s', (_name, assignor) => {
  it('gives every partition to one subscriber', () => {
    fc.assert(
      fc.property(groups, (group) => {
        const subscriptions = subscriptionsOf(group)
        expectComplete(group, subscriptions, owned(assignor.assign(subscriptions, topicsView(group.topics))))
      }),
    )
  })
})

describe.each(stickyAssignors.map((assignor) => [assignor.name, assignor] as const))('%s', (_name, assignor) => {
  it('leaves no member two partitions more than another that could have one of them', () => {
    fc.assert(
      fc.property(groups, (group) => {
        const subscriptions = subscriptionsOf(group)
        const assigned = owned(assignor.assign(subscriptions, topicsView(group.topics)))
        if (group.alike) expect(spread(assigned)).toBeLessThanOrEqual(1)
        for (const [memberId, { topics }] of subscriptions)
          for (const partitions of assigned.values())
            if (partitions.some((partition) => topics.includes(partition.split('-')[0]!)))
              expect(partitions.length - assigned.get(memberId)!.length).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('changes nothing when nothing has changed', () => {
    fc.assert(
      fc.property(groups, (group) => {
        const [subscriptions, topics] = [subscriptionsOf(group), topicsView(group.topics)]
        const first = assignor.assign(subscriptions, topics)
        const second = assignor.assign(rejoined(assignor, subscriptions, first), topics)
        const sorted = (assigned: Owned) => new Map([...assigned].map(([id, partitions]) => [id, partitions.sort()]))
        expect(sorted(owned(second))).toEqual(sorted(owned(first)))
      }),
    )
  })

  it('takes nothing from those that stay when members of equal subscriptions leave', () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 1, max: 7 }), (group, leaving) => {
        const [subscriptions, topics] = [subscriptionsOf({ ...group, alike: true }), topicsView(group.topics)]
        fc.pre(leaving < subscriptions.size)
        const first = assignor.assign(subscriptions, topics)
        const staying = new Map([...rejoined(assignor, subscriptions, first)].slice(leaving))
        const second = owned(assignor.assign(staying, topics))
        for (const [memberId, partitions] of second)
          expect(partitions).toEqual(expect.arrayContaining(owned(first).get(memberId)!))
      }),
    )
  })
})

/** By then every partition that moves has been given up by one member and taken by another, however often the balance was improved. */
const mostRounds = 6

describe('cooperative-sticky', () => {
  it('gives nobody what another member still holds, and all of it once they have given it up', () => {
    fc.assert(
      fc.property(groups, groups, (before, now) => {
        const topics = topicsView(now.topics)
        let held = cooperativeStickyAssignor.assign(subscriptionsOf(before), topicsView(before.topics))
        // Members that subscribe to different topics may be given a better balance when what was given up is assigned.
        for (let round = 0; round < mostRounds; round += 1) {
          const members = rejoined(cooperativeStickyAssignor, subscriptionsOf(now), held)
          const next = cooperativeStickyAssignor.assign(members, topics)
          const all = owned(next)
          const count = [...all.values()].flat().length
          expect(new Set([...all.values()].flat()).size).toBe(count)
          for (const [memberId, partitions] of all)
            for (const [other, theirs] of owned(held))
              if (other !== memberId && members.has(other))
                expect(partitions.filter((partition) => theirs.includes(partition))).toEqual([])
          held = next
        }
        expectComplete(now, subscriptionsOf(now), owned(held))
      }),
    )
  })
})

describe('sticky', () => {
  it('comes to an end in a group in which Kafka 4.3.1 moves partitions in circles forever', () => {
    const file = new URL('../../fixtures/sticky-in-circles.json', import.meta.url)
    const { topics, members } = JSON.parse(readFileSync(file, 'utf8')) as {
      topics: Record<string, number>
      members: { memberId: string; instanceId: string | null; subscription: string }[]
    }
    const subscriptions = members.map(({ memberId, instanceId, subscription }) => {
      const decoded = decodeSubscription(Buffer.from(subscription, 'base64'))
      return [memberId, { ...decoded, groupInstanceId: instanceId }] as const
    })
    const assigned = owned(stickyAssignor.assign(new Map(subscriptions), topicsView(topics)))
    const count = Object.values(topics).reduce((sum, partitions) => sum + partitions, 0)
    expect(new Set([...assigned.values()].flat()).size).toBe(count)
  })
})

const byServerAssignor = [...serverAssignors].map(([name, assignor]) => [name, assignor] as const)
describe.each(byServerAssignor)('the server-side %s', (name, assignor) => {
  const specs = (group: Group, had: ReadonlyMap<string, MemberAssignment>) => ({
    isHomogeneous: group.alike,
    members: new Map(
      [...subscriptionsOf(group)].map(([memberId, { topics }]) => [
        memberId,
        {
          instanceId: null,
          rackId: null,
          subscribedTopicIds: new Set(topics),
          assigned: had.get(memberId) ?? new Map<string, Set<number>>(),
        },
      ]),
    ),
  })

  it('gives every partition to one subscriber, whoever had it, and keeps shares even', () => {
    fc.assert(
      fc.property(groups, groups, (before, now) => {
        // Topics never lose partitions: a topic that is made anew has another id.
        const topics = Object.fromEntries(topicNames.map((id) => [id, Math.max(before.topics[id]!, now.topics[id]!)]))
        const first = assignor.assign(specs(before, new Map()), topicsView(before.topics))
        const second = owned(assignor.assign(specs(now, first), topicsView(topics)))
        expectComplete({ ...now, topics }, subscriptionsOf(now), second)
        if (now.alike && name !== 'range') expect(spread(second)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('assigns nothing in an empty group', () => {
    expect(assignor.assign({ isHomogeneous: true, members: new Map() }, topicsView({})).size).toBe(0)
  })
})

describe('the server-side uniform and range', () => {
  it.each(['uniform', 'range'])('%s refuses a topic that does not exist', (name) => {
    const member = { instanceId: null, rackId: null, subscribedTopicIds: new Set(['gone']), assigned: new Map() }
    const group = { isHomogeneous: true, members: new Map([['m1', member]]) }
    expect(() => serverAssignors.get(name)!.assign(group, topicsView({}))).toThrow('topic gone, which does not exist')
  })
})
