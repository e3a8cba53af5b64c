/** handlers: TxnOffsetCommit: a producer commits a group's offsets within its transaction (KIP-98, fenced by the group's members: KIP-447). */
import { type ErrorName, errorCode, KafkaError } from '../../protocol/errors.ts'
import { type TxnOffsetCommitRequest, txnOffsetCommit } from '../../protocol/messages/txn-offset-commit.ts'
import { noSequence } from '../../protocol/records/index.ts'
import type { TransactionAppend } from '../cluster/partition.ts'
import type { TopicAnswer } from '../groups/group-requests.ts'
import type { SupportedOperation } from '../transactions/verification.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'

/** Producers before could not bear to hear that the coordinator loads. */
const firstLoadingVersion = 2
/** From here on clients know TRANSACTION_ABORTABLE. */
const firstAbortableVersion = 4
/** From here on clients leave it to the broker to add the group's partition to their transaction (KIP-890). */
const firstAddingVersion = 5

/** What errors of the log and of its partition are to a client. Source: Kafka's CoordinatorOperationExceptionHelper. */
const coordinatorErrors: Partial<Record<ErrorName, ErrorName>> = {
  NETWORK_EXCEPTION: 'COORDINATOR_LOAD_IN_PROGRESS',
  UNKNOWN_TOPIC_OR_PARTITION: 'COORDINATOR_NOT_AVAILABLE',
  NOT_ENOUGH_REPLICAS: 'COORDINATOR_NOT_AVAILABLE',
  NOT_LEADER_OR_FOLLOWER: 'NOT_COORDINATOR',
  KAFKA_STORAGE_ERROR: 'NOT_COORDINATOR',
  MESSAGE_TOO_LARGE: 'UNKNOWN_SERVER_ERROR',
  RECORD_LIST_TOO_LARGE: 'UNKNOWN_SERVER_ERROR',
}

type AskedTopic = TxnOffsetCommitRequest['topics'][number]
type Answers = Map<string, { partitionIndex: number; errorCode: number }[]>

export const txnOffsetCommitHandler = handle(txnOffsetCommit, {
  async serve(request, context) {
    context.access.require('TransactionalId', request.transactionalId, 'Write')
    context.access.require('Group', request.groupId, 'Read')
    const answers: Answers = new Map()
    // What is wrong at once comes first, as in Kafka.
    const known = request.topics.flatMap((topic) => findPartitions(topic, answers, context))
    for (const { name, partitions } of known.length === 0 ? [] : await commit(request, known, context)) {
      for (const partition of partitions) note(answers, name, partition.partitionIndex, partition.errorCode)
    }
    return { topics: Array.from(answers, ([name, partitions]) => ({ name, partitions })) }
  },
  fail: ({ topics }, code, { apiVersion }) => ({
    topics: topics.map((topic) => failed(topic, answeredTo(apiVersion, code))),
  }),
})

function note(answers: Answers, topic: string, partitionIndex: number, code: number): void {
  const partitions = answers.get(topic) ?? []
  answers.set(topic, partitions)
  partitions.push({ partitionIndex, errorCode: code })
}

/** The topic with its partitions that there are, if any; the others are answered. */
function findPartitions({ name, partitions }: AskedTopic, answers: Answers, { access, cluster }: Context) {
  const topic = cluster.topics.byName(name)
  const isAllowed = access.isAllowed('Topic', name, 'Read')
  const error = errorCode(isAllowed ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'TOPIC_AUTHORIZATION_FAILED')
  const found = partitions.filter(({ partitionIndex }) => {
    if (isAllowed && topic?.partitions[partitionIndex] !== undefined) return true
    note(answers, name, partitionIndex, error)
    return false
  })
  return topic === undefined || found.length === 0 ? [] : [{ name, topicId: topic.id, partitions: found }]
}

type Known = ReturnType<typeof findPartitions>

/** What is wrong with the transaction or the group is the answer for each partition. */
async function commit(
  request: TxnOffsetCommitRequest,
  topics: Known,
  context: Context,
): Promise<readonly Pick<TopicAnswer, 'name' | 'partitions'>[]> {
  const { groupId, generationId, memberId, groupInstanceId, producerId, producerEpoch } = request
  try {
    const { guard } = await verify(request, context)
    const transaction = { producerId, producerEpoch, guard }
    const identity = { groupId, generationId, memberId, groupInstanceId }
    return await context.groups.commitTransactionalOffsets({ ...identity, topics, transaction })
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    const code = errorCode(coordinatorErrors[error.kafkaError] ?? error.kafkaError)
    return topics.map((topic) => failed(topic, answeredTo(context.apiVersion, code)))
  }
}

/** @throws KafkaError what stands against it */
async function verify(request: TxnOffsetCommitRequest, context: Context): Promise<TransactionAppend> {
  const { transactionalId, producerId, producerEpoch, groupId } = request
  const partitions = [{ partition: context.groups.offsetsPartitionOf(groupId), baseSequence: noSequence }]
  const transaction = { transactionalId, producerId, producerEpoch, partitions }
  const operation = operationOf(context.apiVersion)
  const [verified] = await context.verification.verify(transaction, operation, { isRetried: false })
  if (verified instanceof KafkaError) throw verified
  return verified!
}

function operationOf(apiVersion: number): SupportedOperation {
  if (apiVersion >= firstAddingVersion) return 'addPartition'
  return apiVersion >= firstAbortableVersion ? 'genericErrorSupported' : 'defaultError'
}

function answeredTo(apiVersion: number, code: number): number {
  const isLoading = code === errorCode('COORDINATOR_LOAD_IN_PROGRESS')
  return isLoading && apiVersion < firstLoadingVersion ? errorCode('COORDINATOR_NOT_AVAILABLE') : code
}

function failed({ name, partitions }: Pick<AskedTopic, 'name' | 'partitions'>, code: number) {
  return { name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })) }
}
