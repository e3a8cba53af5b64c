import { api, array, int8, int16, int32, int64, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * ReadShareGroupState (key 84): reads the stored state of share partitions.
 */
export const readShareGroupState = api({
  key: 84,
  name: 'ReadShareGroupState',
  versions: '0',
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
        startOffset: int64({ js: 'number' }),
        stateBatches: array({
          firstOffset: int64({ js: 'number' }),
          lastOffset: int64({ js: 'number' }),
          deliveryState: int8(),
          deliveryCount: int16(),
        }),
      }),
    }),
  },
})
export type ReadShareGroupStateRequest = Request<typeof readShareGroupState>
export type ReadShareGroupStateResponse = Response<typeof readShareGroupState>
