/**
 * groups/consumer: the records of consumer groups in `__consumer_offsets`. A null value is a tombstone.
 *
 *     key type 3    ConsumerGroupMetadata                  the group epoch, and the hash of the topics it was made for
 *     key type 4    ConsumerGroupPartitionMetadata         written by Kafka before 4.1; here only removed
 *     key type 5    ConsumerGroupMemberMetadata            what a member said about itself
 *     key type 6    ConsumerGroupTargetAssignmentMetadata  the epoch that the targets are for
 *     key type 7    ConsumerGroupTargetAssignmentMember    a member's target
 *     key type 8    ConsumerGroupCurrentMemberAssignment   where a member stands
 *     key type 16   ConsumerGroupRegularExpression         the topics that a regular expression stands for
 */
import type { DecodedOf } from '../../../protocol/schema/index.ts'
import {
  consumerGroupCurrentMemberAssignmentKey as currentKey,
  consumerGroupCurrentMemberAssignmentValue as currentValue,
  consumerGroupMemberMetadataKey as memberKey,
  consumerGroupMemberMetadataValue as memberValue,
  consumerGroupMetadataKey as metadataKey,
  consumerGroupMetadataValue as metadataValue,
  consumerGroupPartitionMetadataKey as partitionMetadataKey,
  consumerGroupRegularExpressionKey as regexKey,
  consumerGroupRegularExpressionValue as regexValue,
  consumerGroupTargetAssignmentMemberKey as targetKey,
  consumerGroupTargetAssignmentMetadataKey as targetMetadataKey,
  consumerGroupTargetAssignmentMetadataValue as targetMetadataValue,
  consumerGroupTargetAssignmentMemberValue as targetValue,
} from '../../../protocol/state/index.ts'
import type { StoredRecord } from '../../coordinator/state-machine.ts'
import type { CurrentAssignment, MemberState, MemberSubscription } from './consumer-group-member.ts'
import { listed, type PartitionEpochs, type Partitions } from './partitions.ts'

/** The topics that a regular expression stood for at a time. */
export interface ResolvedRegularExpression {
  readonly topics: ReadonlySet<string>
  /** Of the metadata, as its log's offset. */
  readonly version: number
  readonly timestampMs: number
}

interface OfGroup<Kind extends string, Value> {
  readonly kind: Kind
  readonly groupId: string
  readonly value: Value | null
}

interface OfMember<Kind extends string, Value> extends OfGroup<Kind, Value> {
  readonly memberId: string
}

interface OfRegularExpression extends OfGroup<'ConsumerGroupRegularExpression', ResolvedRegularExpression> {
  readonly regularExpression: string
}

export type ConsumerGroupRecord =
  | OfGroup<'ConsumerGroupMetadata', { readonly epoch: number; readonly metadataHash: bigint }>
  /** Of its value only that there is one. */
  | OfGroup<'ConsumerGroupPartitionMetadata', 'kept'>
  | OfMember<'ConsumerGroupMemberMetadata', MemberSubscription>
  | OfGroup<
      'ConsumerGroupTargetAssignmentMetadata',
      { readonly assignmentEpoch: number; readonly assignmentTimestampMs: number }
    >
  | OfMember<'ConsumerGroupTargetAssignmentMember', Partitions>
  | OfMember<'ConsumerGroupCurrentMemberAssignment', CurrentAssignment>
  | OfRegularExpression

const stateCodes: Readonly<Record<MemberState, number>> = {
  STABLE: 0,
  UNREVOKED_PARTITIONS: 1,
  UNRELEASED_PARTITIONS: 2,
  UNKNOWN: 127,
}
const statesByCode = new Map(Object.entries(stateCodes).map(([state, code]) => [code, state as MemberState]))

