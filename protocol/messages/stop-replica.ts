import { api, array, bool, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * StopReplica (key 5): a ZooKeeper-time controller takes partitions from a broker; gone in Kafka 4.
 * v1 brokerEpoch, topics · v2 flexible (KIP-482) · v3 topicStates · v4 isKRaftController · until v0
 * ungroupedPartitions, topicName, partitionIndex · until v2 deletePartitions, topics, name, partitionIndexes
 */
export const stopReplica = api({
  key: 5,
  name: 'StopReplica',
  versions: '0-4',
  flexible: '2+',
  request: {
    controllerId: int32(),
    isKRaftController: bool({ versions: '4+' }),
    controllerEpoch: int32(),
    brokerEpoch: int64({ versions: '1+', default: -1, js: 'number' }),
    deletePartitions: bool({ versions: '0-2' }),
    ungroupedPartitions: array(
      { topicName: string({ versions: '0' }), partitionIndex: int32({ versions: '0' }) },
      { versions: '0' },
    ),
    topics: array(
      { name: string({ versions: '1-2' }), partitionIndexes: array(int32(), { versions: '1-2' }) },
      { versions: '1-2' },
    ),
    topicStates: array(
      {
        topicName: string({ versions: '3+' }),
        partitionStates: array(
          {
            partitionIndex: int32({ versions: '3+' }),
            leaderEpoch: int32({ versions: '3+', default: -1 }),
            deletePartition: bool({ versions: '3+' }),
          },
          { versions: '3+' },
        ),
      },
      { versions: '3+' },
    ),
  },
  response: {
    errorCode: int16(),
    partitionErrors: array({ topicName: string(), partitionIndex: int32(), errorCode: int16() }),
  },
})
export type StopReplicaRequest = Request<typeof stopReplica>
export type StopReplicaResponse = Response<typeof stopReplica>
