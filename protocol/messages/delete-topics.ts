import { api, array, int16, int32, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * DeleteTopics (key 20): deletes topics by name or id.
 * v1 throttleTimeMs · v4 flexible (KIP-482) · v5 errorMessage · v6 topics, topicId (KIP-516) · until v5 topicNames
 */
export const deleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: '0-6',
  flexible: '4+',
  request: {
    topics: array(
      { name: string({ versions: '6+', nullable: '6+', default: null }), topicId: uuid({ versions: '6+' }) },
      { versions: '6+' },
    ),
    topicNames: array(string(), { versions: '0-5' }),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    responses: array({
      name: string({ nullable: '6+' }),
      topicId: uuid({ versions: '6+' }),
      errorCode: int16(),
      errorMessage: string({ versions: '5+', nullable: '5+', default: null }),
    }),
  },
})
export type DeleteTopicsRequest = Request<typeof deleteTopics>
export type DeleteTopicsResponse = Response<typeof deleteTopics>
