/**
 * fetch: incremental fetch sessions (KIP-227). A client names its partitions once; later requests tell only what changed, and
 * answers hold only partitions with something new.
 *
 *     request (sessionId, sessionEpoch)   (0, -1) no session · (0, 0) all partitions, please make one · (id, n) changes only
 *                                         (id, -1) all partitions, close that session · (id, 0) all partitions, close it and make another
 * Source: KIP-227; Kafka's FetchSession.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { zeroUuid } from '../../protocol/schema/index.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'

/** Any negative leader epoch means none. */
const noEpoch = -1

/** One partition as a client asks for it; in a session it is kept and updated. */
export class FetchPartition {
  /** Empty when the client knows only the id. */
  readonly topic: string
  /** The zero uuid when the client knows only the name. */
  readonly topicId: string
  readonly partition: number
  fetchOffset: number
  maxBytes: number
  currentLeaderEpoch: number
  lastFetchedEpoch: number
  /** The topic's name, where the client knows only the id: known from the first time that it was found. */
  foundTopic: string | undefined
  /** What the client was told last; -1 makes the next answer tell it again. */
  toldHighWatermark = -1
  toldLogStartOffset = -1

  constructor(topic: string, topicId: string, asked: AskedPartition) {
    this.topic = topic
    this.topicId = topicId
    this.partition = asked.partition
    this.fetchOffset = asked.fetchOffset
    this.maxBytes = asked.partitionMaxBytes
    this.currentLeaderEpoch = Math.max(noEpoch, asked.currentLeaderEpoch)
    this.lastFetchedEpoch = asked.lastFetchedEpoch
  }

  update(asked: AskedPartition): void {
    this.fetchOffset = asked.fetchOffset
    this.maxBytes = asked.partitionMaxBytes
    this.currentLeaderEpoch = Math.max(noEpoch, asked.currentLeaderEpoch)
    this.lastFetchedEpoch = asked.lastFetchedEpoch
  }
}

/** A partition in a Fetch request. */
export interface AskedPartition {
  readonly partition: number
  readonly fetchOffset: number
  readonly partitionMaxBytes: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
}

/** What of a Fetch request concerns sessions. */
export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: readonly {
    readonly topic: string
    readonly topicId: string
    readonly partitions: readonly AskedPartition[]
  }[]
  readonly forgottenTopicsData: readonly {
    readonly topic: string
    readonly topicId: string
    readonly partitions: readonly number[]
  }[]
}

const noSession = 0
const initialEpoch = 0
const finalEpoch = -1

class FetchSession {
  readonly id: number
  readonly usesTopicIds: boolean
  lastUsedMs: number
  /** The epoch that the next request must have. */
  nextEpoch = 1
  /** In the order in which they are read: what was answered with records goes last, so that nothing starves. */
  readonly partitions = new Map<string, FetchPartition>()

  constructor(id: number, usesTopicIds: boolean, nowMs: number) {
    this.id = id
    this.usesTopicIds = usesTopicIds
    this.lastUsedMs = nowMs
  }
}

/** The partitions that one request reads, and the session that they belong to, if any. */
export class FetchScope {
  readonly partitions: readonly FetchPartition[]
  /** Partitions without news are left out of the answer. */
  readonly incremental: boolean
  readonly #session: FetchSession | undefined
  readonly #sessions: Map<number, FetchSession>

  constructor(
    partitions: readonly FetchPartition[],
    session: FetchSession | undefined,
    incremental: boolean,
    sessions: Map<number, FetchSession>,
  ) {
    this.partitions = partitions
    this.incremental = incremental
    this.#session = session
    this.#sessions = sessions
  }

  get sessionId(): number {
    return this.#session?.id ?? noSession
  }

  /** To be called for each partition that was answered with records. */
  answered(partition: FetchPartition): void {
    const session = this.#session
    if (session === undefined) return
    const key = partitionKey(partition.topic, partition.topicId, partition.partition)
    if (session.partitions.delete(key)) session.partitions.set(key, partition)
  }