export function encodeConsumerGroupRecord(record: ConsumerGroupRecord): StoredRecord {
  const { groupId } = record
  switch (record.kind) {
    case 'ConsumerGroupMetadata':
      return stored(metadataKey.encodeKey({ groupId }), record.value, (value) =>
        metadataValue.encodeVersioned(0, value),
      )
    case 'ConsumerGroupPartitionMetadata':
      return { key: partitionMetadataKey.encodeKey({ groupId }), value: null }
    case 'ConsumerGroupMemberMetadata':
      return stored(memberKey.encodeKey({ groupId, memberId: record.memberId }), record.value, encodeSubscription)
    case 'ConsumerGroupTargetAssignmentMetadata':
      return stored(targetMetadataKey.encodeKey({ groupId }), record.value, (value) =>
        targetMetadataValue.encodeVersioned(0, {
          assignmentEpoch: value.assignmentEpoch,
          assignmentTimestamp: value.assignmentTimestampMs,
        }),
      )
    case 'ConsumerGroupTargetAssignmentMember':
      return stored(targetKey.encodeKey({ groupId, memberId: record.memberId }), record.value, (value) =>
        targetValue.encodeVersioned(0, { topicPartitions: mutable(listed(value)) }),
      )
    case 'ConsumerGroupCurrentMemberAssignment':
      return stored(currentKey.encodeKey({ groupId, memberId: record.memberId }), record.value, encodeCurrent)
    case 'ConsumerGroupRegularExpression':
      return stored(
        regexKey.encodeKey({ groupId, regularExpression: record.regularExpression }),
        record.value,
        ({ topics, version, timestampMs }) =>
          regexValue.encodeVersioned(0, { topics: [...topics].sort(), version, timestamp: timestampMs }),
      )
  }
}

function stored<V>(key: Buffer, value: V | null, encode: (value: V) => Buffer): StoredRecord {
  return { key, value: value === null ? null : encode(value) }
}

function mutable(topicPartitions: ReturnType<typeof listed>): { topicId: string; partitions: number[] }[] {
  return topicPartitions.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] }))
}

function encodeSubscription({ classic, subscribedTopicNames, ...subscription }: MemberSubscription): Buffer {
  return memberValue.encodeVersioned(0, {
    instanceId: subscription.instanceId,
    rackId: subscription.rackId,
    clientId: subscription.clientId,
    clientHost: subscription.clientHost,
    subscribedTopicNames: [...subscribedTopicNames].sort(),
    subscribedTopicRegex: subscription.subscribedTopicRegex,
    rebalanceTimeoutMs: subscription.rebalanceTimeoutMs,
    serverAssignor: subscription.serverAssignor,
    classicMemberMetadata: classic && {
      sessionTimeoutMs: classic.sessionTimeoutMs,
      supportedProtocols: classic.supportedProtocols.map(({ name, metadata }) => ({ name, metadata })),
    },
  })
}

function encodeCurrent(current: CurrentAssignment): Buffer {
  return currentValue.encodeVersioned(0, {
    memberEpoch: current.memberEpoch,
    previousMemberEpoch: current.previousMemberEpoch,
    state: stateCodes[current.state],
    assignedPartitions: encodeEpochs(current.assigned),
    partitionsPendingRevocation: encodeEpochs(current.pendingRevocation),
  })
}

function encodeEpochs(assigned: PartitionEpochs) {
  return Array.from(assigned, ([topicId, epochs]) => ({
    topicId,
    partitions: [...epochs.keys()],
    assignmentEpochs: [...epochs.values()],
  }))
}

type Decode = (key: Buffer, value: Buffer | null) => ConsumerGroupRecord

