/** CreatePartitions: adds partitions to topics, each topic by itself. */
import { errorCode, type KafkaError } from '../../protocol/errors.ts'
import { createPartitions } from '../../protocol/messages/create-partitions.ts'
import { messageOf, mutationQuotaOf } from './context.ts'
import { handle } from './handler.ts'

/** From here on clients know that a quota can be used up (KIP-599). */
const firstStrictVersion = 3

export const createPartitionsHandler = handle(createPartitions, {
  async serve(request, context) {
    const { access, cluster } = context
    const allowed = request.topics.filter(({ name }) => access.isAllowed('Topic', name, 'Alter'))
    const mutations = mutationQuotaOf(context, firstStrictVersion)
    const results = await cluster.createPartitions(allowed, { validateOnly: request.validateOnly, mutations })
    const answers = new Map(allowed.map(({ name }, index) => [name, answer(name, results[index])]))
    for (const { name } of request.topics) {
      if (!answers.has(name)) {
        answers.set(name, { name, errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'), errorMessage: null })
      }
    }
    return { throttleTimeMs: mutations.throttleMs, results: [...answers.values()] }
  },
  fail: (request, code, _context, message) => ({
    results: request.topics.map(({ name }) => ({ name, errorCode: code, errorMessage: message })),
  }),
})

function answer(name: string, error: KafkaError | undefined) {
  // Kafka gives no text to a topic that is not there.
  const hasMessage = error !== undefined && error.kafkaError !== 'UNKNOWN_TOPIC_OR_PARTITION'
  return { name, errorCode: error?.code ?? 0, errorMessage: hasMessage ? messageOf(error) : null }
}
