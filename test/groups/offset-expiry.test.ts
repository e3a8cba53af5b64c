import { beforeEach, describe, expect, it } from 'vitest'
import { buildEndTransactionMarker, buildRecordBatch } from '../../protocol/records/index.ts'
import { groupMetadataRecord } from '../../src/groups/classic/classic-group-metadata.ts'
import { type GroupRecord, groupRecordCodec, noTopicId } from '../../src/groups/group-records.ts'
import { GroupHarness, groupId, type Joined, protocols, subscription } from './group-harness.ts'

const retentionMs = 100_000
const checkIntervalMs = 1_000
let group: GroupHarness

beforeEach(() => {
  group = new GroupHarness({
    offsetsRetentionMs: retentionMs,
    offsetsRetentionCheckIntervalMs: checkIntervalMs,
    initialRebalanceDelayMs: 0,
  })
})

/** Lets time pass in the steps of a member that stays alive. */
async function staying(member: Joined, forMs: number): Promise<void> {
  for (let passed = 0; passed < forMs; passed += 5_000) {
    await group.advance(5_000)
    expect(await group.heartbeat(member)).toBe('NONE')
  }
}

/** What is in the log since `from`, in short. */
async function written(from: number): Promise<string[]> {
  const records = (await group.records()).slice(from)
  return records.map((record) => {
    if (record.kind === 'OffsetCommit') {
      return `${record.topic}-${record.partition} ${record.value === null ? 'gone' : record.value.committedOffset}`
    }
    return record.kind === 'GroupMetadata' ? `group ${record.value === null ? 'gone' : 'there'}` : record.kind
  })
}

async function recordCount(): Promise<number> {
  return (await group.records()).length
}

