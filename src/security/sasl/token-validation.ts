/** security: whether an OAUTHBEARER token holds: signed by a key of a JWKS (KIP-768), or unsecured where that is asked for. `jose` checks it. */
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { ConfigError } from '../../config/index.ts'
import { type Clock, dateOf } from '../../runtime/clock.ts'
import type { FileSystem } from '../../runtime/file-system.ts'
import { AuthenticationFailure } from '../authentication.ts'
import type { TokenValidator, ValidatedToken } from './oauthbearer.ts'

type Jose = typeof import('jose')

interface Claims {
  readonly subjectClaim: string
  readonly scopeClaim: string
  readonly clockSkewSeconds: number
  readonly clock: Clock
}

export interface SignedTokenSettings extends Claims {
  /** Where the keys are: http, https or file. */
  readonly jwksUrl: string
  readonly jwksRefreshMs: number
  /** The shortest time between two attempts to get them. */
  readonly jwksRetryMs: number
  readonly audience: readonly string[]
  readonly issuer: string | null
  readonly files: FileSystem
}

/** Keys that both sides know, which a JWKS might hold as well, are none to trust. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
const requestTimeoutMs = 5000

/** @throws ConfigError for keys that can't be read from a file */
export async function signedTokens(settings: SignedTokenSettings): Promise<TokenValidator> {
  const jose = await import('jose')
  const keys = await keySet(jose, settings)
  const { audience, issuer, clock, clockSkewSeconds, subjectClaim } = settings
  const options = {
    algorithms,
    clockTolerance: clockSkewSeconds,
    requiredClaims: ['exp', 'iat', subjectClaim],
    ...(audience.length > 0 ? { audience: [...audience] } : {}),
    ...(issuer === null ? {} : { issuer }),
  }
  return {
    validate: (token) =>
      checked(async () => {
        const { payload } = await jose.jwtVerify(token, keys, { ...options, currentDate: dateOf(clock.now()) })
        return validated(payload, settings)
      }),
  }
}

/** @param requiredScope a token has to have all of it */
export async function unsecuredTokens(claims: Claims, requiredScope: readonly string[]): Promise<TokenValidator> {
  const { UnsecuredJWT } = await import('jose')
  return {
    validate: (token) =>
      checked(async () => {
        const { payload } = UnsecuredJWT.decode(token, {
          clockTolerance: claims.clockSkewSeconds,
          currentDate: dateOf(claims.clock.now()),
        })
        const scope = scopeOf(payload, claims.scopeClaim)
        const missing = requiredScope.filter((each) => !scope.includes(each))
        if (missing.length > 0) throw new AuthenticationFailure(`the token lacks the scope ${missing.join(' ')}`)
        return validated(payload, claims)
      }),
  }
}

async function keySet(jose: Jose, settings: SignedTokenSettings): Promise<JWTVerifyGetKey> {
  const { jwksUrl, jwksRefreshMs, jwksRetryMs } = settings
  if (!URL.canParse(jwksUrl)) throw invalidUrl(jwksUrl, 'it is no URL')
  const url = new URL(jwksUrl)
  if (url.protocol === 'file:') return fileKeySet(jose, url, settings)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw invalidUrl(jwksUrl, 'http, https and file are served')
  return jose.createRemoteJWKSet(url, {
    cacheMaxAge: jwksRefreshMs,
    cooldownDuration: jwksRetryMs,
    timeoutDuration: requestTimeoutMs,
  })
}

/** Read again when it has got old; what can't be read then leaves the earlier keys. */
async function fileKeySet(jose: Jose, url: URL, settings: SignedTokenSettings): Promise<JWTVerifyGetKey> {
  const { files, clock, jwksRefreshMs, jwksUrl } = settings
  const read = async (): Promise<ReturnType<Jose['createLocalJWKSet']>> => {
    const bytes = await files.readFile(decodeURIComponent(url.pathname))
    return jose.createLocalJWKSet(JSON.parse(bytes.toString('utf8')))
  }
  let keys = await read().catch((error: Error) => {
    throw invalidUrl(jwksUrl, error.message)
  })
  let readAt = clock.monotonicMs()
  return async (header, token) => {
    if (clock.monotonicMs() - readAt >= jwksRefreshMs) {
      readAt = clock.monotonicMs()
      keys = await read().catch(() => keys)
    }
    return keys(header, token)
  }
}

function invalidUrl(url: string, problem: string): ConfigError {
  return new ConfigError(`sasl.oauthbearer.jwks.endpoint.url=${url}: ${problem}.`)
}

/** What `jose` says of a token names its claims, and holds nothing of it. */
async function checked(check: () => Promise<ValidatedToken>): Promise<ValidatedToken> {
  try {
    return await check()
  } catch (error) {
    if (error instanceof AuthenticationFailure) throw error
    throw new AuthenticationFailure(`the token does not hold: ${(error as Error).message}`)
  }
}

function validated(payload: JWTPayload, { subjectClaim, scopeClaim }: Claims): ValidatedToken {
  scopeOf(payload, scopeClaim)
  const principalName = payload[subjectClaim]
  if (typeof principalName !== 'string' || principalName === '') {
    throw new AuthenticationFailure(`the token's ${subjectClaim} claim names nobody`)
  }
  if (typeof payload.exp !== 'number') throw new AuthenticationFailure('the token has no exp claim')
  return { principalName, expiresAtMs: Math.floor(payload.exp * 1000) }
}

function scopeOf(payload: JWTPayload, scopeClaim: string): string[] {
  const scope = payload[scopeClaim] ?? []
  if (typeof scope === 'string') return scope.split(' ').filter((each) => each !== '')
  if (Array.isArray(scope) && scope.every((each) => typeof each === 'string')) return scope
  throw new AuthenticationFailure(`the token's ${scopeClaim} claim is no list of words`)
}
