/** handlers: ListOffsets: offsets by timestamp and the special ones. */
import { KafkaError } from '../../protocol/errors.ts'
import { type ListOffsetsRequest, listOffsets } from '../../protocol/messages/list-offsets.ts'
import type { Partition } from '../cluster/partition.ts'
import { startInTurns } from '../runtime/turns.ts'
import type { Context } from './context.ts'
import { answerEach, handle } from './handler.ts'

type Log = Partition['log']
type Isolation = Parameters<Log['offsetForTimestamp']>[1]
type TimestampAndOffset = Awaited<ReturnType<Log['offsetForTimestamp']>>
type Asked = ListOffsetsRequest['topics'][number]['partitions'][number]

/** v0 takes a partition twice: it has several offsets for one anyway. */
const firstUniqueVersion = 1
/** Before, what is not available yet was the leader. */
const firstNotAvailableVersion = 5

interface Found {
  readonly timestamp: number
  readonly offset: number
  readonly leaderEpoch: number
}

const nothing: Found = { timestamp: -1, offset: -1, leaderEpoch: -1 }

/** Timestamps that stand for something else, and the first version that knows them. */
const special: Readonly<
  Record<number, { firstVersion: number; find(partition: Partition, isolation: Isolation): Found | Promise<Found> }>
> = {
  /** latest */
  [-1]: { firstVersion: 0, find: ({ log }, isolation) => at(endOffset(log, isolation), log.leaderEpoch) },
  /** earliest */
  [-2]: { firstVersion: 0, find: earliest },
  /** the record with the largest timestamp (KIP-734) */
  [-3]: {
    firstVersion: 7,
    find: async ({ log }, isolation) => knownBelow(endOffset(log, isolation), await log.offsetOfMaxTimestamp()),
  },
  /** earliest on local disk (KIP-405): without tiered storage the earliest */
  [-4]: { firstVersion: 8, find: earliest },
  /** latest in tiered storage (KIP-1005): there is none */
  [-5]: { firstVersion: 9, find: () => nothing },
  /** earliest that waits for upload to tiered storage (KIP-1023): there is none */
  [-6]: { firstVersion: 11, find: () => nothing },
}

export const listOffsetsHandler = handle(listOffsets, {
  async serve(request, context) {
    const repeated = context.apiVersion < firstUniqueVersion ? new Set<string>() : repeatedPartitions(request)
    const topics = await startInTurns(request.topics, async ({ name, partitions }) => ({
      name,
      partitions: await answerEach(
        repeated.size === 0 ? partitions : eachOnce(partitions),
        (asked) => {
          if (repeated.has(keyOf(name, asked))) throw new KafkaError('INVALID_REQUEST')
          return find(name, asked, request, context)
        },
        ({ partitionIndex }, errorCode) => ({ partitionIndex, errorCode, ...nothing }),
      ),
    }))
    return { topics }
  },
  fail: (request, errorCode) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode, ...nothing })),
    })),
  }),
})

const keyOf = (topic: string, { partitionIndex }: Asked): string => `${topic}-${partitionIndex}`

function eachOnce(partitions: readonly Asked[]): Asked[] {
  const byIndex = new Map<number, Asked>()
  for (const asked of partitions) if (!byIndex.has(asked.partitionIndex)) byIndex.set(asked.partitionIndex, asked)
  return [...byIndex.values()]
}

/** Partitions that are asked for more than once get no answer but an error, one. */
function repeatedPartitions({ topics }: ListOffsetsRequest): Set<string> {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { name, partitions } of topics) {
    for (const asked of partitions) {
      const key = keyOf(name, asked)
      if (seen.has(key)) repeated.add(key)
      seen.add(key)
    }
  }
  return repeated
}

async function find(topic: string, asked: Asked, request: ListOffsetsRequest, context: Context): Promise<object> {
  const { partitionIndex, currentLeaderEpoch, timestamp } = asked
  context.access.require('Topic', topic, 'Describe')
  const partition = context.broker.leaderFor(topic, partitionIndex, currentLeaderEpoch)
  const isolation =
    request.replicaId === -2 ? 'log_end' : request.isolationLevel === 1 ? 'txn_committed' : 'high_watermark'
  const kind = special[timestamp]
  if (timestamp < 0 && (kind === undefined || context.apiVersion < kind.firstVersion)) {
    throw new KafkaError('UNSUPPORTED_VERSION')
  }
  const found =
    kind === undefined
      ? known(await partition.log.offsetForTimestamp(timestamp, isolation))
      : await kind.find(partition, isolation)
  const mayLag = timestamp === latest || (found === nothing && searched(timestamp))
  if (mayLag && isolation !== 'log_end' && lagsBehindEpoch(partition.log)) {
    throw new KafkaError(
      context.apiVersion < firstNotAvailableVersion ? 'LEADER_NOT_AVAILABLE' : 'OFFSET_NOT_AVAILABLE',
    )
  }
  if (context.apiVersion > 0) return { partitionIndex, ...found }
  return { partitionIndex, oldStyleOffsets: oldStyleOffsets(found, partition, asked.maxNumOffsets) }
}

const latest = -1
const largestTimestamp = -3

/** Timestamps of which records are searched, whose absence may be for now only. */
function searched(timestamp: number): boolean {
  return timestamp >= 0 || timestamp === largestTimestamp
}

/** A new leader does not know yet that all it has from the one before is there to stay: end offsets might go back (KIP-207). */
function lagsBehindEpoch(log: Log): boolean {
  return log.epochForOffset(log.highWatermark) < log.leaderEpoch
}

/** v0 lists positions from which to read, latest first: what was found and the start of the log. */
function oldStyleOffsets(found: Found, { log }: Partition, maxNumOffsets: number): number[] {
  const offsets = new Set([found.offset < 0 ? log.highWatermark : found.offset, log.logStartOffset])
  return [...offsets].sort((a, b) => b - a).slice(0, Math.max(0, maxNumOffsets))
}

function earliest({ log }: Partition): Found {
  return at(log.logStartOffset, log.epochForOffset(log.logStartOffset))
}

function endOffset(log: Log, isolation: Isolation): number {
  if (isolation === 'log_end') return log.logEndOffset
  return isolation === 'txn_committed' ? log.lastStableOffset : log.highWatermark
}

const at = (offset: number, leaderEpoch: number): Found => ({ timestamp: -1, offset, leaderEpoch })

/** Nothing, where the record lies behind what the client may see: an earlier one would not be the right answer. */
function knownBelow(endOffset: number, found: TimestampAndOffset): Found {
  return found === undefined || found.offset >= endOffset ? nothing : known(found)
}

function known(found: TimestampAndOffset): Found {
  if (found === undefined) return nothing
  return { timestamp: found.timestampMs, offset: found.offset, leaderEpoch: found.leaderEpoch }
}
