/** test: OffsetCommit, OffsetFetch and OffsetDelete of simple consumers, and of topics that come and go. */
import { deleteTopics, metadata, offsetCommit, offsetDelete, offsetFetch } from '../../../protocol/messages/index.ts'
import type { EncodableOf } from '../../../protocol/schema/index.ts'
import { type Conversation, type CreatedTopic, scenario, unknownTopicId } from '../conversation.ts'

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
const missing = { name: 'missing', id: unknownTopicId }

interface Committed {
  readonly partitionIndex?: number
  readonly committedOffset?: number
  readonly committedLeaderEpoch?: number
  readonly committedMetadata?: string | null
}

type Commit = EncodableOf<(typeof offsetCommit)['request']>

function committing(groupId: string, topic: CreatedTopic, partitions: Committed[], rest: Commit = {}): Commit {
  const filled = partitions.map((each) => ({ partitionIndex: 0, committedOffset: 5, committedMetadata: '', ...each }))
  return {
    groupId,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: [{ name: topic.name, topicId: topic.id, partitions: filled }],
    ...rest,
  }
}

type Asked = [topic: CreatedTopic, partitionIndexes: number[]][] | null

function fetching(groupId: string, asked: Asked, rest: object = {}): EncodableOf<(typeof offsetFetch)['request']> {
  const topics = asked?.map(([{ name, id }, partitionIndexes]) => ({ name, topicId: id, partitionIndexes })) ?? null
  return { groupId, topics, groups: [{ groupId, topics, ...rest }], requireStable: false }
}

async function fetched(broker: Conversation, step: string, groupId: string, asked: Asked): Promise<void> {
  await broker.every(step, offsetFetch, fetching(groupId, asked), asked === null ? { from: 2 } : {})
}

