/** security: how far a connection has got with saying who it is. Without SASL it is known from the start: see `Identified`. */
import { KafkaError } from '../../protocol/errors.ts'
import type { Principal } from './principal.ts'

/**
 *     unauthenticated ── SaslHandshake ──▶ authenticating ──▶ authenticated ◀──▶ reauthenticating
 *            └───────────────────────────────────┴──▶ failed ◀───────────────────────┘
 */
export type AuthenticationState = 'unauthenticated' | 'authenticating' | 'authenticated' | 'reauthenticating' | 'failed'

export interface Authentication {
  readonly state: AuthenticationState
  /** ANONYMOUS until it is known. */
  readonly principal: Principal
  /** What SaslHandshake may choose from. */
  readonly mechanisms: readonly string[]
  /** SaslHandshake v0 was answered: frames are bare tokens of the mechanism until it is done. */
  readonly takesBareTokens: boolean
  /** Why it is `failed`, for the log. */
  readonly failure: string | undefined
  /** KIP-368: only a new SaslHandshake is still taken. */
  readonly hasExpired: boolean
  /**
   * Chooses a mechanism.
   * @throws KafkaError ILLEGAL_SASL_STATE, UNSUPPORTED_SASL_MECHANISM (after the delay of failures)
   */
  handshake(mechanism: string, bareTokens: boolean): Promise<void>
  /** One step of the mechanism. @throws KafkaError ILLEGAL_SASL_STATE, SASL_AUTHENTICATION_FAILED (after the delay of failures) */
  authenticate(token: Buffer): Promise<AuthenticationStep>
  /** Ends the attempt for a request that has no place in it. @throws KafkaError ILLEGAL_SASL_STATE, always, after the delay of failures */
  refuse(message: string): Promise<never>
}

export interface AuthenticationStep {
  readonly token: Buffer
  /** 0: without end, or not there yet. */
  readonly sessionLifetimeMs: number
}

/** The message is for the log and holds no secret; the client gets it where `isTold`, else that its credentials are invalid. */
export class AuthenticationFailure extends Error {
  readonly isTold: boolean

  constructor(message: string, isTold = false) {
    super(message)
    this.name = 'AuthenticationFailure'
    this.isTold = isTold
  }
}

/** Known without SASL: by a certificate, or nobody. */
export class Identified implements Authentication {
  readonly state = 'authenticated'
  readonly principal: Principal
  readonly mechanisms = []
  readonly takesBareTokens = false
  readonly failure = undefined
  readonly hasExpired = false

  constructor(principal: Principal) {
    this.principal = principal
  }

  async handshake(): Promise<never> {
    throw new KafkaError('ILLEGAL_SASL_STATE')
  }

  async authenticate(): Promise<never> {
    throw new KafkaError('ILLEGAL_SASL_STATE', 'SaslAuthenticate request received after successful authentication')
  }

  async refuse(message: string): Promise<never> {
    throw new KafkaError('ILLEGAL_SASL_STATE', message)
  }
}
