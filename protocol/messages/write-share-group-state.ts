import { api, array, int8, int16, int32, int64, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * WriteShareGroupState (key 85): writes the stored state of share partitions.
 * v1 deliveryCompleteCount
 */
export const writeShareGroupState = api({
  key: 85,
  name: 'WriteShareGroupState',
  versions: '0-1',
  flexible: '0+',
  request: {
    groupId: string(),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        stateEpoch: int32(),
        leaderEpoch: int32(),
        startOffset: int64({ js: 'number' }),
        deliveryCompleteCount: int32({ versions: '1+', default: -1 }),
        stateBatches: array({
          firstOffset: int64({ js: 'number' }),
          lastOffset: int64({ js: 'number' }),
          deliveryState: int8(),
          deliveryCount: int16(),
        }),
      }),
    }),
  },
  response: {
    results: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
      }),
    }),
  },
})
export type WriteShareGroupStateRequest = Request<typeof writeShareGroupState>
export type WriteShareGroupStateResponse = Response<typeof writeShareGroupState>
