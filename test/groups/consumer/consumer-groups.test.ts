import { beforeEach, describe, expect, it } from 'vitest'
import { ConsumerHarness, errorOf, reconcile } from './consumer-harness.ts'

let group: ConsumerHarness

beforeEach(() => {
  group = new ConsumerHarness()
})

describe('a member that joins', () => {
  it('gets all partitions, and an id where its version has none', async () => {
    const { memberId, memberEpoch, heartbeatIntervalMs, assignment } = await group.heartbeat(
      { subscribedTopicNames: ['topic'], rebalanceTimeoutMs: 1_000, topicPartitions: [] },
      { version: 0 },
    )
    expect(memberId).toMatch(/^[\w-]{22}$/)
    expect(memberEpoch).toBe(2)
    expect(heartbeatIntervalMs).toBe(5_000)
    expect(group.named(assignment!.topicPartitions)).toBe('topic-0 topic-1 topic-2 topic-3')
  })

  it('is written as Kafka writes it: member, group epoch, targets, its assignment', async () => {
    await group.member('a').join()
    const records = await group.group.records()
    expect(records.map(({ kind }) => kind)).toEqual([
      'ConsumerGroupMemberMetadata',
      'ConsumerGroupMetadata',
      'ConsumerGroupTargetAssignmentMember',
      'ConsumerGroupTargetAssignmentMetadata',
      'ConsumerGroupCurrentMemberAssignment',
    ])
    expect(records[1]).toMatchObject({ value: { epoch: 2 } })
  })

  it('is given nothing that the others have not given back, and all of it then', async () => {
    const [a, b] = [group.member('a'), group.member('b')]
    await a.join()
    await b.join()
    expect(b.owns).toBe('')
    await a.heartbeat()
    const kept = a.owns
    expect(kept.split(' ')).toHaveLength(2)
    await b.heartbeat()
    expect(b.owns).toBe('')
    await a.heartbeat()
    await b.heartbeat()
    expect(`${kept} ${b.owns}`.split(' ').sort().join(' ')).toBe('topic-0 topic-1 topic-2 topic-3')
    expect(await group.describe()).toMatchObject({ groupState: 'Stable', groupEpoch: 3, assignmentEpoch: 3 })
  })

  it('is told its assignment when it changes, or when it says all that it can say', async () => {
    const a = group.member('a')
    await a.join()
    expect((await a.heartbeat()).assignment).toBeNull()
    const all = { rebalanceTimeoutMs: 1_000, subscribedTopicNames: ['topic'] }
    expect((await a.heartbeat(all)).assignment).not.toBeNull()
  })

  it('writes nothing when it has nothing new to say', async () => {
    const a = group.member('a')
    await a.join()
    const { length } = await group.group.records()
    await a.heartbeat()
    await a.heartbeat({ subscribedTopicNames: ['topic'], topicPartitions: null })
    expect(await group.group.records()).toHaveLength(length)
  })

  it('waits for a topic that is not there', async () => {
    const a = group.member('a', { subscribedTopicNames: ['late'] })
    await a.join()
    expect(a.owns).toBe('')
    group.topics.put('late', 2)
    await a.heartbeat()
    expect(a.owns).toBe('late-0 late-1')
  })

  it('is refused where the group has as many as are allowed', async () => {
    group.configs.maxSize = 1
    const a = group.member('a')
    await a.join()
    expect(await errorOf(group.member('b').join())).toBe(
      'GROUP_MAX_SIZE_REACHED: The consumer group has reached its maximum capacity of 1 members.',
    )
    await a.heartbeat()
  })

  it('leaves nothing of a group behind when it is refused', async () => {
    const regex = { subscribedTopicRegex: '(', subscribedTopicNames: null }
    const join = { memberId: 'a', rebalanceTimeoutMs: 1, topicPartitions: [], ...regex }
    expect(await errorOf(group.heartbeat(join))).toContain('INVALID_REGULAR_EXPRESSION')
    expect(await group.group.state()).toBe('none')
  })

  it('can not have an id that no key could hold', async () => {
    expect(await errorOf(group.member('a'.repeat(40_000)).join())).toBe(
      "INVALID_REQUEST: Ids can't be longer than 32767 bytes.",
    )
  })
})

