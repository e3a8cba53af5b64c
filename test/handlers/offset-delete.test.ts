/** OffsetDelete. */
import { expect, it } from 'vitest'
import { offsetDelete } from '../../protocol/messages/offset-delete.ts'
import { consumerProtocolSubscription } from '../../protocol/state/index.ts'
import { offsetDeleteHandler } from '../../src/handlers/offset-delete.ts'
import { newTopic } from '../cluster/open-cluster.ts'
import { joinRequest, oldClient } from '../groups/open-groups.ts'
import { only } from './ask.ts'
import { groupClient, groupId } from './group-client.ts'

const partitions = [{ partitionIndex: 0 }]

it('deletes offsets of topics that nobody is subscribed to', async () => {
  const { client, groups, cluster, clock, close } = await groupClient()
  await cluster.createTopics([newTopic('other')])
  const metadata = consumerProtocolSubscription.encodeVersioned(0, { topics: ['topic'] })
  const joining = groups.joinGroup(joinRequest(groupId, { protocols: [{ name: 'range', metadata }] }), oldClient)
  await clock.advance(0)
  await clock.advance(0)
  const { memberId, generationId } = await joining
  const identity = { groupId, memberId, generationId, groupInstanceId: null }
  await groups.syncGroup({ ...identity, protocolType: null, protocolName: null, assignments: [] })
  const commit = { partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }
  const topics = ['topic', 'other'].map((name) => ({
    name,
    topicId: cluster.topics.byName(name)!.id,
    partitions: [commit],
  }))
  await groups.commitOffsets({ ...identity, retentionTimeMs: -1, knowsGroupIdNotFound: true, topics })
  const asked = [
    { name: 'topic', partitions: [{ partitionIndex: 9 }, { partitionIndex: 0 }] },
    { name: 'other', partitions },
    { name: 'nowhere', partitions },
  ]
  const answer = await client.ask(offsetDeleteHandler, offsetDelete, 0, { groupId, topics: asked })
  expect(answer.errorCode).toBe(0)
  expect(answer.topics).toEqual([
    {
      name: 'topic',
      partitions: [
        { partitionIndex: 9, errorCode: 3 },
        { partitionIndex: 0, errorCode: 86 },
      ],
    },
    { name: 'other', partitions: [{ partitionIndex: 0, errorCode: 0 }] },
    { name: 'nowhere', partitions: [{ partitionIndex: 0, errorCode: 3 }] },
  ])
  const left = await groups.fetchOffsets({ groupId, topics: null }, false)
  expect(left.map(({ name }) => name)).toEqual(['topic'])
  await close()
})

it('says what is wrong with the group, or that a topic may not be read', async () => {
  const { client, groups, clock, close } = await groupClient(only('Group:group:Delete', 'Group::Delete'))
  const ask = (id: string) =>
    client.ask(offsetDeleteHandler, offsetDelete, 0, { groupId: id, topics: [{ name: 'topic', partitions }] })
  expect(await ask('')).toMatchObject({ errorCode: 24, topics: [] })
  expect(await ask(groupId)).toMatchObject({ errorCode: 69, topics: [] })
  expect(await ask('other')).toMatchObject({ errorCode: 30, topics: [] })
  void groups.joinGroup(joinRequest(groupId), oldClient).catch(() => {})
  await clock.advance(0)
  expect(await ask(groupId)).toMatchObject({
    errorCode: 0,
    topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, errorCode: 29 }] }],
  })
  await close()
})