async function write(records: readonly GroupRecord[], producerId = -1n): Promise<void> {
  const header = producerId < 0n ? {} : { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  const encoded = records.map((record) => ({ timestamp: group.clock.now(), ...groupRecordCodec.encode(record) }))
  await group.log.append(buildRecordBatch(header, encoded), 'coordinator')
}

function offsetRecord(commitTimestampMs: number): GroupRecord {
  const value = { committedOffset: 1, leaderEpoch: -1, metadata: '', commitTimestampMs, expireTimestampMs: -1 }
  return { kind: 'OffsetCommit', groupId, topic: 'topic', partition: 0, value: { ...value, topicId: noTopicId } }
}

describe('committed offsets of a group without members', () => {
  it('expire by the time of their commit where nobody ever was a member', async () => {
    await group.commit({ 'topic-0': 1 })
    await group.advance(50_000)
    await group.commit({ 'topic-1': 2 })
    await group.advance(retentionMs - 50_000 - 1)
    expect(await group.offsets()).toEqual({ 'topic-0': 1, 'topic-1': 2 })
    await group.advance(checkIntervalMs)
    expect(await group.offsets()).toEqual({ 'topic-1': 2 })
    expect(await group.state()).toBe('Empty')
  })

  it('take the group with them when the last expires', async () => {
    await group.commit({ 'topic-0': 1, 'topic-1': 2 })
    const before = await recordCount()
    await group.advance(retentionMs + checkIntervalMs)
    expect(await group.state()).toBe('none')
    expect(await written(before)).toEqual(['topic-0 gone', 'topic-1 gone', 'group gone'])
    await group.restart()
    expect(await group.state()).toBe('none')
    expect(await group.offsets()).toEqual({})
  })

  it('expire together, by the time when the last member went', async () => {
    const [member] = (await group.stable(1)) as [Joined]
    await group.commit({ 'topic-0': 1 }, { memberId: member.memberId, generationId: member.generationId })
    await staying(member, retentionMs * 2)
    await group.leave({ memberId: member.memberId })
    expect(await group.state()).toBe('Empty')
    await group.advance(retentionMs - checkIntervalMs)
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
    await group.advance(checkIntervalMs)
    expect(await group.state()).toBe('none')
  })

  it('know after a restart when the last member went', async () => {
    const [member] = (await group.stable(1)) as [Joined]
    await group.commit({ 'topic-0': 1 }, { memberId: member.memberId, generationId: member.generationId })
    await group.leave({ memberId: member.memberId })
    await group.advance(retentionMs / 2)
    await group.restart()
    await group.advance(retentionMs / 2 - checkIntervalMs)
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
    await group.advance(checkIntervalMs)
    expect(await group.state()).toBe('none')
  })

  it('expire by their commit where the stored group does not say since when it is empty', async () => {
    const value = { protocolType: 'consumer', generation: 3, protocol: null, leader: null, members: [] }
    await write([groupMetadataRecord(groupId, { ...value, currentStateTimestamp: -1 })])
    await write([offsetRecord(group.clock.now() - retentionMs + 5_000)])
    await group.restart()
    await group.advance(4_000)
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
    await group.advance(1_000)
    expect(await group.state()).toBe('none')
  })

  it('expire at their own time where the commit had one', async () => {
    await group.commit({ 'topic-0': 1 }, { retentionTimeMs: 10_000 })
    await group.commit({ 'topic-1': 2 }, { retentionTimeMs: retentionMs * 2 })
    await group.restart()
    await group.advance(9_000)
    expect(await group.offsets()).toEqual({ 'topic-0': 1, 'topic-1': 2 })
    await group.advance(1_000)
    expect(await group.offsets()).toEqual({ 'topic-1': 2 })
    await group.advance(retentionMs)
    expect(await group.offsets()).toEqual({ 'topic-1': 2 })
    await group.advance(retentionMs)
    expect(await group.state()).toBe('none')
  })

  it('are kept while a transaction is open, and the group with them', async () => {
    await group.commit({ 'topic-0': 1, 'topic-1': 1 })
    await write([offsetRecord(group.clock.now())], 7n)
    await group.restart()
    await group.advance(retentionMs * 2)
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
    const marker = { coordinatorEpoch: 0, producerEpoch: 0, timestamp: group.clock.now(), producerId: 7n } as const
    await group.log.append(buildEndTransactionMarker({ ...marker, type: 'ABORT' }), 'coordinator')
    await group.restart()
    await group.advance(checkIntervalMs)
    expect(await group.state()).toBe('none')
  })

  it('are not needed for the group to go: one that nobody joined goes at once', async () => {
    const { memberId } = await group.join()
    expect(await group.state()).toBe('Empty')
    await group.advance(checkIntervalMs)
    expect(await group.state()).toBe('none')
    expect(await group.join({ memberId })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
  })

  it('come back with the state when the tombstones could not be written, and expire later', async () => {
    await group.commit({ 'topic-0': 1 })
    await group.advance(retentionMs - 500)
    group.log.failNextWrite()
    await group.advance(500)
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
    await group.advance(checkIntervalMs)
    expect(await group.state()).toBe('none')
  })
})

describe('committed offsets of a group with members', () => {
  const commit = (member: Joined, offsets: Record<string, number>) =>
    group.commit(offsets, { memberId: member.memberId, generationId: member.generationId })

  it('expire for topics that nobody is subscribed to, by the time of their commit', async () => {
    const [member] = (await group.stable(1, { protocols: protocols(['range'], subscription(['mine'])) })) as [Joined]
    await commit(member, { 'mine-0': 1, 'other-0': 2 })
    await staying(member, 50_000)
    await commit(member, { 'other-1': 3 })
    await staying(member, 50_000)
    expect(await group.offsets()).toEqual({ 'mine-0': 1, 'other-1': 3 })
    await staying(member, 50_000)
    expect(await group.offsets()).toEqual({ 'mine-0': 1 })
    expect(await group.state()).toBe('Stable')
  })

  it('are kept while a rebalance goes on', async () => {
    const [member] = (await group.stable(1, { rebalanceTimeoutMs: retentionMs * 3 })) as [Joined]
    await commit(member, { 'other-0': 2 })
    const { memberId } = await group.join()
    void group.join({ memberId, rebalanceTimeoutMs: retentionMs * 3 })
    await group.settle()
    for (let passed = 0; passed < retentionMs * 2; passed += 5_000) {
      await group.advance(5_000)
      expect(await group.heartbeat(member)).toBe('REBALANCE_IN_PROGRESS')
    }
    expect(await group.offsets()).toEqual({ 'other-0': 2 })
  })

  it('are kept where the subscriptions can not be read, or mean something else', async () => {
    const [member] = (await group.stable(1, { protocols: protocols(['range'], 'x') })) as [Joined]
    await commit(member, { 'other-0': 2 })
    await staying(member, retentionMs * 2)
    expect(await group.offsets()).toEqual({ 'other-0': 2 })
    await group.leave({ memberId: member.memberId })
    const [worker] = (await group.stable(1, { protocolType: 'connect' })) as [Joined]
    await staying(worker, retentionMs * 2)
    expect(await group.offsets()).toEqual({ 'other-0': 2 })
  })
})
