/** groups/consumer: ConsumerGroupHeartbeat: a member joins, stays or leaves, and hears what it is to own. Source: KIP-848, Kafka's GroupMetadataManager. */
import { KafkaError } from '../../../protocol/errors.ts'
import { randomUuid } from '../../runtime/random.ts'
import type { Outcome } from '../poll.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { ConsumerGroupChange } from './consumer-group-change.ts'
import { type ConsumerGroupContext, type ConsumerGroupEntry, keepAlive } from './consumer-group-context.ts'
import { type ConsumerGroupMember, leftStaticMemberEpoch } from './consumer-group-member.ts'
import {
  type ConsumerGroupClient,
  type ConsumerGroupHeartbeat,
  type ConsumerGroupHeartbeatResult,
  isFullHeartbeat,
} from './consumer-group-requests.ts'
import { removeMembers } from './fencing.ts'
import { findOrAddMember, requireEpoch, requireMember, requireStaticMember } from './member-identity.ts'
import { listed, noPartitions, sameEpochs, withEpoch } from './partitions.ts'
import { reconcileMember, updateGroupEpoch, updateTargetsIfDue } from './rebalance-steps.ts'
import { changeRegularExpression, regularExpressionsToResolve } from './regular-expression-steps.ts'

export interface ReceivedHeartbeat {
  readonly request: ConsumerGroupHeartbeat
  readonly client: ConsumerGroupClient
}

export interface HeartbeatOutcome {
  readonly result: ConsumerGroupHeartbeatResult
  /** Regular expressions to resolve when the records are replayed. */
  readonly toResolve: ReadonlySet<string>
}

/**
 * @throws KafkaError GROUP_MAX_SIZE_REACHED, UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, FENCED_INSTANCE_ID, UNRELEASED_INSTANCE_ID,
 * INVALID_REGULAR_EXPRESSION
 */
export function heartbeat(
  context: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  { request, client }: ReceivedHeartbeat,
  outcome: Outcome,
): HeartbeatOutcome {
  const { configs } = context
  const { group } = entry
  requireRoom(context, group, request.memberId)
  const change = new ConsumerGroupChange(group, outcome)
  const memberId = request.memberId === '' ? randomUuid(context.random) : request.memberId
  const { instanceId, topicPartitions: owned } = request
  const joining = { memberId, instanceId, joins: request.memberEpoch === 0, usesClassicProtocol: false }
  const member = findOrAddMember(change, joining)
  requireEpoch(member, request.memberEpoch, owned)

  const updated = withSubscription(member, request, client)
  if (updated !== member) change.putSubscription(updated)
  const namesChanged = updated.subscribedTopicNames !== member.subscribedTopicNames
  const regularExpression = changeRegularExpression(change, member, updated)
  const subscriptionChanged = namesChanged || regularExpression !== 'none'
  const toResolve = regularExpressionsToResolve(context, entry, member, updated)
  updateGroupEpoch(context, entry, change, namesChanged || regularExpression === 'resolved')
  updateTargetsIfDue(context, change)
  const reconciled = reconcileMember(context, entry, change, { member: updated, subscriptionChanged, owned })
  keepAlive(context, entry, memberId, configs.sessionTimeoutMs(group.groupId))
  const tellsAssignment = isFullHeartbeat(request) || !sameEpochs(member.assigned, reconciled.assigned)
  return {
    toResolve,
    result: {
      memberId,
      memberEpoch: reconciled.memberEpoch,
      heartbeatIntervalMs: configs.heartbeatIntervalMs(group.groupId),
      assignment: tellsAssignment ? { topicPartitions: listed(reconciled.assigned) } : null,
    },
  }
}

/** @throws KafkaError GROUP_MAX_SIZE_REACHED */
export function requireRoom({ configs }: ConsumerGroupContext, group: ConsumerGroup, memberId: string): void {
  if (group.members.size < configs.maxSize || group.members.has(memberId)) return
  const message = `The consumer group has reached its maximum capacity of ${configs.maxSize} members.`
  throw new KafkaError('GROUP_MAX_SIZE_REACHED', message)
}

/** The member with what the request says; the same object where that is nothing new. */
function withSubscription(
  member: ConsumerGroupMember,
  request: ConsumerGroupHeartbeat,
  client: ConsumerGroupClient,
): ConsumerGroupMember {
  const updated: ConsumerGroupMember = {
    ...member,
    instanceId: request.instanceId ?? member.instanceId,
    rackId: request.rackId ?? member.rackId,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? member.serverAssignor,
    subscribedTopicNames: sameOrNew(member.subscribedTopicNames, request.subscribedTopicNames),
    subscribedTopicRegex: request.subscribedTopicRegex ?? member.subscribedTopicRegex,
    clientId: client.clientId,
    clientHost: client.clientHost,
    classic: null,
  }
  const names = Object.keys(updated) as (keyof ConsumerGroupMember)[]
  return names.every((name) => updated[name] === member[name]) ? member : updated
}

export function sameOrNew(known: ReadonlySet<string>, said: readonly string[] | null): ReadonlySet<string> {
  if (said === null) return known
  const names = new Set(said)
  return names.size === known.size && said.every((name) => known.has(name)) ? known : names
}

/**
 * Epoch -1: for good. -2: a static member will be back, and keeps its partitions until its session is over.
 * @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID
 */
export function leave(
  context: ConsumerGroupContext,
  entry: ConsumerGroupEntry,
  request: ConsumerGroupHeartbeat,
  outcome: Outcome,
): ConsumerGroupHeartbeatResult {
  const { group } = entry
  const { memberId, instanceId, memberEpoch } = request
  const member = instanceId === null ? requireMember(group, memberId) : requireStaticMember(group, memberId, instanceId)
  if (instanceId !== null && memberEpoch === leftStaticMemberEpoch) {
    entry.deadlines.cancel(memberId, 'rebalance')
    new ConsumerGroupChange(group, outcome).putCurrent({
      ...member,
      memberEpoch,
      pendingRevocation: noPartitions,
      // Commits of the time before are none of the one that comes back.
      assigned: withEpoch(member.assigned, 0),
    })
  } else removeMembers(context, entry, new Set([member.memberId]), outcome)
  return { memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null }
}
