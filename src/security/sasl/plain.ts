/** security: SASL PLAIN (RFC 4616): user and password as they are. Messages are those of Kafka's PlainSaslServer. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { AuthenticationFailure } from '../authentication.ts'
import { userPrincipal } from '../principal.ts'
import { noToken, type SaslMechanism, type SaslStep } from './mechanism.ts'

export class PlainMechanism implements SaslMechanism {
  readonly name = 'PLAIN'
  readonly maxReauthMs: number
  readonly #users: ReadonlyMap<string, string>

  constructor(users: ReadonlyMap<string, string>, maxReauthMs: number) {
    this.#users = users
    this.maxReauthMs = maxReauthMs
  }

  begin() {
    return { step: (token: Buffer) => this.#check(token) }
  }

  #check(token: Buffer): SaslStep {
    const parts = token.toString('utf8').split('\0')
    if (parts.length !== 3) throw told(`Invalid SASL/PLAIN response: expected 3 tokens, got ${parts.length}`)
    const [authorizationId, user, password] = parts as [string, string, string]
    if (user === '') throw told('Authentication failed: username not specified')
    if (password === '') throw told('Authentication failed: password not specified')
    const expected = this.#users.get(user)
    // Somebody unknown takes as long as a wrong password.
    const fits = isSame(password, expected ?? '')
    if (expected === undefined || !fits) throw told('Authentication failed: Invalid username or password')
    if (authorizationId !== '' && authorizationId !== user) {
      throw told('Authentication failed: Client requested an authorization id that is different from username')
    }
    return { token: noToken, identity: { principal: userPrincipal(user) } }
  }
}

function told(message: string): AuthenticationFailure {
  return new AuthenticationFailure(message, true)
}

/** In a time that says nothing of either. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}
