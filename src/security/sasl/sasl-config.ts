/** security: the SASL mechanisms of one listener, from its configs. Messages name configs, never what a secret is. */
import { type BrokerConfig, type BrokerConfigName, ConfigError, type Listener } from '../../config/index.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { FileSystem } from '../../runtime/file-system.ts'
import type { Random } from '../../runtime/random.ts'
import type { Credentials } from '../credentials.ts'
import { type LoginModule, parseJaasConfig, parseJaasFile, usersOf } from './jaas-config.ts'
import type { SaslMechanism } from './mechanism.ts'
import { OauthBearerMechanism, type TokenValidator } from './oauthbearer.ts'
import { PlainMechanism } from './plain.ts'
import { ScramMechanism } from './scram.ts'
import type { ScramMechanismName } from './scram-formulas.ts'
import { signedTokens, unsecuredTokens } from './token-validation.ts'

export interface SaslSurroundings {
  /** Of the cluster, once it is open: asked when somebody logs in. */
  readonly credentials: () => Credentials
  readonly files: FileSystem
  readonly clock: Clock
  readonly random: Random
}

const mechanismNames = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
type MechanismName = (typeof mechanismNames)[number]

/** Kafka's login modules, by the end of their names. */
const loginModules: Readonly<Record<MechanismName, string>> = {
  PLAIN: 'PlainLoginModule',
  'SCRAM-SHA-256': 'ScramLoginModule',
  'SCRAM-SHA-512': 'ScramLoginModule',
  OAUTHBEARER: 'OAuthBearerLoginModule',
}
/** Kafka's classes that check what clients show, and what stands for each here. */
const callbackHandlers: Readonly<Record<string, { mechanism: MechanismName; tokens?: 'signed' | 'unsecured' }>> = {
  PlainServerCallbackHandler: { mechanism: 'PLAIN' },
  OAuthBearerValidatorCallbackHandler: { mechanism: 'OAUTHBEARER', tokens: 'signed' },
  OAuthBearerUnsecuredValidatorCallbackHandler: { mechanism: 'OAUTHBEARER', tokens: 'unsecured' },
}
const defaultClaim = { principal: 'sub', scope: 'scope' }

/** @throws ConfigError that says what is to be set */
export async function saslMechanisms(
  config: BrokerConfig,
  listener: Listener,
  surroundings: SaslSurroundings,
): Promise<Map<string, SaslMechanism>> {
  const reader = new SaslConfigReader(config, listener.name, surroundings)
  const mechanisms = new Map<string, SaslMechanism>()
  for (const name of config.getForListener(listener.name, 'sasl.enabled.mechanisms')) {
    const known = mechanismNames.find((each) => each === name)
    if (known === undefined) {
      throw new ConfigError(
        `sasl.enabled.mechanisms of listener ${listener.name} has ${name}: ${mechanismNames.join(', ')} are served.`,
      )
    }
    mechanisms.set(known, await reader.mechanism(known))
  }
  if (mechanisms.size === 0) throw new ConfigError(`No SASL mechanisms are enabled for listener ${listener.name}.`)
  return mechanisms
}

class SaslConfigReader {
  readonly #config: BrokerConfig
  readonly #listener: string
  readonly #surroundings: SaslSurroundings

  constructor(config: BrokerConfig, listener: string, surroundings: SaslSurroundings) {
    this.#config = config
    this.#listener = listener
    this.#surroundings = surroundings
  }

  async mechanism(name: MechanismName): Promise<SaslMechanism> {
    const maxReauthMs = this.#config.getForMechanism(this.#listener, name, 'connections.max.reauth.ms')
    const module = this.#loginModule(name) ?? (await this.#loginModuleOfFile(name))
    const tokens = this.#tokenKind(name)
    switch (name) {
      case 'PLAIN':
        if (module === undefined) {
          throw new ConfigError(
            `Listener ${this.#listener} has PLAIN and no users: set ${this.#prefix(name)}sasl.jaas.config to org.apache.kafka.common.security.plain.PlainLoginModule required user_<name>="<password>";`,
          )
        }
        return new PlainMechanism(usersOf(module), maxReauthMs)
      case 'OAUTHBEARER':
        return new OauthBearerMechanism(await this.#tokenValidator(tokens, module), maxReauthMs)
      default:
        return this.#scram(name, module, maxReauthMs)
    }
  }

  #scram(name: ScramMechanismName, module: LoginModule | undefined, maxReauthMs: number): SaslMechanism {
    const { credentials, random } = this.#surroundings
    const passwords = module === undefined ? new Map<string, string>() : usersOf(module)
    let logins: ReturnType<Credentials['logins']> | undefined
    const opened = () => {
      logins ??= credentials().logins(passwords)
      return logins
    }
    return new ScramMechanism(name, maxReauthMs, {
      random,
      logins: {
        user: (mechanism, user) => opened().user(mechanism, user),
        token: (mechanism, tokenId) => opened().token(mechanism, tokenId),
      },
    })
  }

