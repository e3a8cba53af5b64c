/** ListConfigResources (KIP-1142; v0 is KIP-714's ListClientMetricsResources): what DescribeConfigs can be asked for. */
import { KafkaError } from '../../protocol/errors.ts'
import { listConfigResources } from '../../protocol/messages/list-config-resources.ts'
import { type ConfigResourceType, configResourceTypes, resourceTypeOf } from '../cluster/dynamic-configs.ts'
import { clusterResource } from '../security/acl.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'

/** Before that, client metrics alone. */
const firstTypesVersion = 1
const allTypes = Object.keys(configResourceTypes) as ConfigResourceType[]

export const listConfigResourcesHandler = handle(listConfigResources, {
  serve({ resourceTypes }, context) {
    context.access.require('Cluster', clusterResource, 'DescribeConfigs')
    const types = new Set<ConfigResourceType>()
    for (const id of resourceTypes) {
      const type = resourceTypeOf(id)
      if (type === undefined) throw new KafkaError('UNSUPPORTED_VERSION', `There is no resource type ${id}`)
      types.add(type)
    }
    const asked =
      context.apiVersion < firstTypesVersion ? (['clientMetrics'] as const) : types.size === 0 ? allTypes : types
    const configResources = [...asked].flatMap((type) =>
      namesOf(type, context).map((resourceName) => ({ resourceName, resourceType: configResourceTypes[type] })),
    )
    return { errorCode: 0, configResources }
  },
  fail: (_request, errorCode) => ({ errorCode, configResources: [] }),
})

/** Topics and brokers, whether they have configs of their own or not; of the others those that have. */
function namesOf(type: ConfigResourceType, { cluster }: Context): string[] {
  if (type === 'topic') return [...cluster.topics.values()].map(({ name }) => name)
  if (type === 'group' || type === 'clientMetrics') return cluster.dynamicConfigs.names(type)
  return cluster.registrations.values().map(({ id }) => String(id))
}
