/**
 * cluster: decides what moving replicas to other brokers (KIP-455) writes to the metadata log, and says what is under way. Brokers of this
 * process share each partition's bytes, so those of them that run are in sync at once; a reassignment waits for the others. Pure: reads the
 * state, changes none. Messages are Kafka's.
 *
 *     replicas 1,2 ─► wanted 2,3:   replicas 2,3,1   adding 3   removing 1   ─► 3 is in sync:   replicas 2,3
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { MetadataRecord } from '../metadata/index.ts'
import { mapInTurns } from '../runtime/turns.ts'
import type { ElectionState, PartitionName } from './elections.ts'
import { noLeader, type Partition, unassignedDirectory } from './partition.ts'
import { isSameList, partitionChange } from './partition-changes.ts'
import type { Registrations } from './registrations.ts'

export interface ReassignmentState extends ElectionState {
  readonly registrations: Registrations
}

export interface WantedReassignment extends PartitionName {
  /** Null: the one under way is given up. */
  readonly replicas: readonly number[] | null
}

export interface Reassignment extends PartitionName {
  readonly replicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
}

/** What a partition is to become. */
interface Target {
  readonly replicas: readonly number[]
  readonly adding: readonly number[]
  readonly removing: readonly number[]
  readonly isr: readonly number[]
}

/** One entry for each, in their order: undefined where it is begun, or done. */
export async function decideReassignments(
  state: ReassignmentState,
  wanted: readonly WantedReassignment[],
  options: { readonly allowReplicationFactorChange: boolean },
): Promise<{ records: MetadataRecord[]; results: (KafkaError | undefined)[] }> {
  const records: MetadataRecord[] = []
  const results = await mapInTurns(wanted, (each) => {
    try {
      const partition = required(state, each)
      const target =
        each.replicas === null
          ? revertedTarget(state, partition)
          : targetOf(state, partition, each.replicas, options.allowReplicationFactorChange)
      records.push(...changeTo(state, partition, target))
      return undefined
    } catch (error) {
      if (error instanceof KafkaError) return error
      throw error
    }
  })
  return { records, results }
}

/** Those under way that can end, for `brokerId` runs now: its replicas are in sync. */
export function decideEndedReassignments(
  state: ReassignmentState,
  partitions: Iterable<Partition>,
  brokerId: number,
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const partition of partitions) {
    const { replicas, addingReplicas: adding, removingReplicas: removing } = partition
    if (adding.length + removing.length === 0 || !replicas.includes(brokerId)) continue
    const target = advanced(state, partition, { replicas, adding, removing, isr: partition.isr })
    if (target.adding.length + target.removing.length === 0) records.push(...changeTo(state, partition, target))
  }
  return records
}

/** Those under way among `partitions`. */
export function listReassignments(partitions: Iterable<Partition>): Reassignment[] {
  return [...partitions]
    .filter(({ addingReplicas, removingReplicas }) => addingReplicas.length + removingReplicas.length > 0)
    .map(({ topic, index, replicas, addingReplicas, removingReplicas }) => ({
      topic,
      partition: index,
      replicas,
      addingReplicas,
      removingReplicas,
    }))
}

