/** handlers: what the delegation token requests share: who may send them at all. */
import { KafkaError } from '../../protocol/errors.ts'
import type { Principal } from '../security/principal.ts'
import type { Context } from './context.ts'

/** metadata.version 3.6-IV2 is the first whose brokers know tokens. */
const firstTokenLevel = 14

interface WirePrincipal {
  readonly principalType: string
  readonly principalName: string
}

/**
 * Only somebody who is known, and did not come with a token.
 * @throws KafkaError DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, UNSUPPORTED_VERSION
 */
export function requireTokenRequests({ connection, cluster }: Context): void {
  const { securityProtocol, principal } = connection
  const isNobody = securityProtocol === 'SSL' && principal.name === 'ANONYMOUS'
  if (principal.tokenAuthenticated || securityProtocol === 'PLAINTEXT' || isNobody) {
    throw new KafkaError('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED')
  }
  if (cluster.features.level('metadata.version') < firstTokenLevel) throw new KafkaError('UNSUPPORTED_VERSION')
}

export function named({ principalType, principalName }: WirePrincipal): Pick<Principal, 'type' | 'name'> {
  return { type: principalType, name: principalName }
}

export function wirePrincipal({ type, name }: Pick<Principal, 'type' | 'name'>): WirePrincipal {
  return { principalType: type, principalName: name }
}
