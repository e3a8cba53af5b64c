/** test: a certificate authority and what it issues, made once for a test file. */
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { CertificateAuthority, type Identity } from '../../src/security/certs/development-certificates.ts'

/** Certificates are looked at by OpenSSL, which has the real time. */
const surroundings = { clock: new SimulatedClock(Date.now()), random: new SeededRandom(7) }

export const newAuthority = (): Promise<CertificateAuthority> => CertificateAuthority.open(surroundings)

/** Key and chain in one PEM file, as ssl.keystore.location takes it. */
export function pemStore({ key, certificate }: Identity): string {
  return key + certificate
}

/** A value of a properties file in one line. */
export function inOneLine(pem: string): string {
  return pem.trimEnd().replaceAll('\n', '\\n')
}