describe('a member in an epoch', () => {
  it('may have missed the answer with its new one, if it owns nothing else', async () => {
    const [a, b] = [group.member('a'), group.member('b')]
    await a.join()
    await b.join()
    await reconcile(a, b)
    b.epoch -= 1
    a.epoch -= 1
    await a.heartbeat()
    expect(a.epoch).toBe(3)
    b.owned = [...a.owned]
    expect(await errorOf(b.heartbeat())).toMatch(/^FENCED_MEMBER_EPOCH: .*smaller member epoch \(2\)/)
  })

  it('is fenced in an epoch that is none of its own, and may join again', async () => {
    const a = group.member('a')
    await a.join()
    a.epoch = 7
    expect(await errorOf(a.heartbeat())).toMatch(/^FENCED_MEMBER_EPOCH: .*greater member epoch \(7\)/)
    await a.join()
    expect(a.owns).toBe('topic-0 topic-1 topic-2 topic-3')
  })

  it('is out when it sends no heartbeat within the session timeout', async () => {
    const [a, b] = [group.member('a'), group.member('b')]
    await a.join()
    await b.join()
    await group.group.advance(30_000)
    await a.heartbeat()
    await group.group.advance(30_000)
    expect(await errorOf(b.heartbeat())).toBe('UNKNOWN_MEMBER_ID: Member b is not a member of group group.')
    await reconcile(a)
    expect(a.owns).toBe('topic-0 topic-1 topic-2 topic-3')
  })

  it('is out when it does not give back within its rebalance timeout', async () => {
    const [a, b] = [group.member('a', { rebalanceTimeoutMs: 10_000 }), group.member('b')]
    await a.join()
    await b.join()
    const all = [...a.owned]
    await a.heartbeat({ topicPartitions: all })
    await group.group.advance(9_000)
    a.owned = all
    await a.heartbeat()
    await group.group.advance(2_000)
    expect(await errorOf(a.heartbeat())).toContain('UNKNOWN_MEMBER_ID')
    await b.heartbeat()
    expect(b.owns).toBe('topic-0 topic-1 topic-2 topic-3')
  })

  it('that gave back in time stays', async () => {
    const [a, b] = [group.member('a', { rebalanceTimeoutMs: 10_000 }), group.member('b')]
    await a.join()
    await b.join()
    await reconcile(a, b)
    await group.group.advance(20_000)
    await a.heartbeat()
  })
})

describe('topics that change', () => {
  it.each([
    ['grows', (topics: ConsumerHarness['topics']) => topics.put('topic', 6)],
    ['moves to other racks', (topics: ConsumerHarness['topics']) => topics.put('topic', 4, ['rack'])],
  ])('bump the group epoch when one %s', async (_what, change) => {
    const a = group.member('a')
    await a.join()
    change(group.topics)
    await a.heartbeat()
    expect(a.epoch).toBe(3)
    expect(a.owned[0]!.partitions).toHaveLength(group.topics.partitionCount(a.owned[0]!.topicId))
  })

  it('leave the group alone when it is not subscribed to them', async () => {
    const a = group.member('a')
    await a.join()
    group.topics.put('other', 3)
    await a.heartbeat()
    expect(a.epoch).toBe(2)
  })

  it('take a deleted topic from its owner', async () => {
    const a = group.member('a')
    await a.join()
    group.topics.delete('topic')
    await a.heartbeat()
    await a.heartbeat()
    expect(a.owned).toEqual([])
    expect(await group.describe()).toMatchObject({
      groupState: 'Stable',
      members: [{ assignment: { topicPartitions: [] } }],
    })
  })
})

describe('new targets', () => {
  it('are made at most once in the assignment interval, by a later heartbeat', async () => {
    group = new ConsumerHarness({ configs: { assignmentIntervalMs: () => 1_000 } })
    const [a, b] = [group.member('a'), group.member('b')]
    await a.join()
    await b.join()
    expect(await group.describe()).toMatchObject({ groupState: 'Assigning', groupEpoch: 3, assignmentEpoch: 2 })
    await a.heartbeat()
    expect(a.epoch).toBe(2)
    await group.group.advance(1_000)
    await reconcile(a, b)
    expect(await group.describe()).toMatchObject({ groupState: 'Stable', groupEpoch: 3, assignmentEpoch: 3 })
  })

  it('are made by the assignor that most members ask for', async () => {
    await group.member('a', { serverAssignor: 'range' }).join()
    await group.member('b').join()
    expect(await group.describe()).toMatchObject({ assignorName: 'range' })
    await group.member('c', { serverAssignor: 'uniform' }).join()
    await group.member('d', { serverAssignor: 'uniform' }).join()
    expect(await group.describe()).toMatchObject({ assignorName: 'uniform' })
  })
})

