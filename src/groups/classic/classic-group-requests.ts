/** groups: what clients ask of a classic group and what they get, as this room sees it. */
import { type ErrorName, errorCode } from '../../../protocol/errors.ts'
import type { Poll } from '../poll.ts'
import { noAssignment } from './classic-group-member.ts'

export interface JoinProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinGroup {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Empty: a member that is new. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly protocolType: string
  readonly protocols: readonly JoinProtocol[]
  readonly reason: string | null
}

/** Who joins, and what his version of the protocol can do. */
export interface JoiningClient {
  readonly clientId: string
  readonly clientHost: string
  /** A new member first gets its id, and joins with it (KIP-394). */
  readonly memberIdRequired: boolean
  /** A leader can be told to hand in no assignment (KIP-814). */
  readonly skipsAssignment: boolean
}

/** A JoinGroup on its way. */
export interface Joining {
  readonly request: JoinGroup
  readonly client: JoiningClient
  readonly poll: Poll<JoinGroupResult>
}

export interface JoinGroupResult {
  readonly errorCode: number
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  /** For the leader all members, for others none. */
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[]
}

export interface SyncGroup {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** null: not said by this version. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** From the leader. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

export interface SyncGroupResult {
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

/** A member of a generation, as Heartbeat and OffsetCommit name it. */
export interface MemberIdentity {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
}

export interface LeavingMember {
  /** Empty: an administrator removes the static member `groupInstanceId`. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly reason: string | null
}

export interface LeftMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly errorCode: number
}

export interface DescribedGroup {
  readonly groupState: string
  readonly protocolType: string
  readonly protocolData: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    readonly clientHost: string
    readonly memberMetadata: Buffer
    readonly memberAssignment: Buffer
  }[]
}

export function joinError(error: ErrorName, memberId: string): JoinGroupResult {
  return {
    errorCode: errorCode(error),
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function syncError(error: ErrorName): SyncGroupResult {
  return { errorCode: errorCode(error), protocolType: null, protocolName: null, assignment: noAssignment }
}
