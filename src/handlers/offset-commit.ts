/** handlers: OffsetCommit: a group commits offsets. v0 meant ZooKeeper and is not served. */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { type OffsetCommitRequest, offsetCommit } from '../../protocol/messages/offset-commit.ts'
import type { Topic } from '../cluster/topic.ts'
import type { TopicAnswer } from '../groups/group-requests.ts'
import { mapInTurns } from '../runtime/turns.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'

type AskedTopic = OffsetCommitRequest['topics'][number]

const unknownPartition = errorCode('UNKNOWN_TOPIC_OR_PARTITION')

export const offsetCommitHandler = handle(offsetCommit, {
  versions: '1-10',
  async serve(request, context) {
    context.access.require('Group', request.groupId, 'Read')
    const found = await mapInTurns(request.topics, (asked) => find(asked, context))
    const answers = await commit(request, found, context)
    return {
      topics: request.topics.flatMap(({ name, topicId, partitions }, index) => {
        if (partitions.length === 0) return []
        const topic = found[index]!
        const codes = new Map(answers.get(index)?.partitions.map((each) => [each.partitionIndex, each.errorCode]))
        return {
          name,
          topicId,
          partitions: partitions.map(({ partitionIndex }) => ({
            partitionIndex,
            errorCode: topic instanceof KafkaError ? topic.code : (codes.get(partitionIndex) ?? unknownPartition),
          })),
        }
      }),
    }
  },
  fail: ({ topics }, errorCode) => ({ topics: topics.map((topic) => failed(topic, errorCode)) }),
})

function find({ name, topicId }: AskedTopic, { cluster, access, apiVersion }: Context): Topic | KafkaError {
  const topic = apiVersion < 10 ? cluster.topics.byName(name) : cluster.topics.byId(topicId)
  if (topic === undefined && apiVersion >= 10) return new KafkaError('UNKNOWN_TOPIC_ID')
  if (!access.isAllowed('Topic', topic?.name ?? name, 'Read')) return new KafkaError('TOPIC_AUTHORIZATION_FAILED')
  return topic ?? new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
}

/** Commits for the partitions that exist; answers by index of the topic. What is wrong with the group is the answer for each of them. */
async function commit(
  request: OffsetCommitRequest,
  found: readonly (Topic | KafkaError)[],
  { groups, apiVersion }: Context,
): Promise<Map<number, TopicAnswer>> {
  const known = request.topics.flatMap(({ partitions }, index) => {
    const topic = found[index]!
    if (topic instanceof KafkaError) return []
    const existing = partitions.filter(({ partitionIndex }) => topic.partitions[partitionIndex] !== undefined)
    return existing.length === 0 ? [] : [{ index, name: topic.name, topicId: topic.id, partitions: existing }]
  })
  if (known.length === 0) return new Map()
  let answers: readonly TopicAnswer[]
  try {
    answers = await groups.commitOffsets({
      groupId: request.groupId,
      generationId: request.generationIdOrMemberEpoch,
      memberId: request.memberId,
      groupInstanceId: request.groupInstanceId,
      retentionTimeMs: request.retentionTimeMs,
      knowsGroupIdNotFound: apiVersion >= 9,
      topics: known,
    })
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    answers = known.map((topic) => failed(topic, error.code))
  }
  return new Map(known.map(({ index }, place) => [index, answers[place]!]))
}

function failed(
  { name, topicId, partitions }: { name: string; topicId: string; partitions: readonly { partitionIndex: number }[] },
  errorCode: number,
): TopicAnswer {
  return { name, topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) }
}
