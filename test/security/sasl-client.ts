/** test: a client that says who it is step by step, so that each step can be a wrong one. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { alterUserScramCredentials } from '../../protocol/messages/alter-user-scram-credentials.ts'
import { apiVersions } from '../../protocol/messages/api-versions.ts'
import { saslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import type { Api, DecodedResponse, Encodable, Fields } from '../../protocol/schema/index.ts'
import { type ScramMechanismName, saltedPassword, scramHashes } from '../../src/security/sasl/scram-formulas.ts'
import { framed, RawClient } from '../network/raw-client.ts'
import { answer, request } from '../server/serving.ts'

type Step = DecodedResponse<typeof saslAuthenticate>

const clientNonce = 'nonce-of-the-client'

export class SaslClient {
  readonly raw: RawClient

  constructor(raw: RawClient) {
    this.raw = raw
  }

  static async connect(port: number): Promise<SaslClient> {
    return new SaslClient(await RawClient.connect(port))
  }

  send<Q extends Fields, P extends Fields>(api: Api<Q, P>, version: number, body: Encodable<Q>): void {
    this.raw.send(request(api as Api, version, body as object))
  }

  async ask<Q extends Fields, P extends Fields>(
    api: Api<Q, P>,
    version: number,
    body: Encodable<Q>,
  ): Promise<DecodedResponse<Api<Q, P>>> {
    this.send(api, version, body)
    return answer<DecodedResponse<Api<Q, P>>>(api as Api, version, await this.raw.frame()).body
  }

  versions() {
    return this.ask(apiVersions, 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
  }

  handshake(mechanism: string, version = 1) {
    return this.ask(saslHandshake, version, { mechanism })
  }

  authenticate(token: string | Buffer, version = 2): Promise<Step> {
    return this.ask(saslAuthenticate, version, { authBytes: Buffer.from(token as string) })
  }

  /** A token in a frame of its own (SaslHandshake v0). */
  async bareToken(token: string): Promise<string> {
    this.raw.send(framed(Buffer.from(token)))
    return (await this.raw.frame()).toString()
  }

  /** As kafka-configs.sh does it. @returns a result for each user */
  async setPassword(mechanism: ScramMechanismName, name: string, password: string) {
    const cost = { salt: Buffer.from('salt of the test'), iterations: 4096 }
    const salted = await saltedPassword(mechanism, password, cost)
    const upsertion = { name, mechanism: scramHashes[mechanism].id, ...cost, saltedPassword: salted }
    return (await this.ask(alterUserScramCredentials, 0, { deletions: [], upsertions: [upsertion] })).results
  }

  async plain(user: string, password: string): Promise<Step> {
    await this.handshake('PLAIN')
    return this.authenticate(`\0${user}\0${password}`)
  }

  async oauthBearer(token: string): Promise<Step> {
    await this.handshake('OAUTHBEARER')
    return this.authenticate(`n,,\x01auth=Bearer ${token}\x01\x01`)
  }

  /** The last answer: of the first step where that fails. */
  async scram(
    mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512',
    user: string,
    password: string,
    extensions = '',
  ): Promise<Step> {
    await this.handshake(mechanism)
    const bare = `n=${user},r=${clientNonce}${extensions}`
    const first = await this.authenticate(`n,,${bare}`)
    if (first.errorCode !== 0) return first
    return this.authenticate(clientFinal(mechanism, password, bare, first.authBytes.toString()))
  }

  closed(): Promise<Buffer> {
    return this.raw.closed()
  }

  destroy(): void {
    this.raw.destroy()
  }
}

/** As RFC 5802 has it, written apart from what is tested. */
function clientFinal(mechanism: string, password: string, bare: string, serverFirst: string): string {
  const hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512'
  const [nonce, salt, iterations] = serverFirst.split(',').map((field) => field.slice(2)) as [string, string, string]
  const length = hash === 'sha256' ? 32 : 64
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), length, hash)
  const clientKey = createHmac(hash, salted).update('Client Key').digest()
  const storedKey = createHash(hash).update(clientKey).digest()
  const withoutProof = `c=biws,r=${nonce}`
  const signature = createHmac(hash, storedKey).update(`${bare},${serverFirst},${withoutProof}`).digest()
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!))
  return `${withoutProof},p=${proof.toString('base64')}`
}
