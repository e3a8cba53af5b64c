/**
 * cluster: decides what creating topics, adding partitions and deleting topics writes to the metadata log. Pure: reads the state, changes
 * none. Messages are Kafka's.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { configRecord, partitionRecord, removeTopicRecord, topicRecord } from '../../protocol/state/index.ts'
import type { BrokerConfig } from '../config/index.ts'
import { type MetadataRecord, metadataRecord, metadataTopic } from '../metadata/index.ts'
import { type Random, randomUuid } from '../runtime/random.ts'
import { mapInTurns } from '../runtime/turns.ts'
import { configResourceTypes } from './dynamic-configs.ts'
import type { Features } from './features.ts'
import type { Registration, Registrations } from './registrations.ts'
import { placeReplicas } from './replica-placement.ts'
import type { Topic } from './topic.ts'
import { requireValidTopicConfigs } from './topic-configs.ts'
import { requireValidTopicName } from './topic-name.ts'
import type { Topics } from './topics.ts'

export interface NewTopic {
  readonly name: string
  /** -1: num.partitions. */
  readonly numPartitions: number
  /** -1: default.replication.factor. */
  readonly replicationFactor: number
  /** Not empty: where each replica lies. */
  readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

export interface CreatedTopic {
  readonly name: string
  readonly topicId: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly configs: ReadonlyMap<string, string>
}

export interface NewPartitions {
  readonly name: string
  /** How many the topic shall have. */
  readonly count: number
  /** Null: placed by the broker; else the replicas of each new partition. */
  readonly assignments: readonly { readonly brokerIds: readonly number[] }[] | null
}

/** What commands look at. */
export interface TopicState {
  readonly topics: Topics
  readonly registrations: Registrations
  readonly features: Features
  readonly config: BrokerConfig
  readonly random: Random
  /** The directory id where a new partition that a broker leads is to lie; another one at each call. */
  directoryFor(brokerId: number): string
  /** A broker has a log directory for new partitions. */
  hasDirectories(brokerId: number): boolean
  /**
   * Counts partitions that are about to be created or deleted, for whoever asks.
   * @throws KafkaError THROTTLING_QUOTA_EXCEEDED when that is too much
   */
  countMutations(partitions: number): void
}

/** Kafka's limits of one command. */
const maxPartitionsPerCommand = 10_000

interface Decided<R> {
  readonly records: readonly MetadataRecord[]
  readonly result: R
}

/**
 * One entry for each topic, in their order.
 * @throws KafkaError POLICY_VIOLATION for more partitions than one command may create
 */
export async function decideCreateTopics(
  state: TopicState,
  newTopics: readonly NewTopic[],
): Promise<{ records: MetadataRecord[]; results: (CreatedTopic | KafkaError)[] }> {
  const isTwice = twiceIn(newTopics.map(({ name }) => name))
  requireFewPartitions(
    newTopics.filter(({ name }) => !isTwice(name)),
    state.config,
  )
  return collect(
    await mapInTurns(newTopics, (topic) =>
      attempt(() => {
        if (isTwice(topic.name)) throw new KafkaError('INVALID_REQUEST', 'Duplicate topic name.')
        return decideCreateTopic(state, topic)
      }),
    ),
  )
}

/** As asked for: whether the topics could be made is looked at only then. @throws KafkaError POLICY_VIOLATION */
function requireFewPartitions(newTopics: readonly NewTopic[], config: BrokerConfig): void {
  let partitions = 0
  for (const { assignments, numPartitions } of newTopics) {
    if (assignments.length > 0) partitions += assignments.length
    else if (numPartitions === -1) partitions += config.get('num.partitions')
    else partitions += Math.max(0, numPartitions)
  }
  if (partitions > maxPartitionsPerCommand) {
    throw new KafkaError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
  }
}

