import { api, array, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * OffsetDelete (key 47): deletes committed offsets of a group.
 */
export const offsetDelete = api({
  key: 47,
  name: 'OffsetDelete',
  versions: '0',
  flexible: 'none',
  request: { groupId: string(), topics: array({ name: string(), partitions: array({ partitionIndex: int32() }) }) },
  response: {
    errorCode: int16(),
    throttleTimeMs: int32(),
    topics: array({ name: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
  },
})
export type OffsetDeleteRequest = Request<typeof offsetDelete>
export type OffsetDeleteResponse = Response<typeof offsetDelete>
