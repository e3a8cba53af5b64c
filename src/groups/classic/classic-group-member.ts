/** groups: one member of a classic group. */
import type { Poll } from '../poll.ts'
import type { JoinGroupResult, JoinProtocol, SyncGroupResult } from './classic-group-requests.ts'

export const noAssignment = Buffer.alloc(0)

export interface MemberDescription {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly protocols: readonly JoinProtocol[]
  readonly assignment: Buffer
}

export class ClassicGroupMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  /** In the order of the member's preference. */
  protocols: readonly JoinProtocol[]
  assignment: Buffer
  /** When it is taken for dead, on the monotonic clock; Infinity while it waits for others. */
  sessionDeadlineMs = Number.POSITIVE_INFINITY
  /** Its first rebalance is not done: it may be given up while it waits, since it can't send heartbeats yet. */
  isNew = false
  joinPoll: Poll<JoinGroupResult> | undefined
  syncPoll: Poll<SyncGroupResult> | undefined

  constructor(description: MemberDescription) {
    this.memberId = description.memberId
    this.groupInstanceId = description.groupInstanceId
    this.clientId = description.clientId
    this.clientHost = description.clientHost
    this.rebalanceTimeoutMs = description.rebalanceTimeoutMs
    this.sessionTimeoutMs = description.sessionTimeoutMs
    this.protocols = description.protocols
    this.assignment = description.assignment
  }

  get isStatic(): boolean {
    return this.groupInstanceId !== null
  }

  /** What the member said about `protocolName`; undefined if it does not support it. */
  metadataFor(protocolName: string | null): Buffer | undefined {
    return this.protocols.find(({ name }) => name === protocolName)?.metadata
  }

  hasProtocols(protocols: readonly JoinProtocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every(({ name, metadata }, index) => {
        const own = this.protocols[index]!
        return own.name === name && own.metadata.equals(metadata)
      })
    )
  }
}
