import { api, array, int16, int32, int64, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * ReadShareGroupStateSummary (key 87): reads the start offsets of share partitions.
 * v1 deliveryCompleteCount
 */
export const readShareGroupStateSummary = api({
  key: 87,
  name: 'ReadShareGroupStateSummary',
  versions: '0-1',
  flexible: '0+',
  request: {
    groupId: string(),
    topics: array({ topicId: uuid(), partitions: array({ partition: int32(), leaderEpoch: int32() }) }),
  },
  response: {
    results: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
        stateEpoch: int32(),
        leaderEpoch: int32(),
        startOffset: int64({ js: 'number' }),
        deliveryCompleteCount: int32({ versions: '1+', default: -1 }),
      }),
    }),
  },
})
export type ReadShareGroupStateSummaryRequest = Request<typeof readShareGroupStateSummary>
export type ReadShareGroupStateSummaryResponse = Response<typeof readShareGroupStateSummary>
