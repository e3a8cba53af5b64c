import { api, array, int16, int32, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * DeleteShareGroupOffsets (key 92): deletes start offsets of share groups.
 */
export const deleteShareGroupOffsets = api({
  key: 92,
  name: 'DeleteShareGroupOffsets',
  versions: '0',
  flexible: '0+',
  request: { groupId: string(), topics: array({ topicName: string() }) },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    responses: array({
      topicName: string(),
      topicId: uuid(),
      errorCode: int16(),
      errorMessage: string({ nullable: '0+', default: null }),
    }),
  },
})
export type DeleteShareGroupOffsetsRequest = Request<typeof deleteShareGroupOffsets>
export type DeleteShareGroupOffsetsResponse = Response<typeof deleteShareGroupOffsets>
