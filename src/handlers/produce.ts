/** handlers: Produce: each partition's batches go to its leader's log as they came; all appends of a request run at once. */
import { type ErrorName, errorByCode, KafkaError, RecordsError } from '../../protocol/errors.ts'
import { type ProduceRequest, type ProduceResponse, produce } from '../../protocol/messages/produce.ts'
import { batchesIn, requireProducibleBatch } from '../../protocol/records/index.ts'
import type { Partition, TransactionAppend } from '../cluster/partition.ts'
import { startInTurns } from '../runtime/turns.ts'
import type { Context } from './context.ts'
import { CloseConnection, handle } from './handler.ts'
import { type CurrentLeader, LeaderHints } from './leader-hints.ts'
import { holdsTransactional, VerificationFailure, verifyProduced } from './transactional-produce.ts'

/** From here on topics are named by id alone (KIP-516). */
const firstTopicIdVersion = 13
/** From here on one batch of magic 2 per partition (KIP-98); before, message sets of magic 0 and 1. */
const firstBatchVersion = 3
/** zstd needs a client of this version (KIP-110). */
const firstZstdVersion = 7

/** Who calls itself this may write to internal topics: AdminUtils.ADMIN_CLIENT_ID. */
const adminClientId = '__admin_client'

/** Errors of an append that come without the log's start; Kafka tells it with all others. */
const withoutStart: ReadonlySet<ErrorName> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'CORRUPT_MESSAGE',
  'KAFKA_STORAGE_ERROR',
])

/** A request with more is so large that it is alone on its connection: no later one is appended before the rest of it. */
const appendsPerTurn = 8192

type AskedTopic = ProduceRequest['topicData'][number]
type AskedPartition = AskedTopic['partitionData'][number]

interface PartitionAnswer {
  readonly index: number
  readonly errorCode: number
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  readonly recordErrors?: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string }[]
  readonly errorMessage?: string | null
  currentLeader?: CurrentLeader
}

export const produceHandler = handle(produce, {
  overlaps: true,
  // The log holds what waits to be written, and what it keeps for its readers.
  keepsNothing: true,
  counts: 'produce',
  async serve(request, context) {
    const responses = holdsTransactional(request)
      ? await appendTransactional(request, context)
      : await appendEach(request, (topic, asked) => append(topic, asked, request.acks, context))
    if (request.acks !== 0) return { responses, nodeEndpoints: addLeaders(responses, context) }
    const failed = responses.flatMap((topic) => topic.partitionResponses).find((each) => each.errorCode !== 0)
    if (failed !== undefined)
      throw new CloseConnection(`produce with acks=0 failed: ${errorByCode(failed.errorCode).name}`)
    return undefined
  },
  fail: (request, code, _context, message) => (request.acks === 0 ? undefined : everyPartition(request, code, message)),
})

/** All begin before any of them is waited for, in the order of the request. */
async function appendEach(
  { topicData }: ProduceRequest,
  appendTo: (topic: AskedTopic, asked: AskedPartition) => PartitionAnswer | Promise<PartitionAnswer>,
) {
  const places: { topic: AskedTopic; asked: AskedPartition }[] = []
  for (const topic of topicData) for (const asked of topic.partitionData) places.push({ topic, asked })
  const answers = await startInTurns(places, ({ topic, asked }) => appendTo(topic, asked), appendsPerTurn)
  let start = 0
  return topicData.map(({ name, topicId, partitionData }) => {
    const end = start + partitionData.length
    const partitionResponses = answers.slice(start, end)
    start = end
    return { name, topicId, partitionResponses }
  })
}

function append(topic: AskedTopic, asked: AskedPartition, acks: number, context: Context) {
  const partition = tryToAdmit(topic, asked, context)
  if (partition instanceof KafkaError) return failure(asked.index, partition)
  return appendTo(partition, asked, { acks, traffic: context.traffic })
}

