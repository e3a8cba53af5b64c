/** security: what a cluster knows of its users: SCRAM credentials and delegation tokens, and the logins that follow from them. */
import type { BrokerConfig } from '../config/index.ts'
import type { MetadataLog } from '../metadata/index.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { DelegationTokens } from './delegation-tokens.ts'
import type { ScramLogin, ScramLogins } from './sasl/scram.ts'
import {
  keysOf,
  minIterations,
  type ScramCredential,
  type ScramMechanismName,
  saltedPassword,
} from './sasl/scram-formulas.ts'
import { ScramCredentials } from './scram-credentials.ts'

interface Surroundings {
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

const saltBytes = 16

export class Credentials {
  readonly scram: ScramCredentials
  readonly tokens: DelegationTokens
  readonly #random: Random

  /** Before the log is loaded. */
  constructor(metadata: MetadataLog, surroundings: Surroundings) {
    this.scram = new ScramCredentials(metadata)
    this.tokens = new DelegationTokens(metadata, surroundings)
    this.#random = surroundings.random
  }

  /** `passwords`: users beside those that the metadata log has, which win. */
  logins(passwords: ReadonlyMap<string, string>): ScramLogins {
    const derived = new Map<string, Promise<ScramCredential>>()
    const fromConfig = (mechanism: ScramMechanismName, name: string): Promise<ScramCredential> | undefined => {
      const password = passwords.get(name)
      if (password === undefined) return undefined
      const key = `${mechanism}:${name}`
      const known = derived.get(key) ?? this.#derive(mechanism, password)
      derived.set(key, known)
      return known
    }
    return {
      user: async (mechanism, name) => {
        const credential = this.scram.of(mechanism, name) ?? (await fromConfig(mechanism, name))
        return credential && { credential, principal: { type: 'User', name, tokenAuthenticated: false } }
      },
      token: (mechanism, tokenId) => this.#tokenLogin(mechanism, tokenId),
    }
  }

  async #tokenLogin(mechanism: ScramMechanismName, tokenId: string): Promise<ScramLogin | undefined> {
    const token = this.tokens.isEnabled ? this.tokens.usable(tokenId) : undefined
    if (token === undefined) return undefined
    return {
      credential: await this.#derive(mechanism, this.tokens.hmacOf(tokenId).toString('base64')),
      principal: { ...token.owner, tokenAuthenticated: true },
      expiresAtMs: token.expirationTimestamp,
    }
  }

  async #derive(mechanism: ScramMechanismName, password: string): Promise<ScramCredential> {
    const cost = { salt: this.#random.bytes(saltBytes), iterations: minIterations }
    return { ...cost, ...keysOf(mechanism, await saltedPassword(mechanism, password, cost)) }
  }
}
