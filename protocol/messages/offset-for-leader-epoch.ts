import { api, array, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * OffsetForLeaderEpoch (key 23): where a leader epoch ends, so that a reader notices truncation.
 * v1 leaderEpoch (KIP-320) · v2 currentLeaderEpoch (KIP-320), throttleTimeMs · v3 replicaId · v4 flexible
 * (KIP-482)
 */
export const offsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: '0-4',
  flexible: '4+',
  request: {
    replicaId: int32({ versions: '3+', default: -2 }),
    topics: array({
      topic: string(),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ versions: '2+', default: -1 }),
        leaderEpoch: int32(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32({ versions: '2+' }),
    topics: array({
      topic: string(),
      partitions: array({
        errorCode: int16(),
        partition: int32(),
        leaderEpoch: int32({ versions: '1+', default: -1 }),
        endOffset: int64({ default: -1, js: 'number' }),
      }),
    }),
  },
})
export type OffsetForLeaderEpochRequest = Request<typeof offsetForLeaderEpoch>
export type OffsetForLeaderEpochResponse = Response<typeof offsetForLeaderEpoch>