  #prefix(mechanism: MechanismName): string {
    return `listener.name.${this.#listener.toLowerCase()}.${mechanism.toLowerCase()}.`
  }

  /** Of the mechanism, the listener or the broker, the first that is set. */
  #loginModule(mechanism: MechanismName): LoginModule | undefined {
    const own = this.#config.text(`${this.#prefix(mechanism)}sasl.jaas.config`)
    const text = own ?? this.#config.getForListener(this.#listener, 'sasl.jaas.config')
    if (text === null) return undefined
    const modules = this.#parsed(text)
    const module = modules.find(({ name }) => name.split('.').at(-1) === loginModules[mechanism])
    if (module === undefined && own !== undefined) {
      throw new ConfigError(`${this.#prefix(mechanism)}sasl.jaas.config has no ${loginModules[mechanism]}.`)
    }
    return module
  }

  /** As Kafka looks for it: of the listener's section, else of that for all. */
  async #loginModuleOfFile(mechanism: MechanismName): Promise<LoginModule | undefined> {
    const path = this.#config.get('java.security.auth.login.config')
    if (path === null) return undefined
    let sections: ReturnType<typeof parseJaasFile>
    try {
      sections = parseJaasFile((await this.#surroundings.files.readFile(path)).toString())
    } catch (error) {
      throw new ConfigError(`java.security.auth.login.config=${path}: ${(error as Error).message}`)
    }
    const modules = sections.get(`${this.#listener.toLowerCase()}.KafkaServer`) ?? sections.get('KafkaServer')
    return modules?.find(({ name }) => name.split('.').at(-1) === loginModules[mechanism])
  }

  #parsed(text: string): LoginModule[] {
    try {
      return parseJaasConfig(text)
    } catch (error) {
      throw new ConfigError(`sasl.jaas.config of listener ${this.#listener}: ${(error as Error).message}`)
    }
  }

  #tokenKind(mechanism: MechanismName): 'signed' | 'unsecured' | undefined {
    const className = this.#config.getForMechanism(this.#listener, mechanism, 'sasl.server.callback.handler.class')
    if (className === null) return undefined
    const handler = callbackHandlers[className.split('.').at(-1)!]
    if (handler !== undefined && handler.mechanism === mechanism) return handler.tokens
    if (handler !== undefined && this.#config.get('sasl.server.callback.handler.class') === className) return undefined
    throw new ConfigError(
      `sasl.server.callback.handler.class=${className} of ${mechanism} names a Java class, which can't be loaded: those of Kafka itself are known.`,
    )
  }

  #tokenValidator(kind: 'signed' | 'unsecured' | undefined, module: LoginModule | undefined): Promise<TokenValidator> {
    const get = <N extends BrokerConfigName>(name: N) => this.#config.getForListener(this.#listener, name)
    const { clock, files } = this.#surroundings
    if (kind === 'unsecured') {
      const option = (name: string): string | undefined => module?.options.get(`unsecuredValidator${name}`)
      const claims = {
        subjectClaim: option('PrincipalClaimName') ?? defaultClaim.principal,
        scopeClaim: option('ScopeClaimName') ?? defaultClaim.scope,
        clockSkewSeconds: Number(option('AllowableClockSkewMs') ?? 0) / 1000,
        clock,
      }
      return unsecuredTokens(claims, option('RequiredScope')?.split(' ').filter(Boolean) ?? [])
    }
    const jwksUrl = get('sasl.oauthbearer.jwks.endpoint.url')
    if (jwksUrl === null) {
      throw new ConfigError(
        `Listener ${this.#listener} has OAUTHBEARER and no keys to check tokens with: set sasl.oauthbearer.jwks.endpoint.url. ` +
          `Tokens without a signature are taken only with ${this.#prefix('OAUTHBEARER')}sasl.server.callback.handler.class=` +
          'org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler.',
      )
    }
    return signedTokens({
      jwksUrl,
      jwksRefreshMs: get('sasl.oauthbearer.jwks.endpoint.refresh.ms'),
      jwksRetryMs: get('sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms'),
      audience: get('sasl.oauthbearer.expected.audience'),
      issuer: get('sasl.oauthbearer.expected.issuer'),
      subjectClaim: get('sasl.oauthbearer.sub.claim.name'),
      scopeClaim: get('sasl.oauthbearer.scope.claim.name'),
      clockSkewSeconds: get('sasl.oauthbearer.clock.skew.seconds'),
      clock,
      files,
    })
  }
}
