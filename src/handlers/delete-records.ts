/** DeleteRecords: moves the start of partitions' logs, -1 to the high watermark (KIP-107). */
import { KafkaError } from '../../protocol/errors.ts'
import { type DeleteRecordsRequest, deleteRecords } from '../../protocol/messages/delete-records.ts'
import type { Context } from './context.ts'
import { answerEach, handle } from './handler.ts'

interface AskedPartition {
  readonly partitionIndex: number
  readonly offset: number
}

export const deleteRecordsHandler = handle(deleteRecords, {
  async serve(request, context) {
    const topics = await Promise.all(
      [...askedIn(request)].map(async ([name, partitions]) => ({
        name,
        partitions: await answerEach(
          partitions,
          async (asked) => ({
            partitionIndex: asked.partitionIndex,
            lowWatermark: await deleteBefore(name, asked, context),
            errorCode: 0,
          }),
          ({ partitionIndex }, errorCode) => ({ partitionIndex, lowWatermark: -1, errorCode }),
        ),
      })),
    )
    return { topics }
  },
  fail: (request, errorCode) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode })),
    })),
  }),
})

/** Each topic and partition once, as Kafka answers them: the last offset that is named for a partition counts. */
function askedIn({ topics }: DeleteRecordsRequest): Map<string, AskedPartition[]> {
  const byTopic = new Map<string, Map<number, AskedPartition>>()
  for (const { name, partitions } of topics) {
    if (partitions.length === 0) continue
    const asked = byTopic.get(name) ?? new Map<number, AskedPartition>()
    byTopic.set(name, asked)
    for (const partition of partitions) asked.set(partition.partitionIndex, partition)
  }
  return new Map([...byTopic].map(([name, asked]) => [name, [...asked.values()]]))
}

/** Returns the new log start offset: every replica lies in the one log. */
async function deleteBefore(
  topic: string,
  asked: AskedPartition,
  { access, broker, cluster }: Context,
): Promise<number> {
  access.require('Topic', topic, 'Delete')
  const found = cluster.topics.byName(topic)
  if (found?.partitions[asked.partitionIndex] === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
  if (found.isInternal) throw new KafkaError('INVALID_TOPIC_EXCEPTION')
  const { log } = broker.leaderOfDamaged(topic, asked.partitionIndex)
  const cleanupPolicy = cluster.topicConfig(topic, broker.id).get('cleanup.policy')
  if (cleanupPolicy.includes('compact') && !cleanupPolicy.includes('delete')) throw new KafkaError('POLICY_VIOLATION')
  return await log.deleteRecordsBefore(asked.offset)
}
