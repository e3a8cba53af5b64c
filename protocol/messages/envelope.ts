import { api, bytes, int16, type Request, type Response } from '../schema/index.ts'

/**
 * Envelope (key 58): a broker forwards a client's request to the controller.
 */
export const envelope = api({
  key: 58,
  name: 'Envelope',
  versions: '0',
  flexible: '0+',
  request: { requestData: bytes(), requestPrincipal: bytes({ nullable: '0+' }), clientHostAddress: bytes() },
  response: { responseData: bytes({ nullable: '0+', default: null }), errorCode: int16() },
})
export type EnvelopeRequest = Request<typeof envelope>
export type EnvelopeResponse = Response<typeof envelope>
