/** security: one connection's authentication with SASL, from SaslHandshake to the end of its session. Source: Kafka's SaslServerAuthenticator. */
import { KafkaError } from '../../../protocol/errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import {
  type Authentication,
  AuthenticationFailure,
  type AuthenticationState,
  type AuthenticationStep,
} from '../authentication.ts'
import { anonymous, isSamePrincipal, type Principal } from '../principal.ts'
import type { SaslExchange, SaslIdentity, SaslMechanism } from './mechanism.ts'

export interface SaslSettings {
  /** In the order in which clients are told. */
  readonly mechanisms: ReadonlyMap<string, SaslMechanism>
  /** `connection.failed.authentication.delay.ms` */
  readonly failureDelayMs: number
  readonly clock: Clock
}

/** A connection may authenticate again once in this time. */
const minReauthenticationMs = 1000

const transitions: Readonly<Record<AuthenticationState, readonly AuthenticationState[]>> = {
  unauthenticated: ['authenticating', 'failed'],
  authenticating: ['authenticated', 'failed'],
  authenticated: ['reauthenticating', 'failed'],
  reauthenticating: ['authenticated', 'failed'],
  failed: [],
}

export class SaslAuthentication implements Authentication {
  readonly #settings: SaslSettings
  #state: AuthenticationState = 'unauthenticated'
  #principal: Principal = anonymous
  #mechanism: SaslMechanism | undefined
  #exchange: SaslExchange | undefined
  #hasBareTokens = false
  #failure: string | undefined
  /** Monotonic; undefined: without end. */
  #expiresAt: number | undefined
  #lastReauthentication: number | undefined
  /** Of a token that can't be accepted any more. */
  #refusal: string | undefined

  constructor(settings: SaslSettings) {
    this.#settings = settings
  }

  get state(): AuthenticationState {
    return this.#state
  }

  get principal(): Principal {
    return this.#principal
  }

  get mechanisms(): readonly string[] {
    return [...this.#settings.mechanisms.keys()]
  }

  get takesBareTokens(): boolean {
    return this.#hasBareTokens && (this.#state === 'authenticating' || this.#state === 'reauthenticating')
  }

  get failure(): string | undefined {
    return this.#failure
  }

  get hasExpired(): boolean {
    return this.#expiresAt !== undefined && this.#settings.clock.monotonicMs() >= this.#expiresAt
  }

  async handshake(name: string, bareTokens: boolean): Promise<void> {
    const isAgain = this.#state === 'authenticated'
    if (isAgain && !this.#mayReauthenticate()) throw new KafkaError('ILLEGAL_SASL_STATE')
    const mechanism = this.#settings.mechanisms.get(name)
    if (mechanism === undefined) {
      await this.#fail(`it asks for a mechanism that is not enabled, not one of ${this.mechanisms.join(', ')}`)
      throw new KafkaError('UNSUPPORTED_SASL_MECHANISM', `Unsupported SASL mechanism ${name}`)
    }
    this.#become(isAgain ? 'reauthenticating' : 'authenticating')
    this.#hasBareTokens = bareTokens
    this.#exchange =
      isAgain && name !== this.#mechanism?.name ? otherMechanism(name, this.#mechanism!.name) : mechanism.begin()
    this.#mechanism = isAgain ? this.#mechanism : mechanism
  }

  async authenticate(token: Buffer): Promise<AuthenticationStep> {
    if (this.#exchange === undefined) {
      throw new KafkaError('ILLEGAL_SASL_STATE', 'SaslAuthenticate request received after successful authentication')
    }
    try {
      const { token: answer, identity, refusal } = await this.#exchange.step(token)
      this.#refusal = refusal
      return { token: answer, sessionLifetimeMs: identity === undefined ? 0 : this.#accept(identity) }
    } catch (error) {
      const isKnown = error instanceof AuthenticationFailure
      const message = isKnown && error.isTold ? error.message : this.#generalFailure()
      await this.#fail(isKnown ? (this.#refusal ?? error.message) : 'its authentication failed unexpectedly')
      throw isKnown ? new KafkaError('SASL_AUTHENTICATION_FAILED', message) : error
    }
  }

  async refuse(message: string): Promise<never> {
    await this.#fail(message)
    throw new KafkaError('ILLEGAL_SASL_STATE', message)
  }

  /** Returns how long the session is, 0 where it has no end. @throws AuthenticationFailure for another principal than before */
  #accept({ principal, expiresAtMs }: SaslIdentity): number {
    if (this.#state === 'reauthenticating' && !isSamePrincipal(this.#principal, principal)) {
      const names = `${this.#principal.type}.${this.#principal.name}: ${principal.type}.${principal.name}`
      throw new AuthenticationFailure(`Cannot change principals during re-authentication from ${names}`, true)
    }
    const { clock } = this.#settings
    const limits: number[] = []
    if (expiresAtMs !== undefined) limits.push(Math.max(0, expiresAtMs - clock.now()))
    if (this.#mechanism!.maxReauthMs > 0) limits.push(this.#mechanism!.maxReauthMs)
    const lifetimeMs = limits.length === 0 ? undefined : Math.min(...limits)
    this.#expiresAt = lifetimeMs === undefined ? undefined : clock.monotonicMs() + lifetimeMs
    this.#principal = principal
    this.#exchange = undefined
    this.#become('authenticated')
    return lifetimeMs ?? 0
  }

  #mayReauthenticate(): boolean {
    const now = this.#settings.clock.monotonicMs()
    const last = this.#lastReauthentication
    if (this.#expiresAt === undefined || (last !== undefined && now - last < minReauthenticationMs)) return false
    this.#lastReauthentication = now
    return true
  }

  /** Says no more than that it failed: not whether there is such a user. */
  #generalFailure(): string {
    const attempt = this.#state === 'reauthenticating' ? 're-authentication' : 'authentication'
    return `Authentication failed during ${attempt} due to invalid credentials with SASL mechanism ${this.#mechanism?.name}`
  }

  /** Nothing is served any more, and the answer waits: guessing takes time. */
  async #fail(reason: string): Promise<void> {
    this.#become('failed')
    this.#failure = reason
    this.#exchange = undefined
    const { clock, failureDelayMs } = this.#settings
    if (failureDelayMs > 0) await new Promise<void>((resolve) => void clock.after(failureDelayMs, resolve))
  }

  #become(next: AuthenticationState): void {
    if (!transitions[this.#state].includes(next)) throw new Error(`${this.#state} can't become ${next}`)
    this.#state = next
  }
}

/** Whoever authenticates again has to do it the same way. */
function otherMechanism(name: string, previous: string): SaslExchange {
  return {
    step: () => {
      const problem = `SASL mechanism '${name}' requested by client is not supported for re-authentication of mechanism '${previous}'`
      throw new AuthenticationFailure(problem, true)
    },
  }
}
