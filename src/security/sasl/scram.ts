/**
 * security: SASL SCRAM (RFC 5802, 7677), the broker's side, for users and, with the extension `tokenauth=true`, for delegation tokens.
 *
 *     client-first   n,[a=authzid],n=user,r=nonce[,tokenauth=true]
 *     server-first   r=both nonces,s=salt,i=iterations
 *     client-final   c=header in base64,r=both nonces,p=proof
 *     server-final   v=signature
 */
import type { Random } from '../../runtime/random.ts'
import { AuthenticationFailure } from '../authentication.ts'
import type { SaslExchange, SaslIdentity, SaslMechanism, SaslStep } from './mechanism.ts'
import {
  minIterations,
  provesPassword,
  type ScramCredential,
  type ScramMechanismName,
  serverSignature,
} from './scram-formulas.ts'

/** Who has which credential. */
export interface ScramLogin extends SaslIdentity {
  readonly credential: ScramCredential
}

export interface ScramLogins {
  user(mechanism: ScramMechanismName, name: string): Promise<ScramLogin | undefined>
  token(mechanism: ScramMechanismName, tokenId: string): Promise<ScramLogin | undefined>
}

const nonceBytes = 24
const value = '[^,\\0]+'
const saslName = '(?:[^=,\\0]|=2C|=3D)+'
const base64 = '[a-zA-Z0-9/+]*={0,2}'
const extensions = `((?:,[a-zA-Z]+=${value})*)`
const clientFirst = new RegExp(
  `^(n,(?:a=(${saslName}))?,)((?:m=${value},)?n=(${saslName}),r=([\\x21-\\x2b\\x2d-\\x7e]+)${extensions})$`,
)
const clientFinal = new RegExp(`^(c=(${base64}),r=([\\x21-\\x2b\\x2d-\\x7e]+)(?:,[a-zA-Z]+=${value})*),p=(${base64})$`)

export class ScramMechanism implements SaslMechanism {
  readonly name: ScramMechanismName
  readonly maxReauthMs: number
  readonly #logins: ScramLogins
  readonly #random: Random

  constructor(
    name: ScramMechanismName,
    maxReauthMs: number,
    { logins, random }: { logins: ScramLogins; random: Random },
  ) {
    this.name = name
    this.maxReauthMs = maxReauthMs
    this.#logins = logins
    this.#random = random
  }

  begin(): SaslExchange {
    return new ScramExchange(this.name, this.#logins, this.#random.bytes(nonceBytes).toString('base64url'))
  }
}

/** The state after client-first. */
interface Challenge {
  readonly login: ScramLogin
  readonly gs2Header: string
  readonly clientFirstBare: string
  readonly serverFirst: string
  readonly nonce: string
}

/** Exported for its test, which has nonces of its own. */
export class ScramExchange implements SaslExchange {
  readonly #mechanism: ScramMechanismName
  readonly #logins: ScramLogins
  readonly #serverNonce: string
  #challenge: Challenge | undefined

  constructor(mechanism: ScramMechanismName, logins: ScramLogins, serverNonce: string) {
    this.#mechanism = mechanism
    this.#logins = logins
    this.#serverNonce = serverNonce
  }

  step(token: Buffer): SaslStep | Promise<SaslStep> {
    const message = token.toString('utf8')
    return this.#challenge === undefined ? this.#first(message) : this.#final(message, this.#challenge)
  }

  async #first(message: string): Promise<SaslStep> {
    const match = clientFirst.exec(message)
    if (match === null) throw new AuthenticationFailure('the SCRAM client first message is not of its form')
    const [, gs2Header, authorizationId, clientFirstBare, saslUser, clientNonce, extensionList] = match
    const user = plainName(saslUser!)
    const isToken = extensionList!.split(',').includes('tokenauth=true')
    const login = await (isToken ? this.#logins.token(this.#mechanism, user) : this.#logins.user(this.#mechanism, user))
    if (login === undefined)
      throw new AuthenticationFailure('there is no such user, or no credential for this mechanism')
    if (authorizationId !== undefined && plainName(authorizationId) !== user) {
      const problem = 'Client requested an authorization id that is different from username'
      throw new AuthenticationFailure(`Authentication failed: ${problem}`, true)
    }
    const { salt, iterations } = login.credential
    if (iterations < minIterations) {
      throw new AuthenticationFailure(
        `the credential has ${iterations} iterations, ${minIterations} are the fewest allowed`,
      )
    }
    const nonce = clientNonce! + this.#serverNonce
    const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`
    this.#challenge = { login, gs2Header: gs2Header!, clientFirstBare: clientFirstBare!, serverFirst, nonce }
    return { token: Buffer.from(serverFirst) }
  }

  #final(message: string, challenge: Challenge): SaslStep {
    const { login, gs2Header, clientFirstBare, serverFirst, nonce } = challenge
    const match = clientFinal.exec(message)
    if (match === null) throw new AuthenticationFailure('the SCRAM client final message is not of its form')
    const [, withoutProof, binding, finalNonce, proof] = match
    if (finalNonce !== nonce) throw new AuthenticationFailure('the SCRAM client final message has another nonce')
    // Some clients leave the authorization id out here.
    const header = Buffer.from(binding!, 'base64').toString('utf8')
    if (header !== gs2Header && header !== 'n,,') {
      throw new AuthenticationFailure('the SCRAM client final message has another header than the first')
    }
    const authMessage = `${clientFirstBare},${serverFirst},${withoutProof}`
    if (!provesPassword(this.#mechanism, login.credential, authMessage, Buffer.from(proof!, 'base64'))) {
      throw new AuthenticationFailure('the password is another one')
    }
    const signature = serverSignature(this.#mechanism, login.credential, authMessage)
    const { credential: _secret, ...identity } = login
    return { token: Buffer.from(`v=${signature.toString('base64')}`), identity }
  }
}

function plainName(saslUser: string): string {
  return saslUser.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
