/**
 * cluster: the record that changes a partition, with what the change does to its eligible leader replicas (KIP-966): those that have left the ISR
 * while it was smaller than it must be. They have all that readers were ever shown, as the high watermark has not moved since: one of them leads
 * when nobody is in sync any more. Pure. The rules are those of Kafka's PartitionChangeBuilder.
 *
 *     replicas 1,2,3, two of them to be in sync:     isr 1,2,3   2 stops ─► isr 1,3   3 stops ─► isr 1, eligible 3
 *       1 stops ─► isr none, eligible 1,3, last leader 1     3 starts ─► 3 leads: isr 3, eligible 1     1 starts ─► isr 1,3
 */
import { partitionChangeRecord } from '../../protocol/state/index.ts'
import { type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import type { Features } from './features.ts'
import { noLeader, type Partition } from './partition.ts'

type ChangeRecord = Parameters<typeof partitionChangeRecord.encodeMetadata>[1]

/** What is not named stays. A leader that is named, also the same again, starts a new leader epoch. */
export interface PartitionChange {
  readonly leader?: number | undefined
  readonly isr?: readonly number[]
  readonly replicas?: readonly number[]
  readonly addingReplicas?: readonly number[]
  readonly removingReplicas?: readonly number[]
  readonly directories?: readonly string[]
  readonly leaderRecoveryState?: number
}

/** LeaderRecoveryState of an unclean election: the leader may lack what others had. It has recovered when it next changes the ISR. */
export const recovering = 1
const recovered = 0

/** undefined: the partition is that way already. */
export function partitionChange(
  features: Features,
  partition: Partition,
  change: PartitionChange,
): MetadataRecord | undefined {
  const isr = changed('isr', partition, change)
  const { leader, leaderRecoveryState = stateAfter(partition, leader, isr) } = change
  const fields: Omit<ChangeRecord, 'partitionId' | 'topicId'> = {
    ...isr,
    ...changed('replicas', partition, change),
    ...changed('addingReplicas', partition, change),
    ...changed('removingReplicas', partition, change),
    ...(change.directories === undefined ? {} : { directories: change.directories }),
    ...(leader === undefined ? {} : { leader }),
    ...(leaderRecoveryState === undefined ? {} : { leaderRecoveryState }),
    ...eligibility(features, partition, change),
  }
  if (Object.keys(fields).length === 0) return undefined
  const { index: partitionId, topicId } = partition
  return metadataRecord(partitionChangeRecord, features.partitionRecordVersion, { partitionId, topicId, ...fields })
}

/** Who is known to have every record: without any in sync it is the eligible ones, then the last that were. */
export function completeReplicas({ isr, eligibleLeaderReplicas, lastKnownElr }: Partition): readonly number[] {
  return [isr, eligibleLeaderReplicas, lastKnownElr].find(({ length }) => length > 0) ?? []
}

/** Nobody is in sync or eligible any more, and the last leader may have lost something since: it leads when it is back. */
export function isLastLeader(features: Features, partition: Partition, brokerId: number): boolean {
  const { isr, eligibleLeaderReplicas, lastKnownElr } = partition
  const isAlone = isr.length === 0 && eligibleLeaderReplicas.length === 0 && lastKnownElr.length === 1
  return features.isElrEnabled && isAlone && lastKnownElr[0] === brokerId
}

function eligibility(
  features: Features,
  partition: Partition,
  change: PartitionChange,
): Pick<ChangeRecord, 'eligibleLeaderReplicas' | 'lastKnownElr'> {
  const { leader } = change
  const lastKnown = partition.lastKnownElr
  const eligible = features.isElrEnabled ? eligibleAfter(partition, change) : []
  const forgets = features.isElrEnabled ? leader !== undefined && leader !== noLeader : true
  const remembers = features.isElrEnabled && leader === noLeader && partition.leaderId !== noLeader
  return {
    ...(isSameList(eligible, partition.eligibleLeaderReplicas) ? {} : { eligibleLeaderReplicas: eligible }),
    ...(forgets && lastKnown.length > 0 ? { lastKnownElr: [] } : {}),
    ...(remembers && lastKnown.length === 0 ? { lastKnownElr: [partition.leaderId] } : {}),
  }
}

function eligibleAfter(partition: Partition, change: PartitionChange): readonly number[] {
  const { isr = partition.isr, replicas = partition.replicas } = change
  if (isr.length >= partition.requiredInSync || change.leaderRecoveryState === recovering) return []
  const candidates = new Set([...partition.eligibleLeaderReplicas, ...partition.isr])
  return [...candidates].filter((id) => !isr.includes(id) && replicas.includes(id)).sort((one, other) => one - other)
}

function stateAfter(partition: Partition, leader: number | undefined, isr: object): number | undefined {
  const isChangedByLeader = leader === undefined && 'isr' in isr
  return isChangedByLeader && partition.leaderRecoveryState === recovering ? recovered : undefined
}

type ListField = 'isr' | 'replicas' | 'addingReplicas' | 'removingReplicas'

function changed(
  field: ListField,
  partition: Partition,
  change: PartitionChange,
): { [each in ListField]?: readonly number[] } {
  const wanted = change[field]
  return wanted === undefined || isSameList(wanted, partition[field]) ? {} : { [field]: wanted }
}

export function isSameList(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id, index) => id === other[index])
}
