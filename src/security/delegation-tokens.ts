/**
 * security: delegation tokens (KIP-48), as the metadata log has them. Changed by replay alone. What a client shows is an HMAC of the
 * token's id, made with `delegation.token.secret.key`; it is stored nowhere. Source: Kafka's DelegationTokenControlManager.
 */
import { createHmac } from 'node:crypto'
import { KafkaError } from '../../protocol/errors.ts'
import { delegationTokenRecord, removeDelegationTokenRecord } from '../../protocol/state/index.ts'
import type { BrokerConfig } from '../config/index.ts'
import { type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { type Random, randomUuid } from '../runtime/random.ts'
import { isSamePrincipal, type Principal, principalText } from './principal.ts'

type Named = Pick<Principal, 'type' | 'name'>

export interface DelegationToken {
  readonly tokenId: string
  readonly owner: Named
  readonly requester: Named
  readonly renewers: readonly Named[]
  readonly issueTimestamp: number
  readonly maxTimestamp: number
  readonly expirationTimestamp: number
}

interface NewToken {
  readonly owner: Named
  readonly requester: Named
  readonly renewers: readonly Named[]
  /** 0 or less: as long as may be. */
  readonly maxLifetimeMs: number
}

interface Surroundings {
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export class DelegationTokens {
  readonly #metadata: MetadataLog
  readonly #surroundings: Surroundings
  readonly #byId = new Map<string, DelegationToken>()
  #cancelSweep: Cancel | undefined

  /** Before the log is loaded. */
  constructor(metadata: MetadataLog, surroundings: Surroundings) {
    this.#metadata = metadata
    this.#surroundings = surroundings
    const register = metadata.image('delegationTokens', () => this.#records())
    register(delegationTokenRecord, ({ owner, requester, renewers, ...rest }) =>
      this.#byId.set(rest.tokenId, {
        ...rest,
        owner: namedBy(owner),
        requester: namedBy(requester),
        renewers: renewers.map(namedBy),
      }),
    )
    register(removeDelegationTokenRecord, ({ tokenId }) => this.#byId.delete(tokenId))
  }

  /** Without `delegation.token.secret.key` there are none. */
  get isEnabled(): boolean {
    return this.#secretKey !== null
  }

  /** Looks for expired ones every `delegation.token.expiry.check.interval.ms`. */
  start(): void {
    const { clock, config, logger } = this.#surroundings
    if (!this.isEnabled) return
    this.#cancelSweep = clock.after(config.get('delegation.token.expiry.check.interval.ms'), () => {
      this.#sweep()
        .catch((error: unknown) => logger.warn({ error }, 'expired delegation tokens could not be removed'))
        .finally(() => this.#cancelSweep !== undefined && this.start())
    })
  }

  close(): void {
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
  }

  /** Undefined for one that is not there, or has expired. */
  usable(tokenId: string): DelegationToken | undefined {
    const token = this.#byId.get(tokenId)
    return token === undefined || this.#hasExpired(token) ? undefined : token
  }

  /** Those of `owners` (null: of anybody) that `mayDescribe`, also expired ones that are still there. */
  describe(owners: readonly Named[] | null, mayDescribe: (token: DelegationToken) => boolean): DelegationToken[] {
    this.#requireEnabled()
    const isAsked = (token: DelegationToken): boolean => owners?.some((owner) => concerns(token, owner)) ?? true
    return [...this.#byId.values()].filter((token) => isAsked(token) && mayDescribe(token))
  }

  /** What whoever has the token shows. */
  hmacOf(tokenId: string): Buffer {
    return createHmac('sha512', this.#secretKey ?? '')
      .update(tokenId, 'utf8')
      .digest()
  }

  /** @throws KafkaError DELEGATION_TOKEN_AUTH_DISABLED, INVALID_PRINCIPAL_TYPE */
  create({ owner, requester, renewers, maxLifetimeMs }: NewToken): Promise<DelegationToken> {
    return this.#metadata.run(() => {
      this.#requireEnabled()
      if (renewers.some(({ type }) => type !== 'User')) throw new KafkaError('INVALID_PRINCIPAL_TYPE')
      const { clock, random, config } = this.#surroundings
      const issueTimestamp = clock.now()
      const longest = config.get('delegation.token.max.lifetime.ms')
      const maxTimestamp = later(issueTimestamp, maxLifetimeMs > 0 ? Math.min(longest, maxLifetimeMs) : longest)
      const expirationTimestamp = Math.min(
        maxTimestamp,
        later(issueTimestamp, config.get('delegation.token.expiry.time.ms')),
      )
      const tokenId = randomUuid(random)
      const token = { tokenId, owner, requester, renewers, issueTimestamp, maxTimestamp, expirationTimestamp }
      return { records: [recordOf(token)], response: token }
    })
  }

  /** Returns when it expires. @throws KafkaError DELEGATION_TOKEN_AUTH_DISABLED, _NOT_FOUND, _EXPIRED, _OWNER_MISMATCH */
  renew(hmac: Buffer, renewPeriodMs: number, principal: Named): Promise<number> {
    return this.#metadata.run(() => {
      const token = this.#byHmac(hmac)
      if (this.#hasExpired(token)) throw new KafkaError('DELEGATION_TOKEN_EXPIRED')
      requireRenewer(token, principal)
      const longest = this.#surroundings.config.get('delegation.token.expiry.time.ms')
      return this.#extend(token, renewPeriodMs > 0 ? Math.min(longest, renewPeriodMs) : longest)
    })
  }

  /** Returns when it expires; a negative period ends it now. @throws KafkaError as `renew` */
  expire(hmac: Buffer, periodMs: number, principal: Named): Promise<number> {
    return this.#metadata.run(() => {
      const token = this.#byHmac(hmac)
      requireRenewer(token, principal)
      if (periodMs < 0) return { records: [removalOf(token)], response: this.#surroundings.clock.now() }
      if (this.#hasExpired(token)) throw new KafkaError('DELEGATION_TOKEN_EXPIRED')
      return this.#extend(token, periodMs)
    })
  }

  get #secretKey(): string | null {
    return this.#surroundings.config.get('delegation.token.secret.key')
  }

  #extend(token: DelegationToken, byMs: number): { records: MetadataRecord[]; response: number } {
    const expirationTimestamp = Math.min(token.maxTimestamp, later(this.#surroundings.clock.now(), byMs))
    return { records: [recordOf({ ...token, expirationTimestamp })], response: expirationTimestamp }
  }

  /** An HMAC is as good as a password: it is compared in a time that says nothing, by way of its own HMAC. */
  #byHmac(hmac: Buffer): DelegationToken {
    this.#requireEnabled()
    const asked = this.hmacOf(hmac.toString('base64'))
    for (const token of this.#byId.values()) {
      if (this.hmacOf(this.hmacOf(token.tokenId).toString('base64')).equals(asked)) return token
    }
    throw new KafkaError('DELEGATION_TOKEN_NOT_FOUND')
  }

  #requireEnabled(): void {
    if (!this.isEnabled) throw new KafkaError('DELEGATION_TOKEN_AUTH_DISABLED')
  }

  #hasExpired({ maxTimestamp, expirationTimestamp }: DelegationToken): boolean {
    return Math.min(maxTimestamp, expirationTimestamp) < this.#surroundings.clock.now()
  }

  #sweep(): Promise<void> {
    return this.#metadata.run(() => {
      const expired = [...this.#byId.values()].filter((token) => this.#hasExpired(token))
      return { records: expired.map(removalOf), response: undefined }
    })
  }

  *#records(): Generator<MetadataRecord, void> {
    for (const token of this.#byId.values()) yield recordOf(token)
  }
}

/** Its owner, whoever asked for it, or somebody who may renew it. */
export function concerns({ owner, requester, renewers }: DelegationToken, principal: Named): boolean {
  return [owner, requester, ...renewers].some((each) => isSamePrincipal(each, principal))
}

function requireRenewer({ owner, renewers }: DelegationToken, principal: Named): void {
  if ([owner, ...renewers].some((each) => isSamePrincipal(each, principal))) return
  throw new KafkaError('DELEGATION_TOKEN_OWNER_MISMATCH')
}

function recordOf({ owner, requester, renewers, ...rest }: DelegationToken): MetadataRecord {
  return metadataRecord(delegationTokenRecord, 0, {
    ...rest,
    owner: principalText(owner),
    requester: principalText(requester),
    renewers: renewers.map(principalText),
  })
}

function removalOf({ tokenId }: DelegationToken): MetadataRecord {
  return metadataRecord(removeDelegationTokenRecord, 0, { tokenId })
}

function namedBy(text: string): Named {
  const at = text.indexOf(':')
  return { type: text.slice(0, at), name: text.slice(at + 1) }
}

/** "Never" is further off than a number can say exactly. */
function later(now: number, byMs: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, now + byMs)
}
