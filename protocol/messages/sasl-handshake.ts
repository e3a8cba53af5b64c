import { api, array, int16, type Request, type Response, string } from '../schema/index.ts'

/**
 * SaslHandshake (key 17): a client chooses a SASL mechanism.
 */
export const saslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  versions: '0-1',
  flexible: 'none',
  request: { mechanism: string() },
  response: { errorCode: int16(), mechanisms: array(string()) },
})
export type SaslHandshakeRequest = Request<typeof saslHandshake>
export type SaslHandshakeResponse = Response<typeof saslHandshake>