export const committedOffsetsScenarios = [
  scenario('commits of a simple consumer', async (broker) => {
    await broker.coordinator()
    const topic = await broker.topic('places', {}, 2)
    for (const version of broker.versions(offsetCommit)) {
      const groupId = `simple-v${version}`
      const ask = (step: string, of: CreatedTopic, partitions: Committed[], rest: Commit = {}) =>
        broker.ask(step, offsetCommit, version, committing(groupId, of, partitions, rest))
      await ask('one', topic, [{ committedOffset: 7, committedLeaderEpoch: 0, committedMetadata: 'here' }])
      await ask('two', topic, [{ committedOffset: 8 }, { partitionIndex: 1, committedOffset: 9 }])
      await ask('none', topic, [])
      await ask('no topics', topic, [], { topics: [] })
      await ask('a missing topic', missing, [{}])
      await ask('a bad name', { name: 'bad name', id: zeroId }, [{}])
      await ask('a missing partition', topic, [{ partitionIndex: 5 }, {}])
      await ask('a negative offset', topic, [{ committedOffset: -1 }])
      await ask('null metadata', topic, [{ committedMetadata: null }])
      await ask('metadata just as long as allowed', topic, [{ partitionIndex: 1, committedMetadata: 'm'.repeat(4096) }])
      await ask('too much metadata', topic, [{ committedMetadata: 'm'.repeat(4097) }, { partitionIndex: 1 }])
      await ask('no group', topic, [{}], { groupId: '' })
      await ask('with a retention time', topic, [{}], { retentionTimeMs: 1_000 })
      await ask('a member', topic, [{}], { memberId: 'someone' })
      await ask('a generation', topic, [{}], { generationIdOrMemberEpoch: 3 })
      await ask('an instance', topic, [{}], { groupInstanceId: 'instance' })
      await broker.ask(`what is there after v${version}`, offsetFetch, 7, {
        groupId,
        topics: null,
        requireStable: true,
      })
    }
  }),

  scenario('committed offsets', async (broker) => {
    await broker.coordinator()
    const topic = await broker.topic('read', {}, 3)
    const places = [
      { partitionIndex: 0, committedOffset: 3, committedLeaderEpoch: 0, committedMetadata: 'three' },
      { partitionIndex: 1, committedOffset: 4, committedMetadata: null },
    ]
    await broker.quietly(offsetCommit, 9, committing('reader', topic, places))
    await fetched(broker, 'all', 'reader', null)
    await fetched(broker, 'one', 'reader', [[topic, [0]]])
    await fetched(broker, 'with one that has none', 'reader', [[topic, [0, 1, 2, 9]]])
    await fetched(broker, 'of a missing topic', 'reader', [[missing, [0]]])
    await fetched(broker, 'of a missing topic and another', 'reader', [
      [topic, [1]],
      [missing, [0]],
    ])
    await fetched(broker, 'no topics', 'reader', [])
    await fetched(broker, 'no partitions', 'reader', [[topic, []]])
    await fetched(broker, 'of an unknown group', 'nobody', [[topic, [0]]])
    await fetched(broker, 'all of an unknown group', 'nobody', null)
    await fetched(broker, 'of no group', '', [[topic, [0]]])
    const stable = { ...fetching('reader', [[topic, [0]]]), requireStable: true }
    await broker.every('stable', offsetFetch, stable, { from: 7 })
    const groups = ['reader', 'nobody', ''].map((groupId) => ({ groupId, topics: null }))
    await broker.every('of several groups', offsetFetch, { groups }, { from: 8 })
    await broker.every('of no groups', offsetFetch, { groups: [] }, { from: 8 })
    const member = (memberId: string | null, memberEpoch: number) =>
      fetching('reader', [[topic, [0]]], { memberId, memberEpoch })
    await broker.every('with a member', offsetFetch, member('someone', 0), { from: 9 })
    await broker.every('with a member and an epoch', offsetFetch, member('someone', 4), { from: 9 })
    await broker.every('with an epoch', offsetFetch, member(null, 4), { from: 9 })
  }),

  scenario('deleted offsets', async (broker) => {
    await broker.coordinator()
    const topic = await broker.topic('forgotten', {}, 3)
    const places = [0, 1].map((partitionIndex) => ({ partitionIndex, committedOffset: 4 }))
    await broker.quietly(offsetCommit, 9, committing('forgetful', topic, places))
    const ask = (step: string, groupId: string, topics: [string, number[]][]) =>
      broker.ask(step, offsetDelete, 0, {
        groupId,
        topics: topics.map(([name, indexes]) => ({
          name,
          partitions: indexes.map((partitionIndex) => ({ partitionIndex })),
        })),
      })
    await ask('of an unknown group', 'nobody', [['forgotten', [0]]])
    await ask('of no group', '', [['forgotten', [0]]])
    await ask('of a missing topic', 'forgetful', [['missing', [0]]])
    await ask('of a missing partition', 'forgetful', [['forgotten', [7]]])
    await ask('of one that has none', 'forgetful', [['forgotten', [2]]])
    await ask('of one and a missing one', 'forgetful', [
      ['forgotten', [0]],
      ['missing', [0]],
    ])
    await ask('of no topics', 'forgetful', [])
    await ask('again', 'forgetful', [['forgotten', [0]]])
    await broker.ask('what is left', offsetFetch, 7, { groupId: 'forgetful', topics: null })
    await ask('the last', 'forgetful', [['forgotten', [1]]])
    await ask('after the last', 'forgetful', [['forgotten', [1]]])
  }),

  scenario('offsets of a deleted topic', async (broker) => {
    await broker.coordinator()
    const topic = await broker.topic('passing')
    await broker.quietly(offsetCommit, 9, committing('lasting', topic, [{}]))
    await broker.quietly(deleteTopics, 5, { topicNames: ['passing'], timeoutMs: 5_000 })
    const gone = { topics: [{ name: 'passing' }], allowAutoTopicCreation: false }
    await broker.until(metadata, 12, gone, (answer) => answer.topics[0]!.errorCode !== 0)
    const none = (answer: { topics: unknown[] }) => answer.topics.length === 0
    await broker.until(offsetFetch, 7, { groupId: 'lasting', topics: null }, none)
    await fetched(broker, 'are gone', 'lasting', [[topic, [0]]])
    broker.masks.name(topic.id, 'id of the deleted topic')
    await broker.every('a commit to it', offsetCommit, committing('lasting', topic, [{}]))
  }),
]
