/** groups: offsets committed within a transaction: who may, when they count, and what they keep from going (KIP-98, KIP-447). */
import { beforeEach, describe, expect, it } from 'vitest'
import { batchesIn } from '../../protocol/records/batches.ts'
import { GroupHarness, groupId, type Joined } from './group-harness.ts'

const producerId = 7n

let group: GroupHarness

beforeEach(() => {
  group = new GroupHarness()
})

async function errorsOf(requireStable: boolean, partitions: number[] = [0, 1]): Promise<number[]> {
  const topics = [{ name: 'topic', topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partitionIndexes: partitions }]
  const [fetched] = await group.run((shard) => shard.fetchOffsets({ groupId, topics }, requireStable))
  return fetched!.partitions.map(({ errorCode }) => errorCode)
}

const unstable = 88

describe('offsets of a transaction', () => {
  it('count once it is committed', async () => {
    await group.commit({ 'topic-0': 1 })
    expect(await group.commitInTransaction({ 'topic-0': 5, 'topic-1': 6 }, producerId)).toBe('NONE')
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
    expect(await errorsOf(true)).toEqual([unstable, unstable])
    expect(await errorsOf(false)).toEqual([0, 0])
    expect(await group.endTransaction(producerId, true)).toBe('NONE')
    expect(await group.offsets()).toEqual({ 'topic-0': 5, 'topic-1': 6 })
    expect(await errorsOf(true)).toEqual([0, 0])
  })

  it('are as if they had never been once it is aborted', async () => {
    await group.commit({ 'topic-0': 1 })
    await group.commitInTransaction({ 'topic-0': 5, 'topic-1': 6 }, producerId)
    expect(await group.endTransaction(producerId, false)).toBe('NONE')
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
    expect(await errorsOf(true)).toEqual([0, 0])
  })

  it('lie in the log as a transactional batch of the producer, and are found there after a restart', async () => {
    await group.commitInTransaction({ 'topic-0': 5 }, producerId, { producerEpoch: 3 })
    const { records } = await group.log.read(0, { maxBytes: 1e6, minOneBatch: true, isolation: 'log_end' })
    const [batch] = batchesIn(records[0]!)
    expect(batch).toMatchObject({ isTransactional: true, producerId, producerEpoch: 3, baseSequence: 0 })
    await group.restart()
    expect(await group.offsets()).toEqual({})
    expect(await errorsOf(true)).toEqual([unstable, 0])
    await group.endTransaction(producerId, true, { producerEpoch: 3 })
    await group.restart()
    expect(await group.offsets()).toEqual({ 'topic-0': 5 })
  })

  it('and its end are decided in the order of the log, before either is written', async () => {
    await group.restart()
    const outcomes = [
      group.commitInTransaction({ 'topic-0': 5 }, producerId),
      group.endTransaction(producerId, true),
      group.commitInTransaction({ 'topic-0': 9 }, producerId),
    ]
    expect(await Promise.all(outcomes)).toEqual(['NONE', 'NONE', 'NONE'])
    expect(await group.offsets()).toEqual({ 'topic-0': 5 })
    expect(await errorsOf(true, [0])).toEqual([unstable])
    await group.restart()
    expect(await group.offsets()).toEqual({ 'topic-0': 5 })
  })

  it('of an earlier epoch, and late markers, change nothing', async () => {
    await group.commitInTransaction({ 'topic-0': 5 }, producerId, { producerEpoch: 3 })
    const late = 'INVALID_PRODUCER_EPOCH'
    expect(await group.commitInTransaction({ 'topic-0': 6 }, producerId, { producerEpoch: 2 })).toBe(late)
    expect(await group.endTransaction(producerId, false, { producerEpoch: 2 })).toBe(late)
    const bumping = { producerEpoch: 3, transactionVersion: 2 }
    expect(await group.endTransaction(producerId, false, bumping)).toBe(late)
    expect(await group.endTransaction(producerId, true, { producerEpoch: 4, transactionVersion: 2 })).toBe('NONE')
    expect(await group.offsets()).toEqual({ 'topic-0': 5 })
    expect(await group.endTransaction(producerId, true, { coordinatorEpoch: -1, producerEpoch: 4 })).toBe(
      'TRANSACTION_COORDINATOR_FENCED',
    )
  })

  it('need the guard of a verification that no marker has made void', async () => {
    await group.commit({ 'topic-0': 1 })
    const asked = { producerId, producerEpoch: 0, baseSequence: -1, bumpsEpoch: false }
    const guard = group.log.startVerification(asked)
    await group.endTransaction(producerId, false)
    const transaction = { producerId, producerEpoch: 0, guard }
    const request = { groupId, generationId: -1, memberId: '', groupInstanceId: null, transaction }
    const partitions = [{ partitionIndex: 0, committedOffset: 9, committedLeaderEpoch: -1, committedMetadata: '' }]
    const topics = [{ name: 'topic', topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partitions }]
    const committing = group.run((shard) => shard.commitTransactionalOffsets({ ...request, topics }))
    await expect(committing).rejects.toMatchObject({ kafkaError: 'INVALID_TXN_STATE' })
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
    expect(await errorsOf(true)).toEqual([0, 0])
  })

  it('that a failed write has taken are asked for again', async () => {
    await group.commit({ 'topic-0': 1 })
    group.log.failNextWrite()
    expect(await group.commitInTransaction({ 'topic-0': 5 }, producerId)).toBe('NOT_COORDINATOR')
    await group.settle()
    expect(await errorsOf(true)).toEqual([0, 0])
    expect(await group.commitInTransaction({ 'topic-0': 5 }, producerId)).toBe('NONE')
    group.log.failNextWrite()
    expect(await group.endTransaction(producerId, true)).toBe('NOT_COORDINATOR')
    await group.settle()
    expect(await group.offsets()).toEqual({ 'topic-0': 1 })
    expect(await group.endTransaction(producerId, true)).toBe('NONE')
    expect(await group.offsets()).toEqual({ 'topic-0': 5 })
  })

  it('may not have more metadata than others', async () => {
    group = new GroupHarness({ offsetMetadataMaxSize: 3 })
    expect(await group.commitInTransaction({ 'topic-0': 5 }, producerId, { metadata: 'long' })).toBe(
      'OFFSET_METADATA_TOO_LARGE',
    )
    expect(group.log.logEndOffset).toBe(0)
  })

  it('go with those of the group when it is deleted, before their marker comes', async () => {
    await group.commitInTransaction({ 'topic-0': 5 }, producerId)
    await group.run((shard) => shard.deleteGroup(groupId))
    await group.endTransaction(producerId, true)
    expect(await group.offsets()).toEqual({})
    expect(await group.state()).toBe('none')
  })

  it('go when they are deleted one by one', async () => {
    await group.commitInTransaction({ 'topic-0': 5, 'topic-1': 6 }, producerId)
    const topics = [{ name: 'topic', partitions: [{ partitionIndex: 0 }] }]
    await group.run((shard) => shard.deleteOffsets({ groupId, topics }))
    expect(await errorsOf(true)).toEqual([0, unstable])
    await group.endTransaction(producerId, true)
    expect(await group.offsets()).toEqual({ 'topic-1': 6 })
  })

  it('keep the group while they wait, and then for as long as others', async () => {
    group = new GroupHarness({ offsetsRetentionMs: 10_000, offsetsRetentionCheckIntervalMs: 1_000 })
    await group.commitInTransaction({ 'topic-0': 5 }, producerId)
    await group.advance(60_000)
    expect(await group.state()).toBe('Empty')
    await group.endTransaction(producerId, true)
    expect(await group.offsets()).toEqual({ 'topic-0': 5 })
    await group.advance(2_000)
    expect(await group.state()).toBe('none')
  })
})

