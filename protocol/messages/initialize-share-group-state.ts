import { api, array, int16, int32, int64, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * InitializeShareGroupState (key 83): starts the stored state of share partitions.
 */
export const initializeShareGroupState = api({
  key: 83,
  name: 'InitializeShareGroupState',
  versions: '0',
  flexible: '0+',
  request: {
    groupId: string(),
    topics: array({
      topicId: uuid(),
      partitions: array({ partition: int32(), stateEpoch: int32(), startOffset: int64({ js: 'number' }) }),
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
export type InitializeShareGroupStateRequest = Request<typeof initializeShareGroupState>
export type InitializeShareGroupStateResponse = Response<typeof initializeShareGroupState>
