/** DeleteTopics: by name, from v6 also by id. */
import { type ErrorName, errorCode, KafkaError } from '../../protocol/errors.ts'
import { type DeleteTopicsRequest, deleteTopics } from '../../protocol/messages/delete-topics.ts'
import { zeroUuid } from '../../protocol/schema/index.ts'
import { mapInTurns } from '../runtime/turns.ts'
import { type Context, messageOf, mutationQuotaOf } from './context.ts'
import { handle } from './handler.ts'

/** From here on clients know that a quota can be used up (KIP-599). */
const firstStrictVersion = 5
/** From here on topics may be named by id. */
const firstTopicIdVersion = 6
/** From here on there is an error that says that deleting is switched off. */
const firstDisabledVersion = 3

interface Asked {
  readonly name: string | null
  readonly topicId: string
}

export const deleteTopicsHandler = handle(deleteTopics, {
  async serve(request, context) {
    if (!context.broker.config.get('delete.topic.enable')) {
      if (context.apiVersion < firstDisabledVersion)
        throw new KafkaError('INVALID_REQUEST', 'Topic deletion is disabled.')
      throw new KafkaError('TOPIC_DELETION_DISABLED')
    }
    const resolved = await resolve(askedIn(request, context.apiVersion), context)
    const wanted = resolved.filter(({ error }) => error === undefined)
    const mutations = mutationQuotaOf(context, firstStrictVersion)
    const topicIds = wanted.map(({ topicId }) => topicId)
    const results = await context.cluster.deleteTopics(topicIds, { mutations })
    const failures = new Map(wanted.map((topic, index) => [topic, results[index]]))
    return {
      throttleTimeMs: mutations.throttleMs,
      responses: resolved.map((topic) => {
        const { name, topicId } = topic
        const error = topic.error ?? failures.get(topic)
        if (error === undefined) return { name, topicId, errorCode: 0, errorMessage: null }
        return { name, topicId, errorCode: error.code, errorMessage: messageOf(error) }
      }),
    }
  },
  fail: (request, code, { apiVersion }, message) => ({
    responses: askedIn(request, apiVersion).map(({ name, topicId }) => ({
      name,
      topicId,
      errorCode: code,
      errorMessage: code === errorCode('TOPIC_DELETION_DISABLED') ? null : message,
    })),
  }),
})

function askedIn(request: DeleteTopicsRequest, apiVersion: number): Asked[] {
  if (apiVersion >= firstTopicIdVersion) return request.topics
  return request.topicNames.map((name) => ({ name, topicId: zeroUuid }))
}

interface Resolved extends Asked {
  readonly error?: KafkaError
}

/** One entry for each topic that is named, with its id, or what is wrong with it. */
async function resolve(asked: readonly Asked[], context: Context): Promise<Resolved[]> {
  const entries = new Map<string, Resolved>()
  await mapInTurns(asked, (each) => {
    const key = `${each.name === null ? 'id' : 'name'}:${each.name ?? each.topicId}`
    const isRepeated = entries.has(key) && (each.name === null || each.topicId === zeroUuid)
    const message = `Duplicate topic ${each.name === null ? 'id' : 'name'}.`
    entries.set(key, isRepeated ? { ...each, error: invalid(message) } : resolveOne(each, context))
  })
  for (const [key, { name, topicId, error }] of entries) {
    const byId = `id:${topicId}`
    if (error !== undefined || key === byId || !entries.delete(byId)) continue
    const message = 'The provided topic name maps to an ID that was already supplied.'
    entries.set(key, { name, topicId, error: invalid(message) })
  }
  return [...entries.values()]
}

function resolveOne(asked: Asked, { cluster, access }: Context): Resolved {
  const refuse = (name: ErrorName): Resolved => ({ ...asked, error: new KafkaError(name) })
  const hasId = asked.topicId !== zeroUuid
  if (asked.name === null && !hasId) return { ...asked, error: invalid('Neither topic name nor id were specified.') }
  if (asked.name !== null && hasId) {
    return { ...asked, error: invalid('You may not specify both topic name and topic id.') }
  }
  const topic = asked.name === null ? cluster.topics.byId(asked.topicId) : cluster.topics.byName(asked.name)
  const name = topic?.name ?? asked.name
  // Whether a topic is there is told only to those who may see it.
  if (name !== null && !access.isAllowed('Topic', name, 'Describe')) return refuse('TOPIC_AUTHORIZATION_FAILED')
  if (topic === undefined) return refuse(hasId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
  if (access.isAllowed('Topic', topic.name, 'Delete')) return { name: topic.name, topicId: topic.id }
  return refuse('TOPIC_AUTHORIZATION_FAILED')
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', message)
}
