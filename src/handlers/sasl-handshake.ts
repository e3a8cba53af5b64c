/** SaslHandshake: a client chooses how to say who it is; again, when it has a session that ends (KIP-368). */
import { errorCode as codeOf } from '../../protocol/errors.ts'
import { saslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import { handle } from './handler.ts'

/** In v0 tokens follow without a Kafka request around them. */
const firstVersionWithRequests = 1
const unsupportedMechanism = codeOf('UNSUPPORTED_SASL_MECHANISM')

export const saslHandshakeHandler = handle(saslHandshake, {
  async serve({ mechanism }, { apiVersion, connection: { authentication } }) {
    await authentication.handshake(mechanism, apiVersion < firstVersionWithRequests)
    return { mechanisms: authentication.mechanisms }
  },
  fail: (_request, errorCode, { connection }) => ({
    errorCode,
    mechanisms: errorCode === unsupportedMechanism ? connection.authentication.mechanisms : [],
  }),
})
