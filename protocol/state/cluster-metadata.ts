/** protocol/state: KRaft records in `__cluster_metadata`. Source: Kafka 4.3.1's definitions. */
import { array, bool, bytes, float64, int8, int16, int32, int64, string, uint16, uuid } from '../schema/index.ts'
import { stored } from './stored.ts'

export const abortTransactionRecord = stored('AbortTransactionRecord', {
  type: 25,
  versions: '0',
  flexible: '0+',
  fields: { reason: string({ nullable: '0+', tag: 0, default: null }) },
})

export const accessControlEntryRecord = stored('AccessControlEntryRecord', {
  type: 18,
  versions: '0',
  flexible: '0+',
  fields: {
    id: uuid(),
    resourceType: int8(),
    resourceName: string(),
    patternType: int8(),
    principal: string(),
    host: string(),
    operation: int8(),
    permissionType: int8(),
  },
})

export const beginTransactionRecord = stored('BeginTransactionRecord', {
  type: 23,
  versions: '0',
  flexible: '0+',
  fields: { name: string({ nullable: '0+', tag: 0, default: null }) },
})

export const brokerRegistrationChangeRecord = stored('BrokerRegistrationChangeRecord', {
  type: 17,
  versions: '0-3',
  flexible: '0+',
  fields: {
    brokerId: int32(),
    brokerEpoch: int64({ js: 'number' }),
    fenced: int8({ tag: 0 }),
    inControlledShutdown: int8({ versions: '1+', tag: 1 }),
    logDirs: array(uuid(), { versions: '2+', tag: 2 }),
    cordonedLogDirs: array(uuid(), { versions: '3+', nullable: '3+', tag: 3, default: null }),
  },
})

export const clearElrRecord = stored('ClearElrRecord', {
  type: 28,
  versions: '0',
  flexible: '0+',
  fields: { topicName: string() },
})

export const clientQuotaRecord = stored('ClientQuotaRecord', {
  type: 14,
  versions: '0',
  flexible: '0+',
  fields: {
    entity: array({ entityType: string(), entityName: string({ nullable: '0+' }) }),
    key: string(),
    value: float64(),
    remove: bool(),
  },
})

export const configRecord = stored('ConfigRecord', {
  type: 4,
  versions: '0',
  flexible: '0+',
  fields: { resourceType: int8(), resourceName: string(), name: string(), value: string({ nullable: '0+' }) },
})

export const delegationTokenRecord = stored('DelegationTokenRecord', {
  type: 10,
  versions: '0',
  flexible: '0+',
  fields: {
    owner: string(),
    requester: string(),
    renewers: array(string()),
    issueTimestamp: int64({ js: 'number' }),
    maxTimestamp: int64({ js: 'number' }),
    expirationTimestamp: int64({ js: 'number' }),
    tokenId: string(),
  },
})

export const endTransactionRecord = stored('EndTransactionRecord', {
  type: 24,
  versions: '0',
  flexible: '0+',
  fields: {},
})

export const featureLevelRecord = stored('FeatureLevelRecord', {
  type: 12,
  versions: '0',
  flexible: '0+',
  fields: { name: string(), featureLevel: int16() },
})

export const fenceBrokerRecord = stored('FenceBrokerRecord', {
  type: 7,
  versions: '0',
  flexible: '0+',
  fields: { id: int32(), epoch: int64({ js: 'number' }) },
})

export const noOpRecord = stored('NoOpRecord', { type: 20, versions: '0', flexible: '0+', fields: {} })

export const partitionChangeRecord = stored('PartitionChangeRecord', {
  type: 5,
  versions: '0-2',
  flexible: '0+',
  fields: {
    partitionId: int32({ default: -1 }),
    topicId: uuid(),
    isr: array(int32(), { nullable: '0+', tag: 0, default: null }),
    leader: int32({ tag: 1, default: -2 }),
    replicas: array(int32(), { nullable: '0+', tag: 2, default: null }),
    removingReplicas: array(int32(), { nullable: '0+', tag: 3, default: null }),
    addingReplicas: array(int32(), { nullable: '0+', tag: 4, default: null }),
    leaderRecoveryState: int8({ tag: 5, default: -1 }),
    directories: array(uuid(), { versions: '1+', nullable: '1+', tag: 8, default: null }),
    eligibleLeaderReplicas: array(int32(), { versions: '2+', nullable: '2+', tag: 6, default: null }),
    lastKnownElr: array(int32(), { versions: '2+', nullable: '2+', tag: 7, default: null }),
  },
})