describe('a static member', () => {
  const instance = { instanceId: 'i' }

  it('comes back under another id to what it had, without a rebalance', async () => {
    const [first, other] = [group.member('a', instance), group.member('z')]
    await first.join()
    await other.join()
    await reconcile(first, other)
    const { owns, epoch } = first
    await first.leave(-2)
    first.epoch = epoch
    expect(await errorOf(first.heartbeat())).toContain('FENCED_MEMBER_EPOCH')
    await group.group.advance(20_000)
    const back = group.member('b', instance)
    await back.join()
    expect(back.owns).toBe(owns)
    await other.heartbeat()
    expect(other.epoch).toBe(3)
    expect(await errorOf(first.heartbeat())).toContain('FENCED_INSTANCE_ID')
  })

  it('keeps its instance id until it leaves', async () => {
    await group.member('a', instance).join()
    expect(await errorOf(group.member('b', instance).join())).toBe(
      'UNRELEASED_INSTANCE_ID: Static member b with instance id i cannot join the group because the instance id is owned by a member.',
    )
  })

  it('that does not come back is out with its session', async () => {
    const first = group.member('a', instance)
    await first.join()
    await first.leave(-2)
    await group.group.advance(45_000)
    expect(await group.describe()).toMatchObject({ groupState: 'Empty', members: [] })
  })

  it('that was giving back when it left is not put out for it', async () => {
    const [first, other] = [group.member('a', { ...instance, rebalanceTimeoutMs: 5_000 }), group.member('z')]
    await first.join()
    await other.join()
    await first.heartbeat()
    await first.leave(-2)
    await group.group.advance(10_000)
    const back = group.member('b', instance)
    await back.join()
    await reconcile(back, other)
    expect(back.owned[0]!.partitions).toHaveLength(2)
  })
})

describe('commits of a member', () => {
  const commitOf = (memberId: string, generationId: number, more: object = {}) =>
    group.group.run((shard) => {
      const partitions = [{ partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: -1, committedMetadata: '' }]
      const topics = [{ name: 'topic', topicId: group.topics.idOf('topic')!, partitions }]
      const rest = { groupInstanceId: null, retentionTimeMs: -1, knowsGroupIdNotFound: true, topics }
      return shard.commitOffsets({ groupId: 'group', memberId, generationId, ...rest, ...more })
    })

  it('are taken in its epoch, and in an earlier one for what it has had since', async () => {
    const a = group.member('a')
    await a.join()
    await a.heartbeat({ subscribedTopicNames: ['topic', 'other'] })
    expect(a.epoch).toBe(3)
    await commitOf('a', 3)
    await commitOf('a', 2)
    expect(await errorOf(commitOf('a', 1))).toMatch(/^STALE_MEMBER_EPOCH: .*older than assignment epoch 2/)
    expect(await errorOf(commitOf('a', 4))).toMatch(/^STALE_MEMBER_EPOCH: .*newer than current member epoch 3/)
    expect(await errorOf(commitOf('x', 3))).toContain('UNKNOWN_MEMBER_ID')
    expect(await errorOf(commitOf('a', 3, { knowsGroupIdNotFound: false }))).toContain('UNSUPPORTED_VERSION')
  })

  it('are refused for a partition that it has no more', async () => {
    const [a, b] = [group.member('a', { serverAssignor: 'range' }), group.member('0', { serverAssignor: 'range' })]
    await a.join()
    await b.join()
    await a.heartbeat()
    expect(a.owns).toBe('topic-2 topic-3')
    await commitOf('a', 2)
    await a.heartbeat()
    await b.heartbeat()
    expect(await errorOf(commitOf('a', 2))).toBe(
      'STALE_MEMBER_EPOCH: Partition topic-0 is not assigned or pending revocation for member.',
    )
  })

  it('within a transaction are taken by the same rules, in words that producers know, and from nobody, too', async () => {
    const a = group.member('a')
    await a.join()
    await a.heartbeat({ subscribedTopicNames: ['topic', 'other'] })
    const commit = (memberId: string, generationId: number, groupInstanceId: string | null = null) => {
      const partitions = [{ partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: -1, committedMetadata: '' }]
      const topics = [{ name: 'topic', topicId: group.topics.idOf('topic')!, partitions }]
      const identity = { memberId, generationId, groupInstanceId, topics }
      return group.group.commitInTransaction({}, 7n, identity)
    }
    expect(await commit('', -1)).toBe('NONE')
    expect(await commit('a', 3)).toBe('NONE')
    expect(await commit('a', 2)).toBe('NONE')
    expect(await commit('a', 1)).toBe('ILLEGAL_GENERATION')
    expect(await commit('a', 4)).toBe('ILLEGAL_GENERATION')
    expect(await commit('x', 3)).toBe('UNKNOWN_MEMBER_ID')
    expect(await commit('', -1, 'instance')).toBe('UNKNOWN_MEMBER_ID')
  })

  it('of one that left are refused, of nobody taken when the group is empty', async () => {
    const a = group.member('a')
    await a.join()
    expect(await errorOf(commitOf('', -1))).toContain('UNKNOWN_MEMBER_ID')
    await a.leave()
    expect(await errorOf(commitOf('a', 2))).toContain('UNKNOWN_MEMBER_ID')
    await commitOf('', -1)
  })

  it('expire a while after they were made, but not for topics that somebody is subscribed to; an empty group goes with them', async () => {
    group = new ConsumerHarness({ offsetsRetentionMs: 100_000, offsetsRetentionCheckIntervalMs: 10_000 })
    const a = group.member('a')
    await a.join()
    await commitOf('a', 2)
    for (let passed = 0; passed < 6; passed += 1) {
      await group.group.advance(20_000)
      await a.heartbeat()
    }
    expect(await group.group.offsets()).toEqual({ 'topic-0': 7 })
    await a.leave()
    await group.group.advance(10_000)
    expect(await group.group.offsets()).toEqual({})
    expect(await group.group.state()).toBe('none')
  })

  it('are fetched by a member in its epoch alone', async () => {
    await group.member('a').join()
    const fetch = (memberId: string | null, memberEpoch: number) =>
      errorOf(
        group.group.run((shard) =>
          shard.fetchOffsets({ groupId: 'group', topics: null, member: { memberId, memberEpoch } }, false),
        ),
      )
    expect(await fetch('a', 2)).toBe('NONE')
    expect(await fetch(null, -1)).toBe('NONE')
    expect(await fetch('a', 1)).toContain('STALE_MEMBER_EPOCH')
    expect(await fetch('x', 2)).toContain('UNKNOWN_MEMBER_ID')
  })
})

