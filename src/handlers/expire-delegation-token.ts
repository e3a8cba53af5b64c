/** ExpireDelegationToken: its owner or a renewer sets when a token ends; a negative period ends it at once. */
import { expireDelegationToken } from '../../protocol/messages/expire-delegation-token.ts'
import { handle } from './handler.ts'
import { requireTokenRequests } from './token-requests.ts'

export const expireDelegationTokenHandler = handle(expireDelegationToken, {
  async serve({ hmac, expiryTimePeriodMs }, context) {
    requireTokenRequests(context)
    const { credentials, connection } = context
    return { expiryTimestampMs: await credentials.tokens.expire(hmac, expiryTimePeriodMs, connection.principal) }
  },
  fail: (_request, errorCode) => ({ errorCode, expiryTimestampMs: -1 }),
})
