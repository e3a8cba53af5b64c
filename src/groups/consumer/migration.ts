/**
 * groups/consumer: how a classic group of consumers becomes a consumer group and back, with its members, while they run (KIP-848).
 * Whether it does, group.consumer.migration.policy says. Source: Kafka's GroupMetadataManager, ConsumerGroup and ClassicGroup.
 */
import { KafkaError } from '../../../protocol/errors.ts'
import { ProtocolError } from '../../../protocol/schema/index.ts'
import { ClassicGroup } from '../classic/classic-group.ts'
import { ClassicGroupMember } from '../classic/classic-group-member.ts'
import { ClassicGroupMembers } from '../classic/classic-group-members.ts'
import { groupMetadataRecord, metadataOf } from '../classic/classic-group-metadata.ts'
import type { GroupRecord } from '../group-records.ts'
import type { Outcome } from '../poll.ts'
import { ConsumerGroup, topicsOf } from './consumer-group.ts'
import type { ConsumerGroupChange } from './consumer-group-change.ts'
import type { ConsumerGroupContext } from './consumer-group-context.ts'
import { type ConsumerGroupMember, currentOf, newMember, subscriptionOf } from './consumer-group-member.ts'
import type { ConsumerGroupRecord } from './consumer-group-records.ts'
import { assignmentFor, readAssignment, readSubscription } from './embedded-protocol.ts'
import { metadataHash } from './metadata-hash.ts'
import { type Partitions, withEpoch } from './partitions.ts'

// ---- from classic to consumer

/**
 * A consumer group in the place of `classic`, as the records have it that go to `outcome`. A classic group without members is forgotten.
 * @throws KafkaError GROUP_ID_NOT_FOUND where the group stays a classic one
 */
export function upgrade(context: ConsumerGroupContext, classic: ClassicGroup, outcome: Outcome): ConsumerGroup {
  const group = new ConsumerGroup(classic.groupId)
  const records: GroupRecord[] = [groupMetadataRecord(classic.groupId, null)]
  if (classic.state !== 'Empty') {
    requireUpgradable(context, classic)
    const taken = takenOver(context, classic)
    for (const record of taken) group.replay(record)
    records.push(...taken)
  }
  outcome.records.push(...records)
  return group
}

function requireUpgradable({ configs }: ConsumerGroupContext, classic: ClassicGroup): void {
  if (!configs.migrationPolicy.upgrades) throw notUpgraded(classic, 'online upgrade is disabled')
  if (classic.protocolType !== 'consumer')
    throw notUpgraded(classic, 'the group does not use the consumer embedded protocol')
  if (classic.size > configs.maxSize)
    throw notUpgraded(classic, 'the group size exceeds the consumer group maximum size')
}

function notUpgraded({ groupId }: ClassicGroup, reason: string): KafkaError {
  const message = `Cannot upgrade classic group ${groupId} to consumer group because ${reason}.`
  return new KafkaError('GROUP_ID_NOT_FOUND', message)
}

/** The generation becomes the epoch of group, targets and members; nobody loses anything. */
function takenOver({ topics }: ConsumerGroupContext, classic: ClassicGroup): ConsumerGroupRecord[] {
  const { groupId, generationId: epoch } = classic
  const members: { member: ConsumerGroupMember; target: Partitions }[] = []
  for (const member of classic.members) {
    try {
      members.push(memberFrom(member, classic, topics))
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      throw notUpgraded(classic, 'the embedded consumer protocol is malformed')
    }
  }
  const hash = metadataHash(
    topicsOf(
      members.map(({ member }) => member),
      [],
    ),
    topics,
  )
  const of = <K extends string, V>(kind: K, memberId: string, value: V) => ({ kind, groupId, memberId, value }) as const
  return [
    ...members.map(({ member }) => of('ConsumerGroupMemberMetadata', member.memberId, subscriptionOf(member))),
    { kind: 'ConsumerGroupMetadata', groupId, value: { epoch, metadataHash: hash } },
    ...members.map(({ member, target }) => of('ConsumerGroupTargetAssignmentMember', member.memberId, target)),
    {
      kind: 'ConsumerGroupTargetAssignmentMetadata',
      groupId,
      value: { assignmentEpoch: epoch, assignmentTimestampMs: 0 },
    },
    ...members.map(({ member }) => of('ConsumerGroupCurrentMemberAssignment', member.memberId, currentOf(member))),
  ]
}