describe('a commit within a transaction in a classic group', () => {
  it('is taken from whoever does not say who he is, whatever the group does', async () => {
    await group.stable(1)
    expect(await group.commitInTransaction({ 'topic-0': 5 }, producerId)).toBe('NONE')
    void group.join()
    expect(await group.commitInTransaction({ 'topic-1': 5 }, producerId)).toBe('NONE')
  })

  it('is taken from a member of the generation, also while the assignment is awaited', async () => {
    const [first] = (await group.stable(1)) as [Joined]
    const { memberId, generationId } = first
    const commit = (more: object) => group.commitInTransaction({ 'topic-0': 5 }, producerId, more)
    expect(await commit({ memberId, generationId })).toBe('NONE')
    expect(await commit({ memberId, generationId: generationId + 1 })).toBe('ILLEGAL_GENERATION')
    expect(await commit({ memberId })).toBe('ILLEGAL_GENERATION')
    expect(await commit({ memberId: 'stranger', generationId })).toBe('UNKNOWN_MEMBER_ID')
    expect(await commit({ memberId, generationId, groupInstanceId: 'other' })).toBe('UNKNOWN_MEMBER_ID')
    const joined = await group.join({ memberId })
    expect(joined.error).toBe('NONE')
    expect(await group.commit({ 'topic-0': 5 }, { memberId, generationId: joined.generationId })).toBe(
      'REBALANCE_IN_PROGRESS',
    )
    expect(await commit({ memberId, generationId: joined.generationId })).toBe('NONE')
  })

  it('is refused to a static member whose place another one has taken', async () => {
    const request = { groupInstanceId: 'one' }
    const joining = group.join(request)
    await group.advance(0)
    const { memberId, generationId } = await joining
    const replacing = group.join(request)
    await group.advance(0)
    expect((await replacing).memberId).not.toBe(memberId)
    const commit = { memberId, generationId, groupInstanceId: 'one' }
    expect(await group.commitInTransaction({ 'topic-0': 5 }, producerId, commit)).toBe('FENCED_INSTANCE_ID')
  })

  it('makes a group of nobody, and none for a generation that there is not', async () => {
    expect(await group.commitInTransaction({ 'topic-0': 5 }, producerId, { generationId: 1 })).toBe(
      'ILLEGAL_GENERATION',
    )
    expect(await group.state()).toBe('none')
    expect(await group.commitInTransaction({ 'topic-0': 5 }, producerId)).toBe('NONE')
    expect(await group.state()).toBe('Empty')
  })
})
