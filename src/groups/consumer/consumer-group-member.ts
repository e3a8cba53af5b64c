/** groups/consumer: one member of a consumer group, as its records have it. A value: each change makes a new one. */
import { noPartitions, type PartitionEpochs } from './partitions.ts'

/**
 *     STABLE ─another target─► UNREVOKED_PARTITIONS ─given back─► STABLE, or UNRELEASED_PARTITIONS ─others gave back─► STABLE
 *
 * UNKNOWN: a state that a later version has written.
 */
export type MemberState = 'STABLE' | 'UNREVOKED_PARTITIONS' | 'UNRELEASED_PARTITIONS' | 'UNKNOWN'

/** What a member says in JoinGroup, while it still uses the classic protocol. */
export interface ClassicMemberMetadata {
  readonly sessionTimeoutMs: number
  /** In the order of the member's preference; at least one. */
  readonly supportedProtocols: readonly { readonly name: string; readonly metadata: Buffer }[]
}

/** What the member said about itself: ConsumerGroupMemberMetadata. */
export interface MemberSubscription {
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly subscribedTopicNames: ReadonlySet<string>
  /** Empty: none. */
  readonly subscribedTopicRegex: string
  readonly serverAssignor: string | null
  /** null: the member uses the consumer protocol. */
  readonly classic: ClassicMemberMetadata | null
}

/** Where the member stands: ConsumerGroupCurrentMemberAssignment. */
export interface CurrentAssignment {
  readonly memberEpoch: number
  /** The epoch before, which counts while the answer with the new one may have been lost. */
  readonly previousMemberEpoch: number
  readonly state: MemberState
  readonly assigned: PartitionEpochs
  /** Taken from it, but not given back. */
  readonly pendingRevocation: PartitionEpochs
}

export interface ConsumerGroupMember extends MemberSubscription, CurrentAssignment {
  readonly memberId: string
}

/** A static member that is expected back. */
export const leftStaticMemberEpoch = -2
export const leftMemberEpoch = -1

const noSubscription: MemberSubscription = {
  instanceId: null,
  rackId: null,
  clientId: '',
  clientHost: '',
  rebalanceTimeoutMs: -1,
  subscribedTopicNames: new Set(),
  subscribedTopicRegex: '',
  serverAssignor: null,
  classic: null,
}

export const noAssignment: CurrentAssignment = {
  memberEpoch: 0,
  previousMemberEpoch: -1,
  state: 'STABLE',
  assigned: noPartitions,
  pendingRevocation: noPartitions,
}

export function newMember(memberId: string): ConsumerGroupMember {
  return { memberId, ...noSubscription, ...noAssignment }
}

/** Nothing is left to do for it in `assignmentEpoch`. */
export function isReconciled({ state, memberEpoch }: CurrentAssignment, assignmentEpoch: number): boolean {
  return state === 'STABLE' && memberEpoch === assignmentEpoch
}

/** The member in `epoch`, with the one that it had as its previous one. */
export function inEpoch(member: ConsumerGroupMember, memberEpoch: number): ConsumerGroupMember {
  return { ...member, memberEpoch, previousMemberEpoch: member.memberEpoch }
}

/** What its ConsumerGroupMemberMetadata says. */
export function subscriptionOf(member: ConsumerGroupMember): MemberSubscription {
  const { memberId: _, memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation, ...subscription } = member
  return subscription
}

/** What its ConsumerGroupCurrentMemberAssignment says. */
export function currentOf(member: CurrentAssignment): CurrentAssignment {
  const { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } = member
  return { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation }
}
