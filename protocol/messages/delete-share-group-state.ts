import { api, array, int16, int32, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * DeleteShareGroupState (key 86): deletes the stored state of share partitions.
 */
export const deleteShareGroupState = api({
  key: 86,
  name: 'DeleteShareGroupState',
  versions: '0',
  flexible: '0+',
  request: { groupId: string(), topics: array({ topicId: uuid(), partitions: array({ partition: int32() }) }) },
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
export type DeleteShareGroupStateRequest = Request<typeof deleteShareGroupState>
export type DeleteShareGroupStateResponse = Response<typeof deleteShareGroupState>
