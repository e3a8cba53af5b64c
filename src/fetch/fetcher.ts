/**
 * fetch: serves the reads of consumers for one broker: resolves the session, reads each partition up to its limits, and parks a
 * request that found too little until data, a deadline or the connection's end. Nothing polls: partitions wake what waits.
 */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import { zeroUuid } from '../../protocol/schema/index.ts'
import type { Broker } from '../cluster/broker.ts'
import type { Partition } from '../cluster/partition.ts'
import type { AbortedTransaction, Isolation, ReadResult } from '../log/partition-log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import { nextTurn } from '../runtime/turns.ts'
import { type FetchPartition, type FetchScope, FetchSessions, type SessionRequest } from './fetch-sessions.ts'

export interface FetchRequest extends SessionRequest {
  /** -1: a consumer; -2: a debugging consumer that reads to the log end. */
  readonly replicaId: number
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  /** 0: read_uncommitted, 1: read_committed. */
  readonly isolationLevel: number
  /** Of the client, '' if it has none. */
  readonly rackId?: string
}

export interface FetchOptions {
  /** Partitions are named by topic id (v13+). */
  readonly usesTopicIds: boolean
  /** `maxBytes` also holds for the first batch (v0-2). */
  readonly hardMaxBytes: boolean
  /** The client may be served by a follower, or sent to one (KIP-392, v11+). */
  readonly readsFollowers?: boolean
  /** The most that the client's quota lets through at once, where it has one. */
  readonly maxBytes?: number | undefined
  /** Whether the client may read `topic`. */
  isReadable(topic: string): boolean
  /** Calls back when the connection ends; returns the way to stop that. */
  onClose(listener: () => void): () => void
}

/** One partition's answer; field names are those of the Fetch response. */
export interface PartitionAnswer {
  readonly partitionIndex: number
  errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly divergingEpoch?: { readonly epoch: number; readonly endOffset: number }
  currentLeader?: { readonly leaderId: number; readonly leaderEpoch: number }
  /** The client shall read there instead. */
  readonly preferredReadReplica?: number
  records: readonly Buffer[]
}

export interface FetchAnswer {
  /** Gives back the memory that the records lie in: to be called when the answer has been sent, or will not be. */
  release(): void
  /** For who does not send the answer after all. */
  readonly scope: FetchScope
  readonly sessionId: number
  readonly responses: readonly {
    readonly topic: string
    readonly topicId: string
    readonly partitions: readonly PartitionAnswer[]
  }[]
}

interface PartitionRead {
  readonly asked: FetchPartition
  /** Undefined when the error is that this broker can't read it. */
  readonly partition: Partition | undefined
  readonly answer: PartitionAnswer
  readonly sizeInBytes: number
  readonly release?: (() => void) | undefined
}

/** What one pass over all partitions found. */
interface Pass {
  readonly reads: PartitionRead[]
  sizeInBytes: number
  /** An error, a divergence or another replica to read from, or no memory for more: the client must hear of it at once. */
  urgent: boolean
  /** Of what lies in memory that was read into. */
  readBytes: number
}

/** Kafka knows them before it looks at the log, and answers with an empty list where others have none. */
const beforeReading: ReadonlySet<ErrorName> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'TOPIC_AUTHORIZATION_FAILED',
])

/** The one value of replica.selector.class that does something. */
const rackAwareReplicaSelector = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'

/** Some milliseconds' work where nothing has to come from the disk. */
const readsPerTurn = 1000

const noRecords: readonly Buffer[] = []
/** Read from files for answers on their way: above this an answer ends with the first partition that has something. */
const maxReadBytes = 8 * 1024 * 1024

export class Fetcher {
  readonly sessions: FetchSessions
  readonly #broker: Broker
  readonly #clock: Clock
  readonly #maxBytes: number
  /** Of all answers on their way. */
  #readBytes = 0