function required({ topics }: ReassignmentState, { topic: name, partition: index }: PartitionName): Partition {
  const topic = topics.byName(name)
  const partition = topic?.partitions[index]
  if (partition !== undefined) return partition
  const missing = topic === undefined ? `a topic named ${name}` : `partition ${name}:${index}`
  throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find ${missing}.`)
}

function targetOf(
  state: ReassignmentState,
  partition: Partition,
  wanted: readonly number[],
  allowsOtherFactor: boolean,
): Target {
  requireValid(state, wanted)
  const settled = partition.replicas.filter((id) => !partition.removingReplicas.includes(id))
  if (!allowsOtherFactor && settled.length !== wanted.length) {
    const message = `The replication factor is changed from ${settled.length} to ${wanted.length}`
    throw new KafkaError('INVALID_REPLICATION_FACTOR', message)
  }
  const removing = sorted(partition.replicas.filter((id) => !wanted.includes(id)))
  const adding = sorted(wanted.filter((id) => !partition.replicas.includes(id)))
  return advanced(state, partition, { replicas: [...wanted, ...removing], adding, removing, isr: partition.isr })
}

function requireValid({ registrations }: ReassignmentState, wanted: readonly number[]): void {
  const refuse = (problem: string): KafkaError =>
    new KafkaError('INVALID_REPLICA_ASSIGNMENT', `The manual partition assignment includes ${problem}`)
  if (wanted.length === 0) throw refuse('an empty replica list.')
  const ids = sorted(wanted)
  for (const [index, id] of ids.entries()) {
    if (registrations.get(id) === undefined) throw refuse(`broker ${id}, but no such broker is registered.`)
    if (id === ids[index - 1]) throw refuse(`the broker ${id} more than once.`)
  }
}

/** As it was before. */
function revertedTarget(state: ReassignmentState, partition: Partition): Target {
  const { replicas, isr, addingReplicas, removingReplicas, topic, index } = partition
  if (addingReplicas.length + removingReplicas.length === 0) throw new KafkaError('NO_REASSIGNMENT_IN_PROGRESS', '')
  const remaining = replicas.filter((id) => !addingReplicas.includes(id))
  const inSync = isr.filter((id) => !addingReplicas.includes(id))
  if (inSync.length === 0 && !state.mayElectUnclean(partition)) {
    const why = 'because it would require an unclean leader election.'
    const message = `Unable to revert partition assignment for ${topic}:${index} ${why}`
    throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', message)
  }
  return { replicas: remaining, adding: [], removing: [], isr: inSync.length > 0 ? inSync : remaining.slice(0, 1) }
}

/** With the replicas in sync that can be; ended, when all that stay are. */
function advanced(state: ReassignmentState, partition: Partition, target: Target): Target {
  const { replicas, removing, adding } = target
  const holdsAll = partition.isOpen && target.isr.some((id) => state.isHere(partition, id))
  const isr = replicas.filter((id) => target.isr.includes(id) || (holdsAll && state.available.has(id)))
  const staying = replicas.filter((id) => !removing.includes(id))
  const stayingInSync = isr.filter((id) => !removing.includes(id))
  const isDone = adding.length === 0 ? stayingInSync.length > 0 : staying.every((id) => isr.includes(id))
  return isDone ? { replicas: staying, adding: [], removing: [], isr: stayingInSync } : { ...target, isr }
}

/**
 * Nothing, where it is so already. A leader that goes hands over to the first that stays and runs; one that stays leads in a new leader epoch when
 * replicas go, which then are not heard any more.
 */
function changeTo(state: ReassignmentState, partition: Partition, target: Target): MetadataRecord[] {
  const { replicas, isr, adding, removing } = target
  const { leaderId } = partition
  const next = replicas.find((id) => isr.includes(id) && state.available.has(id)) ?? noLeader
  const stays = isr.includes(leaderId) || leaderId === next
  const hasNewEpoch = !stays || partition.replicas.some((id) => !replicas.includes(id))
  const record = partitionChange(state.features, partition, {
    ...{ replicas, isr, addingReplicas: adding, removingReplicas: removing },
    ...(isSameList(replicas, partition.replicas) ? {} : directoriesFor(state, partition, replicas)),
    ...(hasNewEpoch ? { leader: stays ? leaderId : next } : {}),
  })
  return record === undefined ? [] : [record]
}

/** New replicas of this process lie where the others of it do: it is the same log. */
function directoriesFor(
  { features, isHere }: ReassignmentState,
  partition: Partition,
  replicas: readonly number[],
): { directories?: readonly string[] } {
  if (features.partitionRecordVersion === 0 || partition.directories.length === 0) return {}
  const directoryOf = (id: number): string | undefined => partition.directories[partition.replicas.indexOf(id)]
  const shared = partition.replicas.filter((id) => isHere(partition, id)).map(directoryOf)[0]
  const directoryOfNew = (id: number): string => (isHere(partition, id) ? shared : undefined) ?? unassignedDirectory
  return { directories: replicas.map((id) => directoryOf(id) ?? directoryOfNew(id)) }
}

const sorted = (ids: readonly number[]): number[] => [...ids].sort((one, other) => one - other)
