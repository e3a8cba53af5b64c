import { beforeEach, describe, expect, it } from 'vitest'
import { buildEndTransactionMarker, buildRecordBatch } from '../../protocol/records/index.ts'
import { keyType, offsetCommitValue } from '../../protocol/state/index.ts'
import { groupRecordCodec, noTopicId, type OffsetCommitRecord } from '../../src/groups/group-records.ts'
import { allGroups } from '../../src/groups/group-requests.ts'
import { CommittedOffsets } from '../../src/groups/offsets.ts'
import { GroupHarness, groupId, type Joined, outcomeOf, protocols, subscription } from './group-harness.ts'

let group: GroupHarness

beforeEach(() => {
  group = new GroupHarness()
})

const identityOf = ({ memberId, generationId }: Joined) => ({ memberId, generationId })

describe('commits', () => {
  it('of a consumer without group management make a group that is empty', async () => {
    expect(await group.commit({ 'topic-0': 5, 'topic-1': 7, 'other-topic-0': 1 })).toBe('NONE')
    expect(await group.offsets()).toEqual({ 'topic-0': 5, 'topic-1': 7, 'other-topic-0': 1 })
    expect(await group.describe()).toMatchObject({ groupState: 'Empty', protocolType: '', members: [] })
    await group.restart()
    expect(await group.offsets()).toEqual({ 'topic-0': 5, 'topic-1': 7, 'other-topic-0': 1 })
    expect(await group.state()).toBe('Empty')
  })

  it('are seen only when they are written', async () => {
    await group.commit({ 'topic-0': 1 })
    group.log.failNextWrite()
    const outcomes = await Promise.allSettled([group.commit({ 'topic-0': 2 }), group.offsets()])
    expect(outcomes[0]).toMatchObject({ value: 'NOT_COORDINATOR' })
    expect(outcomes[1]).toMatchObject({ reason: { kafkaError: 'NOT_COORDINATOR' } })
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
  })

  it('of members are checked against member and generation', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    const identity = identityOf(leader)
    expect(await group.commit({ 'topic-0': 1 }, identity)).toBe('NONE')
    expect(await group.commit({ 'topic-0': 2 }, { ...identity, generationId: 0 })).toBe('ILLEGAL_GENERATION')
    expect(await group.commit({ 'topic-0': 2 }, { ...identity, generationId: -1 })).toBe('ILLEGAL_GENERATION')
    expect(await group.commit({ 'topic-0': 2 }, { ...identity, memberId: 'stranger' })).toBe('UNKNOWN_MEMBER_ID')
    expect(await group.commit({ 'topic-0': 2 }, { ...identity, groupInstanceId: 'i' })).toBe('UNKNOWN_MEMBER_ID')
    expect(await group.commit({ 'topic-0': 2 })).toBe('UNKNOWN_MEMBER_ID')
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
  })

  it('are taken while a rebalance is prepared, and refused while members wait for the assignment', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    const { memberId } = await group.join()
    const join = group.join({ memberId })
    await group.settle()
    expect(await group.commit({ 'topic-0': 1 }, identityOf(leader))).toBe('NONE')
    const again = await group.join({ memberId: leader.memberId })
    await join
    expect(await group.commit({ 'topic-0': 2 }, identityOf(again))).toBe('REBALANCE_IN_PROGRESS')
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
  })

  it('are a sign of life', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    await group.advance(9_000)
    await group.commit({ 'topic-0': 1 }, identityOf(leader))
    await group.advance(9_000)
    expect(await group.heartbeat(leader)).toBe('NONE')
  })

  it('of a generation in a group that is not there are refused, in the words that the client knows', async () => {
    const identity = { memberId: 'member', generationId: 1 }
    expect(await group.commit({ 'topic-0': 1 }, identity)).toBe('GROUP_ID_NOT_FOUND')
    expect(await group.commit({ 'topic-0': 1 }, { ...identity, knowsGroupIdNotFound: false })).toBe(
      'ILLEGAL_GENERATION',
    )
    expect(await group.state()).toBe('none')
  })

  it('keep metadata up to its limit', async () => {
    group = new GroupHarness({ offsetMetadataMaxSize: 3 })
    expect(await group.commit({ 'topic-0': 1 }, { metadata: 'äöü' })).toBe('NONE')
    expect(await group.commit({ 'topic-0': 2 }, { metadata: 'abcd' })).toBe('OFFSET_METADATA_TOO_LARGE')
    const topics = [{ name: 'topic', topicId: noTopicId, partitionIndexes: [0, 1] }]
    const fetched = await group.run((shard) => shard.fetchOffsets({ groupId, topics }, false))
    expect(fetched[0]!.partitions).toEqual([
      { partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: 3, metadata: 'äöü', errorCode: 0 },
      { partitionIndex: 1, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
    ])
  })

  it('are stored as Kafka 4.3 stores them', async () => {
    const topicId = 'ZmZmZmZmRmaGZmZmZmZmZg'
    const partitions = [{ partitionIndex: 1, committedOffset: 9, committedLeaderEpoch: 2, committedMetadata: null }]
    await group.commit({}, { topics: [{ name: 'topic', topicId, partitions }] })
    await group.commit({ 'topic-2': 10 }, { retentionTimeMs: 1_000 })
    const [plain, expiring] = (await group.records()) as [OffsetCommitRecord, OffsetCommitRecord]
    const now = group.clock.now()
    expect(plain.value).toEqual({
      committedOffset: 9,
      leaderEpoch: 2,
      metadata: '',
      commitTimestampMs: now,
      expireTimestampMs: -1,
      topicId,
    })
    expect(expiring.value).toMatchObject({ committedOffset: 10, leaderEpoch: -1, expireTimestampMs: now + 1_000 })
    const stored = groupRecordCodec.encode(plain)
    expect(keyType(stored.key)).toBe(1)
    expect(stored.value!.readInt16BE(0)).toBe(4)
    expect(offsetCommitValue.decodeVersioned(stored.value!)).toMatchObject({ offset: 9, topicId })
    expect(groupRecordCodec.encode(expiring).value!.readInt16BE(0)).toBe(1)
  })

  it('may say themselves when they were made, as OffsetCommit v1 does', async () => {
    const partition = { partitionIndex: 0, committedOffset: 9, committedLeaderEpoch: -1, committedMetadata: null }
    const partitions = [{ ...partition, commitTimestamp: 1_234 }]
    await group.commit({}, { topics: [{ name: 'topic', topicId: noTopicId, partitions }], retentionTimeMs: -5 })
    const [{ value }] = (await group.records()) as [OffsetCommitRecord]
    expect(value).toMatchObject({ commitTimestampMs: 1_234, expireTimestampMs: group.clock.now() - 5 })
  })

  it('of a topic that was deleted do not count for one of the same name', async () => {
    const partitions = [{ partitionIndex: 0, committedOffset: 9, committedLeaderEpoch: 2, committedMetadata: '' }]
    const [first, second] = ['ZmZmZmZmRmaGZmZmZmZmZg', 'MzMzMzMzQzODMzMzMzMzMw']
    await group.commit({}, { topics: [{ name: 'topic', topicId: first, partitions }] })
    const fetch = async (topicId: string) => {
      const topics = [{ name: 'topic', topicId, partitionIndexes: [0] }]
      const [fetched] = await group.run((shard) => shard.fetchOffsets({ groupId, topics }, false))
      return fetched!.partitions[0]!.committedOffset
    }
    expect([await fetch(first), await fetch(second), await fetch(noTopicId)]).toEqual([9, -1, 9])
    await group.run((shard) => shard.topicsDeleted([{ name: 'topic', topicId: second }]))
    expect(await group.offsets()).toEqual({ 'topic-0': 9 })
    await group.run((shard) => shard.topicsDeleted([{ name: 'topic', topicId: first }]))
    expect(await group.offsets()).toEqual({})
    await group.restart()
    expect(await group.offsets()).toEqual({})
  })
})

