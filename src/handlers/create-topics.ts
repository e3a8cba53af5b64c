/** CreateTopics: each topic by itself, all in one batch of metadata; the answer shows the configs that the new topic has. */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { createTopics } from '../../protocol/messages/create-topics.ts'
import type { CreatedTopic } from '../cluster/topic-commands.ts'
import { describeTopicConfigs } from '../config/index.ts'
import { mapInTurns } from '../runtime/turns.ts'
import { clusterResource } from '../security/acl.ts'
import { type Context, messageOf, mutationQuotaOf } from './context.ts'
import { handle } from './handler.ts'

/** From here on clients know that a quota can be used up (KIP-599). */
const firstStrictVersion = 6

/** In Kafka's words. */
const notAuthorized = { errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'), errorMessage: 'Authorization failed.' }

export const createTopicsHandler = handle(createTopics, {
  async serve(request, context) {
    const { access, cluster } = context
    const mayCreateAll = access.isAllowed('Cluster', clusterResource, 'Create')
    const isAllowed = ({ name }: { name: string }): boolean => mayCreateAll || access.isAllowed('Topic', name, 'Create')
    const allowed = request.topics.filter(isAllowed)
    const mutations = mutationQuotaOf(context, firstStrictVersion)
    const results = await cluster.createTopics(allowed, { validateOnly: request.validateOnly, mutations })
    const answers = new Map<string, ReturnType<typeof refused> | ReturnType<typeof created>>()
    await mapInTurns(allowed, ({ name }, index) => {
      const result = results[index]!
      answers.set(name, result instanceof KafkaError ? refused(name, result) : created(result, context))
    })
    for (const { name } of request.topics) {
      if (!answers.has(name)) answers.set(name, { name, ...notAuthorized })
    }
    return { throttleTimeMs: mutations.throttleMs, topics: [...answers.values()] }
  },
  fail: (request, code, _context, message) => ({
    topics: request.topics.map(({ name }) => ({ name, errorCode: code, errorMessage: message })),
  }),
})

function refused(name: string, error: KafkaError): { name: string; errorCode: number; errorMessage?: string | null } {
  return { name, errorCode: error.code, errorMessage: messageOf(error) }
}

function created({ name, topicId, numPartitions, replicationFactor, configs }: CreatedTopic, context: Context) {
  const shown = { name, topicId, errorCode: 0, errorMessage: null }
  if (!context.access.isAllowed('Topic', name, 'DescribeConfigs')) {
    return { ...shown, topicConfigErrorCode: errorCode('TOPIC_AUTHORIZATION_FAILED') }
  }
  return {
    ...shown,
    numPartitions,
    replicationFactor,
    configs: describeTopicConfigs(context.broker.config, configs).map((config) => ({
      name: config.name,
      value: config.value,
      readOnly: config.readOnly,
      configSource: config.source,
      isSensitive: config.sensitive,
    })),
  }
}
