import {
  api,
  array,
  bool,
  int16,
  int32,
  int64,
  type Request,
  type Response,
  string,
  uint16,
  uuid,
} from '../schema/index.ts'

/**
 * Vote (key 52): a KRaft candidate asks for a vote.
 * v1 voterId, replicaDirectoryId (KIP-853), voterDirectoryId, nodeEndpoints (KIP-951) · v2 preVote
 */
export const vote = api({
  key: 52,
  name: 'Vote',
  versions: '0-2',
  flexible: '0+',
  request: {
    clusterId: string({ nullable: '0+', default: null }),
    voterId: int32({ versions: '1+', default: -1 }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        replicaEpoch: int32(),
        replicaId: int32(),
        replicaDirectoryId: uuid({ versions: '1+' }),
        voterDirectoryId: uuid({ versions: '1+' }),
        lastOffsetEpoch: int32(),
        lastOffset: int64({ js: 'number' }),
        preVote: bool({ versions: '2+' }),
      }),
    }),
  },
  response: {
    errorCode: int16(),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32(),
        leaderEpoch: int32(),
        voteGranted: bool(),
      }),
    }),
    nodeEndpoints: array(
      { nodeId: int32({ versions: '1+' }), host: string({ versions: '1+' }), port: uint16({ versions: '1+' }) },
      { versions: '1+', tag: 0 },
    ),
  },
})
export type VoteRequest = Request<typeof vote>
export type VoteResponse = Response<typeof vote>
