/** SaslAuthenticate: one step of the mechanism that SaslHandshake has chosen. */
import { saslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import { handle } from './handler.ts'

export const saslAuthenticateHandler = handle(saslAuthenticate, {
  async serve({ authBytes }, { connection: { authentication } }) {
    const { token, sessionLifetimeMs } = await authentication.authenticate(authBytes)
    return { errorMessage: null, authBytes: token, sessionLifetimeMs }
  },
  fail: (_request, errorCode, _context, errorMessage) => ({ errorCode, errorMessage }),
})