describe('deleting offsets', () => {
  const remove = (...topics: string[]) =>
    group.run((shard) =>
      shard.deleteOffsets({ groupId, topics: topics.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })) }),
    )

  it('leaves those of subscribed topics', async () => {
    const [leader] = (await group.stable(1, { protocols: protocols(['range'], subscription(['a', 'b'])) })) as [Joined]
    await group.commit({ 'a-0': 1, 'c-0': 2 }, identityOf(leader))
    const deleted = await remove('a', 'c', 'd')
    expect(deleted.map(({ partitions }) => partitions[0]!.errorCode)).toEqual([86, 0, 0])
    expect(await group.offsets()).toEqual({ 'a-0': 1 })
    await group.leave({ memberId: leader.memberId })
    expect((await remove('a'))[0]!.partitions[0]!.errorCode).toBe(0)
    expect(await group.offsets()).toEqual({})
    await group.restart()
    expect(await group.offsets()).toEqual({})
  })

  it('leaves all where subscriptions can not be read', async () => {
    const [leader] = (await group.stable(1, { protocols: protocols(['range'], 'x') })) as [Joined]
    await group.commit({ 'a-0': 1 }, identityOf(leader))
    expect((await remove('a'))[0]!.partitions[0]!.errorCode).toBe(86)
  })

  it('is refused for groups that are not there, or have members of another protocol', async () => {
    await expect(remove('a')).rejects.toMatchObject({ kafkaError: 'GROUP_ID_NOT_FOUND' })
    await group.stable(1, { protocolType: 'connect' })
    await expect(remove('a')).rejects.toMatchObject({ kafkaError: 'NON_EMPTY_GROUP' })
  })
})

