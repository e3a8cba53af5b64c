/**
 * groups/consumer: members that still use the classic protocol, in a consumer group (KIP-848): JoinGroup is a heartbeat that joins,
 * SyncGroup asks for the assignment, Heartbeat tells a member to join again when there is something new. No member leads.
 * Source: Kafka's GroupMetadataManager.
 */
import { KafkaError } from '../../../protocol/errors.ts'
import { ProtocolError } from '../../../protocol/schema/index.ts'
import { randomUuid } from '../../runtime/random.ts'
import { keptProtocols } from '../classic/classic-group-members.ts'
import {
  type JoinGroup,
  type JoinGroupResult,
  type Joining,
  joinError,
  type LeavingMember,
  type LeftMember,
  type MemberIdentity,
  type SyncGroup,
  type SyncGroupResult,
} from '../classic/classic-group-requests.ts'
import type { Outcome } from '../poll.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { ConsumerGroupChange } from './consumer-group-change.ts'
import { type ConsumerGroupContext, type ConsumerGroupEntry, keepAlive } from './consumer-group-context.ts'
import type { ClassicMemberMetadata, ConsumerGroupMember } from './consumer-group-member.ts'
import { assignmentFor, type EmbeddedSubscription, protocolOf, readSubscription } from './embedded-protocol.ts'
import { removeMembers } from './fencing.ts'
import { requireRoom, sameOrNew } from './heartbeats.ts'
import { findOrAddMember, requireMember, requireStaticMember } from './member-identity.ts'
import { canDowngrade, downgrade } from './migration.ts'
import { hasPartition } from './partitions.ts'
import { type MemberStep, reconcileMember, updateGroupEpoch, updateTargetsIfDue } from './rebalance-steps.ts'
import { changeRegularExpression } from './regular-expression-steps.ts'

const consumerProtocolType = 'consumer'

/** A member of the group that uses the classic protocol. */
type ClassicMember = ConsumerGroupMember & { readonly classic: ClassicMemberMetadata }
type ClassicMemberStep = MemberStep & { readonly member: ClassicMember }

/**
 * Answers the poll: INCONSISTENT_GROUP_PROTOCOL, GROUP_MAX_SIZE_REACHED, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, MEMBER_ID_REQUIRED, or the
 * member's epoch as its generation.
 */
export function joinWithClassicProtocol(
  context: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  joining: Joining,
  outcome: Outcome,
): void {
  try {
    join(context, entry, joining, outcome)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    outcome.records.length = 0
    outcome.answer(joining.poll, joinError(error.kafkaError, ''))
  }
}

function join(
  context: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  { request, client, poll }: Joining,
  outcome: Outcome,
): void {
  const { group } = entry
  const isNew = request.memberId === ''
  const memberId = isNew ? randomUuid(context.random) : request.memberId
  requireClassicMemberAllowed(context, group)
  requireRoom(context, group, memberId)
  const subscription = requireSubscription(context, group, request, memberId)
  const { groupInstanceId: instanceId } = request
  if (isNew && instanceId === null && client.memberIdRequired) {
    outcome.answer(poll, joinError('MEMBER_ID_REQUIRED', memberId))
    return
  }
  const change = new ConsumerGroupChange(group, outcome)
  const replaced = instanceId === null ? undefined : group.staticMember(instanceId)
  const joins = isNew || instanceId === null
  const member = findOrAddMember(change, { memberId, instanceId, joins, usesClassicProtocol: true })
  const updated: ClassicMember = {
    ...member,
    instanceId: instanceId ?? member.instanceId,
    rackId: subscription.rackId ?? member.rackId,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
    subscribedTopicNames: sameOrNew(member.subscribedTopicNames, subscription.topics),
    subscribedTopicRegex: '',
    clientId: client.clientId,
    clientHost: client.clientHost,
    classic: {
      sessionTimeoutMs: request.sessionTimeoutMs,
      supportedProtocols: keptProtocols(request.protocols),
    },
  }
  change.putSubscription(updated)
  const namesChanged = updated.subscribedTopicNames !== member.subscribedTopicNames
  const subscriptionChanged = changeRegularExpression(change, member, updated) !== 'none' || namesChanged
  updateGroupEpoch(context, entry, change, subscriptionChanged)
  const step = { member: updated, subscriptionChanged, owned: subscription.owned }
  const isLast = replaced?.classic === null && canDowngrade(context, group, new Set([replaced.memberId]), 1)
  const joined = isLast ? joinAsLast(context, entry, change, step) : joinAsOneOfMany(context, entry, change, step)
  outcome.answer(poll, joinResult(joined, updated.classic))
}

function joinAsOneOfMany(
  context: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  change: ConsumerGroupChange,
  step: ClassicMemberStep,
): ConsumerGroupMember {
  updateTargetsIfDue(context, change)
  const joined = reconcileMember(context, entry, change, step)
  const { memberId, rebalanceTimeoutMs, classic } = step.member
  entry.deadlines.cancel(memberId, 'join')
  keepAlive(context, entry, memberId, classic.sessionTimeoutMs)
  entry.deadlines.set(memberId, 'sync', context.clock.monotonicMs() + rebalanceTimeoutMs)
  return joined
}

/** The member takes the place of the last one that used the consumer protocol: the group becomes a classic one. */
function joinAsLast(
  context: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  change: ConsumerGroupChange,
  step: ClassicMemberStep,
): ConsumerGroupMember {
  const isStale = change.assignmentEpoch < change.groupEpoch
  const joined = isStale ? step.member : reconcileMember(context, entry, change, step)
  const reason = isStale ? 'downgrade from consumer to classic with stale assignment' : null
  downgrade(context, change, new Set(), reason)
  return joined
}

