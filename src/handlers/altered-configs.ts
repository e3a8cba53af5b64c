/** handlers: what AlterConfigs and IncrementalAlterConfigs share: checks of the request itself, the right to alter, and the answer. */
import { KafkaError } from '../../protocol/errors.ts'
import type { AlteredResource, ConfigOperation } from '../cluster/config-commands.ts'
import { type ConfigResourceType, resourceTypeOf } from '../cluster/dynamic-configs.ts'
import { mapInTurns } from '../runtime/turns.ts'
import type { Access } from '../security/access.ts'
import { clusterResource } from '../security/acl.ts'
import { problemOfListeners } from './altered-listeners.ts'
import type { Context } from './context.ts'

interface NamedResource {
  readonly resourceType: number
  readonly resourceName: string
}

interface AskedResource extends NamedResource {
  readonly configs: readonly {
    readonly name: string
    readonly configOperation?: number
    readonly value: string | null
  }[]
}

interface AskedChange {
  readonly resources: readonly AskedResource[]
  readonly validateOnly: boolean
}

interface Checked {
  readonly altered?: AlteredResource
  error?: KafkaError | undefined
}

/** Kafka's ids of AlterConfigOp.OpType are the places in this list. */
const operationKinds: readonly ConfigOperation['kind'][] = ['SET', 'DELETE', 'APPEND', 'SUBTRACT']

/** @param replacesAll what is not named goes, as AlterConfigs has it */
export async function alterConfigsAsAsked(asked: AskedChange, replacesAll: boolean, context: Context) {
  const { access, broker, cluster } = context
  const isTwice = twiceIn(asked.resources)
  const checked = await mapInTurns(asked.resources, (resource): Checked => {
    try {
      if (isTwice(resource)) throw invalid('Each resource must appear at most once.')
      return { altered: requireAltered(resource, replacesAll, access) }
    } catch (error) {
      if (error instanceof KafkaError) return { error }
      throw error
    }
  })
  await mapInTurns(checked, async (each) => {
    each.error ??= each.altered && (await problemOfListeners(each.altered, context))
  })
  const altered = checked.flatMap((each) => (each.error === undefined ? (each.altered ?? []) : []))
  const results = await cluster.alterConfigs(broker, altered, asked)
  const failures = new Map(altered.map((resource, index) => [resource, results[index]]))
  return {
    responses: asked.resources.map((resource, index) => {
      const each = checked[index]!
      return answer(resource, each.error ?? (each.altered && failures.get(each.altered)))
    }),
  }
}

/** When the whole request fails. */
export function failedAlteration(resources: readonly NamedResource[], errorCode: number, errorMessage: string) {
  return {
    responses: resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage,
      resourceType,
      resourceName,
    })),
  }
}

function answer({ resourceType, resourceName }: NamedResource, error: KafkaError | undefined) {
  return { errorCode: error?.code ?? 0, errorMessage: error?.message ?? null, resourceType, resourceName }
}

/** @throws KafkaError INVALID_REQUEST, or what says that the resource may not be altered */
function requireAltered(
  { resourceType, resourceName, configs }: AskedResource,
  replacesAll: boolean,
  access: Access,
): AlteredResource {
  if (new Set(configs.map(({ name }) => name)).size < configs.length)
    throw invalid('Error due to duplicate config keys')
  const missing = configs.filter(
    ({ configOperation, value }) => value === null && operationKind(configOperation) !== 'DELETE',
  )
  if (missing.length > 0) throw invalid(`Null value not supported for : ${missing.map(({ name }) => name).join(', ')}`)
  const operations = configs.map(({ name, configOperation, value }) => {
    const kind = operationKind(configOperation)
    if (kind === undefined) throw invalid(`Unknown operations type ${configOperation}`)
    return { name, kind, value: value ?? '' }
  })
  const type = resourceTypeOf(resourceType)
  if (type === undefined || (type === 'brokerLogger' && replacesAll)) {
    throw invalid(`Unknown resource type ${resourceType}`)
  }
  requireAllowed(access, type, resourceName)
  return { type, name: resourceName, operations, replacesAll }
}

/** AlterConfigs names none: it sets. */
function operationKind(id = 0): ConfigOperation['kind'] | undefined {
  return operationKinds[id]
}

function requireAllowed(access: Access, type: ConfigResourceType, name: string): void {
  if (type === 'topic') access.require('Topic', name, 'AlterConfigs')
  else if (type === 'group') access.require('Group', name, 'AlterConfigs')
  else access.require('Cluster', clusterResource, 'AlterConfigs')
}

function twiceIn(resources: readonly NamedResource[]): (resource: NamedResource) => boolean {
  const counts = new Map<string, number>()
  const keyOf = ({ resourceType, resourceName }: NamedResource): string => `${resourceType}:${resourceName}`
  for (const resource of resources) counts.set(keyOf(resource), (counts.get(keyOf(resource)) ?? 0) + 1)
  return (resource) => (counts.get(keyOf(resource)) ?? 0) > 1
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', message)
}
