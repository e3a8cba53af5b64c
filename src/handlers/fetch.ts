/** handlers: Fetch: the reading itself is the fetch room's; here old clients get the batches in the form that they know. */
import { KafkaError } from '../../protocol/errors.ts'
import { type FetchRequest, fetch } from '../../protocol/messages/fetch.ts'
import { downConvert } from '../../protocol/records/index.ts'
import type { PartitionAnswer } from '../fetch/fetcher.ts'
import { type Context, userOf } from './context.ts'
import { handle, whenSent, whenThrottled } from './handler.ts'
import { LeaderHints } from './leader-hints.ts'

/** From here on topics are named by id alone (KIP-516). */
const firstTopicIdVersion = 13
/** Versions before know no batches of magic 2 (KIP-98). */
const firstMagic2Version = 4
/** Versions before know no message sets of magic 1 (KIP-32). */
const firstMagic1Version = 2
/** From here on a client may read from followers (KIP-392). */
const firstFollowerVersion = 11
/** From here on a client is told who leads what was asked of the wrong broker (KIP-951). */
const firstLeaderHintVersion = 16
/** Versions before can't be sent zstd (KIP-110). */
const firstZstdVersion = 10

export const fetchHandler = handle(fetch, {
  counts: 'fetch',
  async serve(request, context) {
    const { apiVersion, fetcher, connection, access, quotas, clientId, traffic } = context
    const { isEnforced } = quotas
    const maxBytes = isEnforced ? quotas.maxFetchBytes({ user: userOf(connection), clientId }) : undefined
    const { sessionId, responses, release, scope } = await fetcher.fetch(request, {
      maxBytes,
      usesTopicIds: apiVersion >= firstTopicIdVersion,
      hardMaxBytes: apiVersion < 3,
      readsFollowers: apiVersion >= firstFollowerVersion,
      isReadable: (topic) => access.isAllowed('Topic', topic, 'Read'),
      onClose: (listener) => connection.onClose(listener),
    })
    const hints = new LeaderHints(context)
    for (const { topic, topicId, partitions } of responses) {
      for (const partition of partitions) {
        if (apiVersion >= firstLeaderHintVersion) {
          const leader = hints.leaderFor(partition.errorCode, { name: topic, topicId }, partition.partitionIndex)
          if (leader !== undefined) partition.currentLeader = leader
        }
        traffic?.fetched(topic === '' ? nameOf(topicId, context) : topic, partition.errorCode, partition.records)
        if (apiVersion < firstZstdVersion) convertForOldClient(partition, topic, request, apiVersion)
      }
    }
    const answer = { sessionId, responses, nodeEndpoints: hints.nodeEndpoints(), [whenSent]: release }
    if (!isEnforced) return answer
    const isFull = request.sessionEpoch <= 0
    return {
      ...answer,
      // As in Kafka, an empty answer to all partitions opens no session.
      [whenThrottled]: () => {
        scope.withdraw()
        return { sessionId: isFull ? 0 : sessionId, responses: [] }
      },
    }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})

function nameOf(topicId: string, { cluster }: Context): string | undefined {
  return cluster.topics.byId(topicId)?.name
}

function convertForOldClient(answer: PartitionAnswer, topic: string, request: FetchRequest, apiVersion: number): void {
  const magic = apiVersion < firstMagic1Version ? 0 : apiVersion < firstMagic2Version ? 1 : 2
  // Versions that need another magic know no sessions: every partition is named in the request.
  const asked = request.topics.find((each) => each.topic === topic)?.partitions
  const firstOffset = asked?.find(({ partition }) => partition === answer.partitionIndex)?.fetchOffset
  try {
    answer.records = downConvert(answer.records, magic, firstOffset === undefined ? {} : { firstOffset })
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    answer.records = []
    answer.errorCode = error.code
  }
}
