/** DescribeClientQuotas: the quotas of the entities that a filter matches (KIP-546). */
import { errorCode } from '../../protocol/errors.ts'
import { describeClientQuotas } from '../../protocol/messages/describe-client-quotas.ts'
import { partsOf } from '../quotas/quota-entity.ts'
import { QuotaFilter } from '../quotas/quota-filter.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

const notAuthorized = errorCode('CLUSTER_AUTHORIZATION_FAILED')

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
  // Kafka says why only of what is wrong with the filter.
  fail: (_request, code, _context, message) => ({
    errorCode: code,
    errorMessage: code === notAuthorized ? null : message,
    entries: null,
  }),
})