  /** @param options maxBytes: fetch.max.bytes; the others as FetchSessions has them. */
  constructor(
    broker: Broker,
    options: { clock: Clock; random: Random; maxBytes: number; maxSessions: number; evictionMs: number },
  ) {
    this.#broker = broker
    this.#clock = options.clock
    this.#maxBytes = options.maxBytes
    this.sessions = new FetchSessions(options)
  }

  /** @throws KafkaError for what is wrong with the session; a partition's error stands in its answer. */
  async fetch(request: FetchRequest, options: FetchOptions): Promise<FetchAnswer> {
    const scope = this.sessions.open(request, options.usesTopicIds)
    const maxBytes = Math.min(request.maxBytes, this.#maxBytes, options.maxBytes ?? Number.POSITIVE_INFINITY)
    const minBytes = Math.min(request.minBytes, maxBytes)
    const deadlineMs = this.#clock.monotonicMs() + request.maxWaitMs
    let pass = await this.#readAll(request, options, scope, maxBytes)
    while (scope.partitions.length > 0 && !pass.urgent && pass.sizeInBytes < minBytes) {
      const remainingMs = deadlineMs - this.#clock.monotonicMs()
      if (remainingMs <= 0) break
      const woken = await this.#waitForAdvance(pass.reads, request, remainingMs, options)
      if (woken === 'closed') break
      this.#release(pass)
      pass = await this.#readAll(request, options, scope, maxBytes)
      if (woken === 'timeout') break
    }
    const { sessionId } = scope
    let isReleased = false
    const release = (): void => {
      if (!isReleased) this.#release(pass)
      isReleased = true
    }
    return { sessionId, responses: assemble(pass.reads, scope), release, scope }
  }

  async #readAll(request: FetchRequest, options: FetchOptions, scope: FetchScope, maxBytes: number): Promise<Pass> {
    const pass: Pass = { reads: [], sizeInBytes: 0, urgent: false, readBytes: 0 }
    try {
      await this.#readInto(pass, request, options, scope, maxBytes)
    } catch (error) {
      this.#release(pass)
      throw error
    }
    return pass
  }