/** @throws KafkaError TRANSACTIONAL_ID_AUTHORIZATION_FAILED, INVALID_PRODUCER_ID_MAPPING */
async function appendTransactional(request: ProduceRequest, context: Context) {
  const { transactionalId, acks } = request
  if (transactionalId === null) throw new KafkaError('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  context.access.require('TransactionalId', transactionalId, 'Write')
  const admitted = new Map<AskedPartition, ReturnType<typeof tryToAdmit>>()
  for (const topic of request.topicData) {
    for (const asked of topic.partitionData) admitted.set(asked, tryToAdmit(topic, asked, context))
  }
  const produced = Array.from(admitted, ([asked, partition]) => ({ asked, partition }))
  const verified = await verifyProduced(transactionalId, produced, context)
  return await appendEach(request, (_topic, asked) => {
    const partition = admitted.get(asked)!
    if (partition instanceof KafkaError) return failure(asked.index, partition)
    const transaction = verified.get(asked)
    if (transaction instanceof KafkaError) return failure(asked.index, transaction)
    return appendTo(partition, asked, { acks, traffic: context.traffic, transaction })
  })
}

function tryToAdmit(topic: AskedTopic, asked: AskedPartition, context: Context): Partition | KafkaError {
  try {
    return admit(topic, asked, context)
  } catch (error) {
    if (error instanceof KafkaError) return error
    throw error
  }
}

/** Where the records go. @throws KafkaError for whoever may not write there, and for what is no proper request */
function admit(topic: AskedTopic, asked: AskedPartition, context: Context): Partition {
  // Before anything else: what is wrong with a topic is told only to those who may write there.
  const name = context.apiVersion >= firstTopicIdVersion ? context.cluster.topics.byId(topic.topicId)?.name : topic.name
  if (name !== undefined) context.access.require('Topic', name, 'Write')
  const leader = leaderOf(topic, asked, context)
  const { records } = asked
  if (leader.isInternal && context.clientId !== adminClientId) throw new KafkaError('INVALID_TOPIC_EXCEPTION')
  if (records === null) throw new KafkaError('INVALID_RECORD', 'Produce requests must hold record batches')
  if (context.apiVersion >= firstBatchVersion) {
    requireProducibleBatch(records, { zstd: context.apiVersion >= firstZstdVersion })
  }
  return leader
}

/** `transaction`: of batches that were verified. */
interface Appending extends Pick<Context, 'traffic'> {
  readonly acks: number
  readonly transaction?: TransactionAppend | undefined
}

/** Without a function that is suspended for each: there may be thousands on their way. */
function appendTo(
  partition: Partition,
  { index, records }: AskedPartition,
  { acks, traffic, transaction }: Appending,
): PartitionAnswer | Promise<PartitionAnswer> {
  if (acks < -1 || acks > 1) return failure(index, new KafkaError('INVALID_REQUIRED_ACKS'))
  const failed = (error: unknown): PartitionAnswer => {
    if (!(error instanceof KafkaError)) throw error
    traffic?.produceFailed(partition.topic)
    return failure(index, error, partition)
  }
  try {
    return partition.append(records!, acks, transaction).then(({ baseOffset, logAppendTimeMs, logStartOffset }) => {
      traffic?.produced(partition.topic, records!.length, messagesIn(records!))
      return { index, errorCode: 0, baseOffset, logAppendTimeMs, logStartOffset }
    }, failed)
  } catch (error) {
    return failed(error)
  }
}

function messagesIn(records: Buffer): number {
  let messages = 0
  for (const { lastOffset, baseOffset } of batchesIn(records)) messages += lastOffset - baseOffset + 1
  return messages
}

function leaderOf(topic: AskedTopic, asked: AskedPartition, { apiVersion, broker }: Context): Partition {
  return apiVersion >= firstTopicIdVersion
    ? broker.leaderForId(topic.topicId, asked.index)
    : broker.leaderFor(topic.name, asked.index)
}

function startOf(partition: Partition): number {
  return partition.isOpen ? partition.log.logStartOffset : -1
}

/** `partition`: the one whose log has refused the records. */
function failure(index: number, error: KafkaError, partition?: Partition): PartitionAnswer {
  const saysWhy = error instanceof RecordsError || (error instanceof VerificationFailure && error.hasOwnMessage)
  return {
    index,
    errorCode: error.code,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: partition === undefined || withoutStart.has(error.kafkaError) ? -1 : startOf(partition),
    errorMessage: saysWhy ? error.message : null,
    recordErrors:
      error instanceof RecordsError
        ? error.recordErrors.map(({ batchIndex, message }) => ({ batchIndex, batchIndexErrorMessage: message }))
        : [],
  }
}

function everyPartition(request: ProduceRequest, code: number, message: string): ProduceResponse {
  // What every error of its kind says is left out, as in Kafka.
  const errorMessage = message === errorByCode(code).message ? null : message
  return {
    responses: request.topicData.map((topic) => ({
      name: topic.name,
      topicId: topic.topicId,
      partitionResponses: topic.partitionData.map(({ index }) => ({
        index,
        errorCode: code,
        baseOffset: -1,
        logAppendTimeMs: -1,
        logStartOffset: -1,
        errorMessage,
      })),
    })),
  }
}

/** Names the leader beside each error of a partition that is led elsewhere; the endpoints of those leaders. */
function addLeaders(
  responses: readonly { name: string; topicId: string; partitionResponses: readonly PartitionAnswer[] }[],
  context: Context,
): ReturnType<LeaderHints['nodeEndpoints']> {
  const hints = new LeaderHints(context)
  for (const topic of responses) {
    for (const partition of topic.partitionResponses) {
      const leader = hints.leaderFor(partition.errorCode, topic, partition.index)
      if (leader !== undefined) partition.currentLeader = leader
    }
  }
  return hints.nodeEndpoints()
}
