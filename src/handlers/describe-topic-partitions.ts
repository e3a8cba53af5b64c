/** DescribeTopicPartitions: topics by name, page by page (KIP-966); a page ends at a number of partitions, a cursor says where the next starts. */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import {
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponse,
  describeTopicPartitions,
} from '../../protocol/messages/describe-topic-partitions.ts'
import type { Steps } from '../../protocol/schema/index.ts'
import type { Partition } from '../cluster/partition.ts'
import { inTurns, itemsPerTurn } from '../runtime/turns.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'
import { describeTopic, failedTopic, missingTopic, ReachableBrokers } from './topic-descriptions.ts'

export const describeTopicPartitionsHandler = handle(describeTopicPartitions, {
  serve: (request, context) => inTurns(describe(request, context)),
  fail: (request, code) => ({ topics: request.topics.map(({ name }) => failedTopic(name, code)) }),
})

function* describe(request: DescribeTopicPartitionsRequest, context: Context): Steps<DescribeTopicPartitionsResponse> {
  const { cluster, access, broker, connection } = context
  const names = namesAsked(request, context)
  const reachable = new ReachableBrokers(cluster, connection.listener)
  const limit = Math.min(broker.config.get('max.request.partition.size.limit'), request.responsePartitionLimit)
  let remaining = Math.max(1, limit)
  const topics = []
  for (const [index, name] of names.entries()) {
    if (index % itemsPerTurn === itemsPerTurn - 1) yield
    const first = name === request.cursor?.topicName ? request.cursor.partitionIndex : 0
    if (remaining === 0) return { topics, nextCursor: { topicName: name, partitionIndex: first } }
    const topic = cluster.topics.byName(name)
    // Whether a topic is there is told only to those who may see it.
    if (!access.isAllowed('Topic', name, 'Describe')) {
      topics.push(failedTopic(name, errorCode('TOPIC_AUTHORIZATION_FAILED')))
      continue
    }
    if (topic === undefined) {
      topics.push(missingTopic(name, access, true))
      continue
    }
    const shown = topic.partitions.slice(first, first + remaining)
    topics.push({
      ...describeTopic(topic, access, true),
      partitions: shown.map((partition) => describePartition(partition, reachable)),
    })
    remaining -= shown.length
    const next = first + shown.length
    if (next < topic.partitions.length) return { topics, nextCursor: { topicName: name, partitionIndex: next } }
  }
  return { topics, nextCursor: null }
}

/** Sorted, each once, from the cursor on; without names all that the client may see. */
function namesAsked(request: DescribeTopicPartitionsRequest, { cluster, access }: Context): string[] {
  const { cursor } = request
  const isAll = request.topics.length === 0
  const names = isAll
    ? [...cluster.topics.values()].map(({ name }) => name).filter((name) => access.isAllowed('Topic', name, 'Describe'))
    : [...new Set(request.topics.map(({ name }) => name))]
  if (cursor === null) return names.sort()
  if (cursor.partitionIndex < 0) {
    throw new KafkaError(
      'INVALID_REQUEST',
      `DescribeTopicPartitionsRequest cursor partition must be valid: ${cursor.topicName}-${cursor.partitionIndex}`,
    )
  }
  if (!isAll && !names.includes(cursor.topicName)) {
    throw new KafkaError(
      'INVALID_REQUEST',
      `DescribeTopicPartitionsRequest topic list should contain the cursor topic: ${cursor.topicName}`,
    )
  }
  return names.filter((name) => name >= cursor.topicName).sort()
}

function describePartition(partition: Partition, reachable: ReachableBrokers) {
  return {
    errorCode: 0,
    partitionIndex: partition.index,
    leaderId: reachable.has(partition.leaderId) ? partition.leaderId : -1,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    eligibleLeaderReplicas: partition.eligibleLeaderReplicas,
    lastKnownElr: partition.lastKnownElr,
    offlineReplicas: reachable.offline(partition.replicas),
  }
}
