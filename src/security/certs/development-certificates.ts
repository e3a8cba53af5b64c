/**
 * security: what `odradek certs` makes: a certificate authority of one's own, and certificates for brokers and clients. For trying things
 * out and for tests: whoever has the directory can make more of them.
 */
import { generateKeyPair } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import type { pki } from 'node-forge'
import type { Clock } from '../../runtime/clock.ts'
import { dateOf } from '../../runtime/clock.ts'
import type { Random } from '../../runtime/random.ts'

type Forge = typeof import('node-forge')

/** As PEM. */
export interface Identity {
  readonly key: string
  readonly certificate: string
}

const keyBits = 2048
const dayMs = 86_400_000
const validDays = 825
const serialBytes = 16
/** Clocks differ. */
const startsEarlierMs = dayMs
const caName = 'Odradek development CA'
/** Kinds of alternative names in a certificate (RFC 5280). */
const dnsName = 2
const ipAddress = 7

interface CertificateRequest {
  /** The `CN` of the subject. */
  readonly name: string
  /** Names and addresses that a server is reached by. */
  readonly hosts?: readonly string[]
}

export class CertificateAuthority {
  readonly identity: Identity
  readonly #forge: Forge
  readonly #surroundings: { readonly clock: Clock; readonly random: Random }

  /** With `identity` an earlier one goes on. */
  static async open(
    surroundings: { readonly clock: Clock; readonly random: Random },
    identity?: Identity,
  ): Promise<CertificateAuthority> {
    const { default: forge } = await import('node-forge')
    if (identity !== undefined) return new CertificateAuthority(forge, surroundings, identity)
    const { certificate, key } = await unsigned(forge, surroundings, caName)
    certificate.setIssuer(certificate.subject.attributes)
    certificate.setExtensions([
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      { name: 'subjectKeyIdentifier' },
    ])
    certificate.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create())
    const own = { key, certificate: pemOf(forge, certificate) }
    return new CertificateAuthority(forge, surroundings, own)
  }

  private constructor(
    forge: Forge,
    surroundings: { readonly clock: Clock; readonly random: Random },
    identity: Identity,
  ) {
    this.#forge = forge
    this.#surroundings = surroundings
    this.identity = identity
  }

  /** A key and its certificate, for either side of a connection. */
  async issue({ name, hosts = [] }: CertificateRequest): Promise<Identity> {
    const { pki, md } = this.#forge
    const authority = pki.certificateFromPem(this.identity.certificate)
    const { certificate, key } = await unsigned(this.#forge, this.#surroundings, name)
    certificate.setIssuer(authority.subject.attributes)
    const altNames = hosts.map((host) =>
      isIP(host) === 0 ? { type: dnsName, value: host } : { type: ipAddress, ip: host },
    )
    certificate.setExtensions([
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
    ])
    certificate.sign(pki.privateKeyFromPem(this.identity.key), md.sha256.create())
    return { key, certificate: pemOf(this.#forge, certificate) }
  }

  /** Key, certificate and this authority as a PKCS#12 store that Java and OpenSSL read. */
  pkcs12({ key, certificate }: Identity, password: string): Buffer {
    const { asn1, pkcs12, pki } = this.#forge
    const chain = [pki.certificateFromPem(certificate), pki.certificateFromPem(this.identity.certificate)]
    const store = pkcs12.toPkcs12Asn1(pki.privateKeyFromPem(key), chain, password, {
      algorithm: 'aes256',
      friendlyName: 'odradek',
    })
    return Buffer.from(asn1.toDer(store).getBytes(), 'latin1')
  }
}

/** The library ends lines as Windows does. */
function pemOf(forge: Forge, certificate: pki.Certificate): string {
  return forge.pki.certificateToPem(certificate).replaceAll('\r', '')
}

async function unsigned(
  forge: Forge,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  name: string,
): Promise<{ certificate: pki.Certificate; key: string }> {
  const pair = await promisify(generateKeyPair)('rsa', {
    modulusLength: keyBits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey)
  // A serial number is positive: its first bit is not set.
  const serial = random.bytes(serialBytes)
  serial[0] = (serial[0]! & 0x7f) | 0x40
  certificate.serialNumber = serial.toString('hex')
  certificate.validity.notBefore = dateOf(clock.now() - startsEarlierMs)
  certificate.validity.notAfter = dateOf(clock.now() + validDays * dayMs)
  certificate.setSubject([{ name: 'commonName', value: name }])
  return { certificate, key: pair.privateKey }
}
