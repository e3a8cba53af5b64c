/**
 * handlers: AddPartitionsToTxn: makes partitions part of a transaction. Until v3 clients send it for one transaction; from v4 on brokers do,
 * for several, and may only ask whether the partitions are part of it (KIP-890).
 */
import { errorCode as codeOf, type ErrorName, KafkaError } from '../../protocol/errors.ts'
import { addPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.ts'
import { isInternalTopic } from '../cluster/topic.ts'
import { startInTurns } from '../runtime/turns.ts'
import { clusterResource } from '../security/acl.ts'
import type { TopicPartition } from '../transactions/transaction-records.ts'
import type { Context } from './context.ts'
import { errorCodeForOldProducers } from './fenced-producers.ts'
import { handle } from './handler.ts'

/** Earlier versions don't know PRODUCER_FENCED. */
const firstFencedVersion = 2
const firstBrokerVersion = 4

interface AskedTransaction {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly verifyOnly: boolean
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[]
}

interface Result extends TopicPartition {
  readonly errorCode: number
}

export const addPartitionsToTxnHandler = handle(addPartitionsToTxn, {
  async serve(request, context) {
    if (context.apiVersion < firstBrokerVersion) {
      const asked = {
        transactionalId: request.v3AndBelowTransactionalId,
        producerId: request.v3AndBelowProducerId,
        producerEpoch: request.v3AndBelowProducerEpoch,
        verifyOnly: false,
        topics: request.v3AndBelowTopics,
      }
      return { resultsByTopicV3AndBelow: byTopic(await resultsOf(asked, context)) }
    }
    context.access.require('Cluster', clusterResource, 'ClusterAction')
    const resultsByTransaction = await startInTurns(request.transactions, async (asked) => ({
      transactionalId: asked.transactionalId,
      topicResults: byTopic(await resultsOf(asked, context)),
    }))
    return { resultsByTransaction }
  },
  fail: ({ v3AndBelowTopics }, errorCode, { apiVersion }) =>
    apiVersion < firstBrokerVersion
      ? { resultsByTopicV3AndBelow: byTopic(partitionsOf(v3AndBelowTopics).map((each) => ({ ...each, errorCode }))) }
      : { errorCode },
})

/** A partition that can't be added fails the others with it. */
async function resultsOf(asked: AskedTransaction, context: Context): Promise<Result[]> {
  const { apiVersion } = context
  const partitions = partitionsOf(asked.topics)
  const toAll = (error: ErrorName): ErrorName[] => partitions.map(() => error)
  const isAllowed = apiVersion >= firstBrokerVersion || mayWrite(asked.transactionalId, context)
  const errors = isAllowed
    ? await outcomesOf(asked, partitions, context).catch((error: unknown) => {
        if (!(error instanceof KafkaError)) throw error
        return toAll(error.kafkaError)
      })
    : toAll('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  return partitions.map((each, index) => ({
    ...each,
    errorCode: errorCodeForOldProducers(codeOf(errors[index]!), apiVersion, firstFencedVersion),
  }))
}

function mayWrite(transactionalId: string, { access }: Context): boolean {
  return access.isAllowed('TransactionalId', transactionalId, 'Write')
}

/** @throws KafkaError what is to be said of all partitions */
async function outcomesOf(
  asked: AskedTransaction,
  partitions: readonly TopicPartition[],
  context: Context,
): Promise<ErrorName[]> {
  const { transactions, apiVersion } = context
  const refusals = partitions.map((each) => refusalOf(each, context))
  if (refusals.some((refusal) => refusal !== undefined)) {
    return refusals.map((refusal) => refusal ?? 'OPERATION_NOT_ATTEMPTED')
  }
  const { transactionalId, producerId, producerEpoch, verifyOnly } = asked
  const request = { transactionalId, producerId, producerEpoch, partitions }
  const clientVersion = apiVersion >= firstBrokerVersion ? 2 : 0
  const errors = verifyOnly
    ? await transactions.verifyPartitions(request)
    : await transactions.addPartitions({ ...request, clientVersion })
  return errors.map((error) => error ?? 'NONE')
}

/** Clients add internal topics by other means. */
function refusalOf({ topic: name, partition }: TopicPartition, context: Context): ErrorName | undefined {
  const topic = context.cluster.topics.byName(name)
  if (context.apiVersion < firstBrokerVersion) {
    const isRefused = isInternalTopic(name) || !context.access.isAllowed('Topic', name, 'Write')
    if (isRefused) return 'TOPIC_AUTHORIZATION_FAILED'
  }
  return topic?.partitions[partition] === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : undefined
}

/** Each once. */
function partitionsOf(topics: AskedTransaction['topics']): TopicPartition[] {
  const byName = new Map<string, Set<number>>()
  for (const { name, partitions } of topics) {
    const known = byName.get(name) ?? new Set()
    for (const partition of partitions) known.add(partition)
    byName.set(name, known)
  }
  return [...byName].flatMap(([topic, partitions]) => Array.from(partitions, (partition) => ({ topic, partition })))
}

/** `results`: those of a topic together. */
function byTopic(results: readonly Result[]) {
  const topics: { name: string; resultsByPartition: { partitionIndex: number; partitionErrorCode: number }[] }[] = []
  for (const { topic, partition, errorCode } of results) {
    if (topics.at(-1)?.name !== topic) topics.push({ name: topic, resultsByPartition: [] })
    topics.at(-1)!.resultsByPartition.push({ partitionIndex: partition, partitionErrorCode: errorCode })
  }
  return topics
}
