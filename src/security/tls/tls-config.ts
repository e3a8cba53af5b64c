/** security: the TLS settings of one listener from the `ssl.*` configs, with the key and trust stores that they name. */
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { type BrokerConfig, type BrokerConfigName, ConfigError, type Listener } from '../../config/index.ts'
import type { FileSystem } from '../../runtime/file-system.ts'
import { openSslCipher } from './cipher-suites.ts'
import { javaKeyStore, javaTrustStore } from './java-stores.ts'
import { certificatesIn, type KeyMaterial, privateKeyIn } from './key-material.ts'

export interface TlsConfig {
  readonly context: SecureContextOptions & { readonly cert: string }
  readonly clientAuth: 'none' | 'requested' | 'required'
}

const protocolVersions = ['TLSv1.2', 'TLSv1.3'] as const
const storeTypes = ['JKS', 'PKCS12', 'PEM']

/** @throws ConfigError that names the config, and never what a secret is */
export async function readTlsConfig(config: BrokerConfig, listener: Listener, files: FileSystem): Promise<TlsConfig> {
  const reader = new TlsConfigReader(config, listener, files)
  const { key, certificateChain } = await reader.keyStore()
  const trusted = await reader.trustStore()
  const ciphers = reader.get('ssl.cipher.suites').map(openSslCipher)
  const protocols = reader.protocols(ciphers)
  const context = {
    key,
    cert: certificateChain.join('\n'),
    minVersion: protocols[0]!,
    maxVersion: protocols.at(-1)!,
    ...(trusted === undefined ? {} : { ca: [...trusted] }),
    ...(ciphers.length > 0 ? { ciphers: ciphers.join(':') } : {}),
    honorCipherOrder: false,
  }
  try {
    createSecureContext(context)
  } catch (error) {
    throw new ConfigError(`Listener ${listener.name} can't be encrypted: ${(error as Error).message}`)
  }
  return { context, clientAuth: reader.clientAuth() }
}

class TlsConfigReader {
  readonly #config: BrokerConfig
  readonly #listener: Listener
  readonly #files: FileSystem

  constructor(config: BrokerConfig, listener: Listener, files: FileSystem) {
    this.#config = config
    this.#listener = listener
    this.#files = files
  }

  get<N extends BrokerConfigName>(name: N) {
    return this.#config.getForListener(this.#listener.name, name)
  }

  /** With SASL, clients are asked for a certificate only where that is said for the listener itself (KIP-684). */
  clientAuth(): TlsConfig['clientAuth'] {
    const isSasl = this.#listener.protocol === 'SASL_SSL'
    const isOwn = this.#config.text(`listener.name.${this.#listener.name.toLowerCase()}.ssl.client.auth`) !== undefined
    return isSasl && !isOwn ? 'none' : (this.get('ssl.client.auth') as TlsConfig['clientAuth'])
  }

  /** Those that are enabled and have a cipher suite among `ciphers`, if there are any. @throws ConfigError where none is left */
  protocols(ciphers: readonly string[]): (typeof protocolVersions)[number][] {
    const enabled = this.get('ssl.enabled.protocols')
    const unknown = enabled.filter((each) => !protocolVersions.some((version) => version === each))
    if (unknown.length > 0) {
      throw new ConfigError(
        `ssl.enabled.protocols=${enabled.join(',')} asks for ${unknown.join(', ')}: TLSv1.2 and TLSv1.3 are served.`,
      )
    }
    const has = (version: string): boolean =>
      ciphers.length === 0 || ciphers.some((name) => name.startsWith('TLS_') === (version === 'TLSv1.3'))
    const versions = protocolVersions.filter((version) => enabled.includes(version) && has(version))
    if (versions.length > 0) return versions
    throw new ConfigError('ssl.enabled.protocols and ssl.cipher.suites leave no protocol that could be spoken.')
  }

  /** @throws ConfigError where there is none: an encrypted listener needs a key */
  async keyStore(): Promise<KeyMaterial> {
    const key = this.get('ssl.keystore.key')
    const chain = this.get('ssl.keystore.certificate.chain')
    const location = this.get('ssl.keystore.location')
    const keyPassword = this.get('ssl.key.password')
    const password = this.get('ssl.keystore.password')
    const isPem = this.#storeType('ssl.keystore.type') === 'PEM'
    if (key !== null || chain !== null) {
      if (!isPem || key === null || chain === null || location !== null) {
        throw new ConfigError(
          'ssl.keystore.key and ssl.keystore.certificate.chain belong together: set both, ssl.keystore.type=PEM, and no ssl.keystore.location.',
        )
      }
      return {
        key: await this.#reading('ssl.keystore.key', () => privateKeyIn(key, keyPassword)),
        certificateChain: await this.#reading('ssl.keystore.certificate.chain', () => certificatesIn(chain)),
      }
    }
    if (location === null) {
      throw new ConfigError(
        `Listener ${this.#listener.name} is encrypted and has no key: set ssl.keystore.location, or ssl.keystore.key and ssl.keystore.certificate.chain (odradek certs makes some to try it out).`,
      )
    }
    return this.#reading(`ssl.keystore.location=${location}`, async () => {
      const bytes = await this.#files.readFile(location)
      if (!isPem) return javaKeyStore(bytes, required('ssl.keystore.password', password), keyPassword ?? password ?? '')
      if (password !== null) {
        throw new ConfigError('SSL key store password cannot be specified with PEM format, only key password may be')
      }
      const text = bytes.toString('utf8')
      return { key: privateKeyIn(text, keyPassword), certificateChain: certificatesIn(text) }
    })
  }

  /** Undefined: the roots that everybody trusts. */
  async trustStore(): Promise<readonly string[] | undefined> {
    const certificates = this.get('ssl.truststore.certificates')
    const location = this.get('ssl.truststore.location')
    const password = this.get('ssl.truststore.password')
    const isPem = this.#storeType('ssl.truststore.type') === 'PEM'
    if (certificates !== null) {
      if (!isPem || location !== null) {
        throw new ConfigError(
          'ssl.truststore.certificates needs ssl.truststore.type=PEM and no ssl.truststore.location.',
        )
      }
      return this.#reading('ssl.truststore.certificates', () => certificatesIn(certificates))
    }
    if (location === null) return undefined
    return this.#reading(`ssl.truststore.location=${location}`, async () => {
      const bytes = await this.#files.readFile(location)
      if (!isPem) return javaTrustStore(bytes, password ?? '')
      if (password !== null) throw new ConfigError('SSL trust store password cannot be specified for PEM format.')
      return certificatesIn(bytes.toString('utf8'))
    })
  }

  #storeType(name: 'ssl.keystore.type' | 'ssl.truststore.type'): string {
    const type = this.get(name).toUpperCase()
    if (storeTypes.includes(type)) return type
    throw new ConfigError(`${name}=${this.get(name)} is not served: JKS, PKCS12 and PEM are.`)
  }

  async #reading<T>(what: string, read: () => T | Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (error) {
      throw new ConfigError(`${what} of listener ${this.#listener.name}: ${(error as Error).message}`)
    }
  }
}

function required(name: string, password: string | null): string {
  if (password === null) throw new ConfigError(`${name} is missing`)
  return password
}
