import { api, array, bool, int8, int16, int32, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * CreateTopics (key 19): creates topics.
 * v1 validateOnly, errorMessage · v2 throttleTimeMs · v5 topicConfigErrorCode, numPartitions, replicationFactor,
 * configs, flexible (KIP-482) · v7 topicId (KIP-516)
 */
export const createTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: '0-7',
  flexible: '5+',
  request: {
    topics: array({
      name: string(),
      numPartitions: int32(),
      replicationFactor: int16(),
      assignments: array({ partitionIndex: int32(), brokerIds: array(int32()) }),
      configs: array({ name: string(), value: string({ nullable: '0+' }) }),
    }),
    timeoutMs: int32({ default: 60000 }),
    validateOnly: bool({ versions: '1+' }),
  },
  response: {
    throttleTimeMs: int32({ versions: '2+' }),
    topics: array({
      name: string(),
      topicId: uuid({ versions: '7+' }),
      errorCode: int16(),
      errorMessage: string({ versions: '1+', nullable: '0+' }),
      topicConfigErrorCode: int16({ versions: '5+', tag: 0 }),
      numPartitions: int32({ versions: '5+', default: -1 }),
      replicationFactor: int16({ versions: '5+', default: -1 }),
      configs: array(
        {
          name: string({ versions: '5+' }),
          value: string({ versions: '5+', nullable: '5+' }),
          readOnly: bool({ versions: '5+' }),
          configSource: int8({ versions: '5+', default: -1 }),
          isSensitive: bool({ versions: '5+' }),
        },
        { versions: '5+', nullable: '5+' },
      ),
    }),
  },
})
export type CreateTopicsRequest = Request<typeof createTopics>
export type CreateTopicsResponse = Response<typeof createTopics>
