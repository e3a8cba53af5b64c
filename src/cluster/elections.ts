/**
 * cluster: decides who leads when somebody asks for an election (KIP-183, KIP-460): the preferred replica, or anybody that runs. Pure: reads
 * the state, changes none. Messages are Kafka's.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { partitionChangeRecord } from '../../protocol/state/index.ts'
import { type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import { mapInTurns } from '../runtime/turns.ts'
import type { LeadershipState } from './leadership.ts'
import { noLeader, type Partition } from './partition.ts'
import type { Topics } from './topics.ts'

export type ElectionType = 'preferred' | 'unclean'

export interface ElectionState extends LeadershipState {
  readonly topics: Topics
}

export interface PartitionName {
  readonly topic: string
  readonly partition: number
}

export interface Election extends PartitionName {
  /** Why nobody was elected. */
  readonly error: KafkaError | undefined
}

/** After an unclean election: the leader may lack what others had. */
const recovering = 1

/** One entry for each of `wanted`, in their order; null: every partition that does not have the leader that is asked for. */
export async function decideElections(
  state: ElectionState,
  type: ElectionType,
  wanted: readonly PartitionName[] | null,
): Promise<{ records: MetadataRecord[]; results: Election[] }> {
  const records: MetadataRecord[] = []
  const results: Election[] = []
  await mapInTurns(wanted ?? [...namesOfAll(state.topics)], ({ topic, partition }) => {
    try {
      records.push(decideElection(state, type, required(state.topics, topic, partition)))
      results.push({ topic, partition, error: undefined })
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      if (wanted !== null || error.kafkaError !== 'ELECTION_NOT_NEEDED') results.push({ topic, partition, error })
    }
  })
  return { records, results }
}

function* namesOfAll(topics: Topics): Generator<PartitionName, void> {
  for (const { topic, index } of topics.partitions()) yield { topic, partition: index }
}

function required(topics: Topics, name: string, index: number): Partition {
  const topic = topics.byName(name)
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${name}`)
  const partition = topic.partitions[index]
  if (partition === undefined) {
    throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${name}-${index}`)
  }
  return partition
}

/** @throws KafkaError ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE */
function decideElection(state: ElectionState, type: ElectionType, partition: Partition): MetadataRecord {
  const { replicas, isr, leaderId } = partition
  const isDone = type === 'preferred' ? leaderId === replicas[0] : leaderId !== noLeader
  if (isDone) throw new KafkaError('ELECTION_NOT_NEEDED')
  const inSync = replicas.filter((id) => isr.includes(id) && state.available.has(id))
  if (type === 'preferred') {
    // Where nobody leads, any replica that is in sync is better than none.
    const elected = inSync.find((id) => id === replicas[0]) ?? (inSync.includes(leaderId) ? undefined : inSync[0])
    if (elected === undefined) throw new KafkaError('PREFERRED_LEADER_NOT_AVAILABLE')
    return changeOf(state, partition, { leader: elected })
  }
  const [clean] = inSync
  if (clean !== undefined) return changeOf(state, partition, { leader: clean })
  const elected = replicas.find((id) => state.available.has(id))
  if (elected === undefined) throw new KafkaError('ELIGIBLE_LEADERS_NOT_AVAILABLE')
  return changeOf(state, partition, {
    leader: elected,
    isr: [elected],
    leaderRecoveryState: recovering,
    ...(partition.eligibleLeaderReplicas.length > 0 ? { eligibleLeaderReplicas: [] } : {}),
    ...(partition.lastKnownElr.length > 0 ? { lastKnownElr: [] } : {}),
  })
}

function changeOf(
  { features }: ElectionState,
  { index, topicId }: Partition,
  change: Parameters<typeof partitionChangeRecord.encodeMetadata>[1],
): MetadataRecord {
  return metadataRecord(partitionChangeRecord, features.partitionRecordVersion, {
    ...change,
    partitionId: index,
    topicId,
  })
}
