/** handlers: OffsetFetch: the committed offsets of one group until v7, of several from v8 on. v0 meant ZooKeeper and is not served. */
import { errorCode } from '../../protocol/errors.ts'
import { type OffsetFetchRequest, offsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { zeroUuid } from '../../protocol/schema/index.ts'
import type { FetchedTopic } from '../groups/group-requests.ts'
import type { Context } from './context.ts'
import { answerEach, handle } from './handler.ts'

type AskedGroup = OffsetFetchRequest['groups'][number]
/** Before v9 nobody says who he is. */
type AskedOfGroup = Pick<AskedGroup, 'groupId' | 'topics'> & Partial<Pick<AskedGroup, 'memberId' | 'memberEpoch'>>
type AskedTopic = NonNullable<AskedGroup['topics']>[number]

/** An error of the whole group has its own field from here on; before, every partition has it. */
const firstVersionWithGroupError = 2

export const offsetFetchHandler = handle(offsetFetch, {
  versions: '1-10',
  async serve({ groupId, topics, groups, requireStable }, context) {
    if (context.apiVersion < 8) {
      const asked = topics?.map((topic) => ({ ...topic, topicId: zeroUuid })) ?? null
      return { topics: await fetchGroup({ groupId, topics: asked }, requireStable, context) }
    }
    const fetched = answerEach(
      groups,
      async (group) => ({ groupId: group.groupId, topics: await fetchGroup(group, requireStable, context) }),
      (group, errorCode) => ({ groupId: group.groupId, topics: [], errorCode }),
    )
    return { groups: await fetched }
  },
  fail({ topics, groups }, errorCode, { apiVersion }) {
    if (apiVersion >= 8) return { groups: groups.map(({ groupId }) => ({ groupId, errorCode })) }
    if (apiVersion >= firstVersionWithGroupError) return { errorCode }
    return { topics: topics?.map((topic) => failed({ ...topic, topicId: zeroUuid }, errorCode)) ?? [] }
  },
})

async function fetchGroup(
  { groupId, topics, memberId = null, memberEpoch = -1 }: AskedOfGroup,
  requireStable: boolean,
  context: Context,
): Promise<FetchedTopic[]> {
  const { groups, access } = context
  const member = { memberId, memberEpoch }
  access.require('Group', groupId, 'Describe')
  if (topics === null) {
    const all = await groups.fetchOffsets({ groupId, member, topics }, requireStable)
    return withTopicIds(
      all.filter(({ name }) => access.isAllowed('Topic', name, 'Describe')),
      context,
    )
  }
  const known: AskedTopic[] = []
  const refused: FetchedTopic[] = []
  for (const asked of topics) {
    const topic = context.apiVersion < 10 ? asked : named(asked, context)
    if (topic === undefined) refused.push(failed(asked, errorCode('UNKNOWN_TOPIC_ID')))
    else if (access.isAllowed('Topic', topic.name, 'Describe')) known.push(topic)
    else refused.push(failed(topic, errorCode('TOPIC_AUTHORIZATION_FAILED')))
  }
  return [...(await groups.fetchOffsets({ groupId, member, topics: known }, requireStable)), ...refused]
}

function named(asked: AskedTopic, { cluster }: Context): AskedTopic | undefined {
  const topic = cluster.topics.byId(asked.topicId)
  return topic && { ...asked, name: topic.name }
}

/** From v10 on topics go by their ids: one that is gone has none. */
function withTopicIds(topics: FetchedTopic[], { cluster, apiVersion }: Context): FetchedTopic[] {
  if (apiVersion < 10) return topics
  return topics.flatMap((fetched) => {
    const topic = cluster.topics.byName(fetched.name)
    return topic === undefined ? [] : [{ ...fetched, topicId: topic.id }]
  })
}

function failed({ name, topicId, partitionIndexes }: AskedTopic, errorCode: number): FetchedTopic {
  return {
    name,
    topicId,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: -1,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode,
    })),
  }
}
