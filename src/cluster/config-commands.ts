/** cluster: decides what changing configs writes to the metadata log. Pure: reads the state, changes none. Messages are Kafka's. */
import { KafkaError } from '../../protocol/errors.ts'
import { clearElrRecord, configRecord } from '../../protocol/state/index.ts'
import {
  type BrokerConfig,
  ConfigError,
  ConfigRequestError,
  listConfigDefault,
  validateClientMetricsConfigs,
  validateDynamicBrokerConfigs,
  validateGroupConfigs,
} from '../config/index.ts'
import { type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import type { LogLevels } from '../runtime/log-levels.ts'
import { mapInTurns } from '../runtime/turns.ts'
import { type ConfigResourceType, configResourceTypes, type DynamicConfigs } from './dynamic-configs.ts'
import type { Features } from './features.ts'
import { requireValidLogLevels } from './logger-configs.ts'
import { requireValidTopicConfigs } from './topic-configs.ts'
import { requireValidTopicName } from './topic-name.ts'
import type { Topics } from './topics.ts'

export interface ConfigOperation {
  readonly name: string
  readonly kind: 'SET' | 'DELETE' | 'APPEND' | 'SUBTRACT'
  /** Of no meaning with DELETE; items between commas with APPEND and SUBTRACT. */
  readonly value: string
}

export interface AlteredResource {
  readonly type: ConfigResourceType
  readonly name: string
  readonly operations: readonly ConfigOperation[]
  /** What no operation names goes. */
  readonly replacesAll: boolean
}

/** What commands look at. */
export interface ConfigState {
  readonly topics: Topics
  readonly features: Features
  readonly dynamicConfigs: DynamicConfigs
  readonly logLevels: LogLevels
  /** Without dynamic configs. */
  readonly config: BrokerConfig
  /** Of the broker that is asked: only its own configs, and those of all, can be changed there. */
  readonly brokerId: number
}

const minInsyncReplicas = 'min.insync.replicas'
/** A value of ConfigRecord, like any string of Kafka's, has this many bytes at most. */
const maxValueBytes = 32_767
/** Kafka's limit of one command. */
const maxRecordsPerCommand = 10_000
/** One command is one batch: well below what a batch of the metadata log may have. */
const maxBytesPerCommand = 4 * 1024 * 1024

/**
 * One entry for each resource, in their order: undefined where its configs are changed.
 * @throws KafkaError POLICY_VIOLATION for more than one command may change
 */
export async function decideAlterConfigs(
  state: ConfigState,
  resources: readonly AlteredResource[],
): Promise<{ records: MetadataRecord[]; results: (KafkaError | undefined)[] }> {
  const records: MetadataRecord[] = []
  let bytes = 0
  const results = await mapInTurns(resources, (resource) => {
    try {
      for (const record of decideAlterResource(state, resource)) {
        records.push(record)
        bytes += record.bytes.length
      }
      return undefined
    } catch (error) {
      if (error instanceof KafkaError) return error
      throw error
    }
  })
  if (records.length > maxRecordsPerCommand || bytes > maxBytesPerCommand) {
    throw new KafkaError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
  }
  return { records, results }
}

function decideAlterResource(state: ConfigState, resource: AlteredResource): MetadataRecord[] {
  const { type } = resource
  if (type === 'brokerLogger') {
    requireOwnNode(state, resource.name)
    requireValidLogLevels(state.logLevels, resource)
    return []
  }
  // Java reads `+1` and `01` as 1 too.
  const name = type === 'broker' && resource.name !== '' ? String(requireOwnId(state, resource.name)) : resource.name
  const current = state.dynamicConfigs.of(type, name)
  const wanted = new Map(resource.replacesAll ? [] : current)
  for (const operation of resource.operations) {
    const value = valueAfter(type, operation, current.get(operation.name))
    if (value === undefined) wanted.delete(operation.name)
    else wanted.set(operation.name, value)
  }
  // A broker's config may be set to what it is: that says that the file which it names has changed.
  const isSetAgain = (key: string): boolean =>
    type === 'broker' && resource.operations.some(({ name: each, kind }) => each === key && kind === 'SET')
  const changed = [...new Set([...current.keys(), ...wanted.keys()])].filter(
    (key) => current.get(key) !== wanted.get(key) || isSetAgain(key),
  )
  requireValid(state, { type, name }, wanted, changed)
  const records = changed.map((key) => recordOf({ type, name }, key, wanted.get(key)))
  return changed.includes(minInsyncReplicas) ? [...records, ...forgottenElr(state, { type, name })] : records
}

type Resource = Pick<AlteredResource, 'type' | 'name'>

function recordOf({ type, name: resourceName }: Resource, name: string, value: string | undefined): MetadataRecord {
  const resourceType = configResourceTypes[type]
  return metadataRecord(configRecord, 0, { resourceType, resourceName, name, value: value ?? null })
}

/** Who left the ISR under another bound need not have all that readers have seen. */
function forgottenElr({ features }: ConfigState, { type, name }: Resource): MetadataRecord[] {
  return features.isElrEnabled ? [metadataRecord(clearElrRecord, 0, { topicName: type === 'topic' ? name : '' })] : []
}

/**
 * What makes eligible leader replicas safe: one min.insync.replicas for all brokers, which the controller knows. `fallback`: what they have in
 * their files. Nothing, where it is that way already.
 */
export function decideElrConfigs(dynamicConfigs: DynamicConfigs, fallback: number): MetadataRecord[] {
  const all: Resource = { type: 'broker', name: '' }
  const isSet = ({ type, name }: Resource): boolean => dynamicConfigs.of(type, name).has(minInsyncReplicas)
  const own = dynamicConfigs.names('broker').map((name): Resource => ({ type: 'broker', name }))
  return [
    ...(isSet(all) ? [] : [recordOf(all, minInsyncReplicas, String(fallback))]),
    ...own
      .filter((each) => each.name !== '' && isSet(each))
      .map((each) => recordOf(each, minInsyncReplicas, undefined)),
  ]
}

/** undefined: it is not set any more. */
function valueAfter(type: ConfigResourceType, operation: ConfigOperation, current: string | undefined) {
  const { name, kind, value } = operation
  if (kind === 'DELETE') return undefined
  if (kind === 'SET') return value
  const items = current === undefined ? [...requireList(type, operation)] : current.split(',').filter(Boolean)
  if (current !== undefined) requireList(type, operation)
  for (const item of value.split(',')) {
    const index = items.indexOf(item)
    if (kind === 'APPEND' && index < 0) items.push(item)
    if (kind === 'SUBTRACT' && index >= 0) items.splice(index, 1)
  }
  const joined = items.join(',')
  if (Buffer.byteLength(joined) <= maxValueBytes) return joined
  throw new KafkaError('INVALID_CONFIG', `The value of ${name} would be longer than ${maxValueBytes} bytes.`)
}

/** Returns its default. @throws KafkaError INVALID_CONFIG for a config that is no list */
function requireList(type: ConfigResourceType, { name, kind }: ConfigOperation): readonly string[] {
  const found = type === 'topic' || type === 'broker' ? listConfigDefault(type, name) : 'not a list'
  if (typeof found !== 'string') return found
  if (type === 'broker' && found === 'unknown') throw new KafkaError('INVALID_CONFIG', `Unknown config name: ${name}`)
  if (type === 'broker') {
    const message = `Config value ${kind.toLowerCase()} is not allowed for config key: ${name}`
    throw new KafkaError('INVALID_CONFIG', message)
  }
  throw new KafkaError('INVALID_CONFIG', `Can't ${kind} to key ${name} because its type is not LIST.`)
}

function requireValid(
  state: ConfigState,
  { type, name }: { type: Exclude<ConfigResourceType, 'brokerLogger'>; name: string },
  wanted: ReadonlyMap<string, string>,
  changed: readonly string[],
): void {
  try {
    switch (type) {
      case 'topic':
        requireValidTopic(state, name, wanted)
        break
      case 'broker':
        requireValidBroker(state, name, wanted, changed)
        break
      case 'group':
        if (name === '') throw new KafkaError('INVALID_REQUEST', 'Default group resources are not allowed.')
        validateGroupConfigs(effectiveConfig(state), wanted)
        break
      case 'clientMetrics':
        if (name === '') throw new KafkaError('INVALID_REQUEST', "Subscription name can't be empty")
        validateClientMetricsConfigs(wanted)
        break
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new KafkaError(error instanceof ConfigRequestError ? 'INVALID_REQUEST' : 'INVALID_CONFIG', error.message)
  }
}

function requireValidTopic(state: ConfigState, name: string, wanted: ReadonlyMap<string, string>): void {
  if (name === '') throw new KafkaError('INVALID_REQUEST', 'Default topic resources are not allowed.')
  requireValidTopicName(name)
  requireValidTopicConfigs(
    effectiveConfig(state),
    [...wanted].map(([key, value]) => ({ name: key, value })),
  )
  if (state.topics.byName(name) === undefined) {
    throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${name}' does not exist.`)
  }
}

function requireValidBroker(
  state: ConfigState,
  name: string,
  wanted: ReadonlyMap<string, string>,
  changed: readonly string[],
): void {
  const { dynamicConfigs, config, brokerId } = state
  const clusterWide = name === '' ? wanted : dynamicConfigs.of('broker', '')
  const perBroker = name === '' ? dynamicConfigs.of('broker', String(brokerId)) : wanted
  const dynamic = { clusterWide, perBroker, current: effectiveConfig(state) }
  validateDynamicBrokerConfigs(config, dynamic, name === '' ? 'clusterWide' : 'perBroker', changed)
  if (changed.includes(minInsyncReplicas) && state.features.isElrEnabled) {
    if (name !== '') {
      const message = 'Broker-level min.insync.replicas cannot be altered while ELR is enabled.'
      throw new KafkaError('INVALID_CONFIG', message)
    }
    if (!wanted.has(minInsyncReplicas)) {
      const message = 'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.'
      throw new KafkaError('INVALID_CONFIG', message)
    }
  }
}

function effectiveConfig({ dynamicConfigs, config, brokerId }: ConfigState): BrokerConfig {
  const clusterWide = dynamicConfigs.of('broker', '')
  const perBroker = dynamicConfigs.of('broker', String(brokerId))
  return clusterWide.size + perBroker.size === 0 ? config : config.withDynamic(clusterWide, perBroker)
}

function requireOwnId({ brokerId }: ConfigState, name: string): number {
  if (parsedId(name) !== brokerId) {
    throw new KafkaError('INVALID_REQUEST', `Unexpected broker id, expected ${brokerId}, but received ${name}`)
  }
  return brokerId
}

function parsedId(name: string): number {
  if (/^[+-]?\d+$/.test(name)) return Number(name)
  throw new KafkaError('INVALID_REQUEST', `Node id must be an integer, but it is: ${name}`)
}

function requireOwnNode({ brokerId }: ConfigState, name: string): void {
  if (parsedId(name) === brokerId) return
  throw new KafkaError('INVALID_REQUEST', `Unexpected node id. Expected ${brokerId}, but received ${name}`)
}
