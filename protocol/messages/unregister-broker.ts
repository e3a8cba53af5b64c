import { api, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * UnregisterBroker (key 64): removes a broker's registration.
 */
export const unregisterBroker = api({
  key: 64,
  name: 'UnregisterBroker',
  versions: '0',
  flexible: '0+',
  request: { brokerId: int32() },
  response: { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: '0+' }) },
})
export type UnregisterBrokerRequest = Request<typeof unregisterBroker>
export type UnregisterBrokerResponse = Response<typeof unregisterBroker>
