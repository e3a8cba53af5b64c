import { api, array, bool, int8, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * WriteTxnMarkers (key 27): writes the markers that end a transaction into partitions.
 * v1 flexible (KIP-482) · v2 transactionVersion
 */
export const writeTxnMarkers = api({
  key: 27,
  name: 'WriteTxnMarkers',
  versions: '0-2',
  flexible: '1+',
  request: {
    markers: array({
      producerId: int64(),
      producerEpoch: int16(),
      transactionResult: bool(),
      topics: array({ name: string(), partitionIndexes: array(int32()) }),
      coordinatorEpoch: int32(),
      transactionVersion: int8({ versions: '2+' }),
    }),
  },
  response: {
    markers: array({
      producerId: int64(),
      topics: array({ name: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
    }),
  },
})
export type WriteTxnMarkersRequest = Request<typeof writeTxnMarkers>
export type WriteTxnMarkersResponse = Response<typeof writeTxnMarkers>
