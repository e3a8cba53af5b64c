/** handlers: Produce: each partition's batches go to its leader's log as they came; all appends of a request run at once. */
import { errorByCode, errorCode, KafkaError, RecordsError } from '../../protocol/errors.ts'
import { type ProduceRequest, type ProduceResponse, produce } from '../../protocol/messages/produce.ts'
import { requireProducibleBatch } from '../../protocol/records/index.ts'
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
  async serve(request, context) {
    if (request.acks < -1 || request.acks > 1) return everyPartition(request, errorCode('INVALID_REQUIRED_ACKS'))
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
  let partition: Partition | undefined
  try {
    partition = leaderOf(topic, asked, context)
    context.access.require('Topic', partition.topic, 'Write')
    const { records } = asked
    if (records === null) throw new KafkaError('INVALID_RECORD', 'Produce requests must hold record batches')
    if (context.apiVersion >= firstBatchVersion) {
      requireProducibleBatch(records, { zstd: context.apiVersion >= firstZstdVersion })
    }
    const result = await partition.append(records, acks)
    return {
      index: asked.index,
      errorCode: 0,
      baseOffset: result.baseOffset,
      logAppendTimeMs: result.logAppendTimeMs,
      logStartOffset: result.logStartOffset,
    }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return failure(asked.index, error, partition)
  }
}

function leaderOf(topic: AskedTopic, asked: AskedPartition, { apiVersion, broker }: Context): Partition {
  return apiVersion >= firstTopicIdVersion
    ? broker.leaderForId(topic.topicId, asked.index)
    : broker.leaderFor(topic.name, asked.index)
}

function failure(index: number, error: KafkaError, partition: Partition | undefined): PartitionAnswer {
  return {
    index,
    errorCode: error.code,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: error.code === errorCode('INVALID_RECORD') ? (partition?.log.logStartOffset ?? -1) : -1,
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
