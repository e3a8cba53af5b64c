/**
 * quotas: which of the quotas holds for a client, and whose usage counts to it: the first of eight levels that has one.
 *
 *     user + client id · user + any client id · user · any user + client id · any user + any client id · any user · client id · any client id
 *
 * Clients that a level takes for one share what it allows: all connections of a user, or of a client id. Source: KIP-55; Kafka's
 * ClientQuotaManager.
 */
import type { ClientQuotas } from './client-quotas.ts'
import { entityOf, type QuotaEntity } from './quota-entity.ts'
import type { QuotaKey } from './quota-keys.ts'

export interface QuotaClient {
  /** Name of the principal. */
  readonly user: string
  /** Null and '' are no client id: such a client has only the quotas of its user. */
  readonly clientId: string | null
}

export interface AppliedQuota {
  readonly bound: number
  /** The same for all clients that share it. */
  readonly sharedBy: string
}

/** @returns undefined where no level has a quota */
export function appliedQuota(quotas: ClientQuotas, key: QuotaKey, client: QuotaClient): AppliedQuota | undefined {
  for (const { entity, sharedBy } of levelsOf(client)) {
    const bound = quotas.valueOf(entity, key)
    // Kafka takes one that is no number, which then limits nothing.
    if (bound !== undefined) return Number.isNaN(bound) ? undefined : { bound, sharedBy }
  }
  return undefined
}

function levelsOf({ user, clientId }: QuotaClient): { entity: QuotaEntity; sharedBy: string }[] {
  const hasId = clientId !== null && clientId !== ''
  const levels: { entity: QuotaEntity; sharedBy: string }[] = []
  const add = (names: Readonly<Record<string, string | null>>, sharedBy: readonly (string | null)[]): void => {
    const parts = Object.entries(names).map(([entityType, entityName]) => ({ entityType, entityName }))
    levels.push({ entity: entityOf(parts), sharedBy: JSON.stringify(sharedBy) })
  }
  for (const name of [user, null]) {
    for (const id of hasId ? [clientId, null] : []) add({ user: name, 'client-id': id }, [user, clientId])
    add({ user: name }, [user, null])
  }
  for (const id of hasId ? [clientId, null] : []) add({ 'client-id': id }, [null, clientId])
  return levels
}
