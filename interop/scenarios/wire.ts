// interop: what the runner and a client's agent say to each other. One JSON object a line, over the agent's stdin and stdout;
// bytes are base64. Every agent serves as many of the methods as its client can do.

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
export const codecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** A record to write; bytes as base64, headers in order and with repeats. */
export type WireRecord = {
  partition: number
  key: string | null
  value: string | null
  headers: [name: string, value: string | null][]
  /** CreateTime in ms; absent: the client's own. */
  timestamp?: number
}

/** A record as read. */
export type ReadRecord = WireRecord & { offset: number; timestamp: number }

export type Committed = { partition: number; offset: number; metadata: string }

/** Absent in a request: the client's own. */
export type Isolation = 'read_uncommitted' | 'read_committed'

export type TransfersRequest = {
  topic: string
  partitions: number
  accounts: number
  transactionalId: string
  seed: number
  journal: string
}

/** Everything an agent can be asked. Offsets and times are plain numbers: no test goes beyond 2^53. */
export type AgentMethods = {
  /** Writes in order to the given partitions, in as few batches as the client makes of it; resolves when all are acknowledged. */
  produce(request: { topic: string; codec: Codec; idempotent?: boolean; records: WireRecord[] }): Promise<null>
  /** Reads every partition from its first offset until `count` records are there, or until 20 s are over. */
  consume(request: { topic: string; partitions: number; count: number; isolation?: Isolation }): Promise<ReadRecord[]>
  /** As consume, but answers with the number and a SHA-256 over them (see `digest`), for loads too large to send about. */
  consumeDigest(request: { topic: string; count: number }): Promise<{ count: number; sha256: string }>

  /**
   * A group member that runs until `leave`: subscribed to one topic, from the earliest offset, committing as the client does.
   * `journal`: a file that gets a line `ms partition:value` of each record before it may be committed, so that it outlives a kill (not with
   * confluent, whose members are not killed).
   */
  join(request: {
    group: string
    topic: string
    assignor: string
    member: string
    instanceId?: string
    /** How long it may take to notice that the topic has changed; absent: the client's own. The topic is never created by it then. */
    metadataMaxAgeMs?: number
    journal?: string
    isolation?: Isolation
  }): Promise<null>
  /** As `join`, by the consumer group protocol (KIP-848); `pattern`: to all topics that match it, on the broker. */
  joinConsumerGroup(request: {
    group: string
    topic: string
    pattern?: string
    member: string
    instanceId?: string
    journal?: string
  }): Promise<null>
  /** The partitions that a member has now, ascending. */
  assignment(request: { member: string }): Promise<number[]>
  /** `partition:value` of each record a member was handed, values as text. */
  received(request: { member: string }): Promise<string[]>
  leave(request: { member: string }): Promise<null>

  /** Commits offsets of a group in which nobody is a member. */
  commit(request: { group: string; topic: string; offsets: Committed[] }): Promise<null>
  committed(request: { group: string; topic: string; partitions: number }): Promise<Committed[]>
  /** Joins, reads `count` records from where the group stands, commits behind the last of them, leaves; values as text. */
  consumeInGroup(request: { group: string; topic: string; count: number }): Promise<string[]>

  /** A transactional producer, ready for its first transaction; by `producer` it is found again. */
  openTransactional(request: { producer: string; transactionalId: string; timeoutMs?: number }): Promise<null>
  begin(request: { producer: string }): Promise<null>
  /** Resolves when all are acknowledged. */
  send(request: { producer: string; topic: string; records: WireRecord[] }): Promise<null>
  sendOffsets(request: { producer: string; group: string; topic: string; offsets: Committed[] }): Promise<null>
  commitTransaction(request: { producer: string }): Promise<null>
  abortTransaction(request: { producer: string }): Promise<null>
  closeTransactional(request: { producer: string }): Promise<null>
  /**
   * As a member of `group`, writes each record of `input` to partition 0 of `output`, in front of its value `copy of `, with its offset in one
   * transaction, until `count` are done. Every third transaction is aborted first, and made again.
   */
  transform(request: {
    group: string
    input: string
    output: string
    transactionalId: string
    count: number
  }): Promise<null>
  /**
   * One transfer a transaction, until `stopTransfers`: two records `id account amount`, which add up to 0, in the partitions of their accounts
   * (account modulo partitions); every fourth is aborted. `journal`: a file that gets a line `committed id` or `aborted id` when the client was
   * told so, and `failed message` for each error, after which a producer is opened anew.
   */
  startTransfers(request: TransfersRequest): Promise<null>
  stopTransfers(request: { transactionalId: string }): Promise<null>
  /** All that there is for this isolation level, values as text, by partition. */
  readToEnd(request: { topic: string; partitions: number; isolation: Isolation }): Promise<string[][]>
  /** Offsets of a group for one that insists on stable ones (KIP-447). */
  stableOffsets(request: { group: string; topic: string; partitions: number; limitMs: number }): Promise<Committed[]>

  /** `replicationFactor`: 1 if absent; only kafkajs is asked for another. */
  createTopic(request: {
    topic: string
    partitions: number
    replicationFactor?: number
    configs?: Record<string, string>
  }): Promise<null>
  deleteTopic(request: { topic: string }): Promise<null>
  createPartitions(request: { topic: string; count: number }): Promise<null>
  listTopics(request: Record<string, never>): Promise<string[]>
  partitionCount(request: { topic: string }): Promise<number>
  describeConfigs(request: { topic: string }): Promise<Record<string, { value: string | null; isDefault: boolean }>>
  describeCluster(request: Record<string, never>): Promise<{ brokers: number; controller: number | null; port: number }>
  topicOffsets(request: { topic: string }): Promise<{ partition: number; low: number; high: number }[]>
  /** Offset of the first record at or after the time; -1 or the end where there is none, as the client says it. */
  offsetsByTime(request: { topic: string; partitions: number; timestamp: number }): Promise<number[]>
  listGroups(request: Record<string, never>): Promise<{ group: string; protocolType: string }[]>
  describeGroup(request: { group: string }): Promise<{ state: string; protocol: string; members: number }>
  deleteGroup(request: { group: string }): Promise<null>

  /** Java only: one of Kafka's own command-line tools. */
  tool(request: {
    class: string
    args: string[]
    stdin?: string
  }): Promise<{ exit: number; stdout: string; stderr: string }>
}

export type MethodName = keyof AgentMethods
export type RequestOf<M extends MethodName> = Parameters<AgentMethods[M]>[0]
export type ResponseOf<M extends MethodName> = Awaited<ReturnType<AgentMethods[M]>>

/** A Kafka error code where the client knows one (positive, as on the wire). */
export type AgentError = { message: string; code?: number }
