/** security: the authorizer that a broker's config asks for. */
import { type BrokerConfig, ConfigError } from '../config/index.ts'
import type { Logger } from '../runtime/logger.ts'
import { type AccessFor, openAccessFor } from './access.ts'
import type { Acls } from './acls.ts'
import { parsePrincipals } from './principal-names.ts'
import { standardAuthorizer } from './standard-authorizer.ts'

/** Kafka's own, the only one that there is here. */
const standardAuthorizerClass = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'

/** @throws ConfigError for an authorizer that is not served, or super users who are none */
export function checkAuthorizer(config: BrokerConfig): void {
  superUsersIn(config)
  const name = config.get('authorizer.class.name')
  if (name === '' || name === standardAuthorizerClass) return
  throw new ConfigError(
    `authorizer.class.name=${name} is a Java class, which can't be loaded here: set ${standardAuthorizerClass}, or leave it out, and every client may do everything.`,
  )
}

export function hasAuthorizer(config: BrokerConfig): boolean {
  return config.get('authorizer.class.name') !== ''
}

export function authorizerOf(config: BrokerConfig, acls: Acls, logger: Logger): AccessFor {
  if (!hasAuthorizer(config)) return openAccessFor
  const allowsUnnamed = config.get('allow.everyone.if.no.acl.found')
  return standardAuthorizer({ acls, superUsers: new Set(superUsersIn(config)), allowsUnnamed, logger })
}

function superUsersIn(config: BrokerConfig): string[] {
  return parsePrincipals('super.users', config.get('super.users') ?? '')
}
