import { api, array, int16, int32, int64, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * AlterShareGroupOffsets (key 91): sets start offsets of share groups.
 */
export const alterShareGroupOffsets = api({
  key: 91,
  name: 'AlterShareGroupOffsets',
  versions: '0',
  flexible: '0+',
  request: {
    groupId: string(),
    topics: array({
      topicName: string(),
      partitions: array({ partitionIndex: int32(), startOffset: int64({ js: 'number' }) }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    responses: array({
      topicName: string(),
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
      }),
    }),
  },
})
export type AlterShareGroupOffsetsRequest = Request<typeof alterShareGroupOffsets>
export type AlterShareGroupOffsetsResponse = Response<typeof alterShareGroupOffsets>
