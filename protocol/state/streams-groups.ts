/** protocol/state: streams groups (KIP-1071) in `__consumer_offsets`. Source: Kafka 4.3.1's definitions. */
import { array, int8, int16, int32, int64, string, struct, uint16 } from '../schema/index.ts'
import { stored } from './stored.ts'

export const streamsGroupCurrentMemberAssignmentKey = stored('StreamsGroupCurrentMemberAssignmentKey', {
  type: 22,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), memberId: string({ versions: '0' }) },
})
const taskIds = {
  subtopologyId: string(),
  partitions: array(int32()),
  assignmentEpochs: array(int32(), { nullable: '0+', tag: 0 }),
}

export const streamsGroupCurrentMemberAssignmentValue = stored('StreamsGroupCurrentMemberAssignmentValue', {
  type: 22,
  versions: '0',
  flexible: '0+',
  fields: {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    activeTasks: array(taskIds),
    standbyTasks: array(taskIds),
    warmupTasks: array(taskIds),
    activeTasksPendingRevocation: array(taskIds),
    standbyTasksPendingRevocation: array(taskIds),
    warmupTasksPendingRevocation: array(taskIds),
  },
})

export const streamsGroupMemberMetadataKey = stored('StreamsGroupMemberMetadataKey', {
  type: 19,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), memberId: string({ versions: '0' }) },
})
const endpoint = { host: string(), port: uint16() }
const keyValue = { key: string(), value: string() }

export const streamsGroupMemberMetadataValue = stored('StreamsGroupMemberMetadataValue', {
  type: 19,
  versions: '0',
  flexible: '0+',
  fields: {
    instanceId: string({ nullable: '0+' }),
    rackId: string({ nullable: '0+' }),
    clientId: string(),
    clientHost: string(),
    rebalanceTimeoutMs: int32({ default: -1 }),
    topologyEpoch: int32(),
    processId: string(),
    userEndpoint: struct(endpoint, { nullable: '0+', default: null }),
    clientTags: array(keyValue),
  },
})

export const streamsGroupMetadataKey = stored('StreamsGroupMetadataKey', {
  type: 17,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }) },
})
const lastAssignmentConfig = { key: string(), value: string() }

export const streamsGroupMetadataValue = stored('StreamsGroupMetadataValue', {
  type: 17,
  versions: '0',
  flexible: '0+',
  fields: {
    epoch: int32(),
    metadataHash: int64({ js: 'number' }),
    validatedTopologyEpoch: int32({ tag: 0, default: -1 }),
    lastAssignmentConfigs: array(lastAssignmentConfig, { nullable: '0+', tag: 1 }),
  },
})

export const streamsGroupTargetAssignmentMemberKey = stored('StreamsGroupTargetAssignmentMemberKey', {
  type: 21,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), memberId: string({ versions: '0' }) },
})

export const streamsGroupTargetAssignmentMemberValue = stored('StreamsGroupTargetAssignmentMemberValue', {
  type: 21,
  versions: '0',
  flexible: '0+',
  fields: { activeTasks: array(taskIds), standbyTasks: array(taskIds), warmupTasks: array(taskIds) },
})

export const streamsGroupTargetAssignmentMetadataKey = stored('StreamsGroupTargetAssignmentMetadataKey', {
  type: 20,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }) },
})

export const streamsGroupTargetAssignmentMetadataValue = stored('StreamsGroupTargetAssignmentMetadataValue', {
  type: 20,
  versions: '0',
  flexible: '0+',
  fields: { assignmentEpoch: int32(), assignmentTimestamp: int64({ tag: 0, js: 'number' }) },
})

export const streamsGroupTopologyKey = stored('StreamsGroupTopologyKey', {
  type: 23,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }) },
})
const topicConfig = { key: string(), value: string() }
const topicInfo = { name: string(), partitions: int32(), replicationFactor: int16(), topicConfigs: array(topicConfig) }

export const streamsGroupTopologyValue = stored('StreamsGroupTopologyValue', {
  type: 23,
  versions: '0',
  flexible: '0+',
  fields: {
    epoch: int32(),
    subtopologies: array({
      subtopologyId: string(),
      sourceTopics: array(string()),
      sourceTopicRegex: array(string()),
      stateChangelogTopics: array(topicInfo),
      repartitionSinkTopics: array(string()),
      repartitionSourceTopics: array(topicInfo),
      copartitionGroups: array({
        sourceTopics: array(int16()),
        sourceTopicRegex: array(int16()),
        repartitionSourceTopics: array(int16()),
      }),
    }),
  },
})
