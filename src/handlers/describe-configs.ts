/** DescribeConfigs: configs of topics, brokers, their loggers, groups and client metrics subscriptions, with their sources. */
import { KafkaError } from '../../protocol/errors.ts'
import { type DescribeConfigsRequest, describeConfigs } from '../../protocol/messages/describe-configs.ts'
import { describeConfigs as describeResource } from '../cluster/config-descriptions.ts'
import { type ConfigResourceType, resourceTypeOf } from '../cluster/dynamic-configs.ts'
import { loggerSource } from '../cluster/logger-configs.ts'
import type { DescribedConfig } from '../config/index.ts'
import type { Access } from '../security/access.ts'
import { clusterResource } from '../security/acl.ts'
import { answerEach, handle } from './handler.ts'

/** Of whole resources, in one request. */
export const maxRepetitions = 100

type Resources = DescribeConfigsRequest['resources']

export const describeConfigsHandler = handle(describeConfigs, {
  async serve(request, { access, broker }) {
    const described = new Map<string, readonly DescribedConfig[]>()
    const describeOnce = (type: ConfigResourceType, name: string): readonly DescribedConfig[] => {
      const key = keyOf(type, name)
      const configs = described.get(key) ?? describeResource(broker, type, name)
      described.set(key, configs)
      return configs
    }
    return {
      results: await answerEach(
        withoutManyRepetitions(request.resources),
        ({ resourceType, resourceName, configurationKeys }) => {
          const type = resourceTypeOf(resourceType)
          if (type === undefined) throw new KafkaError('INVALID_REQUEST')
          requireAllowed(access, type, resourceName)
          const configs = describeOnce(type, resourceName)
          const isAsked = ({ name }: DescribedConfig): boolean =>
            configurationKeys === null || configurationKeys.length === 0 || configurationKeys.includes(name)
          return {
            errorCode: 0,
            errorMessage: '',
            resourceType,
            resourceName,
            configs: configs.filter(isAsked).map((config) => shown(config, request)),
          }
        },
        ({ resourceType, resourceName }, errorCode, errorMessage) => ({
          errorCode,
          errorMessage,
          resourceType,
          resourceName,
          configs: [],
        }),
      ),
    }
  },
  fail: (request, errorCode, _context, errorMessage) => ({
    results: request.resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage,
      resourceType,
      resourceName,
      configs: [],
    })),
  }),
})

/**
 * Whoever names a resource again, and asks for all of it, is shown it again, as by Kafka. But an answer thousands of times as large as its
 * request would take all memory: what goes beyond `maxRepetitions` is in the answer already, and left out.
 */
function withoutManyRepetitions(resources: Resources): Resources {
  const whole = new Set<string>()
  let repetitions = 0
  return resources.filter(({ resourceType, resourceName, configurationKeys }) => {
    if (configurationKeys !== null && configurationKeys.length > 0) return true
    const key = keyOf(resourceType, resourceName)
    if (!whole.has(key)) {
      whole.add(key)
      return true
    }
    repetitions += 1
    return repetitions <= maxRepetitions
  })
}

function keyOf(type: string | number, name: string): string {
  return `${type} ${name}`
}

function requireAllowed(access: Access, type: ConfigResourceType, name: string): void {
  if (type === 'topic') access.require('Topic', name, 'DescribeConfigs')
  else if (type === 'group') access.require('Group', name, 'DescribeConfigs')
  else access.require('Cluster', clusterResource, 'DescribeConfigs')
}

function shown(config: DescribedConfig, request: DescribeConfigsRequest) {
  return {
    name: config.name,
    value: config.value,
    readOnly: config.readOnly,
    isDefault: config.isDefault,
    configSource: config.source,
    isSensitive: config.sensitive,
    synonyms: request.includeSynonyms ? config.synonyms : [],
    configType: config.type,
    documentation: request.includeDocumentation || config.source === loggerSource ? config.documentation : null,
  }
}