describe('after a restart', () => {
  it('the group is as it was, and its members go on', async () => {
    const [a, b] = [group.member('a', { instanceId: 'i' }), group.member('b', { subscribedTopicRegex: 'top.*' })]
    await a.join()
    await b.join()
    await group.group.settle()
    await reconcile(a, b)
    const before = await group.describe()
    expect(before.groupState).toBe('Stable')
    await group.group.restart()
    expect(await group.describe()).toEqual(before)
    await reconcile(a, b)
    expect(await group.describe()).toEqual(before)
  })

  it('members have a whole session, and what is to be given back a whole rebalance timeout', async () => {
    const [a, b] = [group.member('a', { rebalanceTimeoutMs: 20_000 }), group.member('b')]
    await a.join()
    await b.join()
    await a.heartbeat()
    await group.group.restart()
    await group.group.advance(19_000)
    expect(await group.describe()).toMatchObject({ members: [{ memberId: 'a' }, { memberId: 'b' }] })
    await group.group.advance(2_000)
    expect(await group.describe()).toMatchObject({ members: [{ memberId: 'b' }] })
    await group.group.advance(25_000)
    expect(await group.describe()).toMatchObject({ members: [] })
  })

  it('a deleted group is gone', async () => {
    const a = group.member('a')
    await a.join()
    await expect(group.group.run((shard) => shard.deleteGroup('group'))).rejects.toMatchObject({
      kafkaError: 'NON_EMPTY_GROUP',
    })
    await a.leave()
    await group.group.run((shard) => shard.deleteGroup('group'))
    expect(await group.group.state()).toBe('none')
    await group.group.restart()
    expect(await group.group.state()).toBe('none')
  })
})

it('a heartbeat that can not be written changes nothing, and the member tries again', async () => {
  const a = group.member('a')
  await a.join()
  const b = group.member('b')
  group.group.log.failNextWrite()
  expect(await errorOf(b.join())).toContain('NOT_COORDINATOR')
  await group.group.settle()
  expect((await group.describe()).members).toHaveLength(1)
  await b.join()
  await reconcile(a, b)
  expect((await group.describe()).groupState).toBe('Stable')
})
