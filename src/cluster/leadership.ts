/**
 * cluster: decides who leads when a broker comes or goes, or somebody wishes it. All brokers of the process share each partition's bytes, so a broker is in sync as
 * soon as it runs, if any replica in its directories was: brokers of other processes may have more.
 */
import { partitionChangeRecord } from '../../protocol/state/index.ts'
import { type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import type { Features } from './features.ts'
import { noLeader, type Partition } from './partition.ts'

export interface LeadershipState {
  readonly features: Features
  /** Brokers of this process that run and are not fenced, or are about to: those keep what they led. */
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
  const records: MetadataRecord[] = []
  for (const partition of partitions) {
    if (!partition.replicas.includes(brokerId)) continue
    if (!hasAllRecords(state, partition) && !state.mayElectUnclean(partition)) continue
    const isLed = partition.leaderId !== brokerId && state.available.has(partition.leaderId)
    const mayLead = partition.isr.length === 0 || partition.isr.includes(brokerId)
    const inSync = partition.isr.filter((id) => id === brokerId || state.available.has(id))
    if (!isLed && (mayLead || partition.leaderId === noLeader || inSync.length === 0)) {
      records.push(change(state, partition, inSyncWith(state, partition, brokerId), brokerId))
    } else if (!partition.isr.includes(brokerId)) {
      records.push(change(state, partition, inSyncWith(state, partition, brokerId), undefined))
    }
  }
  return records
}

/** `brokerId` goes: another running in-sync replica leads what it led; a partition without one has no leader until it is back. */
export function decideBrokerStopped(
  state: LeadershipState,
  partitions: Iterable<Partition>,
  brokerId: number,
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const partition of partitions) {
    if (!partition.replicas.includes(brokerId)) continue
    const isr = partition.isr.filter((id) => id !== brokerId)
    const next = partition.replicas.find((id) => isr.includes(id) && state.available.has(id))
    if (partition.leaderId === brokerId) {
      records.push(change(state, partition, next === undefined ? partition.isr : isr, next ?? noLeader))
    } else if (isr.length < partition.isr.length && next !== undefined) {
      records.push(change(state, partition, isr, undefined))
    }
  }
  return records
}

/** What is led by brokers that don't run, and by nobody else since the others have come, has no leader. */
export function decideBrokersAbsent(state: LeadershipState, partitions: Iterable<Partition>): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const partition of partitions) {
    const { leaderId, isr } = partition
    if (leaderId !== noLeader && !state.available.has(leaderId)) records.push(change(state, partition, isr, noLeader))
  }
  return records
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
  return leaderId === brokerId ? [] : [change(state, partition, inSyncWith(state, partition, brokerId), brokerId)]
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

/** One of those that are known to have every record lies here. Without any in sync it is the eligible ones (KIP-966), then the last that were. */
function hasAllRecords(state: LeadershipState, partition: Partition): boolean {
  const { isr, eligibleLeaderReplicas, lastKnownElr } = partition
  const complete = [isr, eligibleLeaderReplicas, lastKnownElr].find(({ length }) => length > 0)
  return complete === undefined || complete.some((id) => state.isHere(partition, id))
}

/** In the order of its replicas, without those that don't run here: they don't hear of what is written. */
function inSyncWith(state: LeadershipState, partition: Partition, brokerId: number): number[] {
  return partition.replicas.filter(
    (id) => id === brokerId || (partition.isr.includes(id) && state.available.has(id) && state.isHere(partition, id)),
  )
}

/** `leader` undefined: stays, and so does the leader epoch. */
function change(
  { features }: LeadershipState,
  partition: Partition,
  isr: readonly number[],
  leader: number | undefined,
): MetadataRecord {
  const isrChanges = isr.length !== partition.isr.length || isr.some((id, index) => id !== partition.isr[index])
  return metadataRecord(partitionChangeRecord, features.partitionRecordVersion, {
    partitionId: partition.index,
    topicId: partition.topicId,
    ...(isrChanges ? { isr } : {}),
    ...(leader === undefined ? {} : { leader }),
    ...(partition.eligibleLeaderReplicas.length > 0 ? { eligibleLeaderReplicas: [] } : {}),
    ...(partition.lastKnownElr.length > 0 ? { lastKnownElr: [] } : {}),
  })
}
