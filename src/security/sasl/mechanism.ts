/** security: what the SASL mechanisms have in common: an exchange of tokens that ends with a principal or a failure. */
import type { Principal } from '../principal.ts'

export interface SaslMechanism {
  /** `SCRAM-SHA-256`. */
  readonly name: string
  /** `connections.max.reauth.ms`; 0 or less: a session has no end by itself. */
  readonly maxReauthMs: number
  begin(): SaslExchange
}

/** With one client. */
export interface SaslExchange {
  /** @throws AuthenticationFailure */
  step(token: Buffer): SaslStep | Promise<SaslStep>
}

export interface SaslStep {
  /** For the client. */
  readonly token: Buffer
  /** Absent: the client has to go on. */
  readonly identity?: SaslIdentity
  /** Why the next step can only be the end, for the log. */
  readonly refusal?: string
}

export interface SaslIdentity {
  readonly principal: Principal
  /** Wall time at which what the client has shown ends; absent: never. */
  readonly expiresAtMs?: number
}

export const noToken = Buffer.alloc(0)
