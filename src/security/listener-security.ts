/** security: one listener's: its TLS settings, and who is at the other end of its connections. Both follow the broker's config while it runs. */
import { X509Certificate } from 'node:crypto'
import { type BrokerConfig, ConfigError, type Listener, type SecurityProtocol } from '../config/index.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'
import { SerialQueue } from '../runtime/serial-queue.ts'
import { type Authentication, AuthenticationFailure, Identified } from './authentication.ts'
import { anonymous, userPrincipal } from './principal.ts'
import { subjectOf } from './tls/distinguished-name.ts'
import { PrincipalMapping } from './tls/principal-mapping.ts'
import { readTlsConfig, type TlsConfig } from './tls/tls-config.ts'

/** What a connection brings along. */
interface Connecting {
  readonly clientCertificate: X509Certificate | undefined
}

export interface ListenerSecurityOptions {
  readonly listener: Listener
  readonly config: BrokerConfig
  /** Where key and trust stores lie. */
  readonly files: FileSystem
  readonly logger: Logger
}

export class ListenerSecurity {
  readonly listener: Listener
  readonly #options: ListenerSecurityOptions
  readonly #mapping: PrincipalMapping
  readonly #changes = new SerialQueue()
  #tls: TlsConfig | undefined
  #onTlsChanged: (tls: TlsConfig) => void = () => {}

  /** @throws ConfigError that says what is to be set */
  static async open(options: ListenerSecurityOptions): Promise<ListenerSecurity> {
    const { config, listener, files } = options
    const tls = isEncrypted(listener) ? await readTlsConfig(config, listener, files) : undefined
    return new ListenerSecurity(options, tls)
  }

  private constructor(options: ListenerSecurityOptions, tls: TlsConfig | undefined) {
    this.#options = options
    this.listener = options.listener
    this.#tls = tls
    this.#mapping = new PrincipalMapping(
      options.config.getForListener(this.listener.name, 'ssl.principal.mapping.rules'),
    )
  }

  get protocol(): SecurityProtocol {
    return this.listener.protocol
  }

  /** Undefined: not encrypted. */
  get tls(): TlsConfig | undefined {
    return this.#tls
  }

  /** `apply` hears of other TLS settings for handshakes from then on. */
  onTlsChanged(apply: (tls: TlsConfig) => void): void {
    this.#onTlsChanged = apply
  }

  /** For a new connection. @throws AuthenticationFailure for a certificate that no rule makes a principal of */
  authenticationFor({ clientCertificate }: Connecting): Authentication {
    if (clientCertificate === undefined) return new Identified(anonymous)
    const subject = subjectOf(clientCertificate)
    const name = this.#mapping.nameOf(subject)
    if (name === undefined) throw new AuthenticationFailure(`no rule of ssl.principal.mapping.rules fits ${subject}`)
    return new Identified(userPrincipal(name))
  }

  /** Whether `config` could be applied. @throws ConfigError */
  async requireValid(config: BrokerConfig): Promise<void> {
    const { listener, files } = this.#options
    if (this.#tls === undefined) return
    const tls = await readTlsConfig(config, listener, files)
    requireCompatible(config, this.#tls, tls)
  }

  /** Key and trust stores are read again, also where only their content has changed. What can't be applied leaves all as it is. */
  apply(config: BrokerConfig): Promise<void> {
    const { listener, files, logger } = this.#options
    return this.#changes.run(async () => {
      if (this.#tls === undefined) return
      try {
        const tls = await readTlsConfig(config, listener, files)
        if (JSON.stringify(tls) === JSON.stringify(this.#tls)) return
        this.#tls = tls
        this.#onTlsChanged(tls)
        logger.info({ listener: listener.name }, 'other TLS settings are in use')
      } catch (error) {
        logger.error(
          { listener: listener.name, error },
          'TLS settings could not be changed: the earlier ones stay in use',
        )
      }
    })
  }
}

function isEncrypted({ protocol }: Listener): boolean {
  return protocol === 'SSL' || protocol === 'SASL_SSL'
}

/** Clients may know the broker by its certificate: Kafka lets another name come only where that is said. */
function requireCompatible(config: BrokerConfig, before: TlsConfig, after: TlsConfig): void {
  const [one, other] = [new X509Certificate(before.context.cert), new X509Certificate(after.context.cert)]
  if (one.subject !== other.subject && !config.get('ssl.allow.dn.changes')) {
    const names = `existing=${subjectOf(one)}, new=${subjectOf(other)}`
    throw new ConfigError(`Keystore DistinguishedName does not match: ${names} (ssl.allow.dn.changes=false)`)
  }
  const missing = namesIn(one).filter((name) => !namesIn(other).includes(name))
  if (missing.length > 0 && !config.get('ssl.allow.san.changes')) {
    throw new ConfigError(
      `Keystore SubjectAltName does not match: ${missing.join(', ')} of the existing one is missing (ssl.allow.san.changes=false)`,
    )
  }
}

function namesIn({ subjectAltName }: X509Certificate): string[] {
  return subjectAltName?.split(', ') ?? []
}
