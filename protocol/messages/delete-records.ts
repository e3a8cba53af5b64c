import { api, array, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * DeleteRecords (key 21): moves the log start offset of partitions.
 * v2 flexible (KIP-482)
 */
export const deleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  versions: '0-2',
  flexible: '2+',
  request: {
    topics: array({ name: string(), partitions: array({ partitionIndex: int32(), offset: int64({ js: 'number' }) }) }),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({ partitionIndex: int32(), lowWatermark: int64({ js: 'number' }), errorCode: int16() }),
    }),
  },
})
export type DeleteRecordsRequest = Request<typeof deleteRecords>
export type DeleteRecordsResponse = Response<typeof deleteRecords>
