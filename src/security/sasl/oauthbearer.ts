/**
 * security: SASL OAUTHBEARER (RFC 7628, KIP-255), the broker's side: one message with a token. A token that is refused is answered with
 * JSON that says so; the client acknowledges that, and only then the authentication fails.
 *
 *     n,[a=authzid],^Aauth=Bearer <token>^A[key=value^A...]^A
 */
import { AuthenticationFailure } from '../authentication.ts'
import { userPrincipal } from '../principal.ts'
import { noToken, type SaslExchange, type SaslMechanism, type SaslStep } from './mechanism.ts'

/** What is read from a token that holds. */
export interface ValidatedToken {
  readonly principalName: string
  readonly expiresAtMs: number
}

export interface TokenValidator {
  /** @throws AuthenticationFailure for a token that does not hold */
  validate(token: string): Promise<ValidatedToken>
}

const gs2Header = /^n,(?:a=((?:[^=,\0]|=2C|=3D)+))?,$/
const pair = /^[A-Za-z]+=[\x21-\x7e \t\r\n]+$/
const bearer = /^auth=bearer +([-_.a-zA-Z0-9]+) *$/i
/** ^A */
const separator = '\x01'

export class OauthBearerMechanism implements SaslMechanism {
  readonly name = 'OAUTHBEARER'
  readonly maxReauthMs: number
  readonly #validator: TokenValidator

  constructor(validator: TokenValidator, maxReauthMs: number) {
    this.#validator = validator
    this.maxReauthMs = maxReauthMs
  }

  begin(): SaslExchange {
    return new OauthBearerExchange(this.#validator)
  }
}

class OauthBearerExchange implements SaslExchange {
  readonly #validator: TokenValidator
  #isRefused = false

  constructor(validator: TokenValidator) {
    this.#validator = validator
  }

  async step(token: Buffer): Promise<SaslStep> {
    const message = token.toString('utf8')
    if (this.#isRefused) {
      throw message === separator
        ? new AuthenticationFailure(refusal, true)
        : new AuthenticationFailure('something else than ^A came after a token that was refused')
    }
    const { authorizationId, auth } = read(message)
    try {
      return await this.#accept(auth, authorizationId)
    } catch (error) {
      if (!(error instanceof AuthenticationFailure) || error.isTold) throw error
      this.#isRefused = true
      return { token: Buffer.from(refusal), refusal: error.message }
    }
  }

  async #accept(token: string, authorizationId: string | undefined): Promise<SaslStep> {
    const { principalName, expiresAtMs } = await this.#validator.validate(token)
    if (authorizationId !== undefined && authorizationId !== principalName) {
      throw new AuthenticationFailure(
        `Authentication failed: Client requested an authorization id (${authorizationId}) that is different from the token's principal name (${principalName})`,
        true,
      )
    }
    return { token: noToken, identity: { principal: userPrincipal(principalName), expiresAtMs } }
  }
}

/** @throws AuthenticationFailure for what is not of the form above */
function read(message: string): { authorizationId: string | undefined; auth: string } {
  const [header = '', ...rest] = message.split(separator)
  const pairs = rest.slice(0, -2)
  const match = gs2Header.exec(header)
  const auth = pairs.flatMap((each) => bearer.exec(each)?.[1] ?? [])[0]
  const isWhole = message.endsWith(separator + separator) && pairs.every((each) => pair.test(each))
  if (match === null || auth === undefined || !isWhole) {
    throw new AuthenticationFailure('the OAUTHBEARER client response is not of its form')
  }
  return { authorizationId: match[1], auth }
}

/** As Kafka's OAuthBearerSaslServer writes it. */
const refusal = '{"status":"invalid_token"}'
