/** groups/consumer: who a member is that sends something: known or new, dynamic or static, and in which epoch. Messages are Kafka's. */
import { KafkaError } from '../../../protocol/errors.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerGroupChange } from './consumer-group-change.ts'
import { type ConsumerGroupMember, leftStaticMemberEpoch, newMember } from './consumer-group-member.ts'
import { areAmong, type TopicPartitions } from './partitions.ts'

export interface JoiningMember {
  readonly memberId: string
  readonly instanceId: string | null
  /** A new member is taken in, and a static one in the place of an earlier one. */
  readonly joins: boolean
  readonly usesClassicProtocol: boolean
}

/**
 * The member as the group has it; a new one; or, for a static member that comes back under another id, a copy of the old one, which
 * is removed.
 * @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, UNRELEASED_INSTANCE_ID
 */
export function findOrAddMember(change: ConsumerGroupChange, joining: JoiningMember): ConsumerGroupMember {
  const { group } = change
  const { memberId, instanceId, joins } = joining
  if (instanceId === null) {
    const member = group.members.get(memberId)
    if (member === undefined && !joins) throw unknownMember(group, memberId)
    return member ?? newMember(memberId)
  }
  const existing = group.staticMember(instanceId)
  if (!joins) return requireSame(existing, memberId, instanceId)
  if (existing === undefined) return group.members.get(memberId) ?? newMember(memberId)
  const takesOver = joining.usesClassicProtocol || existing.classic !== null
  if (!takesOver && existing.memberEpoch !== leftStaticMemberEpoch) {
    const problem = `cannot join the group because the instance id is owned by ${existing.memberId} member.`
    const message = `Static member ${memberId} with instance id ${instanceId} ${problem}`
    throw new KafkaError('UNRELEASED_INSTANCE_ID', message)
  }
  return replaceMember(change, existing, memberId)
}

function replaceMember(change: ConsumerGroupChange, old: ConsumerGroupMember, memberId: string): ConsumerGroupMember {
  const target = change.target(old.memberId)
  const member = { ...old, memberId, memberEpoch: 0, previousMemberEpoch: 0 }
  change.removeMember(old.memberId)
  change.putSubscription(member)
  change.putTarget(memberId, target)
  change.putCurrent(member)
  return member
}

/** @throws KafkaError UNKNOWN_MEMBER_ID */
export function requireMember(group: ConsumerGroup, memberId: string): ConsumerGroupMember {
  const member = group.members.get(memberId)
  if (member === undefined) throw unknownMember(group, memberId)
  return member
}

function unknownMember(group: ConsumerGroup, memberId: string): KafkaError {
  return new KafkaError('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${group.groupId}.`)
}

/** @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID */
export function requireStaticMember(group: ConsumerGroup, memberId: string, instanceId: string): ConsumerGroupMember {
  return requireSame(group.staticMember(instanceId), memberId, instanceId)
}

function requireSame(
  existing: ConsumerGroupMember | undefined,
  memberId: string,
  instanceId: string,
): ConsumerGroupMember {
  if (existing === undefined) throw new KafkaError('UNKNOWN_MEMBER_ID', `Instance id ${instanceId} is unknown.`)
  if (existing.memberId !== memberId) {
    const problem = `was fenced by member ${existing.memberId}.`
    throw new KafkaError('FENCED_INSTANCE_ID', `Static member ${memberId} with instance id ${instanceId} ${problem}`)
  }
  return existing
}

/**
 * A member is in the epoch that it was told, or in the one before, if the answer may have been lost: it owns nothing else then.
 * Epoch 0 joins again.
 * @throws KafkaError FENCED_MEMBER_EPOCH
 */
export function requireEpoch(
  member: ConsumerGroupMember,
  memberEpoch: number,
  owned: readonly TopicPartitions[] | null,
): void {
  if (memberEpoch === 0 || memberEpoch === member.memberEpoch) return
  const mayHaveMissedIt =
    memberEpoch < member.memberEpoch &&
    memberEpoch === member.previousMemberEpoch &&
    owned !== null &&
    areAmong(owned, member.assigned)
  if (mayHaveMissedIt) return
  const relation = memberEpoch > member.memberEpoch ? 'greater' : 'smaller'
  throw new KafkaError(
    'FENCED_MEMBER_EPOCH',
    `The consumer group member has a ${relation} member epoch (${memberEpoch}) than the one known by the group coordinator ` +
      `(${member.memberEpoch}). The member must abandon all its partitions and rejoin.`,
  )
}
