import { api, int16, int32, int64, type Request, type Response } from '../schema/index.ts'

/**
 * AllocateProducerIds (key 67): a broker asks the controller for a block of producer ids.
 */
export const allocateProducerIds = api({
  key: 67,
  name: 'AllocateProducerIds',
  versions: '0',
  flexible: '0+',
  request: { brokerId: int32(), brokerEpoch: int64({ default: -1, js: 'number' }) },
  response: { throttleTimeMs: int32(), errorCode: int16(), producerIdStart: int64(), producerIdLen: int32() },
})
export type AllocateProducerIdsRequest = Request<typeof allocateProducerIds>
export type AllocateProducerIdsResponse = Response<typeof allocateProducerIds>
