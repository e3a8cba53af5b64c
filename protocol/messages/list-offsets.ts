import { api, array, int8, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * ListOffsets (key 2): finds offsets by timestamp, and the earliest, latest and other special ones.
 * v1 timestamp, offset · v2 isolationLevel (KIP-98), throttleTimeMs · v4 currentLeaderEpoch (KIP-320), leaderEpoch
 * (KIP-320) · v6 flexible (KIP-482) · v10 timeoutMs (KIP-1075) · until v0 maxNumOffsets, oldStyleOffsets
 */
export const listOffsets = api({
  key: 2,
  name: 'ListOffsets',
  versions: '0-11',
  flexible: '6+',
  request: {
    replicaId: int32(),
    isolationLevel: int8({ versions: '2+' }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        currentLeaderEpoch: int32({ versions: '4+', default: -1 }),
        timestamp: int64({ js: 'number' }),
        maxNumOffsets: int32({ versions: '0', default: 1 }),
      }),
    }),
    timeoutMs: int32({ versions: '10+' }),
  },
  response: {
    throttleTimeMs: int32({ versions: '2+' }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        oldStyleOffsets: array(int64({ js: 'number' }), { versions: '0' }),
        timestamp: int64({ versions: '1+', default: -1, js: 'number' }),
        offset: int64({ versions: '1+', default: -1, js: 'number' }),
        leaderEpoch: int32({ versions: '4+', default: -1 }),
      }),
    }),
  },
})
export type ListOffsetsRequest = Request<typeof listOffsets>
export type ListOffsetsResponse = Response<typeof listOffsets>