function decideCreateTopic(state: TopicState, topic: NewTopic): Decided<CreatedTopic> {
  const { topics, config } = state
  requireValidTopicName(topic.name)
  if (topic.name === metadataTopic) {
    throw new KafkaError('INVALID_REQUEST', `Creation of internal topic ${metadataTopic} is prohibited.`)
  }
  if (topics.byName(topic.name) !== undefined) {
    throw new KafkaError('TOPIC_ALREADY_EXISTS', `Topic '${topic.name}' already exists.`)
  }
  const colliding = topics.collidingWith(topic.name)
  if (colliding !== undefined) {
    throw new KafkaError('INVALID_TOPIC_EXCEPTION', `Topic '${topic.name}' collides with existing topic: ${colliding}`)
  }
  const configs = requireValidTopicConfigs(config, topic.configs)
  const replicas = replicasOfNewTopic(state, topic)
  state.countMutations(replicas.length)
  const topicId = randomUuid(state.random)
  return {
    records: [
      metadataRecord(topicRecord, 0, { name: topic.name, topicId }),
      ...[...configs].map(([name, value]) => topicConfigRecord(topic.name, name, value)),
      ...replicas.map((brokerIds, index) => newPartitionRecord(state, topicId, index, brokerIds)),
    ],
    result: {
      name: topic.name,
      topicId,
      numPartitions: replicas.length,
      replicationFactor: replicas[0]?.length ?? 0,
      configs,
    },
  }
}

function replicasOfNewTopic(state: TopicState, topic: NewTopic): readonly (readonly number[])[] {
  if (topic.assignments.length > 0) return assignedReplicas(state, topic)
  if (topic.replicationFactor === 0 || topic.replicationFactor < -1) {
    throw new KafkaError(
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.',
    )
  }
  if (topic.numPartitions === 0 || topic.numPartitions < -1) {
    throw new KafkaError('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
  }
  return placeReplicas(
    placeableBrokers(state),
    topic.numPartitions === -1 ? state.config.get('num.partitions') : topic.numPartitions,
    topic.replicationFactor === -1 ? state.config.get('default.replication.factor') : topic.replicationFactor,
    () => state.random.fraction(),
  )
}

function assignedReplicas(state: TopicState, topic: NewTopic): readonly (readonly number[])[] {
  if (topic.replicationFactor !== -1) {
    throw new KafkaError(
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    )
  }
  if (topic.numPartitions !== -1) {
    throw new KafkaError(
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    )
  }
  const byIndex = new Map<number, readonly number[]>()
  let replicationFactor: number | undefined
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (byIndex.has(partitionIndex)) {
      throw badAssignment(`Found multiple manual partition assignments for partition ${partitionIndex}`)
    }
    requireValidAssignment(state, partitionIndex, brokerIds, replicationFactor)
    replicationFactor = brokerIds.length
    byIndex.set(partitionIndex, brokerIds)
  }
  return Array.from({ length: byIndex.size }, (_, index) => {
    const brokerIds = byIndex.get(index)
    if (brokerIds === undefined) {
      throw badAssignment('partitions should be a consecutive 0-based integer sequence')
    }
    return brokerIds
  })
}

/** @param replicationFactor of the partitions before it, undefined for the first */
function requireValidAssignment(
  { registrations }: TopicState,
  partition: number,
  brokerIds: readonly number[],
  replicationFactor: number | undefined,
): void {
  if (brokerIds.length === 0) throw badAssignment('The manual partition assignment includes an empty replica list.')
  const seen = new Set<number>()
  for (const id of [...brokerIds].sort((one, other) => one - other)) {
    if (registrations.get(id) === undefined) {
      throw badAssignment(`The manual partition assignment includes broker ${id}, but no such broker is registered.`)
    }
    if (seen.has(id)) {
      throw badAssignment(`The manual partition assignment includes the broker ${id} more than once.`)
    }
    seen.add(id)
  }
  if (replicationFactor !== undefined && brokerIds.length !== replicationFactor) {
    throw badAssignment(
      `The manual partition assignment includes a partition with ${brokerIds.length} replica(s), but this is not consistent with previous partitions, which have ${replicationFactor} replica(s).`,
    )
  }
  if (!brokerIds.some((id) => registrations.isAlive(id))) {
    throw badAssignment(
      `All brokers specified in the manual partition assignment for partition ${partition} are fenced or in controlled shutdown.`,
    )
  }
}

function badAssignment(message: string): KafkaError {
  return new KafkaError('INVALID_REPLICA_ASSIGNMENT', message)
}

/**
 * One entry for each topic, in their order: undefined where partitions are added.
 * @throws KafkaError POLICY_VIOLATION for more topics than one command may name
 */
export async function decideCreatePartitions(
  state: TopicState,
  wanted: readonly NewPartitions[],
): Promise<{ records: MetadataRecord[]; results: (KafkaError | undefined)[] }> {
  const isTwice = twiceIn(wanted.map(({ name }) => name))
  if (wanted.length > maxPartitionsPerCommand) {
    throw new KafkaError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
  }
  return collect(
    await mapInTurns(wanted, (each) =>
      attempt(() => {
        if (isTwice(each.name)) throw new KafkaError('INVALID_REQUEST', 'Duplicate topic name.')
        return decideAddPartitions(state, each)
      }),
    ),
  )
}