  async #readInto(
    pass: Pass,
    request: FetchRequest,
    options: FetchOptions,
    scope: FetchScope,
    bytesInAll: number,
  ): Promise<void> {
    let remainingBytes = bytesInAll
    for (const asked of scope.partitions) {
      if (pass.reads.length % readsPerTurn === readsPerTurn - 1) await nextTurn()
      if (pass.sizeInBytes > 0 && remainingBytes > 0 && this.#readBytes >= maxReadBytes) {
        remainingBytes = 0
        pass.urgent = true
      }
      const maxBytes = Math.min(asked.maxBytes, remainingBytes)
      const minOneBatch = !options.hardMaxBytes && pass.sizeInBytes === 0
      const reading = this.#read(asked, request, maxBytes, minOneBatch, options)
      const read = reading instanceof Promise ? await reading : reading
      if (reading instanceof Promise) {
        pass.readBytes += read.sizeInBytes
        this.#readBytes += read.sizeInBytes
      }
      pass.reads.push(read)
      pass.sizeInBytes += read.sizeInBytes
      remainingBytes = Math.max(0, remainingBytes - read.sizeInBytes)
      if (isUrgent(read.answer)) pass.urgent = true
    }
  }

  #release(pass: Pass): void {
    this.#readBytes -= pass.readBytes
    for (const read of pass.reads) read.release?.()
  }

  #read(
    asked: FetchPartition,
    request: FetchRequest,
    maxBytes: number,
    minOneBatch: boolean,
    options: FetchOptions,
  ): PartitionRead | Promise<PartitionRead> {
    let partition: Partition | undefined
    try {
      partition = this.#partitionFor(asked, request, options)
      const diverging = divergence(asked, partition)
      if (diverging !== undefined) return diverging
      const preferred = options.readsFollowers === true ? this.#preferredReplica(partition, request) : undefined
      if (preferred !== undefined) return sentOn(asked, partition, preferred)
      const reading = partition.log.read(asked.fetchOffset, { maxBytes, minOneBatch, isolation: isolationOf(request) })
      if (!(reading instanceof Promise)) return successful(asked, partition, reading)
      const found = partition
      return reading.then(
        (result) => successful(asked, found, result),
        (error: unknown) => failed(asked, found, error),
      )
    } catch (error) {
      return failed(asked, partition, error)
    }
  }

  #partitionFor(asked: FetchPartition, request: FetchRequest, options: FetchOptions): Partition {
    if (request.replicaId >= 0) throw new KafkaError('NOT_LEADER_OR_FOLLOWER', 'this broker has no followers')
    if (options.usesTopicIds && asked.topicId === zeroUuid) throw new KafkaError('UNKNOWN_TOPIC_ID')
    if (options.usesTopicIds) this.#requireSameTopic(asked)
    // Before anything else: what is wrong with a topic is told only to those who may read it.
    const topic = options.usesTopicIds ? this.#broker.cluster.topics.byId(asked.topicId)?.name : asked.topic
    if (topic !== undefined && !options.isReadable(topic)) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED')
    const partition = options.readsFollowers === true ? this.#replica(asked, options) : this.#leader(asked, options)
    asked.foundTopic = partition.topic
    return partition
  }

  #leader(
    { topic, topicId, partition, currentLeaderEpoch }: FetchPartition,
    { usesTopicIds }: FetchOptions,
  ): Partition {
    return usesTopicIds
      ? this.#broker.leaderForId(topicId, partition, currentLeaderEpoch)
      : this.#broker.leaderFor(topic, partition, currentLeaderEpoch)
  }

  #replica(
    { topic, topicId, partition, currentLeaderEpoch }: FetchPartition,
    { usesTopicIds }: FetchOptions,
  ): Partition {
    return usesTopicIds
      ? this.#broker.replicaForId(topicId, partition, currentLeaderEpoch)
      : this.#broker.replicaFor(topic, partition, currentLeaderEpoch)
  }

  /** A replica in the client's rack, when the leader is asked, is in another one, and shall say so: as Kafka's RackAwareReplicaSelector. */
  #preferredReplica(partition: Partition, { rackId = '' }: FetchRequest): number | undefined {
    const { id, cluster, config } = this.#broker
    if (rackId === '' || partition.leaderId !== id) return undefined
    if (config.get('replica.selector.class') !== rackAwareReplicaSelector) return undefined
    const inRack = partition.isr.filter((replica) => cluster.registrations.get(replica)?.rack === rackId)
    return inRack.includes(id) ? undefined : inRack[0]
  }

  /** @throws KafkaError for a topic that was there under this id earlier in the session: it is gone, or another has its name */
  #requireSameTopic({ topicId, foundTopic }: FetchPartition): void {
    const { topics } = this.#broker.cluster
    if (foundTopic === undefined || topics.byId(topicId) !== undefined) return
    const isReplaced = topics.byName(foundTopic) !== undefined
    throw new KafkaError(isReplaced ? 'INCONSISTENT_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
  }

  /** Waits until a partition has more than `reads` saw, time is up, or the client is gone. */
  #waitForAdvance(
    reads: readonly PartitionRead[],
    request: FetchRequest,
    maxMs: number,
    options: FetchOptions,
  ): Promise<'advanced' | 'timeout' | 'closed'> {
    const readable = isolationOf(request) === 'txn_committed' ? 'lastStableOffset' : 'highWatermark'
    return new Promise((resolve) => {
      const stops: (() => void)[] = []
      const finish = (outcome: 'advanced' | 'timeout' | 'closed'): void => {
        for (const stop of stops) stop()
        resolve(outcome)
      }
      for (const { partition, answer } of reads) {
        if (partition === undefined) continue
        if (partition.log[readable] !== answer[readable]) return finish('advanced')
        stops.push(partition.onAdvance(() => finish('advanced')))
      }
      stops.push(this.#clock.after(maxMs, () => finish('timeout')))
      stops.push(options.onClose(() => finish('closed')))
    })
  }
}

function isolationOf(request: FetchRequest): Isolation {
  if (request.replicaId === -2) return 'log_end'
  return request.isolationLevel === 1 ? 'txn_committed' : 'high_watermark'
}

