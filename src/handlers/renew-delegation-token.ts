/** RenewDelegationToken: its owner or a renewer lets a token last longer, up to its maximum. */
import { renewDelegationToken } from '../../protocol/messages/renew-delegation-token.ts'
import { handle } from './handler.ts'
import { requireTokenRequests } from './token-requests.ts'

export const renewDelegationTokenHandler = handle(renewDelegationToken, {
  async serve({ hmac, renewPeriodMs }, context) {
    requireTokenRequests(context)
    const { credentials, connection } = context
    return { expiryTimestampMs: await credentials.tokens.renew(hmac, renewPeriodMs, connection.principal) }
  },
  fail: (_request, errorCode) => ({ errorCode, expiryTimestampMs: -1 }),
})
