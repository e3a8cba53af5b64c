/** DescribeDelegationToken: the tokens that the client has to do with, and others that it may see. */
import { describeDelegationToken } from '../../protocol/messages/describe-delegation-token.ts'
import { concerns, type DelegationToken } from '../security/delegation-tokens.ts'
import { principalText } from '../security/principal.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'
import { named, requireTokenRequests, wirePrincipal } from './token-requests.ts'

export const describeDelegationTokenHandler = handle(describeDelegationToken, {
  serve({ owners }, context) {
    requireTokenRequests(context)
    const { tokens } = context.credentials
    const found = tokens.describe(owners?.map(named) ?? null, (token) => mayDescribe(token, context))
    return {
      tokens: found.map((token) => ({
        ...wirePrincipal(token.owner),
        tokenRequesterPrincipalType: token.requester.type,
        tokenRequesterPrincipalName: token.requester.name,
        issueTimestamp: token.issueTimestamp,
        expiryTimestamp: token.expirationTimestamp,
        maxTimestamp: token.maxTimestamp,
        tokenId: token.tokenId,
        hmac: tokens.hmacOf(token.tokenId),
        renewers: token.renewers.map(wirePrincipal),
      })),
    }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})

function mayDescribe(token: DelegationToken, { access, connection }: Context): boolean {
  return (
    concerns(token, connection.principal) ||
    access.isAllowed('DelegationToken', token.tokenId, 'Describe') ||
    access.isAllowed('User', principalText(token.owner), 'DescribeTokens')
  )
}
