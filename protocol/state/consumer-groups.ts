/** protocol/state: consumer groups (KIP-848) in `__consumer_offsets`. Source: Kafka 4.3.1's definitions. */
import { array, bytes, int8, int32, int64, string, struct, uuid } from '../schema/index.ts'
import { stored } from './stored.ts'

export const consumerGroupCurrentMemberAssignmentKey = stored('ConsumerGroupCurrentMemberAssignmentKey', {
  type: 8,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), memberId: string({ versions: '0' }) },
})
const topicPartitions = {
  topicId: uuid(),
  partitions: array(int32()),
  assignmentEpochs: array(int32(), { nullable: '0+', tag: 0 }),
}

export const consumerGroupCurrentMemberAssignmentValue = stored('ConsumerGroupCurrentMemberAssignmentValue', {
  type: 8,
  versions: '0',
  flexible: '0+',
  fields: {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: array(topicPartitions),
    partitionsPendingRevocation: array(topicPartitions),
  },
})

export const consumerGroupMemberMetadataKey = stored('ConsumerGroupMemberMetadataKey', {
  type: 5,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), memberId: string({ versions: '0' }) },
})

export const consumerGroupMemberMetadataValue = stored('ConsumerGroupMemberMetadataValue', {
  type: 5,
  versions: '0',
  flexible: '0+',
  fields: {
    instanceId: string({ nullable: '0+' }),
    rackId: string({ nullable: '0+' }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: array(string()),
    subscribedTopicRegex: string({ nullable: '0+' }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    serverAssignor: string({ nullable: '0+' }),
    classicMemberMetadata: struct(
      { sessionTimeoutMs: int32(), supportedProtocols: array({ name: string(), metadata: bytes() }) },
      { nullable: '0+', tag: 0 },
    ),
  },
})

export const consumerGroupMetadataKey = stored('ConsumerGroupMetadataKey', {
  type: 3,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }) },
})

export const consumerGroupMetadataValue = stored('ConsumerGroupMetadataValue', {
  type: 3,
  versions: '0',
  flexible: '0+',
  fields: { epoch: int32(), metadataHash: int64({ tag: 0 }) },
})

export const consumerGroupPartitionMetadataKey = stored('ConsumerGroupPartitionMetadataKey', {
  type: 4,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }) },
})

export const consumerGroupPartitionMetadataValue = stored('ConsumerGroupPartitionMetadataValue', {
  type: 4,
  versions: '0',
  flexible: '0+',
  fields: {
    topics: array({
      topicId: uuid(),
      topicName: string(),
      numPartitions: int32(),
      partitionMetadata: array({ partition: int32(), racks: array(string()) }),
    }),
  },
})

export const consumerGroupRegularExpressionKey = stored('ConsumerGroupRegularExpressionKey', {
  type: 16,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), regularExpression: string({ versions: '0' }) },
})

export const consumerGroupRegularExpressionValue = stored('ConsumerGroupRegularExpressionValue', {
  type: 16,
  versions: '0',
  flexible: '0+',
  fields: { topics: array(string()), version: int64({ js: 'number' }), timestamp: int64({ js: 'number' }) },
})

export const consumerGroupTargetAssignmentMemberKey = stored('ConsumerGroupTargetAssignmentMemberKey', {
  type: 7,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), memberId: string({ versions: '0' }) },
})

export const consumerGroupTargetAssignmentMemberValue = stored('ConsumerGroupTargetAssignmentMemberValue', {
  type: 7,
  versions: '0',
  flexible: '0+',
  fields: { topicPartitions: array({ topicId: uuid(), partitions: array(int32()) }) },
})

export const consumerGroupTargetAssignmentMetadataKey = stored('ConsumerGroupTargetAssignmentMetadataKey', {
  type: 6,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }) },
})

export const consumerGroupTargetAssignmentMetadataValue = stored('ConsumerGroupTargetAssignmentMetadataValue', {
  type: 6,
  versions: '0',
  flexible: '0+',
  fields: { assignmentEpoch: int32(), assignmentTimestamp: int64({ tag: 0, js: 'number' }) },
})
