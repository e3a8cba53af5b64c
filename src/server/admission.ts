/** server: what may be asked of a connection, by how far it has got with saying who it is. Source: Kafka's SaslServerAuthenticator. */
import { apiByKey } from '../../protocol/messages/index.ts'
import type { Authentication } from '../security/authentication.ts'

export const apiVersionsKey = 18
const saslHandshakeKey = 17
const saslAuthenticateKey = 36

export type Refusal = {
  readonly reason: string
  /** Answered with ILLEGAL_SASL_STATE, then closed; others are closed without an answer, and their body is not looked at. */
  readonly isAnswered: boolean
}

/** Undefined: it is served. */
export function refusalOf(apiKey: number, { state, hasExpired }: Authentication): Refusal | undefined {
  switch (state) {
    case 'authenticated':
      if (!hasExpired || apiKey === saslHandshakeKey) return undefined
      return { reason: 'its session has expired, and it did not authenticate again', isAnswered: false }
    case 'unauthenticated':
      if (apiKey === apiVersionsKey || apiKey === saslHandshakeKey) return undefined
      return { reason: 'it has to authenticate first', isAnswered: false }
    case 'authenticating':
    case 'reauthenticating': {
      if (apiKey === saslAuthenticateKey) return undefined
      const name = apiByKey(apiKey)?.name ?? String(apiKey)
      const type = name.replace(/(?<=[a-z])[A-Z]/g, '_$&').toUpperCase()
      return { reason: `Unexpected Kafka request of type ${type} during SASL authentication.`, isAnswered: true }
    }
    case 'failed':
      return { reason: 'its authentication has failed', isAnswered: false }
  }
}
