/** protocol/state: share groups (KIP-932) in `__consumer_offsets`. Source: Kafka 4.3.1's definitions. */
import { array, int8, int32, int64, string, uuid } from '../schema/index.ts'
import { stored } from './stored.ts'

export const shareGroupCurrentMemberAssignmentKey = stored('ShareGroupCurrentMemberAssignmentKey', {
  type: 14,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), memberId: string({ versions: '0' }) },
})
const topicPartitions = { topicId: uuid(), partitions: array(int32()) }

export const shareGroupCurrentMemberAssignmentValue = stored('ShareGroupCurrentMemberAssignmentValue', {
  type: 14,
  versions: '0',
  flexible: '0+',
  fields: {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: array(topicPartitions),
  },
})

export const shareGroupMemberMetadataKey = stored('ShareGroupMemberMetadataKey', {
  type: 10,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), memberId: string({ versions: '0' }) },
})

export const shareGroupMemberMetadataValue = stored('ShareGroupMemberMetadataValue', {
  type: 10,
  versions: '0',
  flexible: '0+',
  fields: {
    rackId: string({ nullable: '0+' }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: array(string()),
  },
})

export const shareGroupMetadataKey = stored('ShareGroupMetadataKey', {
  type: 11,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }) },
})

export const shareGroupMetadataValue = stored('ShareGroupMetadataValue', {
  type: 11,
  versions: '0',
  flexible: '0+',
  fields: { epoch: int32(), metadataHash: int64({ js: 'number' }) },
})

export const shareGroupStatePartitionMetadataKey = stored('ShareGroupStatePartitionMetadataKey', {
  type: 15,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }) },
})
const topicPartitionsInfo = { topicId: uuid(), topicName: string(), partitions: array(int32()) }
const topicInfo = { topicId: uuid(), topicName: string() }

export const shareGroupStatePartitionMetadataValue = stored('ShareGroupStatePartitionMetadataValue', {
  type: 15,
  versions: '0',
  flexible: '0+',
  fields: {
    initializingTopics: array(topicPartitionsInfo),
    initializedTopics: array(topicPartitionsInfo),
    deletingTopics: array(topicInfo),
  },
})

export const shareGroupTargetAssignmentMemberKey = stored('ShareGroupTargetAssignmentMemberKey', {
  type: 13,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), memberId: string({ versions: '0' }) },
})

export const shareGroupTargetAssignmentMemberValue = stored('ShareGroupTargetAssignmentMemberValue', {
  type: 13,
  versions: '0',
  flexible: '0+',
  fields: { topicPartitions: array({ topicId: uuid(), partitions: array(int32()) }) },
})

export const shareGroupTargetAssignmentMetadataKey = stored('ShareGroupTargetAssignmentMetadataKey', {
  type: 12,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }) },
})

export const shareGroupTargetAssignmentMetadataValue = stored('ShareGroupTargetAssignmentMetadataValue', {
  type: 12,
  versions: '0',
  flexible: '0+',
  fields: { assignmentEpoch: int32(), assignmentTimestamp: int64({ tag: 0, js: 'number' }) },
})
