import { api, array, int16, int32, int64, type Request, type Response, string, uint16, uuid } from '../schema/index.ts'

const replicaState = {
  replicaId: int32(),
  replicaDirectoryId: uuid({ versions: '2+' }),
  logEndOffset: int64({ js: 'number' }),
  lastFetchTimestamp: int64({ versions: '1+', default: -1, js: 'number' }),
  lastCaughtUpTimestamp: int64({ versions: '1+', default: -1, js: 'number' }),
}

/**
 * DescribeQuorum (key 55): leader, voters and observers of the metadata quorum.
 * v1 lastFetchTimestamp, lastCaughtUpTimestamp · v2 errorMessage, nodes, replicaDirectoryId (KIP-853)
 */
export const describeQuorum = api({
  key: 55,
  name: 'DescribeQuorum',
  versions: '0-2',
  flexible: '0+',
  request: { topics: array({ topicName: string(), partitions: array({ partitionIndex: int32() }) }) },
  response: {
    errorCode: int16(),
    errorMessage: string({ versions: '2+', nullable: '2+' }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ versions: '2+', nullable: '2+' }),
        leaderId: int32(),
        leaderEpoch: int32(),
        highWatermark: int64({ js: 'number' }),
        currentVoters: array(replicaState),
        observers: array(replicaState),
      }),
    }),
    nodes: array(
      {
        nodeId: int32({ versions: '2+' }),
        listeners: array(
          { name: string({ versions: '2+' }), host: string({ versions: '2+' }), port: uint16({ versions: '2+' }) },
          { versions: '2+' },
        ),
      },
      { versions: '2+' },
    ),
  },
})
export type DescribeQuorumRequest = Request<typeof describeQuorum>
export type DescribeQuorumResponse = Response<typeof describeQuorum>
