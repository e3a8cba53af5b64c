/** quotas: whom a quota is for: a user, a client id, both, or an address; null stands for all that have no quota of their own. */

const entityTypes = ['client-id', 'user', 'ip'] as const
export type EntityType = (typeof entityTypes)[number]

export interface EntityPart {
  readonly entityType: string
  /** Null: the default. */
  readonly entityName: string | null
}

/** Type to name. */
export type QuotaEntity = ReadonlyMap<string, string | null>

export function entityOf(parts: readonly EntityPart[]): QuotaEntity {
  return new Map(parts.map(({ entityType, entityName }) => [entityType, entityName]))
}

/** In the order in which Kafka lists the types. */
export function partsOf(entity: QuotaEntity): EntityPart[] {
  const known = entityTypes.filter((type) => entity.has(type))
  const others = [...entity.keys()].filter((type) => !isEntityType(type))
  return [...known, ...others].map((entityType) => ({ entityType, entityName: entity.get(entityType) ?? null }))
}

export function isEntityType(type: string): type is EntityType {
  return (entityTypes as readonly string[]).includes(type)
}

/** The same for entities that are the same. */
export function entityKey(entity: QuotaEntity): string {
  return JSON.stringify(partsOf(entity).map(({ entityType, entityName }) => [entityType, entityName]))
}

/** As Kafka writes it in messages. */
export function entityText(entity: QuotaEntity): string {
  const entries = partsOf(entity).map(({ entityType, entityName }) => `${entityType}=${entityName}`)
  return `ClientQuotaEntity(entries={${entries.join(', ')}})`
}