function memberFrom(
  member: ClassicGroupMember,
  classic: ClassicGroup,
  topics: ConsumerGroupContext['topics'],
): { member: ConsumerGroupMember; target: Partitions } {
  const target = readAssignment(member.assignment, topics)
  if (target === undefined) {
    const advice = 'Please refer to the documentation or switch to a default assignor before re-attempting the upgrade'
    throw notUpgraded(classic, `an unsupported custom assignor is in use. ${advice}`)
  }
  const metadata = member.metadataFor(classic.protocolName) ?? member.protocols[0]?.metadata ?? Buffer.alloc(0)
  const subscription = readSubscription(metadata, topics)
  const epoch = classic.generationId
  return {
    target,
    member: {
      ...newMember(member.memberId),
      memberEpoch: epoch,
      previousMemberEpoch: epoch,
      instanceId: member.groupInstanceId,
      rackId: subscription.rackId,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: new Set(subscription.topics),
      assigned: withEpoch(target, epoch),
      classic: { sessionTimeoutMs: member.sessionTimeoutMs, supportedProtocols: member.protocols },
    },
  }
}

// ---- from consumer to classic

/** All but `leaving` use the classic protocol, and the group may become a classic one. */
export function canDowngrade(
  { configs }: ConsumerGroupContext,
  group: ConsumerGroup,
  leaving: ReadonlySet<string>,
  joining = 0,
): boolean {
  const size = group.members.size - leaving.size + joining
  if (size <= 0 || !configs.migrationPolicy.downgrades || size > configs.classicMaxSize) return false
  for (const { memberId, classic } of group.members.values()) {
    if (!leaving.has(memberId) && classic === null) return false
  }
  return true
}

/** Makes a stable classic group of the members that stay: the targets are their assignments. `reason`: why it rebalances at once. */
export function downgrade(
  { clock, topics, classicGroups }: ConsumerGroupContext,
  change: ConsumerGroupChange,
  leaving: ReadonlySet<string>,
  reason: string | null,
): void {
  const { groupId, outcome } = change
  const staying = [...change.members.values()].filter(({ memberId }) => !leaving.has(memberId))
  const members = new ClassicGroupMembers()
  for (const member of staying) members.add(classicMember(member))
  const protocol = members.selectProtocol()
  for (const member of members) {
    const metadata = member.metadataFor(protocol)!
    member.assignment = assignmentFor(metadata, change.target(member.memberId), topics)
  }
  const stored = {
    protocolType: 'consumer',
    generation: change.group.groupEpoch,
    protocol,
    leader: members.leaderId,
    currentStateTimestamp: clock.now(),
    members: Array.from(members, (member) => metadataOf(member, protocol)),
  }
  const group = new ClassicGroup(groupId, classicGroups.options, stored, members)
  outcome.records.push(...change.group.tombstones(change.members.keys()), groupMetadataRecord(groupId, stored))
  group.loaded(outcome)
  if (reason !== null) group.rebalance(reason, outcome)
  classicGroups.add(group)
}

function classicMember({ classic, ...member }: ConsumerGroupMember): ClassicGroupMember {
  return new ClassicGroupMember({
    memberId: member.memberId,
    groupInstanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    sessionTimeoutMs: classic!.sessionTimeoutMs,
    protocols: classic!.supportedProtocols,
    assignment: Buffer.alloc(0),
  })
}
