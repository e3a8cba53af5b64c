/** groups/consumer: members that leave, or are put out because they were silent for too long. Source: Kafka's GroupMetadataManager. */
import type { Outcome } from '../poll.ts'
import { ConsumerGroupChange } from './consumer-group-change.ts'
import type { ConsumerGroupContext, ConsumerGroupEntry } from './consumer-group-context.ts'
import type { ConsumerGroupMember } from './consumer-group-member.ts'
import type { DeadlineKind } from './member-deadlines.ts'
import { metadataHash } from './metadata-hash.ts'
import { canDowngrade, downgrade } from './migration.ts'

/** Removes the members; what they had is free. If all others use the classic protocol, the group may become a classic one. */
export function removeMembers(
  context: ConsumerGroupContext,
  { group, deadlines }: ConsumerGroupEntry,
  leaving: ReadonlySet<string>,
  outcome: Outcome,
): void {
  if (leaving.size === 0) return
  const change = new ConsumerGroupChange(group, outcome)
  if (canDowngrade(context, group, leaving)) {
    downgrade(context, change, leaving, 'downgrade from consumer to classic for member leaving')
    return
  }
  for (const memberId of leaving) {
    change.removeMember(memberId)
    deadlines.forget(memberId)
  }
  for (const regularExpression of group.regularExpressionSubscribers.keys()) {
    if (!isUsed(regularExpression, change.members.values())) change.putRegularExpression(regularExpression, null)
  }
  change.bumpGroupEpoch(metadataHash(change.subscribedTopics(), context.topics))
}

function isUsed(regularExpression: string, members: Iterable<ConsumerGroupMember>): boolean {
  for (const { subscribedTopicRegex } of members) if (subscribedTopicRegex === regularExpression) return true
  return false
}

const reasons: Readonly<Record<DeadlineKind, string>> = {
  session: 'the member session expired',
  rebalance: 'it did not give back its partitions within the rebalance timeout',
  join: 'the classic member failed to join within the rebalance timeout',
  sync: 'the member failed to sync within timeout',
}

/** Puts out the members whose time is up. */
export function expireMembers(context: ConsumerGroupContext, entry: ConsumerGroupEntry, outcome: Outcome): void {
  const expired = new Set<string>()
  for (const { memberId, kind } of entry.deadlines.takeDue(context.clock.monotonicMs())) {
    const member = entry.group.members.get(memberId)
    if (member === undefined) continue
    // The deadline goes with the state: a member that got on in between has none, or a later one.
    if (kind === 'rebalance' && member.state !== 'UNREVOKED_PARTITIONS') continue
    expired.add(memberId)
    const { groupId } = entry.group
    context.logger.debug({ groupId, memberId, reason: reasons[kind] }, 'Member fenced from the group')
  }
  removeMembers(context, entry, expired, outcome)
}
