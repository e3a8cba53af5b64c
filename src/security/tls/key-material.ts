/** security: a private key with its certificates, and trusted certificates, as PEM: what key and trust stores of every format come to. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { ConfigError } from '../../config/index.ts'

export interface KeyMaterial {
  /** PKCS#8, not encrypted. */
  readonly key: string
  /** The key's own certificate first, then those that vouch for it. */
  readonly certificateChain: readonly string[]
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g
const keyBlock = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\s\S]+?-----END (?:[A-Z]+ )*PRIVATE KEY-----/

/** @throws ConfigError where `text` holds no certificate */
export function certificatesIn(text: string): string[] {
  const certificates = text.match(certificateBlock) ?? []
  if (certificates.length === 0)
    throw new ConfigError('there is no certificate in PEM format (BEGIN CERTIFICATE) in it')
  return certificates.map(inLines)
}

/** Properties files may have a PEM block in one line, with spaces for its line ends. */
function inLines(block: string): string {
  const [, begin, body, end] = /^(-----BEGIN [^-]+-----)([A-Za-z0-9+/=\s]*)(-----END [^-]+-----)$/.exec(block) ?? []
  if (body === undefined) return block
  const lines = body.replace(/\s/g, '').match(/.{1,64}/g) ?? []
  return [begin, ...lines, end].join('\n')
}

/** @throws ConfigError where `text` holds no private key, or `password` does not open it */
export function privateKeyIn(text: string, password: string | null): string {
  const block = keyBlock.exec(text)?.[0]
  if (block === undefined) throw new ConfigError('there is no private key in PEM format (BEGIN PRIVATE KEY) in it')
  try {
    const key = createPrivateKey({ key: inLines(block), ...(password === null ? {} : { passphrase: password }) })
    return key.export({ type: 'pkcs8', format: 'pem' }).toString()
  } catch {
    const encrypted = block.includes('ENCRYPTED')
    throw new ConfigError(
      encrypted ? 'ssl.key.password does not open its private key' : 'its private key is in no known format',
    )
  }
}

export function certificateFromDer(der: Uint8Array): string {
  return new X509Certificate(der).toString().trimEnd()
}

/** The certificate of `key` among `certificates`, then the one that issued it, and so on. @throws ConfigError when it is not there */
export function chainFor(key: string, certificates: readonly string[]): string[] {
  const privateKey = createPrivateKey(key)
  const others = certificates.map((pem) => new X509Certificate(pem))
  const chain: X509Certificate[] = []
  let next = others.find((each) => each.checkPrivateKey(privateKey))
  if (next === undefined) throw new ConfigError('none of its certificates is for its private key')
  while (next !== undefined) {
    const last: X509Certificate = next
    chain.push(last)
    next = others.find((each) => !chain.includes(each) && last.checkIssued(each))
  }
  return chain.map((each) => each.toString().trimEnd())
}
