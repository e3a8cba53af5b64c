/**
 * cluster: decides who leads when somebody asks for an election (KIP-183, KIP-460): the preferred replica, or anybody that runs. Pure: reads
 * the state, changes none. Messages are Kafka's.
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { MetadataRecord } from '../metadata/index.ts'
import { mapInTurns } from '../runtime/turns.ts'
import { inSyncWith, type LeadershipState } from './leadership.ts'
import { noLeader, type Partition } from './partition.ts'
import { isLastLeader, partitionChange, recovering } from './partition-changes.ts'
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
  const { replicas, isr, leaderId, lastKnownElr } = partition
  const isDone = type === 'preferred' ? leaderId === replicas[0] : leaderId !== noLeader
  if (isDone) throw new KafkaError('ELECTION_NOT_NEEDED')
  const mayLead = isr.length > 0 ? isr : partition.eligibleLeaderReplicas
  const clean = replicas.filter((id) => mayLead.includes(id) && state.available.has(id))
  // Where nobody leads, any replica that has every record is better than none.
  const isLed = type === 'preferred' && clean.includes(leaderId)
  const elected = clean.find((id) => id === replicas[0]) ?? (isLed ? undefined : clean[0])
  if (elected !== undefined) return changeOf(state, partition, elected)
  const last = lastKnownElr.find((id) => isLastLeader(state.features, partition, id) && state.available.has(id))
  if (last !== undefined) return changeOf(state, partition, last, true)
  if (type === 'preferred') throw new KafkaError('PREFERRED_LEADER_NOT_AVAILABLE')
  const unclean = replicas.find((id) => state.available.has(id))
  if (unclean === undefined) throw new KafkaError('ELIGIBLE_LEADERS_NOT_AVAILABLE')
  return changeOf(state, partition, unclean, true)
}

/** Those that are in sync stay so, unless the leader is not among them: then it is the ones that share its bytes. */
function changeOf(state: ElectionState, partition: Partition, leader: number, isUnclean = false): MetadataRecord {
  const isr = partition.isr.includes(leader) ? partition.isr : inSyncWith(state, partition, leader)
  const change = { leader, isr, ...(isUnclean ? { leaderRecoveryState: recovering } : {}) }
  return partitionChange(state.features, partition, change)!
}
