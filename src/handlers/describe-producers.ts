/** handlers: DescribeProducers: who has written to partitions of this broker, and which transactions are open there (KIP-664). */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import { describeProducers } from '../../protocol/messages/describe-producers.ts'
import { requireValidTopicName } from '../cluster/topic-name.ts'
import { mapInTurns } from '../runtime/turns.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'

export const describeProducersHandler = handle(describeProducers, {
  async serve({ topics }, context) {
    return {
      topics: await mapInTurns(topics, async ({ name, partitionIndexes }) => {
        const problem = problemWith(name, context)
        return {
          name,
          partitions: await mapInTurns(partitionIndexes, (index) =>
            problem === undefined ? describe(name, index, context) : failed(index, problem.code, problem.message),
          ),
        }
      }),
    }
  },
  fail: ({ topics }, code, _context, message) => ({
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => failed(index, code, message)),
    })),
  }),
})

function failed(partitionIndex: number, errorCode: number, errorMessage: string | null) {
  return { partitionIndex, errorCode, errorMessage, activeProducers: [] }
}

/** What is wrong with the topic as a whole. */
function problemWith(name: string, { access, cluster }: Context): KafkaError | undefined {
  try {
    requireValidTopicName(name)
    access.require('Topic', name, 'Read')
    if (cluster.topics.byName(name) === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    return undefined
  } catch (error) {
    if (error instanceof KafkaError) return error
    throw error
  }
}

/** Every replica knows its producers; errors of one partition come without a message, as in Kafka. */
function describe(topic: string, index: number, { broker, cluster }: Context) {
  const without = (error: ErrorName) => failed(index, new KafkaError(error).code, null)
  const partition = cluster.topics.byName(topic)?.partitions[index]
  if (partition === undefined) return without('UNKNOWN_TOPIC_OR_PARTITION')
  if (partition.isOffline) return without('KAFKA_STORAGE_ERROR')
  if (!partition.replicas.includes(broker.id) || !partition.isOpen) return without('NOT_LEADER_OR_FOLLOWER')
  const activeProducers = partition.log.producerStates().map((state) => ({
    producerId: state.producerId,
    producerEpoch: state.producerEpoch,
    lastSequence: state.lastSequence,
    lastTimestamp: state.lastTimestampMs,
    coordinatorEpoch: state.coordinatorEpoch,
    currentTxnStartOffset: state.currentTransactionFirstOffset,
  }))
  return { partitionIndex: index, errorCode: 0, errorMessage: null, activeProducers }
}
