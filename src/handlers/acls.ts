/** handlers: what the requests about ACLs have in common. */
import { KafkaError } from '../../protocol/errors.ts'
import type { Acls } from '../security/acls.ts'
import type { Context } from './context.ts'
import { CloseConnection } from './handler.ts'

/** What no client means: the types of Java's clients for what they don't understand. */
const unknown = 0

/** @throws CloseConnection as Kafka, which can't read a request with one of them */
export function requireKnown(...ids: readonly number[]): void {
  if (ids.includes(unknown)) throw new CloseConnection('an ACL has an element of type UNKNOWN')
}

/** @throws KafkaError SECURITY_DISABLED, in the words of who refuses in Kafka: its controller, unless told */
export function requireAcls({ acls }: Context, message = 'No Authorizer is configured.'): Acls {
  if (acls !== undefined) return acls
  throw new KafkaError('SECURITY_DISABLED', message)
}
