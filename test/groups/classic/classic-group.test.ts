import { beforeEach, describe, expect, it } from 'vitest'
import { GroupHarness, isSettled, type Joined, protocols, subscription } from '../group-harness.ts'

let group: GroupHarness

beforeEach(() => {
  group = new GroupHarness()
})

describe('joining', () => {
  it('gives a new member an id to join with', async () => {
    const first = await group.join()
    expect(first).toMatchObject({ error: 'MEMBER_ID_REQUIRED', generationId: -1, leader: '' })
    expect(first.memberId).toMatch(/^client-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(await group.state()).toBe('Empty')
  })

  it('takes a new member at once from clients that know no such id', async () => {
    const join = group.join({ version: 3 })
    await group.advance(0)
    expect(await join).toMatchObject({
      error: 'NONE',
      generationId: 1,
      protocolName: 'range',
      protocolType: 'consumer',
    })
    expect(await group.state()).toBe('CompletingRebalance')
  })

  it('makes the first member the leader, who is told of all members', async () => {
    const [leader, follower] = (await group.stable(2)) as [Joined, Joined]
    expect(leader.leader).toBe(leader.memberId)
    expect(follower.leader).toBe(leader.memberId)
    expect(leader.members.map(({ memberId }) => memberId)).toEqual([leader.memberId, follower.memberId])
    expect(leader.members[1]!.metadata).toEqual(subscription(['topic']))
    expect(follower.members).toEqual([])
    expect(await group.state()).toBe('Stable')
  })

  it('forgets an id that nobody joins with', async () => {
    const { memberId } = await group.join()
    await group.advance(10_000)
    expect(await group.join({ memberId })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID', memberId })
  })

  it('waits for the members that were given an id', async () => {
    const [leader] = await group.stable(1)
    const { memberId } = await group.join()
    const rejoin = group.join({ memberId: leader!.memberId })
    await group.settle()
    expect(await isSettled(rejoin)).toBe(false)
    const join = group.join({ memberId })
    expect(await Promise.all([rejoin, join])).toMatchObject([{ generationId: 2 }, { generationId: 2 }])
  })

  it('goes on without a member that was given an id and does not come', async () => {
    const [leader] = await group.stable(1)
    await group.join()
    const rejoin = group.join({ memberId: leader!.memberId })
    await group.advance(10_000)
    expect(await rejoin).toMatchObject({ error: 'NONE', generationId: 2 })
  })

  it('refuses a member id that it did not give', async () => {
    expect(await group.join({ memberId: 'made-up' })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
    expect(await group.state()).toBe('none')
    await group.stable(1)
    expect(await group.join({ memberId: 'made-up' })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
  })

  it('refuses a member without protocols, of another type, or without a protocol that all share', async () => {
    expect(await group.join({ protocolType: '' })).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
    expect(await group.join({ protocols: [] })).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
    expect(await group.state()).toBe('Empty')
    await group.stable(1, { protocols: protocols(['range', 'roundrobin']) })
    expect(await group.join({ protocolType: 'connect' })).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
    expect(await group.join({ protocols: protocols(['sticky']) })).toMatchObject({
      error: 'INCONSISTENT_GROUP_PROTOCOL',
    })
    expect(await group.join({ protocols: [] })).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
    expect(await group.join({ protocols: protocols(['sticky', 'range']) })).toMatchObject({
      error: 'MEMBER_ID_REQUIRED',
    })
  })

  it('chooses the protocol that most members prefer among those that all support', async () => {
    const wishes = [
      ['mine', 'sticky', 'range'],
      ['range', 'sticky'],
      ['range', 'sticky'],
    ]
    const ids: string[] = []
    for (const names of wishes) ids.push((await group.join({ protocols: protocols(names) })).memberId)
    const joins = ids.map((memberId, index) => group.join({ memberId, protocols: protocols(wishes[index]!) }))
    await group.advance(0)
    for (const joined of await Promise.all(joins)) expect(joined.protocolName).toBe('range')
  })

  it('takes no more members than group.max.size', async () => {
    group = new GroupHarness({ maxSize: 2 })
    const [leader, follower] = (await group.stable(2)) as [Joined, Joined]
    expect(await group.join()).toMatchObject({ error: 'GROUP_MAX_SIZE_REACHED', memberId: '' })
    expect(await group.heartbeat(leader)).toBe('NONE')
    const joins = [group.join({ memberId: leader.memberId }), group.join({ memberId: follower.memberId })]
    expect(await Promise.all(joins)).toMatchObject([{ error: 'NONE' }, { error: 'NONE' }])
  })

  it('counts those who wait while a rebalance is prepared', async () => {
    group = new GroupHarness({ maxSize: 1 })
    const { memberId: first } = await group.join()
    const { memberId: second } = await group.join()
    const join = group.join({ memberId: first })
    await group.settle()
    expect(await group.join({ memberId: second })).toMatchObject({ error: 'GROUP_MAX_SIZE_REACHED' })
    await group.advance(0)
    expect(await join).toMatchObject({ error: 'NONE' })
  })

  it('answers a poll that the same member replaces', async () => {
    const [leader, follower] = (await group.stable(2)) as [Joined, Joined]
    const first = group.join({ memberId: leader.memberId })
    await group.settle()
    const second = group.join({ memberId: leader.memberId })
    expect(await first).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' })
    const third = group.join({ memberId: follower.memberId })
    expect(await Promise.all([second, third])).toMatchObject([{ generationId: 2 }, { generationId: 2 }])
  })
})

describe('the initial rebalance', () => {
  beforeEach(() => {
    group = new GroupHarness({ initialRebalanceDelayMs: 3_000 })
  })

  it('waits for others, and longer while they come', async () => {
    const ids = [(await group.join()).memberId, (await group.join()).memberId]
    const first = group.join({ memberId: ids[0]! })
    await group.advance(2_000)
    const second = group.join({ memberId: ids[1]! })
    await group.advance(1_000)
    await group.advance(2_999)
    expect(await isSettled(first)).toBe(false)
    await group.advance(1)
    expect(await Promise.all([first, second])).toMatchObject([{ generationId: 1 }, { generationId: 1 }])
  })

  it('is over after the rebalance timeout, however many come', async () => {
    const joins: Promise<Joined>[] = []
    const start = group.clock.now()
    for (let index = 0; index < 5; index += 1) {
      joins.push(group.join({ version: 3, rebalanceTimeoutMs: 8_000 }))
      await group.advance(2_000)
    }
    expect(await joins[0]!).toMatchObject({ error: 'NONE', generationId: 1 })
    expect(group.clock.now() - start).toBe(10_000)
  })

  it('ends with an empty group when everybody has left', async () => {
    const { memberId } = await group.join()
    const join = group.join({ memberId })
    await group.settle()
    expect(await group.leave({ memberId })).toEqual(['NONE'])
    expect(await join).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
    expect(await group.state()).toBe('PreparingRebalance')
    await group.advance(3_000)
    expect(await group.state()).toBe('Empty')
  })
})

describe('a rebalance', () => {
  it('starts when a member joins: the others hear of it in their heartbeats', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    const { memberId } = await group.join()
    expect(await group.heartbeat(leader)).toBe('NONE')
    const join = group.join({ memberId })
    await group.settle()
    expect(await group.heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
    expect(await group.state()).toBe('PreparingRebalance')
    const rejoin = group.join({ memberId: leader.memberId })
    const [again, joined] = await Promise.all([rejoin, join])
    expect([again.generationId, joined.generationId]).toEqual([2, 2])
    expect(again.members).toHaveLength(2)
    expect(await group.heartbeat(leader)).toBe('ILLEGAL_GENERATION')
    expect(await group.heartbeat(again)).toBe('NONE')
  })

  it('leaves out dynamic members that do not join in time', async () => {
    const [leader, follower] = (await group.stable(2, { rebalanceTimeoutMs: 5_000 })) as [Joined, Joined]
    const rejoin = group.join({
      memberId: follower.memberId,
      rebalanceTimeoutMs: 5_000,
      protocols: protocols(['range'], 'new'),
    })
    await group.advance(4_999)
    expect(await isSettled(rejoin)).toBe(false)
    await group.advance(1)
    const again = await rejoin
    expect(again).toMatchObject({ generationId: 2, leader: follower.memberId })
    expect(again.members).toHaveLength(1)
    expect(await group.heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID')
  })

  it('starts when a member leaves', async () => {
    const [leader, follower] = (await group.stable(2)) as [Joined, Joined]
    expect(await group.leave({ memberId: leader.memberId })).toEqual(['NONE'])
    expect(await group.heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID')
    expect(await group.heartbeat(follower)).toBe('REBALANCE_IN_PROGRESS')
    expect(await group.join({ memberId: follower.memberId })).toMatchObject({
      leader: follower.memberId,
      generationId: 2,
    })
  })

  it('starts when a member is silent for its session timeout', async () => {
    const [leader, follower] = (await group.stable(2)) as [Joined, Joined]
    await group.advance(6_000)
    expect(await group.heartbeat(leader)).toBe('NONE')
    await group.advance(3_999)
    expect(await group.heartbeat(leader)).toBe('NONE')
    await group.advance(1)
    expect(await group.heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
    expect(await group.heartbeat(follower)).toBe('UNKNOWN_MEMBER_ID')
  })

  it('starts when a subscription changes, or the leader joins again', async () => {
    const [leader, follower] = (await group.stable(2)) as [Joined, Joined]
    expect(await group.join({ memberId: follower.memberId })).toMatchObject({ generationId: 1, members: [] })
    const changed = group.join({ memberId: follower.memberId, protocols: protocols(['range'], 'changed') })
    await group.settle()
    expect(await group.state()).toBe('PreparingRebalance')
    const rejoin = group.join({ memberId: leader.memberId })
    const joined = await Promise.all([rejoin, changed])
    expect(joined).toMatchObject([{ generationId: 2 }, { generationId: 2 }])
    await group.syncAll(joined)
    void group.join({ memberId: leader.memberId })
    await group.settle()
    expect(await group.state()).toBe('PreparingRebalance')
  })

  it('ends in an empty group when the last member leaves', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    await group.leave({ memberId: leader.memberId })
    expect(await group.state()).toBe('Empty')
    expect(await group.heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID')
    const [next] = (await group.stable(1)) as [Joined]
    expect(next.generationId).toBe(3)
  })

  it('gives members that wait for their assignment another chance', async () => {
    const ids = [(await group.join()).memberId, (await group.join()).memberId]
    const joins = ids.map((memberId) => group.join({ memberId }))
    await group.advance(0)
    const [, follower] = await Promise.all(joins)
    const sync = group.sync(follower!)
    await group.settle()
    expect(await isSettled(sync)).toBe(false)
    void group.join({ version: 3 })
    expect(await sync).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' })
  })

  it('drops members that send no SyncGroup within the rebalance timeout', async () => {
    const ids = [(await group.join()).memberId, (await group.join()).memberId]
    const joins = ids.map((memberId) => group.join({ memberId, rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 30_000 }))
    await group.advance(0)
    const [leader, follower] = (await Promise.all(joins)) as [Joined, Joined]
    const sync = group.sync(follower)
    await group.advance(5_000)
    expect(await sync).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' })
    expect(await group.heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID')
    expect(await group.join({ memberId: follower.memberId })).toMatchObject({ leader: follower.memberId })
  })

  it('drops them also when the leader has handed in the assignment', async () => {
    const ids = [(await group.join()).memberId, (await group.join()).memberId]
    const joins = ids.map((memberId) => group.join({ memberId, rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 30_000 }))
    await group.advance(0)
    const [leader, follower] = (await Promise.all(joins)) as [Joined, Joined]
    expect(await group.sync(leader)).toMatchObject({ error: 'NONE' })
    expect(await group.state()).toBe('Stable')
    await group.advance(5_000)
    expect(await group.heartbeat(follower)).toBe('UNKNOWN_MEMBER_ID')
    expect(await group.heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
  })

  it('drops a member with a rebalance timeout of 0 at once', async () => {
    const join = group.join({ version: 3, rebalanceTimeoutMs: 0 })
    await group.advance(0)
    const joined = await join
    await group.advance(0)
    await expect(group.sync(joined)).rejects.toMatchObject({ kafkaError: 'UNKNOWN_MEMBER_ID' })
  })
})

describe('a new member', () => {
  it('is given up after five minutes in JoinGroup', async () => {
    const [leader] = (await group.stable(1, { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 900_000 })) as [Joined]
    const { memberId } = await group.join()
    const join = group.join({ memberId })
    for (let minute = 0; minute < 5; minute += 1) {
      expect(await isSettled(join)).toBe(false)
      for (let beat = 0; beat < 3; beat += 1) {
        await group.advance(20_000)
        await group.heartbeat(leader)
      }
    }
    expect(await join).toMatchObject({ error: 'UNKNOWN_MEMBER_ID', memberId: '' })
  })

  it('is not given up when its session timeout passes while it waits', async () => {
    const [leader] = (await group.stable(1, { sessionTimeoutMs: 300_000, rebalanceTimeoutMs: 300_000 })) as [Joined]
    const { memberId } = await group.join()
    const join = group.join({ memberId, sessionTimeoutMs: 10_000 })
    await group.advance(60_000)
    const rejoin = group.join({ memberId: leader.memberId })
    expect(await Promise.all([join, rejoin])).toMatchObject([{ error: 'NONE' }, { error: 'NONE' }])
  })
})

describe('SyncGroup', () => {
  it('hands every member its part when it is written', async () => {
    const ids = [(await group.join()).memberId, (await group.join()).memberId]
    const joins = ids.map((memberId) => group.join({ memberId }))
    await group.advance(0)
    const [leader, follower] = (await Promise.all(joins)) as [Joined, Joined]
    const waiting = group.sync(follower)
    const before = group.log.logEndOffset
    const synced = await group.sync(leader, { [follower.memberId]: 'yours' })
    expect(group.log.logEndOffset).toBe(before + 1)
    expect(synced).toMatchObject({ error: 'NONE', protocolType: 'consumer', protocolName: 'range' })
    expect(synced.assignment).toHaveLength(0)
    expect((await waiting).assignment.toString()).toBe('yours')
    expect((await group.sync(follower)).assignment.toString()).toBe('yours')
  })

  it('refuses strangers, other generations and other protocols', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    const attempt = (more: object) =>
      group.sync(leader, {}, more).then(
        ({ error }) => error,
        (error) => error.kafkaError,
      )
    expect(await attempt({ groupId: 'other' })).toBe('UNKNOWN_MEMBER_ID')
    expect(await attempt({ memberId: 'stranger' })).toBe('UNKNOWN_MEMBER_ID')
    expect(await attempt({ generationId: 0 })).toBe('ILLEGAL_GENERATION')
    expect(await attempt({ protocolType: 'connect' })).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(await attempt({ protocolName: 'sticky' })).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(await attempt({ protocolType: null, protocolName: null })).toBe('NONE')
    void group.join({ version: 3 })
    await group.settle()
    expect(await attempt({})).toBe('REBALANCE_IN_PROGRESS')
  })

  it('starts a rebalance when the assignment can not be stored', async () => {
    group = new GroupHarness({ maxBatchBytes: 2_000 })
    const ids = [(await group.join()).memberId, (await group.join()).memberId]
    const joins = ids.map((memberId) => group.join({ memberId }))
    await group.advance(0)
    const [leader, follower] = (await Promise.all(joins)) as [Joined, Joined]
    const waiting = group.sync(follower)
    expect(await group.sync(leader, { [leader.memberId]: 'x'.repeat(5_000) })).toMatchObject({
      error: 'UNKNOWN_SERVER_ERROR',
    })
    expect(await waiting).toMatchObject({ error: 'UNKNOWN_SERVER_ERROR' })
    expect(await group.state()).toBe('PreparingRebalance')
  })
})

describe('leaving', () => {
  it('answers for each of several members', async () => {
    const [leader, follower] = (await group.stable(2)) as [Joined, Joined]
    const { memberId: pending } = await group.join()
    const left = await group.leave(
      { memberId: follower.memberId },
      { memberId: 'stranger' },
      { memberId: pending },
      { memberId: '', groupInstanceId: 'nobody' },
    )
    expect(left).toEqual(['NONE', 'UNKNOWN_MEMBER_ID', 'NONE', 'UNKNOWN_MEMBER_ID'])
    expect(await group.heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
  })

  it('is refused in a group that is not there', async () => {
    expect(await group.leave({ memberId: 'member' })).toEqual(['UNKNOWN_MEMBER_ID'])
  })

  it('answers a member that waits for its assignment elsewhere', async () => {
    const ids = [(await group.join()).memberId, (await group.join()).memberId]
    const joins = ids.map((memberId) => group.join({ memberId }))
    await group.advance(0)
    const [, follower] = (await Promise.all(joins)) as [Joined, Joined]
    const sync = group.sync(follower)
    await group.settle()
    await group.leave({ memberId: follower.memberId })
    expect(await sync).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
  })
})

describe('a restart', () => {
  it('brings back generation, members and assignments', async () => {
    const members = await group.stable(3)
    await group.restart()
    expect(await group.state()).toBe('Stable')
    for (const [index, member] of members.entries()) {
      expect(await group.heartbeat(member)).toBe('NONE')
      expect((await group.sync(member)).assignment.toString()).toBe(String(index))
    }
    expect(await group.join({ memberId: members[1]!.memberId })).toMatchObject({ generationId: 1 })
  })

  it('gives members a session to come back', async () => {
    const [leader, follower] = (await group.stable(2)) as [Joined, Joined]
    await group.advance(9_000)
    await group.restart()
    await group.advance(9_999)
    expect(await group.heartbeat(leader)).toBe('NONE')
    await group.advance(1)
    expect(await group.heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
    expect(await group.heartbeat(follower)).toBe('UNKNOWN_MEMBER_ID')
  })

  it('keeps a group that is empty, with its generation', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    await group.leave({ memberId: leader.memberId })
    await group.restart()
    expect(await group.state()).toBe('Empty')
    const [next] = (await group.stable(1)) as [Joined]
    expect(next.generationId).toBe(3)
  })

  it('goes back to the last generation that was written', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    const rejoin = group.join({ memberId: leader.memberId })
    expect(await rejoin).toMatchObject({ generationId: 2 })
    await group.restart()
    expect(await group.heartbeat(leader)).toBe('NONE')
  })

  it('fails whoever waits', async () => {
    const [leader, follower] = (await group.stable(2)) as [Joined, Joined]
    const join = group.join({ memberId: leader.memberId })
    await group.settle()
    const refused = expect(join).rejects.toMatchObject({ kafkaError: 'NOT_COORDINATOR' })
    await group.restart()
    await refused
    expect(await group.heartbeat(follower)).toBe('NONE')
  })

  it('makes a group that has become too large rebalance', async () => {
    const options = { maxSize: 2 }
    group = new GroupHarness(options)
    const [leader] = (await group.stable(2)) as [Joined]
    options.maxSize = 1
    await group.restart()
    expect(await group.heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
  })

  it('keeps those of a group that has become too large who join first', async () => {
    const options = { maxSize: 3 }
    group = new GroupHarness(options)
    const [first, second, third] = (await group.stable(3)) as [Joined, Joined, Joined]
    options.maxSize = 2
    await group.restart()
    const joins = [third, second].map(({ memberId }) => group.join({ memberId }))
    await group.settle()
    expect(await group.join({ memberId: first.memberId })).toMatchObject({
      error: 'GROUP_MAX_SIZE_REACHED',
      memberId: '',
    })
    expect(await group.heartbeat(first)).toBe('UNKNOWN_MEMBER_ID')
    await group.advance(60_000)
    const joined = await Promise.all(joins)
    expect(joined).toMatchObject([{ generationId: 2 }, { generationId: 2 }])
    expect(joined.map(({ leader }) => leader)).toEqual([second.memberId, second.memberId])
  })
})

describe('a write that fails', () => {
  it('takes a generation back that nobody has seen', async () => {
    const ids = [(await group.join()).memberId, (await group.join()).memberId]
    const joins = ids.map((memberId) => group.join({ memberId }))
    await group.advance(0)
    const [leader, follower] = (await Promise.all(joins)) as [Joined, Joined]
    const waiting = group.sync(follower)
    group.log.failNextWrite()
    const outcomes = await Promise.allSettled([waiting, group.sync(leader, { [leader.memberId]: 'lost' })])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { kafkaError: 'NOT_COORDINATOR' } })
    }
    await group.settle()
    expect(await group.state()).toBe('Empty')
    expect(await group.heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID')
  })
})
