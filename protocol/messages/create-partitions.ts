import { api, array, bool, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * CreatePartitions (key 37): adds partitions to topics.
 * v2 flexible (KIP-482)
 */
export const createPartitions = api({
  key: 37,
  name: 'CreatePartitions',
  versions: '0-3',
  flexible: '2+',
  request: {
    topics: array({
      name: string(),
      count: int32(),
      assignments: array({ brokerIds: array(int32()) }, { nullable: '0+' }),
    }),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({ name: string(), errorCode: int16(), errorMessage: string({ nullable: '0+', default: null }) }),
  },
})
export type CreatePartitionsRequest = Request<typeof createPartitions>
export type CreatePartitionsResponse = Response<typeof createPartitions>
