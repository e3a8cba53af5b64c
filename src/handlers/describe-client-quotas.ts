/** DescribeClientQuotas: the quotas of the entities that a filter matches (KIP-546). */
import { describeClientQuotas } from '../../protocol/messages/describe-client-quotas.ts'
import { partsOf } from '../quotas/quota-entity.ts'
import { QuotaFilter } from '../quotas/quota-filter.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

export const describeClientQuotasHandler = handle(describeClientQuotas, {
  serve({ components, strict }, { access, clientQuotas }) {
    access.require('Cluster', clusterResource, 'DescribeConfigs')
    const found = clientQuotas.describe(new QuotaFilter(components, strict))
    return {
      errorCode: 0,
      errorMessage: '',
      entries: found.map(({ entity, values }) => ({
        entity: partsOf(entity),
        values: [...values].map(([key, value]) => ({ key, value })),
      })),
    }
  },
  fail: (_request, errorCode, _context, errorMessage) => ({ errorCode, errorMessage, entries: null }),
})
