/**
 * security: decides by ACLs as Kafka's StandardAuthorizer does.
 *
 *     super user ─► yes      an ACL denies ─► no      an ACL allows ─► yes      other ACLs name the resource ─► no      none does ─► the default
 */
import type { Logger } from '../runtime/logger.ts'
import {
  type Access,
  type AccessFor,
  notAuthorized,
  type Operation,
  type Requester,
  type ResourceType,
} from './access.ts'
import {
  type Acl,
  allOperations,
  everybody,
  operationIds,
  patternTypes,
  permissions,
  resourceTypeIds,
  wildcard,
} from './acl.ts'
import type { Acls } from './acls.ts'
import { principalText } from './principal.ts'

/** Whoever may do one of these may also describe (DESCRIBE) or see configs (DESCRIBE_CONFIGS). Source: StandardAuthorizerData. */
const implying: Readonly<Partial<Record<Operation, ReadonlySet<number>>>> = {
  Describe: new Set([operationIds.Read, operationIds.Write, operationIds.Delete, operationIds.Alter]),
  DescribeConfigs: new Set([operationIds.AlterConfigs]),
}

export interface StandardAuthorizerOptions {
  readonly acls: Acls
  /** `super.users`: who may do everything. */
  readonly superUsers: ReadonlySet<string>
  /** `allow.everyone.if.no.acl.found`: what is allowed with resources that no ACL names. */
  readonly allowsUnnamed: boolean
  readonly logger: Logger
}

export function standardAuthorizer(options: StandardAuthorizerOptions): AccessFor {
  return (requester) => new StandardAccess(options, requester)
}

class StandardAccess implements Access {
  readonly #options: StandardAuthorizerOptions
  /** As ACLs name it. */
  readonly #principal: string
  readonly #host: string
  readonly #isSuperUser: boolean

  constructor(options: StandardAuthorizerOptions, { principal, clientAddress }: Requester) {
    this.#options = options
    this.#principal = principalText(principal)
    this.#host = clientAddress
    this.#isSuperUser = options.superUsers.has(this.#principal)
  }

  isAllowed(resource: ResourceType, name: string, operation: Operation): boolean {
    if (this.#isSuperUser) return true
    let isNamed = false
    let isAllowed = false
    for (const acl of this.#options.acls.about(resourceTypeIds[resource], name)) {
      isNamed = true
      if (!this.#isMeant(acl)) continue
      if (acl.permissionType === permissions.deny) {
        if (acl.operation === allOperations || acl.operation === operationIds[operation]) return false
      } else isAllowed ||= allows(acl, operation)
    }
    return isAllowed || (!isNamed && this.#options.allowsUnnamed)
  }

  /** As Authorizer.authorizeByResourceType: an allowed name or prefix that no denied one takes back. */
  isAllowedSomewhere(resource: ResourceType, operation: Operation): boolean {
    // A name that nobody has shows what is decided where no ACL is in the way.
    if (this.isAllowed(resource, 'hardcode', operation)) return true
    const denied = { literal: new Set<string>(), prefixed: new Set<string>() }
    const allowed: Acl[] = []
    for (const acl of this.#options.acls.ofType(resourceTypeIds[resource])) {
      if (!this.#isMeant(acl)) continue
      if (acl.operation !== allOperations && acl.operation !== operationIds[operation]) continue
      if (acl.permissionType === permissions.allow) allowed.push(acl)
      else if (acl.patternType === patternTypes.prefixed) denied.prefixed.add(acl.resourceName)
      else if (acl.resourceName === wildcard) return false
      else denied.literal.add(acl.resourceName)
    }
    return allowed.some(({ patternType, resourceName: name }) => {
      if (patternType === patternTypes.literal && name === wildcard) return true
      if (patternType === patternTypes.literal && denied.literal.has(name)) return false
      for (let length = 1; length <= name.length; length++) if (denied.prefixed.has(name.slice(0, length))) return false
      return true
    })
  }

  require(resource: ResourceType, name: string, operation: Operation): void {
    if (this.isAllowed(resource, name, operation)) return
    const { logger } = this.#options
    logger.debug({ principal: this.#principal, host: this.#host, resource, name, operation }, 'denied')
    throw notAuthorized(resource)
  }

  #isMeant({ principal, host }: Acl): boolean {
    return (principal === this.#principal || principal === everybody) && (host === this.#host || host === wildcard)
  }
}

function allows({ operation: id }: Acl, operation: Operation): boolean {
  return id === allOperations || id === operationIds[operation] || (implying[operation]?.has(id) ?? false)
}
