import { api, array, bytes, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * DescribeDelegationToken (key 41): lists delegation tokens by owner.
 * v2 flexible (KIP-482) · v3 tokenRequesterPrincipalType (KIP-373), tokenRequesterPrincipalName
 */
export const describeDelegationToken = api({
  key: 41,
  name: 'DescribeDelegationToken',
  versions: '0-3',
  flexible: '2+',
  request: { owners: array({ principalType: string(), principalName: string() }, { nullable: '0+' }) },
  response: {
    errorCode: int16(),
    tokens: array({
      principalType: string(),
      principalName: string(),
      tokenRequesterPrincipalType: string({ versions: '3+' }),
      tokenRequesterPrincipalName: string({ versions: '3+' }),
      issueTimestamp: int64({ js: 'number' }),
      expiryTimestamp: int64({ js: 'number' }),
      maxTimestamp: int64({ js: 'number' }),
      tokenId: string(),
      hmac: bytes(),
      renewers: array({ principalType: string(), principalName: string() }),
    }),
    throttleTimeMs: int32(),
  },
})
export type DescribeDelegationTokenRequest = Request<typeof describeDelegationToken>
export type DescribeDelegationTokenResponse = Response<typeof describeDelegationToken>
