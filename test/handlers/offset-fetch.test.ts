/** OffsetFetch at all versions. */
import { expect, it } from 'vitest'
import { offsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { offsetFetchHandler } from '../../src/handlers/offset-fetch.ts'
import { newTopic } from '../cluster/open-cluster.ts'
import { only } from './ask.ts'
import { groupClient, groupId, versions } from './group-client.ts'

type Opened = Awaited<ReturnType<typeof groupClient>>
const strangeId = 'MzMzMzMzQzODMzMzMzMzMw'

async function commit({ groups, topicId }: Opened): Promise<void> {
  const partitions = [{ partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 4, committedMetadata: 'metadata' }]
  await groups.commitOffsets({
    groupId,
    generationId: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    knowsGroupIdNotFound: true,
    topics: [{ name: 'topic', topicId, partitions }],
  })
}

const stored = (committedLeaderEpoch: number) => ({
  partitionIndex: 0,
  committedOffset: 5,
  committedLeaderEpoch,
  metadata: 'metadata',
  errorCode: 0,
})
const none = (partitionIndex: number, errorCode = 0) => ({
  partitionIndex,
  committedOffset: -1,
  committedLeaderEpoch: -1,
  metadata: '',
  errorCode,
})

it('is served from v1 on', () => {
  expect(offsetFetchHandler.versions).toEqual({ first: 1, last: 10 })
})

it.each(versions(1, 7))('v%i fetches the offsets of one group', async (version) => {
  const opened = await groupClient()
  const { client, close } = opened
  await commit(opened)
  const topics = [
    { name: 'topic', partitionIndexes: [0, 1] },
    { name: 'nowhere', partitionIndexes: [3] },
  ]
  const answer = await client.ask(offsetFetchHandler, offsetFetch, version, { groupId, topics })
  expect(answer.errorCode).toBe(0)
  const first = stored(version < 5 ? -1 : 4)
  expect(answer.topics).toEqual([
    { name: 'topic', partitions: [first, none(1)] },
    { name: 'nowhere', partitions: [none(3)] },
  ])
  if (version >= 2) {
    const all = await client.ask(offsetFetchHandler, offsetFetch, version, { groupId, topics: null })
    expect(all.topics).toEqual([{ name: 'topic', partitions: [first] }])
    const unknown = await client.ask(offsetFetchHandler, offsetFetch, version, { groupId: 'unknown', topics: null })
    expect(unknown).toMatchObject({ errorCode: 0, topics: [] })
  }
  await close()
})

it.each(versions(8, 10))('v%i fetches the offsets of several groups', async (version) => {
  const opened = await groupClient()
  const { client, topicId, close } = opened
  await commit(opened)
  const topics = [{ name: 'topic', topicId, partitionIndexes: [0, 1] }]
  const groups = [
    { groupId, topics },
    { groupId, topics: null },
    { groupId: 'unknown', topics: null },
    { groupId: 'unknown', topics },
  ]
  const answer = await client.ask(offsetFetchHandler, offsetFetch, version, { groups, requireStable: true })
  const named = (partitions: object[]) => (version < 10 ? { name: 'topic', partitions } : { topicId, partitions })
  expect(answer.groups).toMatchObject([
    { groupId, errorCode: 0, topics: [named([stored(4), none(1)])] },
    { groupId, errorCode: 0, topics: [named([stored(4)])] },
    { groupId: 'unknown', errorCode: 0, topics: [] },
    { groupId: 'unknown', errorCode: 0, topics: [named([none(0), none(1)])] },
  ])
  await close()
})

it('goes by topic ids from v10 on', async () => {
  const opened = await groupClient()
  const { client, cluster, topicId, close } = opened
  await commit(opened)
  const asked = [
    { topicId: strangeId, partitionIndexes: [0] },
    { topicId, partitionIndexes: [0] },
  ]
  const request = { groups: [{ groupId, topics: asked }] }
  const { groups } = await client.ask(offsetFetchHandler, offsetFetch, 10, request)
  expect(groups[0]!.topics).toMatchObject([
    { topicId, partitions: [stored(4)] },
    { topicId: strangeId, partitions: [none(0, 100)] },
  ])
  await cluster.deleteTopics([topicId])
  await cluster.createTopics([newTopic('topic')])
  const later = cluster.topics.byName('topic')!.id
  const again = {
    groups: [
      { groupId, topics: [{ topicId: later, partitionIndexes: [0] }] },
      { groupId, topics: null },
    ],
  }
  const answer = await client.ask(offsetFetchHandler, offsetFetch, 10, again)
  expect(answer.groups.map(({ topics }) => topics)).toMatchObject([[{ topicId: later, partitions: [none(0)] }], []])
  await close()
})

it.each(versions(1, 10))('v%i puts an error of the group where this version has it', async (version) => {
  const { client, close } = await groupClient(only('Group:mine:Describe'))
  const topics = [{ name: 'topic', partitionIndexes: [0] }]
  const request = { groupId, topics, groups: [{ groupId, topics }] }
  const answer = await client.ask(offsetFetchHandler, offsetFetch, version, request)
  if (version === 1) expect(answer.topics).toEqual([{ name: 'topic', partitions: [none(0, 30)] }])
  else if (version < 8) expect(answer).toMatchObject({ errorCode: 30, topics: [] })
  else expect(answer.groups).toEqual([{ groupId, topics: [], errorCode: 30 }])
  await close()
})

it('hides topics that the client may not describe', async () => {
  const opened = await groupClient(only('Group:group:Describe'))
  const { client, close } = opened
  await commit(opened)
  const topics = [{ name: 'topic', partitionIndexes: [0] }]
  const named = await client.ask(offsetFetchHandler, offsetFetch, 7, { groupId, topics })
  expect(named.topics).toEqual([{ name: 'topic', partitions: [none(0, 29)] }])
  const all = await client.ask(offsetFetchHandler, offsetFetch, 7, { groupId, topics: null })
  expect(all.topics).toEqual([])
  await close()
})
