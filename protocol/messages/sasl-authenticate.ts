import { api, bytes, int16, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * SaslAuthenticate (key 36): one step of the chosen SASL mechanism.
 * v1 sessionLifetimeMs (KIP-368) · v2 flexible (KIP-482)
 */
export const saslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  versions: '0-2',
  flexible: '2+',
  request: { authBytes: bytes() },
  response: {
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    authBytes: bytes(),
    sessionLifetimeMs: int64({ versions: '1+', js: 'number' }),
  },
})
export type SaslAuthenticateRequest = Request<typeof saslAuthenticate>
export type SaslAuthenticateResponse = Response<typeof saslAuthenticate>
