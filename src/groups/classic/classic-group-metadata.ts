/** groups: a classic group and its members as they are stored. */
import type { GroupMetadata, GroupMetadataRecord } from '../group-records.ts'
import { ClassicGroupMember, noAssignment } from './classic-group-member.ts'

type StoredMember = GroupMetadata['members'][number]

export function groupMetadataRecord(groupId: string, value: GroupMetadata | null): GroupMetadataRecord {
  return { kind: 'GroupMetadata', groupId, value }
}

/** What makes a new group last: it is there, and nobody is in it. */
export function newGroupRecord(groupId: string, currentStateTimestamp: number): GroupMetadataRecord {
  const value = { protocolType: '', generation: 0, protocol: null, leader: null, currentStateTimestamp, members: [] }
  return groupMetadataRecord(groupId, value)
}

export function metadataOf(member: ClassicGroupMember, protocolName: string | null): StoredMember {
  return {
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeout: member.rebalanceTimeoutMs,
    sessionTimeout: member.sessionTimeoutMs,
    subscription: member.metadataFor(protocolName) ?? noAssignment,
    assignment: member.assignment,
  }
}

/** The member with copies of its bytes; the record's would keep all that was read with it in memory. */
export function memberFrom(stored: StoredMember, protocolName: string | null): ClassicGroupMember {
  return new ClassicGroupMember({
    memberId: stored.memberId,
    groupInstanceId: stored.groupInstanceId,
    clientId: stored.clientId,
    clientHost: stored.clientHost,
    rebalanceTimeoutMs: stored.rebalanceTimeout < 0 ? stored.sessionTimeout : stored.rebalanceTimeout,
    sessionTimeoutMs: stored.sessionTimeout,
    protocols: [{ name: protocolName ?? '', metadata: Buffer.from(stored.subscription) }],
    assignment: Buffer.from(stored.assignment),
  })
}
