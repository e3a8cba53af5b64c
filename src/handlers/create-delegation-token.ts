/** CreateDelegationToken: for oneself, or for somebody else (KIP-373). */
import {
  type CreateDelegationTokenRequest,
  createDelegationToken,
} from '../../protocol/messages/create-delegation-token.ts'
import { isSamePrincipal, principalText } from '../security/principal.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'
import { named, requireTokenRequests, wirePrincipal } from './token-requests.ts'

const noTime = -1

export const createDelegationTokenHandler = handle(createDelegationToken, {
  async serve(request, context) {
    requireTokenRequests(context)
    const { access, credentials, connection } = context
    const owner = ownerOf(request, context)
    if (!isSamePrincipal(owner, connection.principal)) access.require('User', principalText(owner), 'CreateTokens')
    const token = await credentials.tokens.create({
      owner,
      requester: connection.principal,
      renewers: request.renewers.map(named),
      maxLifetimeMs: request.maxLifetimeMs,
    })
    return {
      ...principalsOf(request, context),
      issueTimestampMs: token.issueTimestamp,
      expiryTimestampMs: token.expirationTimestamp,
      maxTimestampMs: token.maxTimestamp,
      tokenId: token.tokenId,
      hmac: credentials.tokens.hmacOf(token.tokenId),
    }
  },
  fail: (request, errorCode, context) => ({
    ...principalsOf(request, context),
    errorCode,
    issueTimestampMs: noTime,
    expiryTimestampMs: noTime,
    maxTimestampMs: noTime,
  }),
})

function ownerOf({ ownerPrincipalType, ownerPrincipalName }: CreateDelegationTokenRequest, { connection }: Context) {
  if (ownerPrincipalName === null || ownerPrincipalName === '') return connection.principal
  return { type: ownerPrincipalType ?? 'User', name: ownerPrincipalName }
}

function principalsOf(request: CreateDelegationTokenRequest, context: Context) {
  const { type, name } = context.connection.principal
  return {
    ...wirePrincipal(ownerOf(request, context)),
    tokenRequesterPrincipalType: type,
    tokenRequesterPrincipalName: name,
  }
}
