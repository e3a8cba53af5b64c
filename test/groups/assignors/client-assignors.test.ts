/** groups/assignors: the client-side assignors by example. */
import { describe, expect, it } from 'vitest'
import {
  type Assignment,
  type ClientAssignor,
  cooperativeStickyAssignor,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  rangeAssignor,
  roundRobinAssignor,
  type Subscription,
  stickyAssignor,
  topicsView,
} from '../../../src/groups/assignors/index.ts'
import { decodeStickyUserData } from '../../../src/groups/assignors/sticky-user-data.ts'

const tenPartitions = topicsView({ orders: 10 })
const to = (...topics: string[]): Subscription => ({ topics })
const threeMembers = new Map(['m1', 'm2', 'm3'].map((memberId) => [memberId, to('orders')]))

const plain = (assignments: Map<string, Assignment>) =>
  Object.fromEntries([...assignments].map(([memberId, assignment]) => [memberId, Object.fromEntries(assignment)]))

/** As a member says it after `assignment`. */
function rejoining(assignor: ClientAssignor, assignment: Assignment, generationId: number): Subscription {
  const partitions = [...assignment].map(([topic, of]) => ({ topic, partitions: of }))
  const userData = assignor.userData({ partitions, generationId })
  const ownedPartitions = assignor.isCooperative ? partitions : []
  return { topics: ['orders'], userData, ownedPartitions, generationId }
}

describe('ten partitions and three members', () => {
  it('are assigned in runs by range', () => {
    expect(plain(rangeAssignor.assign(threeMembers, tenPartitions))).toEqual({
      m1: { orders: [0, 1, 2, 3] },
      m2: { orders: [4, 5, 6] },
      m3: { orders: [7, 8, 9] },
    })
  })

  it('are dealt out in turn by round-robin', () => {
    expect(plain(roundRobinAssignor.assign(threeMembers, tenPartitions))).toEqual({
      m1: { orders: [0, 3, 6, 9] },
      m2: { orders: [1, 4, 7] },
      m3: { orders: [2, 5, 8] },
    })
  })

  it.each(['m1', 'm2', 'm3'])(
    'stay where they are by sticky, and those of %s, who leaves, are shared evenly',
    (gone) => {
      const before = stickyAssignor.assign(threeMembers, tenPartitions)
      expect([...before.values()].map((assignment) => assignment.get('orders')!.length).sort()).toEqual([3, 3, 4])
      const left = [...before].filter(([memberId]) => memberId !== gone)
      const subscriptions = left.map(
        ([memberId, assignment]) => [memberId, rejoining(stickyAssignor, assignment, 1)] as const,
      )
      const now = stickyAssignor.assign(new Map(subscriptions), tenPartitions)
      for (const [memberId, assignment] of left) {
        expect(now.get(memberId)!.get('orders')).toHaveLength(5)
        expect(now.get(memberId)!.get('orders')).toEqual(expect.arrayContaining(assignment.get('orders')!))
      }
    },
  )

  it('go to a new member by cooperative-sticky only when their owners have given them up', () => {
    const both = new Map([...threeMembers].slice(0, 2))
    const before = cooperativeStickyAssignor.assign(both, tenPartitions)
    const had = [...before].map(([id, each]) => [id, rejoining(cooperativeStickyAssignor, each, 1)] as const)
    const first = cooperativeStickyAssignor.assign(new Map([...had, ['m3', to('orders')]]), tenPartitions)
    const sizes = (of: Map<string, Assignment>) =>
      ['m1', 'm2', 'm3'].map((id) => of.get(id)!.get('orders')?.length ?? 0)
    expect(sizes(first)).toEqual([4, 3, 0])
    const then = [...first].map(([id, each]) => [id, rejoining(cooperativeStickyAssignor, each, 2)] as const)
    const second = cooperativeStickyAssignor.assign(new Map(then), tenPartitions)
    expect(sizes(second)).toEqual([4, 3, 3])
    expect(second.get('m1')).toEqual(first.get('m1'))
  })
})

