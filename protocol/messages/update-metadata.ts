import {
  api,
  array,
  bool,
  int8,
  int16,
  int32,
  int64,
  type Request,
  type Response,
  string,
  uuid,
} from '../schema/index.ts'

const updateMetadataPartitionState = {
  topicName: string({ versions: '0-4' }),
  partitionIndex: int32(),
  controllerEpoch: int32(),
  leader: int32(),
  leaderEpoch: int32(),
  isr: array(int32()),
  zkVersion: int32(),
  replicas: array(int32()),
  offlineReplicas: array(int32(), { versions: '4+' }),
}

/**
 * UpdateMetadata (key 6): a ZooKeeper-time controller hands out metadata; gone in Kafka 4.
 * v1 endpoints · v2 rack · v3 listener · v4 offlineReplicas · v5 brokerEpoch, topicStates · v6 flexible (KIP-482)
 * · v7 topicId (KIP-516) · v8 isKRaftController, type · until v0 v0Host, v0Port · until v4
 * ungroupedPartitionStates, topicName
 */
export const updateMetadata = api({
  key: 6,
  name: 'UpdateMetadata',
  versions: '0-8',
  flexible: '6+',
  request: {
    controllerId: int32(),
    isKRaftController: bool({ versions: '8+' }),
    type: int8({ versions: '8+', tag: 0 }),
    controllerEpoch: int32(),
    brokerEpoch: int64({ versions: '5+', default: -1, js: 'number' }),
    ungroupedPartitionStates: array(updateMetadataPartitionState, { versions: '0-4' }),
    topicStates: array(
      {
        topicName: string({ versions: '5+' }),
        topicId: uuid({ versions: '7+' }),
        partitionStates: array(updateMetadataPartitionState, { versions: '5+' }),
      },
      { versions: '5+' },
    ),
    liveBrokers: array({
      id: int32(),
      v0Host: string({ versions: '0' }),
      v0Port: int32({ versions: '0' }),
      endpoints: array(
        {
          port: int32({ versions: '1+' }),
          host: string({ versions: '1+' }),
          listener: string({ versions: '3+' }),
          securityProtocol: int16({ versions: '1+' }),
        },
        { versions: '1+' },
      ),
      rack: string({ versions: '2+', nullable: '0+' }),
    }),
  },
  response: { errorCode: int16() },
})
export type UpdateMetadataRequest = Request<typeof updateMetadata>
export type UpdateMetadataResponse = Response<typeof updateMetadata>
