/** test: for each array of each request that is served, a request in which it has as many elements as wanted, each another one. */
import type { Api, Field, Fields } from '../../protocol/schema/index.ts'
import { includesVersion } from '../../protocol/schema/index.ts'
import { handlers } from '../../src/handlers/index.ts'

export interface LargeRequest {
  /** `CreateTopics topics.configs` */
  readonly name: string
  readonly api: Api
  readonly version: number
  /** Made when it is asked for: it takes memory. */
  body(): Record<string, unknown>
}

/** Values that let a request through to where its elements are looked at. */
const values: Readonly<Record<string, unknown>> = {
  numPartitions: 1,
  replicationFactor: -1,
  validateOnly: false,
  timeoutMs: 1000,
  acks: 1,
  resourceType: 2,
  resourcePatternType: 3,
  patternType: 3,
  operation: 3,
  permissionType: 3,
  memberEpoch: -1,
  generationIdOrMemberEpoch: -1,
  generationId: -1,
  replicaId: -1,
  sessionEpoch: -1,
  isolationLevel: 0,
  maxBytes: 1_000_000,
  responsePartitionLimit: 2000,
  groupId: 'g',
  host: '*',
  principal: 'User:somebody',
  path: '/odradek',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  protocolType: 'consumer',
  transactionTimeoutMs: 10_000,
  configOperation: 0,
  count: 2,
  entityType: 'client-id',
  iterations: 4096,
  mechanism: 1,
  records: null,
}

/** Of every version that differs in which fields it has, the last one. */
export function largeRequests(elements: number): LargeRequest[] {
  return handlers.flatMap(({ api, versions }) =>
    arraysOf(api.request.fields, versions.last).map((path) => ({
      name: `${api.name} ${path}`,
      api,
      version: versions.last,
      body: () => struct(api.request.fields, { version: versions.last, path, elements }, '', 0),
    })),
  )
}

interface Shape {
  readonly version: number
  /** The array that is large. */
  readonly path: string
  readonly elements: number
}

/** Their paths, `topics.partitions`. */
function arraysOf(fields: Fields, version: number, prefix = ''): string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    if (!includesVersion(field.versions, version)) return []
    const path = `${prefix}${name}`
    if (field.kind === 'struct') return arraysOf(field.fields!, version, `${path}.`)
    if (field.kind !== 'array') return []
    const inner = field.element!.kind === 'struct' ? arraysOf(field.element!.fields!, version, `${path}.`) : []
    return [path, ...inner]
  })
}

function struct(fields: Fields, shape: Shape, prefix: string, index: number): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    if (includesVersion(field.versions, shape.version) && field.tag === undefined) {
      body[name] = anyValue(name, field, shape, prefix, index)
    }
  }
  return body
}

function anyValue(name: string, field: Field<unknown>, shape: Shape, prefix: string, index: number): unknown {
  const path = `${prefix}${name}`
  if (field.kind === 'struct') return struct(field.fields!, shape, `${path}.`, index)
  if (field.kind === 'array') {
    const isOnTheWay = shape.path === path || shape.path.startsWith(`${path}.`)
    if (!isOnTheWay && includesVersion(field.nullable, shape.version)) return null
    const length = shape.path === path ? shape.elements : isOnTheWay ? 1 : 0
    const { element } = field
    return Array.from({ length }, (_, at) =>
      element!.kind === 'struct'
        ? struct(element!.fields!, shape, `${path}.`, at)
        : anyValue(name, element!, shape, prefix, at),
    )
  }
  if (name in values) return values[name]
  switch (field.kind) {
    case 'string':
      return `${name}-${index}`
    case 'uuid':
      return Buffer.from(String(index).padStart(16, '0')).toString('base64url')
    case 'bool':
      return false
    case 'bytes':
      return Buffer.alloc(0)
    case 'records':
      return null
    case 'int64':
      return BigInt(index)
    default:
      return /partition|index|brokerIds|replicas/i.test(name) ? index % 32_000 : 0
  }
}
