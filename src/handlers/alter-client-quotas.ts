/** AlterClientQuotas: sets and removes quotas, each entity by itself, all in one batch of metadata (KIP-546). */
import { isIP } from 'node:net'
import { type AlterClientQuotasRequest, alterClientQuotas } from '../../protocol/messages/alter-client-quotas.ts'
import type { QuotaAlteration } from '../quotas/quota-alteration.ts'
import { entityOf, partsOf } from '../quotas/quota-entity.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

type AskedEntry = AlterClientQuotasRequest['entries'][number]

/** Names of hosts that are looked up for one request. */
const maxLookups = 100

export const alterClientQuotasHandler = handle(alterClientQuotas, {
  async serve(request, { access, clientQuotas, hostNames }) {
    access.require('Cluster', clusterResource, 'AlterConfigs')
    const alterations = request.entries.map(alterationOf)
    const names = new Set(alterations.flatMap(({ entity }) => entity.get('ip') ?? []))
    const unknown = [...names].filter((name) => name !== '' && isIP(name) === 0)
    const found = await Promise.all(unknown.slice(0, maxLookups).map((name) => hostNames.addressOf(name)))
    const resolved = new Set(unknown.filter((_, index) => found[index] !== undefined))
    const results = await clientQuotas.alter(alterations, {
      validateOnly: request.validateOnly,
      isAddress: (name) => isIP(name) !== 0 || resolved.has(name),
    })
    return {
      entries: results.map(({ entity, error }) => ({
        errorCode: error?.code ?? 0,
        errorMessage: error?.message ?? null,
        entity: partsOf(entity),
      })),
    }
  },
  fail: (request, errorCode, _context, errorMessage) => ({
    entries: request.entries.map(({ entity }) => ({ errorCode, errorMessage, entity })),
  }),
})

function alterationOf({ entity, ops }: AskedEntry): QuotaAlteration {
  const values = new Map(ops.map(({ key, value, remove }) => [key, remove ? undefined : value]))
  return { entity: entityOf(entity), values, hasRepeatedKey: values.size < ops.length }
}
