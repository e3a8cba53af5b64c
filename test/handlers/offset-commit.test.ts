/** OffsetCommit at all versions. */
import { expect, it } from 'vitest'
import { offsetCommit } from '../../protocol/messages/offset-commit.ts'
import { offsetCommitHandler } from '../../src/handlers/offset-commit.ts'
import { only } from './ask.ts'
import { groupClient, groupId, soleMember, versions } from './group-client.ts'

const strangeId = 'MzMzMzMzQzODMzMzMzMzMw'

function partition(partitionIndex: number, committedOffset: number, committedMetadata: string | null = 'metadata') {
  return { partitionIndex, committedOffset, committedLeaderEpoch: 4, committedMetadata }
}

it('is served from v1 on', () => {
  expect(offsetCommitHandler.versions).toEqual({ first: 1, last: 10 })
})

it.each(versions(1, 10))('v%i stores offsets of a member, and of a consumer without a group', async (version) => {
  const { client, groups, clock, topicId, close } = await groupClient()
  const member = await soleMember(groups, clock)
  const topics = [{ name: 'topic', topicId, partitions: [partition(0, 5), partition(1, 6, null)] }]
  for (const id of [groupId, 'simple']) {
    const identity = id === groupId ? { memberId: member.memberId, generationIdOrMemberEpoch: 1 } : {}
    const answer = await client.ask(offsetCommitHandler, offsetCommit, version, { groupId: id, ...identity, topics })
    expect(answer.topics).toEqual([
      {
        name: version < 10 ? 'topic' : '',
        topicId: version < 10 ? expect.any(String) : topicId,
        partitions: [
          { partitionIndex: 0, errorCode: 0 },
          { partitionIndex: 1, errorCode: 0 },
        ],
      },
    ])
    const [fetched] = await groups.fetchOffsets({ groupId: id, topics: null }, false)
    const committedLeaderEpoch = version < 6 ? -1 : 4
    expect(fetched!.partitions).toEqual([
      { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch, metadata: 'metadata', errorCode: 0 },
      { partitionIndex: 1, committedOffset: 6, committedLeaderEpoch, metadata: '', errorCode: 0 },
    ])
  }
  await close()
})

it.each(versions(1, 10))('v%i says for each partition what is wrong', async (version) => {
  const { client, groups, clock, topicId, close } = await groupClient()
  const member = await soleMember(groups, clock)
  const valid = { groupId, memberId: member.memberId, generationIdOrMemberEpoch: 1 }
  const topics = [
    { name: 'nowhere', topicId: strangeId, partitions: [partition(0, 1)] },
    { name: 'topic', topicId, partitions: [partition(7, 1), partition(0, 1), partition(1, 1, 'x'.repeat(4097))] },
    { name: 'topic', topicId, partitions: [partition(0, 2)] },
  ]
  const ask = async (more: object) => {
    const answer = await client.ask(offsetCommitHandler, offsetCommit, version, { ...valid, topics, ...more })
    return answer.topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
  }
  const strange = version < 10 ? 3 : 100
  expect(await ask({})).toEqual([[strange], [3, 0, 12], [0]])
  expect(await ask({ generationIdOrMemberEpoch: 0 })).toEqual([[strange], [3, 22, 22], [22]])
  expect(await ask({ memberId: 'stranger' })).toEqual([[strange], [3, 25, 25], [25]])
  const gone = version < 9 ? 22 : 69
  expect(await ask({ groupId: 'gone' })).toEqual([[strange], [3, gone, gone], [gone]])
  await close()
})

it('refuses groups and topics that the client may not read', async () => {
  const { client, topicId, close } = await groupClient(only('Group:mine:Read', 'Topic:other:Read'))
  const topics = [{ name: 'topic', topicId, partitions: [partition(0, 1)] }]
  for (const version of [9, 10]) {
    const refused = await client.ask(offsetCommitHandler, offsetCommit, version, { groupId: 'yours', topics })
    expect(refused.topics[0]!.partitions).toEqual([{ partitionIndex: 0, errorCode: 30 }])
    const hidden = await client.ask(offsetCommitHandler, offsetCommit, version, { groupId: 'mine', topics })
    expect(hidden.topics[0]!.partitions).toEqual([{ partitionIndex: 0, errorCode: 29 }])
  }
  await close()
})
