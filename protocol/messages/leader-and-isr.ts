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

const leaderAndIsrPartitionState = {
  topicName: string({ versions: '0-1' }),
  partitionIndex: int32(),
  controllerEpoch: int32(),
  leader: int32(),
  leaderEpoch: int32(),
  isr: array(int32()),
  partitionEpoch: int32(),
  replicas: array(int32()),
  addingReplicas: array(int32(), { versions: '3+' }),
  removingReplicas: array(int32(), { versions: '3+' }),
  isNew: bool({ versions: '1+' }),
  leaderRecoveryState: int8({ versions: '6+' }),
}
const leaderAndIsrPartitionError = {
  topicName: string({ versions: '0-4' }),
  partitionIndex: int32(),
  errorCode: int16(),
}

/**
 * LeaderAndIsr (key 4): a ZooKeeper-time controller makes a broker lead or follow; gone in Kafka 4.
 * v1 isNew · v2 brokerEpoch, topicStates · v3 addingReplicas, removingReplicas · v4 flexible (KIP-482) · v5 type,
 * topicId (KIP-516), topics · v6 leaderRecoveryState · v7 isKRaftController · until v1 ungroupedPartitionStates,
 * topicName · until v4 partitionErrors, topicName
 */
export const leaderAndIsr = api({
  key: 4,
  name: 'LeaderAndIsr',
  versions: '0-7',
  flexible: '4+',
  request: {
    controllerId: int32(),
    isKRaftController: bool({ versions: '7+' }),
    controllerEpoch: int32(),
    brokerEpoch: int64({ versions: '2+', default: -1, js: 'number' }),
    type: int8({ versions: '5+' }),
    ungroupedPartitionStates: array(leaderAndIsrPartitionState, { versions: '0-1' }),
    topicStates: array(
      {
        topicName: string({ versions: '2+' }),
        topicId: uuid({ versions: '5+' }),
        partitionStates: array(leaderAndIsrPartitionState, { versions: '2+' }),
      },
      { versions: '2+' },
    ),
    liveLeaders: array({ brokerId: int32(), hostName: string(), port: int32() }),
  },
  response: {
    errorCode: int16(),
    partitionErrors: array(leaderAndIsrPartitionError, { versions: '0-4' }),
    topics: array(
      { topicId: uuid({ versions: '5+' }), partitionErrors: array(leaderAndIsrPartitionError, { versions: '5+' }) },
      { versions: '5+' },
    ),
  },
})
export type LeaderAndIsrRequest = Request<typeof leaderAndIsr>
export type LeaderAndIsrResponse = Response<typeof leaderAndIsr>