/** By the key's type. @throws ProtocolError */
export const consumerGroupRecordDecoders: ReadonlyMap<number, Decode> = new Map<number, Decode>([
  [
    metadataKey.type,
    (key, value) => ({
      kind: 'ConsumerGroupMetadata',
      ...metadataKey.decodeKey(key),
      value: value && metadataValue.decodeVersioned(value),
    }),
  ],
  [
    partitionMetadataKey.type,
    (key, value) => ({
      kind: 'ConsumerGroupPartitionMetadata',
      ...partitionMetadataKey.decodeKey(key),
      value: value && 'kept',
    }),
  ],
  [
    memberKey.type,
    (key, value) => ({
      kind: 'ConsumerGroupMemberMetadata',
      ...memberKey.decodeKey(key),
      value: value && decodeSubscription(memberValue.decodeVersioned(value)),
    }),
  ],
  [
    targetMetadataKey.type,
    (key, value) => {
      const decoded = value && targetMetadataValue.decodeVersioned(value)
      return {
        kind: 'ConsumerGroupTargetAssignmentMetadata',
        ...targetMetadataKey.decodeKey(key),
        value: decoded && {
          assignmentEpoch: decoded.assignmentEpoch,
          assignmentTimestampMs: decoded.assignmentTimestamp,
        },
      }
    },
  ],
  [
    targetKey.type,
    (key, value) => ({
      kind: 'ConsumerGroupTargetAssignmentMember',
      ...targetKey.decodeKey(key),
      value: value && partitionsOf(targetValue.decodeVersioned(value).topicPartitions),
    }),
  ],
  [
    currentKey.type,
    (key, value) => ({
      kind: 'ConsumerGroupCurrentMemberAssignment',
      ...currentKey.decodeKey(key),
      value: value && decodeCurrent(currentValue.decodeVersioned(value)),
    }),
  ],
  [
    regexKey.type,
    (key, value) => ({
      kind: 'ConsumerGroupRegularExpression',
      ...regexKey.decodeKey(key),
      value: value && decodeRegularExpression(regexValue.decodeVersioned(value)),
    }),
  ],
])

function partitionsOf(listed: readonly { topicId: string; partitions: readonly number[] }[]): Partitions {
  return new Map(listed.map(({ topicId, partitions }) => [topicId, new Set(partitions)]))
}

/** With copies of its bytes: those of the record would keep all that was read with it in memory. */
function decodeSubscription(value: DecodedOf<typeof memberValue>): MemberSubscription {
  const { classicMemberMetadata: classic, subscribedTopicNames, subscribedTopicRegex, ...rest } = value
  return {
    instanceId: rest.instanceId,
    rackId: rest.rackId,
    clientId: rest.clientId,
    clientHost: rest.clientHost,
    rebalanceTimeoutMs: rest.rebalanceTimeoutMs,
    serverAssignor: rest.serverAssignor,
    subscribedTopicNames: new Set(subscribedTopicNames),
    subscribedTopicRegex: subscribedTopicRegex ?? '',
    classic: classic && {
      sessionTimeoutMs: classic.sessionTimeoutMs,
      supportedProtocols: classic.supportedProtocols.map(({ name, metadata }) => ({
        name,
        metadata: Buffer.from(metadata),
      })),
    },
  }
}

function decodeCurrent(value: DecodedOf<typeof currentValue>): CurrentAssignment {
  const { memberEpoch, previousMemberEpoch, state } = value
  return {
    memberEpoch,
    previousMemberEpoch,
    state: statesByCode.get(state) ?? 'UNKNOWN',
    assigned: decodeEpochs(value.assignedPartitions, memberEpoch),
    pendingRevocation: decodeEpochs(value.partitionsPendingRevocation, memberEpoch),
  }
}

/** Records of Kafka before 4.3 have no epoch for each partition: the member's stands for it, 0 for one that has left. */
function decodeEpochs(
  assigned: DecodedOf<typeof currentValue>['assignedPartitions'],
  memberEpoch: number,
): PartitionEpochs {
  const otherwise = Math.max(memberEpoch, 0)
  return new Map(
    assigned.map(({ topicId, partitions, assignmentEpochs }) => {
      const epochs = assignmentEpochs?.length === partitions.length ? assignmentEpochs : undefined
      return [topicId, new Map(partitions.map((partition, index) => [partition, epochs?.[index] ?? otherwise]))]
    }),
  )
}

function decodeRegularExpression(value: DecodedOf<typeof regexValue>): ResolvedRegularExpression {
  return { topics: new Set(value.topics), version: value.version, timestampMs: value.timestamp }
}
