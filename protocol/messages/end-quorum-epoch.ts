import { api, array, int16, int32, type Request, type Response, string, uint16, uuid } from '../schema/index.ts'

/**
 * EndQuorumEpoch (key 54): a KRaft leader resigns.
 * v1 preferredCandidates, leaderEndpoints, nodeEndpoints (KIP-951), flexible (KIP-482) · until v0
 * preferredSuccessors
 */
export const endQuorumEpoch = api({
  key: 54,
  name: 'EndQuorumEpoch',
  versions: '0-1',
  flexible: '1+',
  request: {
    clusterId: string({ nullable: '0+', default: null }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32(),
        preferredSuccessors: array(int32(), { versions: '0' }),
        preferredCandidates: array(
          { candidateId: int32({ versions: '1+' }), candidateDirectoryId: uuid({ versions: '1+' }) },
          { versions: '1+' },
        ),
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
export type EndQuorumEpochRequest = Request<typeof endQuorumEpoch>
export type EndQuorumEpochResponse = Response<typeof endQuorumEpoch>
