/** security: the ACLs of the cluster, as the metadata log has them, by what they are about. Changed by replay alone. */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { accessControlEntryRecord, removeAccessControlEntryRecord } from '../../protocol/state/index.ts'
import { type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import { type Random, randomUuid } from '../runtime/random.ts'
import { itemsPerTurn, mapInTurns } from '../runtime/turns.ts'
import {
  type Acl,
  type AclFilter,
  allOperations,
  anything,
  clusterResource,
  matches,
  operationNames,
  patternTypes,
  permissions,
  resourceTypeIds,
  resourceTypeNames,
  wildcard,
} from './acl.ts'

/** ErrorCode 0: done. */
export interface AclResult {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface DeletedAcls extends AclResult {
  readonly matchingAcls: readonly Acl[]
}

/** What one request may change at most, as in Kafka's controller: MAX_RECORDS_PER_USER_OP. */
export const maxChanges = 10_000

/** Of a filter with an ACL: some milliseconds' work. */
const comparisonsPerTurn = 50_000

const done: AclResult = { errorCode: 0, errorMessage: '' }
const nothing: readonly Acl[] = []

/** The ACLs of one kind of pattern; looked up by type and name. */
class Patterns {
  readonly #byType = new Map<number, Map<string, Acl[]>>()

  of(resourceType: number, resourceName: string): readonly Acl[] {
    return this.#byType.get(resourceType)?.get(resourceName) ?? nothing
  }

  /** All of a type, name by name. */
  names(resourceType: number): ReadonlyMap<string, readonly Acl[]> {
    return this.#byType.get(resourceType) ?? new Map()
  }

  add(acl: Acl): void {
    let byName = this.#byType.get(acl.resourceType)
    if (byName === undefined) {
      byName = new Map()
      this.#byType.set(acl.resourceType, byName)
    }
    const acls = byName.get(acl.resourceName)
    if (acls === undefined) byName.set(acl.resourceName, [acl])
    else acls.push(acl)
  }

  remove(acl: Acl): void {
    const byName = this.#byType.get(acl.resourceType)
    const left = byName?.get(acl.resourceName)?.filter((each) => each !== acl) ?? []
    if (left.length > 0) byName?.set(acl.resourceName, left)
    else byName?.delete(acl.resourceName)
  }
}

export class Acls {
  readonly #metadata: MetadataLog
  readonly #random: Random
  readonly #byId = new Map<string, Acl>()
  /** Ids by all that an ACL says. */
  readonly #ids = new Map<string, string>()
  readonly #literal = new Patterns()
  readonly #prefixed = new Patterns()

  constructor(metadata: MetadataLog, random: Random) {
    this.#metadata = metadata
    this.#random = random
    const register = metadata.image('acls', () => this.#records())
    register(accessControlEntryRecord, ({ id, ...acl }) => this.#add(id, acl))
    register(removeAccessControlEntryRecord, ({ id }) => this.#remove(id))
  }

  *#records(): Generator<MetadataRecord, void> {
    for (const [id, acl] of this.#byId) yield metadataRecord(accessControlEntryRecord, 0, { id, ...acl })
  }

  /** All that are about that resource: by its name, by a prefix of it, or about every resource of its type. */
  *about(resourceType: number, resourceName: string): Generator<Acl, void> {
    yield* this.#literal.of(resourceType, resourceName)
    if (resourceName !== wildcard) yield* this.#literal.of(resourceType, wildcard)
    const prefixes = this.#prefixed.names(resourceType)
    if (prefixes.size === 0) return
    if (prefixes.size <= resourceName.length) {
      for (const [prefix, acls] of prefixes) if (resourceName.startsWith(prefix)) yield* acls
    } else {
      for (let length = 1; length <= resourceName.length; length++) {
        yield* prefixes.get(resourceName.slice(0, length)) ?? nothing
      }
    }
  }

  /** All about resources of a type. */
  *ofType(resourceType: number): Generator<Acl, void> {
    for (const acls of this.#literal.names(resourceType).values()) yield* acls
    for (const acls of this.#prefixed.names(resourceType).values()) yield* acls
  }

  describe(filter: AclFilter): Acl[] {
    return [...this.#byId.values()].filter((acl) => matches(filter, acl))
  }

  /** @throws KafkaError INVALID_REQUEST for more changes than one request may make */
  requireFew(changes: number): void {
    if (changes <= maxChanges) return
    const message = `${changes} ACLs are more than one request may change: ${maxChanges} at most`
    throw new KafkaError('INVALID_REQUEST', message)
  }

  /** Adds those that are valid and not there yet, together; a result for each. @throws KafkaError INVALID_REQUEST for too many */
  async create(acls: readonly Acl[]): Promise<AclResult[]> {
    this.requireFew(acls.length)
    return this.#metadata.run(async () => {
      const added = new Map<string, Acl>()
      const response = await mapInTurns(acls, (acl): AclResult => {
        const problem = problemOf(acl)
        if (problem !== undefined) return { errorCode: errorCode('INVALID_REQUEST'), errorMessage: problem }
        const key = keyOf(acl)
        if (!this.#ids.has(key)) added.set(key, acl)
        return done
      })
      const records = await mapInTurns([...added.values()], (acl) =>
        metadataRecord(accessControlEntryRecord, 0, { id: randomUuid(this.#random), ...acl }),
      )
      return { records, response }
    })
  }

  /** Removes what any of `filters` means; which, filter by filter. @throws KafkaError INVALID_REQUEST for too many */
  delete(filters: readonly AclFilter[]): Promise<DeletedAcls[]> {
    return this.#metadata.run(async () => {
      const removed = new Set<string>()
      const describe = (filter: AclFilter): DeletedAcls => {
        const matchingAcls: Acl[] = []
        const problem = problemOfFilter(filter)
        if (problem !== undefined) {
          return { errorCode: errorCode('INVALID_REQUEST'), errorMessage: problem, matchingAcls }
        }
        for (const [id, acl] of this.#byId) {
          if (!matches(filter, acl)) continue
          removed.add(id)
          matchingAcls.push(acl)
        }
        return { errorCode: 0, errorMessage: null, matchingAcls }
      }
      // Each filter is held against every ACL.
      const filtersPerTurn = Math.max(1, Math.floor(comparisonsPerTurn / (this.#byId.size + 1)))
      const response = await mapInTurns(filters, describe, Math.min(itemsPerTurn, filtersPerTurn))
      this.requireFew(removed.size)
      return {
        records: Array.from(removed, (id) => metadataRecord(removeAccessControlEntryRecord, 0, { id })),
        response,
      }
    })
  }

  #add(id: string, acl: Acl): void {
    this.#byId.set(id, acl)
    this.#ids.set(keyOf(acl), id)
    this.#patternsOf(acl).add(acl)
  }

  #remove(id: string): void {
    const acl = this.#byId.get(id)
    if (acl === undefined) return
    this.#byId.delete(id)
    this.#ids.delete(keyOf(acl))
    this.#patternsOf(acl).remove(acl)
  }

  #patternsOf({ patternType }: Acl): Patterns {
    return patternType === patternTypes.prefixed ? this.#prefixed : this.#literal
  }
}

function keyOf({ resourceType, patternType, operation, permissionType, host, principal, resourceName }: Acl): string {
  return JSON.stringify([resourceType, patternType, operation, permissionType, host, principal, resourceName])
}

/** Why Kafka refuses to create it. */
function problemOf(acl: Acl): string | undefined {
  const { resourceType, resourceName, patternType, operation, permissionType, principal } = acl
  if (resourceType === resourceTypeIds.Cluster && resourceName !== clusterResource) {
    return `The only valid name for the CLUSTER resource is ${clusterResource}`
  }
  if (resourceName === '') return 'Invalid empty resource name'
  if (!(resourceType in resourceTypeNames)) return `Invalid resourceType ${nameOf(resourceType)}`
  if (patternType !== patternTypes.literal && patternType !== patternTypes.prefixed) {
    return `Invalid patternType ${patternType === patternTypes.match ? 'MATCH' : nameOf(patternType)}`
  }
  if (operation !== allOperations && !(operation in operationNames)) return `Invalid operation ${nameOf(operation)}`
  if (permissionType !== permissions.allow && permissionType !== permissions.deny) {
    return `Invalid permissionType ${nameOf(permissionType)}`
  }
  if (!principal.includes(':')) {
    return `Could not parse principal from \`${principal}\` (no colon is present separating the principal type from the principal name)`
  }
  return undefined
}

/** Of an id that no ACL can have. */
function nameOf(id: number): string {
  return id === anything ? 'ANY' : 'UNKNOWN'
}

function problemOfFilter(filter: AclFilter): string | undefined {
  const { resourceTypeFilter: type, patternTypeFilter: pattern, operation, permissionType: permission } = filter
  if (type !== anything && !(type in resourceTypeNames)) return 'Unknown patternFilter.'
  if (pattern < anything || pattern > patternTypes.prefixed) return 'Unknown patternFilter.'
  if (operation !== anything && operation !== allOperations && !(operation in operationNames))
    return 'Unknown entryFilter.'
  if (permission < anything || permission > permissions.allow) return 'Unknown entryFilter.'
  return undefined
}
