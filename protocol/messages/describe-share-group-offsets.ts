import { api, array, int16, int32, int64, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * DescribeShareGroupOffsets (key 90): start offsets of share groups.
 * v1 lag
 */
export const describeShareGroupOffsets = api({
  key: 90,
  name: 'DescribeShareGroupOffsets',
  versions: '0-1',
  flexible: '0+',
  request: {
    groups: array({
      groupId: string(),
      topics: array({ topicName: string(), partitions: array(int32()) }, { nullable: '0+' }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    groups: array({
      groupId: string(),
      topics: array({
        topicName: string(),
        topicId: uuid(),
        partitions: array({
          partitionIndex: int32(),
          startOffset: int64({ js: 'number' }),
          leaderEpoch: int32(),
          lag: int64({ versions: '1+', default: -1, js: 'number' }),
          errorCode: int16(),
          errorMessage: string({ nullable: '0+', default: null }),
        }),
      }),
      errorCode: int16(),
      errorMessage: string({ nullable: '0+', default: null }),
    }),
  },
})
export type DescribeShareGroupOffsetsRequest = Request<typeof describeShareGroupOffsets>
export type DescribeShareGroupOffsetsResponse = Response<typeof describeShareGroupOffsets>