  /** The client is not told of this answer: a session that was made for it goes, one that was there tells all again. */
  withdraw(): void {
    if (this.#session === undefined) return
    if (this.incremental) for (const partition of this.partitions) partition.toldHighWatermark = -1
    else this.#sessions.delete(this.#session.id)
  }
}

const partitionKey = (topic: string, topicId: string, partition: number): string =>
  `${topicId === zeroUuid ? topic : topicId}:${partition}`

export class FetchSessions {
  readonly #clock: Clock
  readonly #random: Random
  readonly #maxSessions: number
  readonly #evictionMs: number
  /** Least recently used first. */
  readonly #sessions = new Map<number, FetchSession>()

  /** @param options maxSessions: max.incremental.fetch.session.cache.slots; evictionMs: how long a session is safe from a newcomer. */
  constructor(options: { clock: Clock; random: Random; maxSessions: number; evictionMs: number }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#maxSessions = options.maxSessions
    this.#evictionMs = options.evictionMs
  }

  get size(): number {
    return this.#sessions.size
  }

  /**
   * What a request reads.
   * @throws KafkaError FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR
   */
  open(request: SessionRequest, usesTopicIds: boolean): FetchScope {
    if (request.sessionEpoch === initialEpoch || request.sessionEpoch === finalEpoch) {
      if (request.sessionId !== noSession) this.#sessions.delete(request.sessionId)
      return this.#openFull(request, usesTopicIds)
    }
    return this.#openIncremental(request, usesTopicIds)
  }

  #openFull(request: SessionRequest, usesTopicIds: boolean): FetchScope {
    const partitions = new Map<string, FetchPartition>()
    for (const { topic, topicId, partitions: asked } of request.topics) {
      for (const each of asked) {
        partitions.set(partitionKey(topic, topicId, each.partition), new FetchPartition(topic, topicId, each))
      }
    }
    const session = request.sessionEpoch === initialEpoch ? this.#create(usesTopicIds) : undefined
    if (session !== undefined) for (const [key, partition] of partitions) session.partitions.set(key, partition)
    return new FetchScope([...partitions.values()], session, false, this.#sessions)
  }

  #openIncremental(request: SessionRequest, usesTopicIds: boolean): FetchScope {
    const session = this.#sessions.get(request.sessionId)
    if (session === undefined) throw new KafkaError('FETCH_SESSION_ID_NOT_FOUND')
    if (session.nextEpoch !== request.sessionEpoch) throw new KafkaError('INVALID_FETCH_SESSION_EPOCH')
    if (session.usesTopicIds !== usesTopicIds) throw new KafkaError('FETCH_SESSION_TOPIC_ID_ERROR')
    for (const { topic, topicId, partitions } of request.topics) {
      for (const asked of partitions) {
        const key = partitionKey(topic, topicId, asked.partition)
        const known = session.partitions.get(key)
        if (known === undefined) session.partitions.set(key, new FetchPartition(topic, topicId, asked))
        else known.update(asked)
      }
    }
    for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
      for (const partition of partitions) session.partitions.delete(partitionKey(topic, topicId, partition))
    }
    session.nextEpoch = session.nextEpoch === 0x7fffffff ? 1 : session.nextEpoch + 1
    session.lastUsedMs = this.#clock.now()
    this.#sessions.delete(session.id)
    if (session.partitions.size === 0) return new FetchScope([], undefined, false, this.#sessions)
    this.#sessions.set(session.id, session)
    return new FetchScope([...session.partitions.values()], session, true, this.#sessions)
  }

  /** A new session, or undefined while all places are taken by sessions that are still safe. */
  #create(usesTopicIds: boolean): FetchSession | undefined {
    const nowMs = this.#clock.now()
    if (this.#sessions.size >= this.#maxSessions) {
      const [oldest] = this.#sessions.values()
      if (oldest === undefined || nowMs - oldest.lastUsedMs <= this.#evictionMs) return undefined
      this.#sessions.delete(oldest.id)
    }
    const session = new FetchSession(this.#newId(), usesTopicIds, nowMs)
    this.#sessions.set(session.id, session)
    return session
  }

  #newId(): number {
    for (;;) {
      const id = 1 + Math.floor(this.#random.fraction() * 0x7ffffffe)
      if (!this.#sessions.has(id)) return id
    }
  }
}
