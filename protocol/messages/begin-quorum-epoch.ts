import { api, array, int16, int32, type Request, type Response, string, uint16, uuid } from '../schema/index.ts'

/**
 * BeginQuorumEpoch (key 53): a KRaft leader announces its epoch.
 * v1 voterId, voterDirectoryId, leaderEndpoints, nodeEndpoints (KIP-951), flexible (KIP-482)
 */
export const beginQuorumEpoch = api({
  key: 53,
  name: 'BeginQuorumEpoch',
  versions: '0-1',
  flexible: '1+',
  request: {
    clusterId: string({ nullable: '0+', default: null }),
    voterId: int32({ versions: '1+', default: -1 }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        voterDirectoryId: uuid({ versions: '1+' }),
        leaderId: int32(),
        leaderEpoch: int32(),
      }),
    }),
    leaderEndpoints: array(
      { name: string({ versions: '1+' }), host: string({ versions: '1+' }), port: uint16({ versions: '1+' }) },
      { versions: '1+' },
    ),
  },
  response: {
    errorCode: int16(),
    topics: array({
      topicName: string(),
      partitions: array({ partitionIndex: int32(), errorCode: int16(), leaderId: int32(), leaderEpoch: int32() }),
    }),
    nodeEndpoints: array(
      { nodeId: int32({ versions: '1+' }), host: string({ versions: '1+' }), port: uint16({ versions: '1+' }) },
      { versions: '1+', tag: 0 },
    ),
  },
})
export type BeginQuorumEpochRequest = Request<typeof beginQuorumEpoch>
export type BeginQuorumEpochResponse = Response<typeof beginQuorumEpoch>
