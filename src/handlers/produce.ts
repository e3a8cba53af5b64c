/** handlers: Produce: each partition's batches go to its leader's log as they came; all appends of a request run at once. */
import { type ErrorName, errorByCode, KafkaError, RecordsError } from '../../protocol/errors.ts'
import { type ProduceRequest, type ProduceResponse, produce } from '../../protocol/messages/produce.ts'
import {
  batchesIn,
  RecordBatchView,
  recordBatchOverhead,
  requireProducibleBatch,
} from '../../protocol/records/index.ts'
import type { Partition } from '../cluster/partition.ts'
import type { Context } from './context.ts'
import { CloseConnection, handle } from './handler.ts'
import { type CurrentLeader, LeaderHints } from './leader-hints.ts'

/** From here on topics are named by id alone (KIP-516). */
const firstTopicIdVersion = 13
/** From here on one batch of magic 2 per partition (KIP-98); before, message sets of magic 0 and 1. */
const firstBatchVersion = 3
/** zstd needs a client of this version (KIP-110). */
const firstZstdVersion = 7

/** Errors of an append that come without the log's start; Kafka tells it with all others. */
const withoutStart: ReadonlySet<ErrorName> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'CORRUPT_MESSAGE',
  'KAFKA_STORAGE_ERROR',
])

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
  counts: 'produce',
  async serve(request, context) {
    if (request.transactionalId === null && holdsTransactional(request)) {
      throw new KafkaError('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
    }
    const responses = await Promise.all(
      request.topicData.map(async (topic) => ({
        name: topic.name,
        topicId: topic.topicId,
        partitionResponses: await Promise.all(
          topic.partitionData.map((partition) => appendTo(topic, partition, request.acks, context)),
        ),
      })),
    )
    if (request.acks !== 0) return { responses, nodeEndpoints: addLeaders(responses, context) }
    const failed = responses.flatMap((topic) => topic.partitionResponses).find((each) => each.errorCode !== 0)
    if (failed !== undefined)
      throw new CloseConnection(`produce with acks=0 failed: ${errorByCode(failed.errorCode).name}`)
    return undefined
  },
  fail: (request, code) => (request.acks === 0 ? undefined : everyPartition(request, code)),
})

async function appendTo(
  topic: AskedTopic,
  asked: AskedPartition,
  acks: number,
  context: Context,
): Promise<PartitionAnswer> {
  /** Known when the records have reached it. */
  let partition: Partition | undefined
  try {
    const leader = leaderOf(topic, asked, context)
    context.access.require('Topic', leader.topic, 'Write')
    const { records } = asked
    if (records === null) throw new KafkaError('INVALID_RECORD', 'Produce requests must hold record batches')
    if (context.apiVersion >= firstBatchVersion) {
      requireProducibleBatch(records, { zstd: context.apiVersion >= firstZstdVersion })
    }
    if (acks < -1 || acks > 1) throw new KafkaError('INVALID_REQUIRED_ACKS')
    partition = leader
    const result = await partition.append(records, acks)
    context.traffic?.produced(partition.topic, records.length, messagesIn(records))
    return {
      index: asked.index,
      errorCode: 0,
      baseOffset: result.baseOffset,
      logAppendTimeMs: result.logAppendTimeMs,
      logStartOffset: result.logStartOffset,
    }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    if (partition !== undefined) context.traffic?.produceFailed(partition.topic)
    return failure(asked.index, error, partition)
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

/** In the first batch of a partition, the only one from v3 on. */
function holdsTransactional(request: ProduceRequest): boolean {
  return request.topicData.some(({ partitionData }) => partitionData.some(({ records }) => isTransactional(records)))
}

function isTransactional(records: Buffer | null): boolean {
  if (records === null || records.length < recordBatchOverhead) return false
  const batch = new RecordBatchView(records)
  return batch.magic === 2 && batch.isTransactional
}

function startOf(partition: Partition): number {
  return partition.isOpen ? partition.log.logStartOffset : -1
}

function failure(index: number, error: KafkaError, partition: Partition | undefined): PartitionAnswer {
  return {
    index,
    errorCode: error.code,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: partition === undefined || withoutStart.has(error.kafkaError) ? -1 : startOf(partition),
    errorMessage: error instanceof RecordsError ? error.message : null,
    recordErrors:
      error instanceof RecordsError
        ? error.recordErrors.map(({ batchIndex, message }) => ({ batchIndex, batchIndexErrorMessage: message }))
        : [],
  }
}

function everyPartition(request: ProduceRequest, code: number): ProduceResponse {
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
