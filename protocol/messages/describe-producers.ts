import { api, array, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * DescribeProducers (key 61): producers with state in partitions.
 */
export const describeProducers = api({
  key: 61,
  name: 'DescribeProducers',
  versions: '0',
  flexible: '0+',
  request: { topics: array({ name: string(), partitionIndexes: array(int32()) }) },
  response: {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
        activeProducers: array({
          producerId: int64(),
          producerEpoch: int32(),
          lastSequence: int32({ default: -1 }),
          lastTimestamp: int64({ default: -1, js: 'number' }),
          coordinatorEpoch: int32(),
          currentTxnStartOffset: int64({ default: -1, js: 'number' }),
        }),
      }),
    }),
  },
})
export type DescribeProducersRequest = Request<typeof describeProducers>
export type DescribeProducersResponse = Response<typeof describeProducers>
