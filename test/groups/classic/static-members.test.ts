import { beforeEach, describe, expect, it } from 'vitest'
import { GroupHarness, isSettled, type Joined, protocols } from '../group-harness.ts'

let group: GroupHarness

beforeEach(() => {
  group = new GroupHarness()
})

/** A stable group of static members `i0`, `i1`, … */
async function stableStatic(count: number): Promise<Joined[]> {
  const joins = Array.from({ length: count }, (_, index) => group.join({ groupInstanceId: `i${index}` }))
  await group.advance(0)
  const joined = await Promise.all(joins)
  await Promise.all(
    joined.map((member, index) => {
      const assignments = Object.fromEntries(joined.map(({ memberId }, place) => [memberId, String(place)]))
      return group.sync(member, index === 0 ? assignments : {}, { groupInstanceId: `i${index}` })
    }),
  )
  return joined
}

describe('a static member', () => {
  it('joins without asking for an id, which starts with its instance id', async () => {
    const [leader] = (await stableStatic(1)) as [Joined]
    expect(leader.memberId).toMatch(/^i0-[0-9a-f-]{36}$/)
    expect(leader.members).toMatchObject([{ groupInstanceId: 'i0' }])
  })

  it('that comes back unchanged keeps generation and assignment, under a new id', async () => {
    const [leader, follower] = (await stableStatic(2)) as [Joined, Joined]
    const before = group.log.logEndOffset
    const again = await group.join({ groupInstanceId: 'i1' })
    expect(again).toMatchObject({
      error: 'NONE',
      generationId: 1,
      leader: leader.memberId,
      skipAssignment: false,
      members: [],
    })
    expect(again.memberId).not.toBe(follower.memberId)
    expect(group.log.logEndOffset).toBe(before + 1)
    expect(await group.state()).toBe('Stable')
    expect((await group.sync(again, {}, { groupInstanceId: 'i1' })).assignment.toString()).toBe('1')
    expect(await group.heartbeat(leader, 'i0')).toBe('NONE')
  })

  it('fences whoever uses its old id', async () => {
    const [, follower] = (await stableStatic(2)) as [Joined, Joined]
    const again = await group.join({ groupInstanceId: 'i1' })
    expect(await group.heartbeat(follower, 'i1')).toBe('FENCED_INSTANCE_ID')
    expect(await group.heartbeat(follower)).toBe('UNKNOWN_MEMBER_ID')
    expect(await group.heartbeat(again, 'i1')).toBe('NONE')
    expect(await group.join({ memberId: follower.memberId, groupInstanceId: 'i1' })).toMatchObject({
      error: 'FENCED_INSTANCE_ID',
    })
    const identity = { generationId: 1, memberId: follower.memberId, groupInstanceId: 'i1' }
    expect(await group.commit({ 'topic-0': 1 }, identity)).toBe('FENCED_INSTANCE_ID')
    await expect(group.sync(follower, {}, { groupInstanceId: 'i1' })).rejects.toMatchObject({
      kafkaError: 'FENCED_INSTANCE_ID',
    })
    expect(await group.leave({ memberId: follower.memberId, groupInstanceId: 'i1' })).toEqual(['FENCED_INSTANCE_ID'])
  })

  it('that leads and comes back is told to skip the assignment', async () => {
    await stableStatic(2)
    const again = await group.join({ groupInstanceId: 'i0' })
    expect(again).toMatchObject({ error: 'NONE', generationId: 1, leader: again.memberId, skipAssignment: true })
    expect(again.members).toHaveLength(2)
  })

  it('that leads and can not be told so hears that its old id leads', async () => {
    const [leader] = (await stableStatic(2)) as [Joined]
    const again = await group.join({ groupInstanceId: 'i0', version: 8 })
    expect(again).toMatchObject({ error: 'NONE', generationId: 1, leader: leader.memberId, skipAssignment: false })
    expect(again.members).toEqual([])
    expect((await group.sync(again, {}, { groupInstanceId: 'i0' })).assignment.toString()).toBe('0')
  })

  it('that comes back with other protocols starts a rebalance where the choice changes', async () => {
    const [leader] = (await stableStatic(1)) as [Joined]
    const again = await group.join({ groupInstanceId: 'i0', protocols: protocols(['range'], 'changed') })
    expect(again).toMatchObject({ generationId: 1 })
    expect(again.members[0]!.metadata.toString()).toBe('changed')
    const other = await group.join({ groupInstanceId: 'i0', protocols: protocols(['sticky', 'range']) })
    expect(other).toMatchObject({ generationId: 2, protocolName: 'sticky' })
    expect(await group.heartbeat(leader, 'i0')).toBe('FENCED_INSTANCE_ID')
  })

  it('that comes back while others wait for the assignment starts another rebalance', async () => {
    const joins = ['i0', 'i1'].map((groupInstanceId) => group.join({ groupInstanceId }))
    await group.advance(0)
    const [leader, follower] = (await Promise.all(joins)) as [Joined, Joined]
    const sync = group.sync(follower, {}, { groupInstanceId: 'i1' })
    const again = group.join({ groupInstanceId: 'i1' })
    expect(await sync).toMatchObject({ error: 'FENCED_INSTANCE_ID' })
    expect(await group.state()).toBe('PreparingRebalance')
    const rejoin = group.join({ memberId: leader.memberId, groupInstanceId: 'i0' })
    expect(await Promise.all([again, rejoin])).toMatchObject([{ generationId: 2 }, { generationId: 2 }])
  })

  it('that joins twice at once: the first is fenced', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    const first = group.join({ groupInstanceId: 'i0' })
    await group.settle()
    const second = group.join({ groupInstanceId: 'i0' })
    expect(await first).toMatchObject({ error: 'FENCED_INSTANCE_ID' })
    const rejoin = group.join({ memberId: leader.memberId })
    expect(await Promise.all([second, rejoin])).toMatchObject([{ generationId: 2 }, { generationId: 2 }])
  })

  it('stays in the group when a rebalance goes by without it, until its session ends', async () => {
    const rest = { rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 10_000 }
    const joins = ['i0', 'i1'].map((groupInstanceId) => group.join({ groupInstanceId, ...rest }))
    await group.advance(0)
    const [leader, follower] = (await Promise.all(joins)) as [Joined, Joined]
    await group.sync(leader, {}, { groupInstanceId: 'i0' })
    await group.sync(follower, {}, { groupInstanceId: 'i1' })
    const rejoin = group.join({ memberId: leader.memberId, groupInstanceId: 'i0', ...rest })
    await group.advance(5_000)
    const again = await rejoin
    expect(again).toMatchObject({ generationId: 2 })
    expect(again.members).toHaveLength(2)
    await group.sync(again, {}, { groupInstanceId: 'i0' })
    expect(await group.heartbeat({ ...follower, generationId: 2 }, 'i1')).toBe('NONE')
  })

  it('postpones the rebalance when nobody has joined', async () => {
    const rest = { rebalanceTimeoutMs: 4_000, sessionTimeoutMs: 10_000 }
    const join = group.join({ groupInstanceId: 'i0', ...rest })
    await group.advance(0)
    const leader = await join
    await group.sync(leader, {}, { groupInstanceId: 'i0' })
    const { memberId } = await group.join(rest)
    void group.join({ memberId, ...rest })
    await group.settle()
    await group.leave({ memberId })
    expect(await group.state()).toBe('PreparingRebalance')
    await group.advance(8_000)
    expect(await group.state()).toBe('PreparingRebalance')
    await group.advance(2_000)
    expect(await group.state()).toBe('Empty')
  })

  it('can be removed by an administrator, who knows its instance id alone', async () => {
    const [leader, follower] = (await stableStatic(2)) as [Joined, Joined]
    expect(await group.leave({ memberId: '', groupInstanceId: 'i1' })).toEqual(['NONE'])
    expect(await group.heartbeat(follower, 'i1')).toBe('UNKNOWN_MEMBER_ID')
    expect(await group.heartbeat(leader, 'i0')).toBe('REBALANCE_IN_PROGRESS')
  })

  it('is known again after a restart', async () => {
    const [, follower] = (await stableStatic(2)) as [Joined, Joined]
    const again = await group.join({ groupInstanceId: 'i1' })
    await group.restart()
    expect(await group.heartbeat(follower, 'i1')).toBe('FENCED_INSTANCE_ID')
    expect(await group.heartbeat(again, 'i1')).toBe('NONE')
    const once = await group.join({ groupInstanceId: 'i1' })
    expect(once).toMatchObject({ error: 'NONE', generationId: 1 })
    expect((await group.sync(once, {}, { groupInstanceId: 'i1' })).assignment.toString()).toBe('1')
  })

  it('whose new id could not be written is taken back', async () => {
    const [, follower] = (await stableStatic(2)) as [Joined, Joined]
    group.log.failNextWrite()
    await expect(group.join({ groupInstanceId: 'i1' })).rejects.toMatchObject({ kafkaError: 'NOT_COORDINATOR' })
    await group.settle()
    expect(await group.heartbeat(follower, 'i1')).toBe('NONE')
  })

  it('whose new subscription is too large to be stored is refused, and the old id goes on', async () => {
    group = new GroupHarness({ maxBatchBytes: 2_000 })
    const [leader, follower] = (await stableStatic(2)) as [Joined, Joined]
    const again = await group.join({ groupInstanceId: 'i0', protocols: protocols(['range'], 'x'.repeat(5_000)) })
    expect(again).toMatchObject({ error: 'UNKNOWN_SERVER_ERROR', memberId: '', generationId: 1 })
    expect(again).toMatchObject({ leader: leader.memberId, protocolName: 'range', members: [] })
    expect(await group.state()).toBe('Stable')
    expect(await group.heartbeat(leader, 'i0')).toBe('NONE')
    expect(await group.heartbeat(follower, 'i1')).toBe('NONE')
    expect((await group.sync(leader, {}, { groupInstanceId: 'i0' })).assignment.toString()).toBe('0')
  })

  it('can not take a member id that was given to somebody else', async () => {
    const { memberId } = await group.join()
    expect(await group.join({ memberId, groupInstanceId: 'i0' })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
    expect(await isSettled(group.join({ memberId }))).toBe(false)
  })
})
