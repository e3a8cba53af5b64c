/** CreatePartitions: adds partitions to topics, each topic by itself. */
import { errorCode, type KafkaError } from '../../protocol/errors.ts'
import { createPartitions } from '../../protocol/messages/create-partitions.ts'
import { handle } from './handler.ts'

export const createPartitionsHandler = handle(createPartitions, {
  async serve(request, { access, cluster }) {
    const allowed = request.topics.filter(({ name }) => access.isAllowed('Topic', name, 'Alter'))
    const results = await cluster.createPartitions(allowed, request)
    const answers = new Map(allowed.map(({ name }, index) => [name, answer(name, results[index])]))
    for (const { name } of request.topics) {
      if (!answers.has(name)) {
        answers.set(name, { name, errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'), errorMessage: null })
      }
    }
    return { results: [...answers.values()] }
  },
  fail: (request, code, _context, message) => ({
    results: request.topics.map(({ name }) => ({ name, errorCode: code, errorMessage: message })),
  }),
})

function answer(name: string, error: KafkaError | undefined) {
  // Kafka gives no text to a topic that is not there.
  const hasMessage = error !== undefined && error.kafkaError !== 'UNKNOWN_TOPIC_OR_PARTITION'
  return { name, errorCode: error?.code ?? 0, errorMessage: hasMessage ? error.message : null }
}
