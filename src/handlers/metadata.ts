/**
 * Metadata: the brokers of the listener that the client came on, and topics with their leaders; asking for a missing topic by name may
 * create it.
 */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { type MetadataRequest, type MetadataResponse, metadata } from '../../protocol/messages/metadata.ts'
import { type Steps, zeroUuid } from '../../protocol/schema/index.ts'
import type { Topic } from '../cluster/topic.ts'
import { isValidTopicName } from '../cluster/topic-name.ts'
import { inTurns, itemsPerTurn } from '../runtime/turns.ts'
import { clusterResource } from '../security/acl.ts'
import { authorizedOperations } from './authorized-operations.ts'
import { type Context, mutationQuotaOf } from './context.ts'
import { handle } from './handler.ts'
import { describeTopic, failedTopic, missingTopic, ReachableBrokers } from './topic-descriptions.ts'

/** From here on topics may be named by id alone; v10 and v11 have the field, but no broker has served it. */
const firstTopicIdVersion = 12
/** Described at a time, before others have their turn. */
const partitionsPerTurn = 2000

type DescribedTopic = (ReturnType<typeof describeTopic> | ReturnType<typeof failedTopic>) & {
  readonly partitions: readonly ReturnType<ReachableBrokers['describe']>[]
}

export const metadataHandler = handle(metadata, {
  serve: (request, context) => inTurns(describe(request, context)),
  fail: (request, code) => ({
    topics: (request.topics ?? []).map(({ name, topicId }) => failedTopic(name ?? '', code, topicId)),
    errorCode: code,
  }),
})

function* describe(request: MetadataRequest, context: Context): Steps<MetadataResponse> {
  const { cluster, connection, access } = context
  const topics = yield* describeTopics(request, context)
  return {
    brokers: cluster.nodes(connection.listener),
    clusterId: cluster.clusterId,
    controllerId: cluster.controllerId,
    topics,
    ...(request.includeClusterAuthorizedOperations ? { clusterAuthorizedOperations: clusterOperations(access) } : {}),
  }
}

function* describeTopics(request: MetadataRequest, context: Context): Steps<DescribedTopic[]> {
  const { apiVersion, cluster, connection, access } = context
  const reachable = new ReachableBrokers(cluster, connection.listener)
  const describe = function* (topic: Topic): Steps<DescribedTopic> {
    const partitions = []
    for (const partition of topic.partitions) {
      partitions.push(reachable.describe(partition, apiVersion))
      if (partitions.length % partitionsPerTurn === 0) yield
    }
    return { ...describeTopic(topic, access, request.includeTopicAuthorizedOperations), partitions }
  }
  const { topics } = request
  if (topics === null || (apiVersion === 0 && topics.length === 0)) {
    const visible = [...cluster.topics.values()].filter(({ name }) => access.isAllowed('Topic', name, 'Describe'))
    return yield* eachOf(visible, describe)
  }
  const ids = topics.flatMap(({ topicId }) => (topicId === zeroUuid ? [] : [topicId]))
  const names = topics.flatMap(({ name }) => (name === null ? [] : [name]))
  if (apiVersion < firstTopicIdVersion && (ids.length > 0 || names.length < topics.length)) {
    throw new KafkaError('INVALID_REQUEST', `Topic IDs are not supported in version ${apiVersion} of Metadata.`)
  }
  // One topic by id, and names are not looked at.
  if (ids.length > 0) return yield* eachOf([...new Set(ids)], (id) => topicById(id, context, describe))
  if (names.length < topics.length) throw new KafkaError('INVALID_REQUEST', 'Neither topic name nor id were specified.')
  return yield* eachOf([...new Set(names)], (name) => topicByName(name, request, context, describe))
}

function* eachOf<T>(items: readonly T[], describe: (item: T) => Steps<DescribedTopic>): Steps<DescribedTopic[]> {
  const described: DescribedTopic[] = []
  let partitions = 0
  for (const [index, item] of items.entries()) {
    const topic = yield* describe(item)
    described.push(topic)
    partitions += topic.partitions.length
    if (index % itemsPerTurn < itemsPerTurn - 1 && partitions < partitionsPerTurn) continue
    partitions = 0
    yield
  }
  return described
}

function* topicById(
  id: string,
  { cluster, access }: Context,
  describe: (topic: Topic) => Steps<DescribedTopic>,
): Steps<DescribedTopic> {
  const topic = cluster.topics.byId(id)
  if (topic === undefined) return failedTopic(null, errorCode('UNKNOWN_TOPIC_ID'), id)
  if (!access.isAllowed('Topic', topic.name, 'Describe')) {
    return failedTopic(null, errorCode('TOPIC_AUTHORIZATION_FAILED'), id)
  }
  return yield* describe(topic)
}

function* topicByName(
  name: string,
  request: MetadataRequest,
  context: Context,
  describe: (topic: Topic) => Steps<DescribedTopic>,
): Steps<DescribedTopic> {
  const { cluster, access, broker } = context
  if (!access.isAllowed('Topic', name, 'Describe')) return failedTopic(name, errorCode('TOPIC_AUTHORIZATION_FAILED'))
  const topic = cluster.topics.byName(name)
  if (topic !== undefined) return yield* describe(topic)
  if (request.allowAutoTopicCreation && isValidTopicName(name) && broker.config.get('auto.create.topics.enable')) {
    const mayCreate =
      access.isAllowed('Cluster', clusterResource, 'Create') || access.isAllowed('Topic', name, 'Create')
    if (!mayCreate) return failedTopic(name, errorCode('TOPIC_AUTHORIZATION_FAILED'))
    // Kafka's broker asks its controller in the newest version, so the quota is strict, whatever the client knows.
    cluster.autoCreateTopic(name, mutationQuotaOf(context, 0))
  }
  return missingTopic(name, access, request.includeTopicAuthorizedOperations)
}

function clusterOperations(access: Context['access']): number {
  if (!access.isAllowed('Cluster', clusterResource, 'Describe')) return 0
  return authorizedOperations(access, 'Cluster', clusterResource)
}