describe('deleting a group', () => {
  const remove = () => outcomeOf(() => group.run((shard) => shard.deleteGroup(groupId)))

  it('forgets it and its offsets, for good', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    await group.commit({ 'topic-0': 1 }, identityOf(leader))
    expect(await remove()).toBe('NON_EMPTY_GROUP')
    await group.leave({ memberId: leader.memberId })
    expect(await remove()).toBe('NONE')
    expect(await group.state()).toBe('none')
    expect(await group.offsets()).toEqual({})
    await group.restart()
    expect(await group.state()).toBe('none')
    expect(await group.offsets()).toEqual({})
    expect(await remove()).toBe('GROUP_ID_NOT_FOUND')
    const [next] = (await group.stable(1)) as [Joined]
    expect(next.generationId).toBe(1)
  })

  it('splits what no batch can hold', async () => {
    group = new GroupHarness({ maxBatchBytes: 2_000 })
    for (let partition = 0; partition < 60; partition += 1) await group.commit({ [`topic-${partition}`]: 1 })
    expect(await remove()).toBe('NONE')
    await group.restart()
    expect(await group.offsets()).toEqual({})
  })
})

describe('listing and describing', () => {
  const list = (states: string[], types: string[] = []) =>
    group.run((shard) => shard.listGroups({ states: new Set(states), types: new Set(types) }))

  it('filters by state and type', async () => {
    await group.commit({ 'topic-0': 1 }, { groupId: 'simple' })
    await group.stable(1)
    const simple = { groupId: 'simple', protocolType: '', groupState: 'Empty', groupType: 'classic' }
    const stable = { groupId, protocolType: 'consumer', groupState: 'Stable', groupType: 'classic' }
    expect(await list([])).toEqual([simple, stable])
    expect(await list(['stable'])).toEqual([stable])
    expect(await list(['empty', 'dead'], ['classic'])).toEqual([simple])
    expect(await list([], ['consumer'])).toEqual([])
    expect(await list(['nonsense'])).toEqual([])
  })

  it('tells subscriptions of stable groups alone', async () => {
    const [leader] = (await group.stable(1)) as [Joined]
    const member = { memberId: leader.memberId, groupInstanceId: null, clientId: 'client', clientHost: '/127.0.0.1' }
    expect(await group.describe()).toEqual({
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [{ ...member, memberMetadata: subscription(['topic']), memberAssignment: Buffer.from('0') }],
    })
    void group.join({ version: 3 })
    await group.settle()
    const described = await group.describe()
    expect(described).toMatchObject({ groupState: 'PreparingRebalance', protocolData: '' })
    expect(described.members).toHaveLength(2)
    expect(described.members[0]).toMatchObject({ ...member, memberMetadata: Buffer.alloc(0) })
    await expect(group.describe('other')).rejects.toThrow('Group other not found.')
  })
})