describe('range', () => {
  it('has static members first, by their instance ids', () => {
    const members = new Map<string, Subscription>([
      ['a', to('orders')],
      ['b', { topics: ['orders'], groupInstanceId: 'two' }],
      ['c', { topics: ['orders'], groupInstanceId: 'one' }],
    ])
    const assigned = plain(rangeAssignor.assign(members, topicsView({ orders: 3 })))
    expect(assigned).toEqual({ c: { orders: [0] }, b: { orders: [1] }, a: { orders: [2] } })
  })

  it('gives members the same partitions of topics with as many, within their racks where it can', () => {
    const racks = [['b'], ['a'], ['b'], ['a']]
    const members = new Map<string, Subscription>([
      ['m1', { topics: ['orders', 'bills'], rackId: 'a' }],
      ['m2', { topics: ['orders', 'bills'], rackId: 'b' }],
    ])
    expect(plain(rangeAssignor.assign(members, topicsView({ orders: racks, bills: racks })))).toEqual({
      m1: { orders: [1, 3], bills: [1, 3] },
      m2: { orders: [0, 2], bills: [0, 2] },
    })
  })

  it('leaves topics alone that nobody knows', () => {
    const members = new Map([['m1', to('orders', 'lost')]])
    expect(plain(rangeAssignor.assign(members, topicsView({ orders: 1 })))).toEqual({ m1: { orders: [0] } })
  })
})

describe('round-robin', () => {
  it('passes over members that do not subscribe to a topic', () => {
    const members = new Map([
      ['m1', to('a')],
      ['m2', to('a', 'b')],
      ['m3', to('b')],
    ])
    expect(plain(roundRobinAssignor.assign(members, topicsView({ a: 3, b: 2 })))).toEqual({
      m1: { a: [0, 2] },
      m2: { a: [1], b: [0] },
      m3: { b: [1] },
    })
  })
})

describe('sticky', () => {
  const partitions = [{ topic: 'orders', partitions: [0, 1, 2] }]

  it('believes the later generation of two members that claim the same', () => {
    const claim = (generationId: number): Subscription => {
      const userData = stickyAssignor.userData({ partitions, generationId })
      return { topics: ['orders'], userData, generationId }
    }
    const members = new Map([
      ['m1', claim(3)],
      ['m2', claim(4)],
    ])
    expect(plain(stickyAssignor.assign(members, topicsView({ orders: 6 })))).toEqual({
      m1: { orders: [3, 4, 5] },
      m2: { orders: [0, 1, 2] },
    })
  })

  it('takes a partition from a member in another rack than it', () => {
    const racks = [['a'], ['b']]
    const claim = (partition: number, rackId: string): Subscription => ({
      topics: ['orders'],
      rackId,
      userData: stickyAssignor.userData({
        partitions: [{ topic: 'orders', partitions: [partition] }],
        generationId: 1,
      }),
    })
    const members = new Map([
      ['m1', claim(1, 'a')],
      ['m2', claim(0, 'b')],
    ])
    expect(plain(stickyAssignor.assign(members, topicsView({ orders: racks })))).toEqual({
      m1: { orders: [0] },
      m2: { orders: [1] },
    })
  })

  it('takes a topic that a member names twice for one', () => {
    const userData = stickyAssignor.userData({ partitions, generationId: 1 })
    const members = new Map<string, Subscription>([
      ['m1', { topics: ['orders', 'orders', 'bills'], userData }],
      ['m2', to('orders')],
      ['m3', to('orders')],
    ])
    const assigned = plain(stickyAssignor.assign(members, topicsView({ orders: 3, bills: 1 })))
    expect(assigned).toEqual({ m1: { orders: [2], bills: [0] }, m2: { orders: [0] }, m3: { orders: [1] } })
  })

  it('forgets partitions that are gone since their topic was made anew', () => {
    const userData = stickyAssignor.userData({ partitions, generationId: 1 })
    const members = new Map<string, Subscription>([
      ['m1', { topics: ['orders'], userData }],
      ['m2', to('orders')],
    ])
    expect(plain(stickyAssignor.assign(members, topicsView({ orders: 2 })))).toEqual({
      m1: { orders: [0] },
      m2: { orders: [1] },
    })
  })

  it('never gives a member what it had and subscribes to no more, where topics differ', () => {
    const userData = stickyAssignor.userData({ partitions, generationId: 1 })
    const members = new Map<string, Subscription>([
      ['m1', { topics: ['bills'], userData }],
      [
        'm2',
        { topics: ['orders'], generationId: 2, userData: stickyAssignor.userData({ partitions: [], generationId: 2 }) },
      ],
      ['m3', to('orders')],
    ])
    const assigned = plain(stickyAssignor.assign(members, topicsView({ orders: 6, bills: 1 })))
    expect(assigned.m1).toEqual({ bills: [0] })
    expect([...assigned.m2!.orders!, ...assigned.m3!.orders!].sort()).toEqual([0, 1, 2, 3, 4, 5])
  })

  it("writes Kafka's user data of version 1, reads version 0 too, and claims nothing by what can't be read", () => {
    const userData = stickyAssignor.userData({ partitions: [{ topic: 'ab', partitions: [1] }], generationId: 5 })!
    expect(userData.toString('hex')).toBe('00000001000261620000000100000001' + '00000005')
    const claimed = [{ topic: 'ab', partitions: [1] }]
    expect(decodeStickyUserData(userData)).toEqual({ partitions: claimed, generationId: 5 })
    expect(decodeStickyUserData(userData.subarray(0, -4))).toEqual({ partitions: claimed, generationId: undefined })
    expect(decodeStickyUserData(Buffer.from('7fffffff', 'hex'))).toEqual({ partitions: [], generationId: -1 })
    expect(stickyAssignor.userData(null)).toBeNull()
  })
})