function joinResult({ memberId, memberEpoch }: ConsumerGroupMember, classic: ClassicMemberMetadata): JoinGroupResult {
  return {
    errorCode: 0,
    generationId: memberEpoch,
    protocolType: consumerProtocolType,
    protocolName: protocolOf(classic).name,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

function requireClassicMemberAllowed({ configs }: ConsumerGroupContext, { groupId }: ConsumerGroup): void {
  const { upgrades, downgrades } = configs.migrationPolicy
  if (upgrades || downgrades) return
  const message = `Cannot join the consumer group ${groupId} with the classic protocol because the group migration is disabled.`
  throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL', message)
}

/** All members of the classic protocol share one of the protocols. */
function requireSubscription(
  { topics }: ConsumerGroupContext,
  group: ConsumerGroup,
  { protocolType, protocols }: JoinGroup,
  memberId: string,
): EmbeddedSubscription {
  const classicMembers = [...group.members.values()].flatMap(({ classic }) => (classic === null ? [] : [classic]))
  const isShared = (name: string): boolean =>
    classicMembers.every(({ supportedProtocols }) => supportedProtocols.some((protocol) => protocol.name === name))
  if (protocolType !== consumerProtocolType || !protocols.some(({ name }) => isShared(name))) {
    throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL', `Member ${memberId}'s protocols are not supported.`)
  }
  try {
    return readSubscription(protocols[0]!.metadata, topics)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL', `Member ${memberId}'s subscription can't be read.`)
  }
}

/** @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, INCONSISTENT_GROUP_PROTOCOL, REBALANCE_IN_PROGRESS */
export function syncWithClassicProtocol(
  context: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  request: SyncGroup,
): SyncGroupResult {
  const { group, deadlines } = entry
  const member = requireClassicMember(group, request)
  const { memberId, classic } = member
  const { name, metadata } = protocolOf(classic)
  const { protocolType, protocolName } = request
  const isOther =
    (protocolType !== null && protocolType !== consumerProtocolType) || (protocolName !== null && protocolName !== name)
  if (isOther) throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL')
  if (group.assignmentEpoch > member.memberEpoch && member.state !== 'UNREVOKED_PARTITIONS') {
    askToJoinAgain(context, entry, member)
    throw new KafkaError('REBALANCE_IN_PROGRESS')
  }
  deadlines.cancel(memberId, 'sync')
  keepAlive(context, entry, memberId, classic.sessionTimeoutMs)
  const assignment = assignmentFor(metadata, member.assigned, context.topics)
  return { errorCode: 0, protocolType, protocolName, assignment }
}

/** @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS */
export function heartbeatWithClassicProtocol(
  context: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  request: MemberIdentity,
): void {
  const { group } = entry
  const member = requireClassicMember(group, request)
  keepAlive(context, entry, member.memberId, member.classic.sessionTimeoutMs)
  const hasNews =
    member.memberEpoch < group.assignmentEpoch ||
    member.state === 'UNREVOKED_PARTITIONS' ||
    (member.state === 'UNRELEASED_PARTITIONS' && !waitsForOthers(group, member))
  if (!hasNews) return
  askToJoinAgain(context, entry, member)
  throw new KafkaError('REBALANCE_IN_PROGRESS')
}

function askToJoinAgain(
  { clock }: ConsumerGroupContext,
  { deadlines }: ConsumerGroupEntry,
  { memberId, rebalanceTimeoutMs }: ConsumerGroupMember,
): void {
  deadlines.setIfAbsent(memberId, 'join', clock.monotonicMs() + rebalanceTimeoutMs)
}

/** Something of its target is still another's. */
function waitsForOthers(group: ConsumerGroup, { memberId, assigned }: ConsumerGroupMember): boolean {
  for (const [topicId, partitions] of group.targets.get(memberId) ?? []) {
    for (const partition of partitions) {
      if (!hasPartition(assigned, topicId, partition) && group.isOwned(topicId, partition)) return true
    }
  }
  return false
}

function requireClassicMember(
  group: ConsumerGroup,
  { memberId, groupInstanceId, generationId }: MemberIdentity,
): ClassicMember {
  const member =
    groupInstanceId === null ? requireMember(group, memberId) : requireStaticMember(group, memberId, groupInstanceId)
  const { classic } = member
  if (classic === null)
    throw new KafkaError('UNKNOWN_MEMBER_ID', `Member ${memberId} does not use the classic protocol.`)
  if (member.memberEpoch !== generationId) throw new KafkaError('ILLEGAL_GENERATION')
  return { ...member, classic }
}

/** Members of either protocol may be removed so. */
export function leaveWithClassicProtocol(
  context: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  leaving: readonly LeavingMember[],
  outcome: Outcome,
): LeftMember[] {
  const { group } = entry
  const gone = new Set<string>()
  const left = leaving.map(({ memberId, groupInstanceId }) => {
    try {
      if (groupInstanceId === null) gone.add(requireMember(group, memberId).memberId)
      else {
        // An administrator does not know the member id of a static member.
        const currentId = memberId === '' ? group.staticMember(groupInstanceId)?.memberId : memberId
        gone.add(requireStaticMember(group, currentId ?? '', groupInstanceId).memberId)
      }
      return { memberId, groupInstanceId, errorCode: 0 }
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return { memberId, groupInstanceId, errorCode: error.code }
    }
  })
  removeMembers(context, entry, gone, outcome)
  return left
}
