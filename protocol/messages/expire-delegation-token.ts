import { api, bytes, int16, int32, int64, type Request, type Response } from '../schema/index.ts'

/**
 * ExpireDelegationToken (key 40): lets a delegation token expire.
 * v2 flexible (KIP-482)
 */
export const expireDelegationToken = api({
  key: 40,
  name: 'ExpireDelegationToken',
  versions: '0-2',
  flexible: '2+',
  request: { hmac: bytes(), expiryTimePeriodMs: int64({ js: 'number' }) },
  response: { errorCode: int16(), expiryTimestampMs: int64({ js: 'number' }), throttleTimeMs: int32() },
})
export type ExpireDelegationTokenRequest = Request<typeof expireDelegationToken>
export type ExpireDelegationTokenResponse = Response<typeof expireDelegationToken>
