/**
 * cluster: decides who leads when a broker comes or goes, or somebody wishes it. All brokers of the process share each partition's bytes, so a broker is in sync as
 * soon as it runs, if any replica in its directories was: brokers of other processes may have more. With eligible leader replicas (KIP-966) a
 * partition waits, as in Kafka, for those of the process that are known to have every record.
 */
import type { MetadataRecord } from '../metadata/index.ts'
import type { Features } from './features.ts'
import { noLeader, type Partition } from './partition.ts'
import {
  completeReplicas,
  isLastLeader,
  type PartitionChange,
  partitionChange,
  recovering,
} from './partition-changes.ts'

export interface LeadershipState {
  readonly features: Features
  /** Brokers of this process, whether they run or not. */
  readonly own: ReadonlySet<number>
  /** Those that run and are not fenced. */
  readonly running: ReadonlySet<number>
  /** Those of this process that have not been started since it, or the machine, was killed: what they wrote last may be lost. */
  readonly uncleanlyStopped: ReadonlySet<number>
  /** Those that run, and the ones that are about to: they keep what they led. */
  readonly available: ReadonlySet<number>
  /** The broker's replica lies in a directory of this process. */
  isHere(partition: Partition, brokerId: number): boolean
  /** unclean.leader.election.enable: records that only others have may be lost. */
  mayElectUnclean(partition: Partition): boolean
}

/**
 * `brokerId` comes: what it led before its stop, and what nobody leads, it leads from now on, in a new leader epoch; of the rest it becomes
 * an in-sync replica again.
 */
export function decideBrokerStarted(
  state: LeadershipState,
  partitions: Iterable<Partition>,
  brokerId: number,
): MetadataRecord[] {
  return changes(state, partitions, (partition) => {
    if (!partition.replicas.includes(brokerId)) return undefined
    if (!hasAllRecords(state, partition) && !state.mayElectUnclean(partition)) return undefined
    const isr = inSyncWith(state, partition, brokerId)
    if (partition.leaderId !== brokerId && state.available.has(partition.leaderId)) {
      return partition.isr.includes(brokerId) ? undefined : { isr }
    }
    const inSync = partition.isr.filter((id) => id === brokerId || state.available.has(id))
    const mayLead = inSync.includes(brokerId) || inSync.length === 0 || partition.leaderId === noLeader
    if (!mayLead) return partition.isr.includes(brokerId) ? undefined : { isr }
    const waits = waitsForOthers(state, partition, brokerId)
    if (waits && !state.mayElectUnclean(partition)) return undefined
    const isUnclean = waits || isLastLeader(state.features, partition, brokerId) || mayHaveLost(state, brokerId)
    return { isr, leader: brokerId, ...(isUnclean ? { leaderRecoveryState: recovering } : {}) }
  })
}

/** `brokerId` goes: another running in-sync replica leads what it led; a partition without one has no leader until it is back. */
export function decideBrokerStopped(
  state: LeadershipState,
  partitions: Iterable<Partition>,
  brokerId: number,
): MetadataRecord[] {
  return changes(state, partitions, (partition) => {
    if (!partition.replicas.includes(brokerId)) return undefined
    const others = partition.isr.filter((id) => id !== brokerId)
    const next = partition.replicas.find((id) => others.includes(id) && state.available.has(id))
    const isr = isrWithout(state, partition, brokerId)
    return partition.leaderId === brokerId ? { isr, leader: next ?? noLeader } : { isr }
  })
}

/** What is led by brokers that don't run, and by nobody else since the others have come, has no leader. */
export function decideBrokersAbsent(state: LeadershipState, partitions: Iterable<Partition>): MetadataRecord[] {
  return changes(state, partitions, (partition) => {
    const { leaderId } = partition
    if (leaderId === noLeader || state.available.has(leaderId)) return undefined
    return { isr: isrWithout(state, partition, leaderId), leader: noLeader }
  })
}

/**
 * `brokerId` leads from now on, in a new leader epoch; nothing where it does so already.
 * @throws Error in one readable line when it can't: it is no replica, does not run, or lacks records that brokers elsewhere have
 */
export function decideLeader(state: LeadershipState, partition: Partition, brokerId: number): MetadataRecord[] {
  const { name, replicas, leaderId } = partition
  if (!replicas.includes(brokerId)) {
    throw new Error(`broker ${brokerId} can't lead ${name}: its replicas are on ${replicas.join(', ')}`)
  }
  if (!state.available.has(brokerId)) throw new Error(`broker ${brokerId} can't lead ${name}: it does not run`)
  if (!hasAllRecords(state, partition)) throw new Error(`broker ${brokerId} can't lead ${name}: it is not in sync`)
  const led = { isr: inSyncWith(state, partition, brokerId), leader: brokerId }
  return changes(state, leaderId === brokerId ? [] : [partition], () => led)
}

/** The first of its replicas leads each partition where that one runs and is in sync. */
export function decidePreferredLeaders(state: LeadershipState, partitions: Iterable<Partition>): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const partition of partitions) {
    const [preferred] = partition.replicas
    if (preferred === undefined || !state.available.has(preferred) || !partition.isr.includes(preferred)) continue
    for (const record of decideLeader(state, partition, preferred)) records.push(record)
  }
  return records
}

/**
 * Those in sync when `brokerId` leads, in the order of its replicas: without those that don't run here, which don't hear of what is written. Who
 * waited for a leader shares its bytes.
 */
export function inSyncWith(state: LeadershipState, partition: Partition, brokerId: number): number[] {
  const { replicas, isr } = partition
  const follows = (id: number): boolean => state.running.has(id) || (state.available.has(id) && isr.includes(id))
  return replicas.filter((id) => id === brokerId || (follows(id) && state.isHere(partition, id)))
}

/** One of those that are known to have every record lies here. */
function hasAllRecords(state: LeadershipState, partition: Partition): boolean {
  const complete = completeReplicas(partition)
  return complete.length === 0 || complete.some((id) => state.isHere(partition, id))
}

/** With eligible leader replicas it counts as the last leader after an unclean stop: as one that leads for want of others. */
function mayHaveLost({ features, uncleanlyStopped }: LeadershipState, brokerId: number): boolean {
  return features.isElrEnabled && uncleanlyStopped.has(brokerId)
}

/** With eligible leader replicas: one of those that are known to have every record can come, and it is not `brokerId`. */
function waitsForOthers({ features, own }: LeadershipState, partition: Partition, brokerId: number): boolean {
  const complete = completeReplicas(partition)
  return features.isElrEnabled && !complete.includes(brokerId) && complete.some((id) => own.has(id))
}

/**
 * In sync when `brokerId` goes. Without eligible leader replicas the last ones stay in the ISR, so that it is known who has every record.
 */
function isrWithout({ features, available }: LeadershipState, { isr }: Partition, brokerId: number): readonly number[] {
  const others = isr.filter((id) => id !== brokerId)
  if (features.isElrEnabled) return others.filter((id) => available.has(id))
  return others.some((id) => available.has(id)) ? others : isr
}

function changes(
  { features }: LeadershipState,
  partitions: Iterable<Partition>,
  decide: (partition: Partition) => PartitionChange | undefined,
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const partition of partitions) {
    const change = decide(partition)
    const record = change === undefined ? undefined : partitionChange(features, partition, change)
    if (record !== undefined) records.push(record)
  }
  return records
}
