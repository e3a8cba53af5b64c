/** security: the formulas of SCRAM (RFC 5802) with the hashes that Kafka has. */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

export type ScramMechanismName = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

interface ScramHash {
  /** Kafka's ScramMechanism.type, on the wire and in records. */
  readonly id: number
  readonly algorithm: 'sha256' | 'sha512'
  readonly bytes: number
}

export const scramHashes: Readonly<Record<ScramMechanismName, ScramHash>> = {
  'SCRAM-SHA-256': { id: 1, algorithm: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { id: 2, algorithm: 'sha512', bytes: 64 },
}
export const scramMechanismNames = Object.keys(scramHashes) as ScramMechanismName[]

/** Of both mechanisms, in Kafka. */
export const minIterations = 4096
export const maxIterations = 16384

/** What is kept of a password: enough to check a login, not to make one. */
export interface ScramCredential {
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
  readonly iterations: number
}

/** RFC 5802's Hi(): `password` is taken as it is, without SASLprep, as Kafka does. */
export function saltedPassword(
  mechanism: ScramMechanismName,
  password: string,
  { salt, iterations }: Pick<ScramCredential, 'salt' | 'iterations'>,
): Promise<Buffer> {
  const { algorithm, bytes } = scramHashes[mechanism]
  return promisify(pbkdf2)(Buffer.from(password, 'utf8'), salt, iterations, bytes, algorithm)
}

export function keysOf(
  mechanism: ScramMechanismName,
  salted: Buffer,
): Pick<ScramCredential, 'storedKey' | 'serverKey'> {
  const clientKey = hmac(mechanism, salted, 'Client Key')
  return { storedKey: hash(mechanism, clientKey), serverKey: hmac(mechanism, salted, 'Server Key') }
}

/** Whether whoever made `proof` knows the password. */
export function provesPassword(
  mechanism: ScramMechanismName,
  { storedKey }: ScramCredential,
  authMessage: string,
  proof: Buffer,
): boolean {
  if (proof.length !== scramHashes[mechanism].bytes) return false
  const signature = hmac(mechanism, storedKey, authMessage)
  const clientKey = Buffer.from(proof.map((byte, index) => byte ^ signature[index]!))
  const computed = hash(mechanism, clientKey)
  return computed.length === storedKey.length && timingSafeEqual(computed, storedKey)
}

/** What shows the client that the broker knows its credential. */
export function serverSignature(
  mechanism: ScramMechanismName,
  { serverKey }: ScramCredential,
  authMessage: string,
): Buffer {
  return hmac(mechanism, serverKey, authMessage)
}

function hmac(mechanism: ScramMechanismName, key: Buffer, text: string): Buffer {
  return createHmac(scramHashes[mechanism].algorithm, key).update(text, 'utf8').digest()
}

function hash(mechanism: ScramMechanismName, bytes: Buffer): Buffer {
  return createHash(scramHashes[mechanism].algorithm).update(bytes).digest()
}
