/** security: cipher suites by the names that Kafka's configs have (IANA's, as Java writes them), in OpenSSL's. */
import { getCiphers } from 'node:tls'
import { ConfigError } from '../../config/index.ts'

/** @throws ConfigError for one that there is not */
export function openSslCipher(suite: string): string {
  const known = getCiphers()
  // Those of TLS 1.3 are called the same by both.
  if (known.includes(suite.toLowerCase())) return suite
  const match = /^(?:TLS|SSL)_(.+)_WITH_(.+)$/.exec(suite)
  const [, keyExchange = '', cipher = ''] = match ?? []
  const joined = cipher
    .replace(/^AES_(\d+)_CBC_/, 'AES$1_')
    .replace(/^AES_(\d+)_/, 'AES$1_')
    .replace(/POLY1305_SHA256$/, 'POLY1305')
  const name = `${keyExchange === 'RSA' ? '' : `${keyExchange}-`}${joined}`.replaceAll('_', '-')
  if (match === null || !known.includes(name.toLowerCase())) {
    throw new ConfigError(`Unsupported CipherSuite: ${suite} (ssl.cipher.suites)`)
  }
  return name
}
