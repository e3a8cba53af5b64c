import { api, bytes, int16, int32, int64, type Request, type Response } from '../schema/index.ts'

/**
 * RenewDelegationToken (key 39): renews a delegation token.
 * v2 flexible (KIP-482)
 */
export const renewDelegationToken = api({
  key: 39,
  name: 'RenewDelegationToken',
  versions: '0-2',
  flexible: '2+',
  request: { hmac: bytes(), renewPeriodMs: int64({ js: 'number' }) },
  response: { errorCode: int16(), expiryTimestampMs: int64({ js: 'number' }), throttleTimeMs: int32() },
})
export type RenewDelegationTokenRequest = Request<typeof renewDelegationToken>
export type RenewDelegationTokenResponse = Response<typeof renewDelegationToken>