describe('cooperative-sticky', () => {
  it('puts the generation into its user data, and looks there where the subscription has none', () => {
    expect(cooperativeStickyAssignor.userData(null)!.toString('hex')).toBe('ffffffff')
    const claim = (generationId: number): Subscription => ({
      topics: ['orders'],
      userData: cooperativeStickyAssignor.userData({ partitions: [], generationId }),
      ownedPartitions: [{ topic: 'orders', partitions: [0] }],
    })
    const members = new Map([
      ['m1', { ...claim(1), generationId: 1 }],
      ['m2', claim(2)],
    ])
    const assigned = plain(cooperativeStickyAssignor.assign(members, topicsView({ orders: 2 })))
    expect(assigned).toEqual({ m1: { orders: [1] }, m2: { orders: [0] } })
  })
})

describe('the bytes of the consumer protocol', () => {
  const subscription: Subscription = {
    topics: ['a'],
    userData: Buffer.from('x'),
    ownedPartitions: [{ topic: 'a', partitions: [1] }],
    generationId: 3,
    rackId: 'r',
  }

  it('say as much as their version can', () => {
    const read = (version: number) => decodeSubscription(encodeSubscription(subscription, version))
    expect(read(3)).toEqual(subscription)
    expect(read(2)).toEqual({ ...subscription, rackId: null })
    expect(read(1)).toEqual({ ...subscription, rackId: null, generationId: -1 })
    expect(read(0)).toEqual({ ...subscription, rackId: null, generationId: -1, ownedPartitions: [] })
  })

  it('are read as the latest known version when theirs is later', () => {
    const later = encodeSubscription(subscription)
    later.writeInt16BE(9, 0)
    expect(decodeSubscription(later)).toEqual(subscription)
    later.writeInt16BE(-1, 0)
    expect(() => decodeSubscription(later)).toThrow('version -1')
  })

  it('hold an assignment, or none', () => {
    const assignment = new Map([['a', [1, 2]]])
    expect(decodeAssignment(encodeAssignment(assignment))).toEqual(assignment)
    expect(decodeAssignment(Buffer.alloc(0))).toEqual(new Map())
  })
})
