/** groups: what is asked about groups of any kind, and what comes back, as this room sees it. */
import type { RecordsTransaction } from '../coordinator/state-machine.ts'

export interface OffsetCommit {
  readonly groupId: string
  /** The generation, or the member epoch in a consumer group. -1: from an admin client, or a consumer without group management. */
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** -1: as the broker's retention has it. */
  readonly retentionTimeMs: number
  /** The client knows that a group may not be there, and that members have epochs (from OffsetCommit v9 on). */
  readonly knowsGroupIdNotFound: boolean
  /** Of topics and partitions that exist. */
  readonly topics: readonly {
    readonly name: string
    readonly topicId: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly committedOffset: number
      readonly committedLeaderEpoch: number
      /** Said by OffsetCommit v1 alone; -1: now. */
      readonly commitTimestamp?: number
      readonly committedMetadata: string | null
    }[]
  }[]
}

/** Offsets that count once the transaction is committed. Member, generation and instance may be left out: -1, empty, null. */
export interface TransactionalOffsetCommit
  extends Pick<OffsetCommit, 'groupId' | 'generationId' | 'memberId' | 'groupInstanceId' | 'topics'> {
  readonly transaction: RecordsTransaction
}

interface PartitionAnswer {
  readonly partitionIndex: number
  readonly errorCode: number
}

export interface TopicAnswer {
  readonly name: string
  readonly topicId: string
  readonly partitions: readonly PartitionAnswer[]
}

export interface OffsetFetch {
  readonly groupId: string
  /** Who asks, where he says so (from OffsetFetch v9 on). */
  readonly member?: { readonly memberId: string | null; readonly memberEpoch: number }
  /** null: all that the group has committed. */
  readonly topics:
    | readonly { readonly name: string; readonly topicId: string; readonly partitionIndexes: readonly number[] }[]
    | null
}

export interface FetchedTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    /** -1: none. */
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly metadata: string
    readonly errorCode: number
  }[]
}

export interface OffsetDelete {
  readonly groupId: string
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partitionIndex: number }[]
  }[]
}

export interface DeletedOffsets {
  readonly name: string
  readonly partitions: readonly PartitionAnswer[]
}

/** Names in small letters; where there are none, all groups. */
export interface GroupFilter {
  readonly states: ReadonlySet<string>
  readonly types: ReadonlySet<string>
}

export const allGroups: GroupFilter = { states: new Set(), types: new Set() }

export interface ListedGroup {
  readonly groupId: string
  readonly protocolType: string
  readonly groupState: string
  readonly groupType: string
}
