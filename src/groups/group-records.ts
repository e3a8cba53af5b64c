/**
 * groups: the records of `__consumer_offsets` that this room writes and understands.
 *
 *     key type 0, 1   OffsetCommit: group, topic, partition ─► offset, leader epoch, metadata, times, topic id
 *     key type 2      GroupMetadata of a classic group
 *     key type 3 to 8, 16   consumer groups: see consumer/consumer-group-records.ts
 *     key type 11, 17   GroupMetadata of a share or streams group: only that it is there
 *
 * Everything else stays in the log as it is.
 */
import {
  groupMetadataKey,
  groupMetadataValue,
  keyType,
  legacyOffsetCommitKey,
  offsetCommitKey,
  offsetCommitValue,
  shareGroupMetadataKey,
  streamsGroupMetadataKey,
} from '../../protocol/state/index.ts'
import type { RecordCodec, StoredRecord } from '../coordinator/state-machine.ts'
import {
  type ConsumerGroupRecord,
  consumerGroupRecordDecoders,
  encodeConsumerGroupRecord,
} from './consumer/consumer-group-records.ts'

/** The zero uuid: a topic whose id is not known. */
export const noTopicId = 'AAAAAAAAAAAAAAAAAAAAAA'

export interface OffsetAndMetadata {
  readonly committedOffset: number
  /** -1: unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** -1: as the broker's retention has it. */
  readonly expireTimestampMs: number
  /** `noTopicId` where it was not known. */
  readonly topicId: string
}

export interface OffsetCommitRecord {
  readonly kind: 'OffsetCommit'
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly value: OffsetAndMetadata | null
}

export type GroupMetadata = ReturnType<typeof groupMetadataValue.decodeVersioned>

export interface GroupMetadataRecord {
  readonly kind: 'GroupMetadata'
  readonly groupId: string
  readonly value: GroupMetadata | null
}

/** Kinds of groups that are kept, but not served yet. */
export type UnservedGroupType = 'share' | 'streams'

/** Read, never written. */
interface UnservedGroupRecord {
  readonly kind: 'UnservedGroup'
  readonly groupId: string
  readonly type: UnservedGroupType
  readonly exists: boolean
}

export type GroupRecord = OffsetCommitRecord | GroupMetadataRecord | ConsumerGroupRecord | UnservedGroupRecord

/** As Kafka 4.3.1 writes them, whatever the metadata version. */
const groupMetadataVersion = 3
const offsetCommitVersion = 4
/** The only version that has an expire timestamp. */
const expiringOffsetCommitVersion = 1

const unservedGroups = new Map<number, { key: typeof shareGroupMetadataKey; type: UnservedGroupType }>([
  [shareGroupMetadataKey.type, { key: shareGroupMetadataKey, type: 'share' }],
  [streamsGroupMetadataKey.type, { key: streamsGroupMetadataKey, type: 'streams' }],
])

export const groupRecordCodec: RecordCodec<GroupRecord> = {
  encode(record) {
    switch (record.kind) {
      case 'OffsetCommit':
        return encodeOffsetCommit(record)
      case 'GroupMetadata':
        return {
          key: groupMetadataKey.encodeKey({ group: record.groupId }),
          value: record.value && groupMetadataValue.encodeVersioned(groupMetadataVersion, record.value),
        }
      case 'UnservedGroup':
        throw new Error(`Records of ${record.type} groups are not written`)
      default:
        return encodeConsumerGroupRecord(record)
    }
  },

  decode({ key, value }) {
    const type = keyType(key)
    if (type === legacyOffsetCommitKey.type || type === offsetCommitKey.type) return decodeOffsetCommit(key, value)
    if (type === groupMetadataKey.type) {
      const groupId = groupMetadataKey.decodeKey(key).group
      return { kind: 'GroupMetadata', groupId, value: value && groupMetadataValue.decodeVersioned(value) }
    }
    const decodeOfConsumerGroup = consumerGroupRecordDecoders.get(type)
    if (decodeOfConsumerGroup !== undefined) return decodeOfConsumerGroup(key, value)
    const unserved = unservedGroups.get(type)
    if (unserved === undefined) return undefined
    const { groupId } = unserved.key.decodeKey(key)
    return { kind: 'UnservedGroup', groupId, type: unserved.type, exists: value !== null }
  },
}

function encodeOffsetCommit({ groupId, topic, partition, value }: OffsetCommitRecord): StoredRecord {
  const key = offsetCommitKey.encodeKey({ group: groupId, topic, partition })
  if (value === null) return { key, value }
  const version = value.expireTimestampMs === -1 ? offsetCommitVersion : expiringOffsetCommitVersion
  return {
    key,
    value: offsetCommitValue.encodeVersioned(version, {
      offset: value.committedOffset,
      leaderEpoch: value.leaderEpoch,
      metadata: value.metadata,
      commitTimestamp: value.commitTimestampMs,
      expireTimestamp: value.expireTimestampMs,
      topicId: value.topicId,
    }),
  }
}

function decodeOffsetCommit(key: Buffer, value: Buffer | null): OffsetCommitRecord {
  const { group: groupId, topic, partition } = offsetCommitKey.decodeKey(key)
  if (value === null) return { kind: 'OffsetCommit', groupId, topic, partition, value }
  const decoded = offsetCommitValue.decodeVersioned(value)
  return {
    kind: 'OffsetCommit',
    groupId,
    topic,
    partition,
    value: {
      committedOffset: decoded.offset,
      leaderEpoch: decoded.leaderEpoch,
      metadata: decoded.metadata,
      commitTimestampMs: decoded.commitTimestamp,
      expireTimestampMs: decoded.expireTimestamp,
      topicId: decoded.topicId,
    },
  }
}
