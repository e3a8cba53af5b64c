import { api, array, bytes, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * CreateDelegationToken (key 38): creates a delegation token.
 * v2 flexible (KIP-482) · v3 ownerPrincipalType (KIP-373), ownerPrincipalName, tokenRequesterPrincipalType
 * (KIP-373), tokenRequesterPrincipalName
 */
export const createDelegationToken = api({
  key: 38,
  name: 'CreateDelegationToken',
  versions: '0-3',
  flexible: '2+',
  request: {
    ownerPrincipalType: string({ versions: '3+', nullable: '3+' }),
    ownerPrincipalName: string({ versions: '3+', nullable: '3+' }),
    renewers: array({ principalType: string(), principalName: string() }),
    maxLifetimeMs: int64({ js: 'number' }),
  },
  response: {
    errorCode: int16(),
    principalType: string(),
    principalName: string(),
    tokenRequesterPrincipalType: string({ versions: '3+' }),
    tokenRequesterPrincipalName: string({ versions: '3+' }),
    issueTimestampMs: int64({ js: 'number' }),
    expiryTimestampMs: int64({ js: 'number' }),
    maxTimestampMs: int64({ js: 'number' }),
    tokenId: string(),
    hmac: bytes(),
    throttleTimeMs: int32(),
  },
})
export type CreateDelegationTokenRequest = Request<typeof createDelegationToken>
export type CreateDelegationTokenResponse = Response<typeof createDelegationToken>