export const partitionRecord = stored('PartitionRecord', {
  type: 3,
  versions: '0-2',
  flexible: '0+',
  fields: {
    partitionId: int32({ default: -1 }),
    topicId: uuid(),
    replicas: array(int32()),
    isr: array(int32()),
    removingReplicas: array(int32()),
    addingReplicas: array(int32()),
    leader: int32({ default: -1 }),
    leaderRecoveryState: int8({ tag: 0 }),
    leaderEpoch: int32({ default: -1 }),
    partitionEpoch: int32({ default: -1 }),
    directories: array(uuid(), { versions: '1+' }),
    eligibleLeaderReplicas: array(int32(), { versions: '2+', nullable: '2+', tag: 1, default: null }),
    lastKnownElr: array(int32(), { versions: '2+', nullable: '2+', tag: 2, default: null }),
  },
})

export const producerIdsRecord = stored('ProducerIdsRecord', {
  type: 15,
  versions: '0',
  flexible: '0+',
  fields: { brokerId: int32(), brokerEpoch: int64({ default: -1, js: 'number' }), nextProducerId: int64() },
})

export const registerBrokerRecord = stored('RegisterBrokerRecord', {
  type: 0,
  versions: '0-4',
  flexible: '0+',
  fields: {
    brokerId: int32(),
    isMigratingZkBroker: bool({ versions: '2+' }),
    incarnationId: uuid(),
    brokerEpoch: int64({ js: 'number' }),
    endPoints: array({ name: string(), host: string(), port: uint16(), securityProtocol: int16() }),
    features: array({ name: string(), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
    rack: string({ nullable: '0+' }),
    fenced: bool({ default: true }),
    inControlledShutdown: bool({ versions: '1+' }),
    logDirs: array(uuid(), { versions: '3+', tag: 0 }),
    cordonedLogDirs: array(uuid(), { versions: '4+', nullable: '4+', tag: 1, default: null }),
  },
})

export const registerControllerRecord = stored('RegisterControllerRecord', {
  type: 27,
  versions: '0',
  flexible: '0+',
  fields: {
    controllerId: int32(),
    incarnationId: uuid(),
    zkMigrationReady: bool(),
    endPoints: array({ name: string(), host: string(), port: uint16(), securityProtocol: int16() }),
    features: array({ name: string(), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
  },
})

export const removeAccessControlEntryRecord = stored('RemoveAccessControlEntryRecord', {
  type: 19,
  versions: '0',
  flexible: '0+',
  fields: { id: uuid() },
})

export const removeDelegationTokenRecord = stored('RemoveDelegationTokenRecord', {
  type: 26,
  versions: '0',
  flexible: '0+',
  fields: { tokenId: string() },
})

export const removeTopicRecord = stored('RemoveTopicRecord', {
  type: 9,
  versions: '0',
  flexible: '0+',
  fields: { topicId: uuid() },
})

export const removeUserScramCredentialRecord = stored('RemoveUserScramCredentialRecord', {
  type: 22,
  versions: '0',
  flexible: '0+',
  fields: { name: string(), mechanism: int8() },
})

export const topicRecord = stored('TopicRecord', {
  type: 2,
  versions: '0',
  flexible: '0+',
  fields: { name: string(), topicId: uuid() },
})

export const unfenceBrokerRecord = stored('UnfenceBrokerRecord', {
  type: 8,
  versions: '0',
  flexible: '0+',
  fields: { id: int32(), epoch: int64({ js: 'number' }) },
})

export const unregisterBrokerRecord = stored('UnregisterBrokerRecord', {
  type: 1,
  versions: '0',
  flexible: '0+',
  fields: { brokerId: int32(), brokerEpoch: int64({ js: 'number' }) },
})

export const userScramCredentialRecord = stored('UserScramCredentialRecord', {
  type: 11,
  versions: '0',
  flexible: '0+',
  fields: {
    name: string(),
    mechanism: int8(),
    salt: bytes(),
    storedKey: bytes(),
    serverKey: bytes(),
    iterations: int32(),
  },
})

export const zkMigrationStateRecord = stored('ZkMigrationStateRecord', {
  type: 21,
  versions: '0',
  flexible: '0+',
  fields: { zkMigrationState: int8() },
})