describe('what another Kafka has left', () => {
  const write = async (...records: { key: Buffer; value: Buffer | null }[]) => {
    const timestamp = group.clock.now()
    await group.log.append(
      buildRecordBatch(
        {},
        records.map((record) => ({ timestamp, ...record })),
      ),
      'coordinator',
    )
  }
  const key = (type: number, id: string) => {
    const bytes = Buffer.alloc(4 + id.length)
    bytes.writeInt16BE(type, 0)
    bytes.writeInt16BE(id.length, 2)
    bytes.write(id, 4)
    return bytes
  }
  const value = Buffer.from([0, 0, 0, 0, 0, 1, 0])

  it('lists groups of other kinds, and lets nobody join or delete them', async () => {
    await group.commit({ 'topic-0': 1 }, { groupId: 'shared' })
    await write({ key: key(11, 'shared'), value }, { key: key(17, 'streams'), value })
    await write({ key: key(11, 'gone'), value }, { key: key(11, 'gone'), value: null }, { key: key(99, 'new'), value })
    await group.restart()
    expect(await group.run((shard) => shard.listGroups(allGroups))).toMatchObject([
      { groupId: 'shared', groupType: 'share' },
      { groupId: 'streams', groupType: 'streams' },
    ])
    expect(await group.join({ groupId: 'shared' })).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
    expect(await group.offsets('shared')).toEqual({ 'topic-0': 1 })
    expect(await group.commit({ 'topic-0': 2 }, { groupId: 'shared' })).toBe('NONE')
    const identity = { memberId: 'member', generationId: 1 }
    expect(await group.commit({ 'topic-0': 3 }, { groupId: 'shared', ...identity })).toBe('UNKNOWN_MEMBER_ID')
    await expect(group.run((shard) => shard.deleteGroup('shared'))).rejects.toMatchObject({
      kafkaError: 'NON_EMPTY_GROUP',
    })
    await expect(group.describe('shared')).rejects.toThrow('Group shared is not a classic group.')
    await group.restart()
    expect(await group.offsets('shared')).toEqual({ 'topic-0': 2 })
  })

  it('passes over values of versions to come', async () => {
    const { key } = groupRecordCodec.encode({ kind: 'GroupMetadata', groupId, value: null })
    await write({ key, value: Buffer.from([0, 99, 1, 2, 3]) })
    await group.restart()
    expect(await group.state()).toBe('none')
  })

  it('keeps offsets of open transactions aside until they end', async () => {
    const commit = (partition: number, offset: number) => {
      const base = { leaderEpoch: -1, metadata: '', commitTimestampMs: 0, expireTimestampMs: -1, topicId: noTopicId }
      const kind = 'OffsetCommit'
      const encoded = groupRecordCodec.encode({
        kind,
        groupId,
        topic: 'topic',
        partition,
        value: { committedOffset: offset, ...base },
      })
      return { timestamp: group.clock.now(), ...encoded }
    }
    const header = { producerEpoch: 0, baseSequence: 0, isTransactional: true }
    const marker = { coordinatorEpoch: 0, producerEpoch: 0, timestamp: group.clock.now() }
    await group.log.append(buildRecordBatch({ ...header, producerId: 1n }, [commit(0, 10)]), 'coordinator')
    await group.log.append(buildRecordBatch({ ...header, producerId: 2n }, [commit(1, 20)]), 'coordinator')
    await group.log.append(buildRecordBatch({ ...header, producerId: 3n }, [commit(2, 30)]), 'coordinator')
    await group.log.append(buildEndTransactionMarker({ ...marker, producerId: 1n, type: 'COMMIT' }), 'coordinator')
    await group.log.append(buildEndTransactionMarker({ ...marker, producerId: 2n, type: 'ABORT' }), 'coordinator')
    await group.restart()
    expect(await group.offsets()).toEqual({ 'topic-0': 10 })
    const topics = [{ name: 'topic', topicId: noTopicId, partitionIndexes: [0, 1, 2] }]
    const codes = async (requireStable: boolean) => {
      const [fetched] = await group.run((shard) => shard.fetchOffsets({ groupId, topics }, requireStable))
      return fetched!.partitions.map(({ errorCode }) => errorCode)
    }
    expect(await codes(true)).toEqual([0, 0, 88])
    expect(await codes(false)).toEqual([0, 0, 0])
  })

  it('lets the commit count that was written later', () => {
    const offsets = new CommittedOffsets()
    const commit = (committedOffset: number): OffsetCommitRecord => ({
      kind: 'OffsetCommit',
      groupId,
      topic: 'topic',
      partition: 0,
      value: {
        committedOffset,
        leaderEpoch: -1,
        metadata: '',
        commitTimestampMs: 0,
        expireTimestampMs: -1,
        topicId: noTopicId,
      },
    })
    offsets.replay(commit(1), 7n)
    offsets.replay(commit(2), -1n)
    offsets.endTransaction(7n, true)
    expect(offsets.get(groupId, 'topic', 0)?.committedOffset).toBe(2)
    offsets.replay(commit(3), 7n)
    offsets.endTransaction(7n, true)
    expect(offsets.get(groupId, 'topic', 0)?.committedOffset).toBe(3)
    offsets.replay(commit(4), 7n)
    offsets.replay({ ...commit(4), value: null }, -1n)
    offsets.endTransaction(7n, true)
    expect(offsets.get(groupId, 'topic', 0)).toBeUndefined()
  })
})