function successful(asked: FetchPartition, partition: Partition, result: ReadResult): PartitionRead {
  return {
    release: result.release,
    asked,
    partition,
    sizeInBytes: result.sizeInBytes,
    answer: {
      partitionIndex: asked.partition,
      errorCode: 0,
      highWatermark: result.highWatermark,
      lastStableOffset: result.lastStableOffset,
      logStartOffset: result.logStartOffset,
      abortedTransactions: result.abortedTransactions ?? null,
      records: result.records,
    },
  }
}

function failed(asked: FetchPartition, partition: Partition | undefined, error: unknown): PartitionRead {
  if (!(error instanceof KafkaError)) throw error
  return { asked, partition, sizeInBytes: 0, answer: withoutRecords(asked, error) }
}

function sentOn(asked: FetchPartition, partition: Partition, preferredReadReplica: number): PartitionRead {
  const { highWatermark, lastStableOffset, logStartOffset } = partition.log
  const answer = { ...withoutRecords(asked), highWatermark, lastStableOffset, logStartOffset, preferredReadReplica }
  return { asked, partition, sizeInBytes: 0, answer }
}

function isUrgent({ errorCode, divergingEpoch, preferredReadReplica }: PartitionAnswer): boolean {
  return errorCode !== 0 || divergingEpoch !== undefined || preferredReadReplica !== undefined
}

function withoutRecords(asked: FetchPartition, error?: KafkaError): PartitionAnswer {
  return {
    partitionIndex: asked.partition,
    errorCode: error?.code ?? 0,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: error !== undefined && beforeReading.has(error.kafkaError) ? [] : null,
    records: noRecords,
  }
}

/** The answer to a reader whose last epoch ended here before its position: it must truncate (KIP-595). */
function divergence(asked: FetchPartition, partition: Partition): PartitionRead | undefined {
  if (asked.lastFetchedEpoch < 0) return undefined
  const { leaderEpoch, endOffset } = partition.log.endOffsetForEpoch(asked.lastFetchedEpoch)
  if (leaderEpoch < 0 || endOffset < 0) throw new KafkaError('OFFSET_OUT_OF_RANGE')
  if (leaderEpoch >= asked.lastFetchedEpoch && endOffset >= asked.fetchOffset) return undefined
  const { highWatermark, lastStableOffset, logStartOffset } = partition.log
  return {
    asked,
    partition,
    sizeInBytes: 0,
    answer: {
      ...withoutRecords(asked),
      highWatermark,
      lastStableOffset,
      logStartOffset,
      divergingEpoch: { epoch: leaderEpoch, endOffset },
    },
  }
}

/** The answer's topics, in the order of the request; in an incremental one only partitions with news. */
function assemble(reads: readonly PartitionRead[], scope: FetchScope): FetchAnswer['responses'] {
  const responses: { topic: string; topicId: string; partitions: PartitionAnswer[] }[] = []
  for (const { asked, answer, sizeInBytes } of reads) {
    if (sizeInBytes > 0) scope.answered(asked)
    const news = hasNews(asked, answer, sizeInBytes)
    if (scope.incremental && !news) continue
    const last = responses.at(-1)
    if (last !== undefined && last.topic === asked.topic && last.topicId === asked.topicId) last.partitions.push(answer)
    else responses.push({ topic: asked.topic, topicId: asked.topicId, partitions: [answer] })
  }
  return responses
}

/** Whether the client must hear of `answer`; remembers what it is told. */
function hasNews(asked: FetchPartition, answer: PartitionAnswer, sizeInBytes: number): boolean {
  const news =
    sizeInBytes > 0 ||
    isUrgent(answer) ||
    answer.highWatermark !== asked.toldHighWatermark ||
    answer.logStartOffset !== asked.toldLogStartOffset
  asked.toldHighWatermark = answer.errorCode === 0 ? answer.highWatermark : -1
  asked.toldLogStartOffset = answer.logStartOffset
  return news
}
