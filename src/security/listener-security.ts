/** security: one listener's: its TLS settings, and who is at the other end of its connections. Both follow the broker's config while it runs. */
import { X509Certificate } from 'node:crypto'
import { type BrokerConfig, ConfigError, type Listener, type SecurityProtocol } from '../config/index.ts'
import type { Logger } from '../runtime/logger.ts'
import { SerialQueue } from '../runtime/serial-queue.ts'
import { type Authentication, AuthenticationFailure, Identified } from './authentication.ts'
import { anonymous, userPrincipal } from './principal.ts'
import type { SaslMechanism } from './sasl/mechanism.ts'
import { SaslAuthentication } from './sasl/sasl-authentication.ts'
import { type SaslSurroundings, saslMechanisms } from './sasl/sasl-config.ts'
import { subjectOf } from './tls/distinguished-name.ts'
import { PrincipalMapping } from './tls/principal-mapping.ts'
import type { TlsConfig } from './tls/tls-config.ts'

/** What a connection brings along. */
interface Connecting {
  readonly clientCertificate: X509Certificate | undefined
}

/** `files`: where key and trust stores lie. */
export interface ListenerSecurityOptions extends SaslSurroundings {
  readonly listener: Listener
  readonly config: BrokerConfig
  readonly logger: Logger
}

/** What follows from the config. */
interface Settings {
  /** Undefined: not encrypted. */
  readonly tls: TlsConfig | undefined
  /** Undefined: without SASL. */
  readonly mechanisms: ReadonlyMap<string, SaslMechanism> | undefined
}

export class ListenerSecurity {
  readonly listener: Listener
  readonly #options: ListenerSecurityOptions
  readonly #mapping: PrincipalMapping
  readonly #changes = new SerialQueue()
  #settings: Settings
  #onTlsChanged: (tls: TlsConfig) => void = () => {}

  /** @throws ConfigError that says what is to be set */
  static async open(options: ListenerSecurityOptions): Promise<ListenerSecurity> {
    return new ListenerSecurity(options, await readSettings(options.config, options))
  }

  private constructor(options: ListenerSecurityOptions, settings: Settings) {
    this.#options = options
    this.listener = options.listener
    this.#settings = settings
    const rules = options.config.getForListener(this.listener.name, 'ssl.principal.mapping.rules')
    this.#mapping = new PrincipalMapping(rules)
  }

  get protocol(): SecurityProtocol {
    return this.listener.protocol
  }

  /** Undefined: not encrypted. */
  get tls(): TlsConfig | undefined {
    return this.#settings.tls
  }

  /** `apply` hears of other TLS settings for handshakes from then on. */
  onTlsChanged(apply: (tls: TlsConfig) => void): void {
    this.#onTlsChanged = apply
  }

  /** For a new connection. @throws AuthenticationFailure for a certificate that no rule makes a principal of */
  authenticationFor({ clientCertificate }: Connecting): Authentication {
    const { mechanisms } = this.#settings
    if (mechanisms !== undefined) {
      const { clock, config } = this.#options
      const failureDelayMs = config.get('connection.failed.authentication.delay.ms')
      return new SaslAuthentication({ mechanisms, clock, failureDelayMs })
    }
    if (clientCertificate === undefined) return new Identified(anonymous)
    const subject = subjectOf(clientCertificate)
    const name = this.#mapping.nameOf(subject)
    if (name === undefined) throw new AuthenticationFailure(`no rule of ssl.principal.mapping.rules fits ${subject}`)
    return new Identified(userPrincipal(name))
  }

  /** Whether `config` could be applied. @throws ConfigError */
  async requireValid(config: BrokerConfig): Promise<void> {
    const { tls } = await readSettings(config, this.#options)
    if (tls !== undefined && this.#settings.tls !== undefined) requireCompatible(config, this.#settings.tls, tls)
  }

  /** Stores are read again, also where only their content has changed. What can't be applied leaves all as it is. */
  apply(config: BrokerConfig): Promise<void> {
    const { listener, logger } = this.#options
    return this.#changes.run(async () => {
      try {
        const settings = await readSettings(config, this.#options)
        const { tls: before } = this.#settings
        this.#settings = settings
        if (settings.tls === undefined || JSON.stringify(settings.tls) === JSON.stringify(before)) return
        this.#onTlsChanged(settings.tls)
        logger.info({ listener: listener.name }, 'other TLS settings are in use')
      } catch (error) {
        const message = 'security settings of a listener could not be changed: the earlier ones stay in use'
        logger.error({ listener: listener.name, error }, message)
      }
    })
  }
}

/** @throws ConfigError */
async function readSettings(config: BrokerConfig, options: ListenerSecurityOptions): Promise<Settings> {
  const { listener } = options
  return {
    tls: isEncrypted(listener) ? await tlsConfigOf(config, options) : undefined,
    mechanisms: hasSasl(listener) ? await saslMechanisms(config, listener, options) : undefined,
  }
}

/** What reads it is loaded only where there is TLS. */
async function tlsConfigOf(config: BrokerConfig, { listener, files }: ListenerSecurityOptions): Promise<TlsConfig> {
  const { readTlsConfig } = await import('./tls/tls-config.ts')
  return readTlsConfig(config, listener, files)
}

function hasSasl({ protocol }: Listener): boolean {
  return protocol === 'SASL_PLAINTEXT' || protocol === 'SASL_SSL'
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