function decideAddPartitions(state: TopicState, { name, count, assignments }: NewPartitions): Decided<undefined> {
  const topic = state.topics.byName(name)
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
  const current = topic.partitions.length
  if (count === current) throw new KafkaError('INVALID_PARTITIONS', `Topic already has ${current} partition(s).`)
  if (count < current) {
    throw new KafkaError(
      'INVALID_PARTITIONS',
      `The topic ${name} currently has ${current} partition(s); ${count} would not be an increase.`,
    )
  }
  const additional = count - current
  if (additional > maxPartitionsPerCommand) {
    throw new KafkaError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
  }
  const replicas = assignments === null ? placedReplicas(state, topic, additional) : assignments
  if (replicas.length !== additional) {
    throw badAssignment(
      `Attempted to add ${additional} additional partition(s), but only ${replicas.length} assignment(s) were specified.`,
    )
  }
  const records = replicas.map(({ brokerIds }, position) => {
    requireValidAssignment(state, current + position, brokerIds, topic.replicationFactor)
    return newPartitionRecord(state, topic.id, current + position, brokerIds)
  })
  state.countMutations(additional)
  return { records, result: undefined }
}

function placedReplicas(state: TopicState, topic: Topic, additional: number): { brokerIds: readonly number[] }[] {
  return placeReplicas(placeableBrokers(state), additional, topic.replicationFactor, () => state.random.fraction()).map(
    (brokerIds) => ({ brokerIds }),
  )
}

/** One entry for each topic id, in their order: undefined where the topic goes. */
export async function decideDeleteTopics(
  { topics, countMutations }: TopicState,
  topicIds: readonly string[],
): Promise<{ records: MetadataRecord[]; results: (KafkaError | undefined)[] }> {
  const seen = new Set<string>()
  return collect(
    await mapInTurns(topicIds, (topicId) => {
      const topic = topics.byId(topicId)
      const isRepeated = seen.has(topicId)
      seen.add(topicId)
      if (isRepeated || topic === undefined) return new KafkaError('UNKNOWN_TOPIC_ID')
      return attempt(() => {
        countMutations(topic.partitions.length)
        return { records: [metadataRecord(removeTopicRecord, 0, { topicId })], result: undefined }
      })
    }),
  )
}

function newPartitionRecord(
  state: TopicState,
  topicId: string,
  partitionId: number,
  brokerIds: readonly number[],
): MetadataRecord {
  const { features, registrations } = state
  const isr = brokerIds.filter((id) => registrations.isAlive(id))
  return metadataRecord(partitionRecord, features.partitionRecordVersion, {
    partitionId,
    topicId,
    replicas: brokerIds,
    isr,
    leader: isr[0] ?? -1,
    leaderEpoch: 0,
    partitionEpoch: 0,
    directories: features.partitionRecordVersion > 0 ? sharedDirectory(state, brokerIds) : [],
  })
}

/** All replicas are the one log that brokers of this process share. */
function sharedDirectory(state: TopicState, brokerIds: readonly number[]): string[] {
  const directoryId = state.directoryFor(brokerIds[0]!)
  return brokerIds.map(() => directoryId)
}

function placeableBrokers({ registrations, hasDirectories }: TopicState): Registration[] {
  return registrations.values().filter(({ id }) => hasDirectories(id))
}

function topicConfigRecord(topic: string, name: string, value: string | null): MetadataRecord {
  return metadataRecord(configRecord, 0, {
    resourceType: configResourceTypes.topic,
    resourceName: topic,
    name,
    value,
  })
}

/** Whether a name occurs more than once among `names`. */
function twiceIn(names: readonly string[]): (name: string) => boolean {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const name of names) (seen.has(name) ? twice : seen).add(name)
  return (name) => twice.has(name)
}

function attempt<R>(decide: () => Decided<R>): Decided<R> | KafkaError {
  try {
    return decide()
  } catch (error) {
    if (error instanceof KafkaError) return error
    throw error
  }
}

function collect<R>(decided: readonly (Decided<R> | KafkaError)[]): {
  records: MetadataRecord[]
  results: (R | KafkaError)[]
} {
  const records: MetadataRecord[] = []
  const results: (R | KafkaError)[] = []
  for (const each of decided) {
    if (each instanceof KafkaError) results.push(each)
    else {
      for (const record of each.records) records.push(record)
      results.push(each.result)
    }
  }
  return { records, results }
}
