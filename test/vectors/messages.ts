/** Checks lines of Kafka's own message vectors: each must decode to its json and encode back to its bytes. */
import { isDeepStrictEqual } from 'node:util'
import { apis, requestHeader, responseHeader } from '../../protocol/messages/index.ts'
import {
  type Field,
  type Fields,
  includesVersion,
  Reader,
  type Schema,
  type UnknownTaggedField,
  Writer,
} from '../../protocol/schema/index.ts'
import * as state from '../../protocol/state/index.ts'

/** A line of `vectors.jsonl`; its form is told in README.md beside this file. */
export interface MessageVector {
  readonly api: string
  readonly version: number
  readonly src: string
  readonly json: Record<string, unknown>
  readonly unknownTags?: readonly { readonly tag: number; readonly data: string }[]
  readonly hex: string
  readonly framing?: string
  readonly stored?: string
}

const schemas = new Map<string, Schema<Fields>>()
for (const { request, response } of apis) for (const each of [request, response]) schemas.set(each.name, each)
for (const each of [requestHeader, responseHeader]) schemas.set(each.name, each as unknown as Schema<Fields>)
for (const each of Object.values(state)) {
  if (each instanceof state.StoredSchema) schemas.set(each.name, each as unknown as Schema<Fields>)
}

/** ListConfigResources v0 had other names in Kafka 3.9. */
function withTodaysNames(vector: MessageVector): MessageVector {
  if (!vector.api.startsWith('ListClientMetricsResources')) return vector
  const { clientMetricsResources, ...json } = vector.json as { clientMetricsResources?: { name: string }[] }
  const configResources = clientMetricsResources?.map(({ name }) => ({ resourceName: name }))
  return {
    ...vector,
    api: vector.api.replace('ClientMetrics', 'Config'),
    json: configResources === undefined ? json : { ...json, configResources },
  }
}

/** The schema that a vector names. */
export function schemaOf(name: string): Schema<Fields> {
  const schema = schemas.get(name.replace('ClientMetricsResources', 'ConfigResources'))
  if (schema === undefined) throw new Error(`no schema is named ${name}`)
  return schema
}

/** What is wrong, in words; empty when the vector passes. */
export function checkMessage(given: MessageVector): string[] {
  const vector = withTodaysNames(given)
  const schema = schemaOf(vector.api)
  const bytes = Buffer.from(vector.hex, 'hex')
  const reader = new Reader(bytes)
  const value = schema.codec(vector.version).decode(reader)
  const problems: string[] = []
  if (reader.remaining > 0) problems.push(`${reader.remaining} bytes are left`)
  const valueInSteps = toItsEnd(schema.codec(vector.version).decodeInSteps(new Reader(bytes)))
  if (!isDeepStrictEqual(valueInSteps, value)) problems.push('decoded in steps it is another value')

  const json = toJson(schema.fields, schema.isFlexible(vector.version), vector.version, value)
  const difference = firstDifference(vector.json, json, '')
  if (difference !== undefined) problems.push(difference)
  const tags = (value.unknownTaggedFields ?? []).map(({ tag, data }) => ({ tag, data: data.toString('base64') }))
  const tagDifference = firstDifference(vector.unknownTags ?? [], tags, 'unknownTags')
  if (tagDifference !== undefined) problems.push(tagDifference)

  for (const [what, each] of [
    ['decoded value', value],
    ['json', fromJson(schema.fields, vector.version, vector.json, vector.unknownTags)],
  ] as const) {
    const writer = new Writer()
    schema.codec(vector.version).encode(writer, each)
    const again = writer.toBuffer().toString('hex')
    if (again !== vector.hex) problems.push(`${what} encodes to ${again}, not ${vector.hex}`)
    const writerInSteps = new Writer()
    toItsEnd(schema.codec(vector.version).encodeInSteps(writerInSteps, each))
    if (writerInSteps.toBuffer().toString('hex') !== again) problems.push(`${what} encodes to something else in steps`)
  }
  if (vector.stored !== undefined && schema instanceof state.StoredSchema) {
    const again = storedForm(schema, vector, value)
    if (again !== vector.stored) problems.push(`is stored as ${again}, not ${vector.stored}`)
  }
  return problems
}

function toItsEnd<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

function storedForm(schema: state.StoredSchema<Fields>, vector: MessageVector, value: object): string {
  if (vector.framing === 'int16-type') return schema.encodeKey(value).toString('hex')
  if (vector.framing === 'int16-version') return schema.encodeVersioned(vector.version, value).toString('hex')
  return schema.encodeMetadata(vector.version, value).toString('hex')
}

/** The value as Kafka's JsonConverter would write it. */
function toJson(fields: Fields, flexible: boolean, version: number, value: Record<string, unknown>): object {
  const json: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    if (!includesVersion(field.versions, version)) continue
    const converted = fieldToJson(field, flexible, version, value[name])
    if (includesVersion(field.tagged, version) && isDefault(field, version, value[name])) continue
    json[name] = converted
  }
  return json
}

function isDefault(field: Field<unknown>, version: number, value: unknown): boolean {
  if (field.kind === 'array' || field.kind === 'bytes') {
    return field.default === null ? value === null : value !== null && (value as unknown[]).length === 0
  }
  if (field.kind === 'struct' && field.default === undefined) {
    if (value === null) return false
    const struct = value as Record<string, unknown>
    return Object.entries(field.fields!).every(
      ([name, each]) => !includesVersion(each.versions, version) || isDefault(each, version, struct[name]),
    )
  }
  return value === (field.default ?? null)
}

function fieldToJson(field: Field<unknown>, flexible: boolean, version: number, value: unknown): unknown {
  if (value === null) return null
  switch (field.kind) {
    case 'array':
      return (value as unknown[]).map((each) => fieldToJson(field.element!, flexible, version, each))
    case 'struct':
      return toJson(field.fields!, flexible, version, value as Record<string, unknown>)
    case 'bytes':
    case 'records':
      return (value as Buffer).toString('base64')
    case 'int64':
    case 'int64AsNumber': {
      const number = Number(value)
      return Number.isSafeInteger(number) && BigInt(number) === BigInt(value as bigint) ? number : String(value)
    }
    default:
      return value
  }
}

function fromJson(
  fields: Fields,
  version: number,
  json: Record<string, unknown>,
  unknownTags: MessageVector['unknownTags'] = undefined,
): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    if (name in json) value[name] = fieldFromJson(field, version, json[name])
  }
  if (unknownTags !== undefined) {
    value.unknownTaggedFields = unknownTags.map(
      ({ tag, data }): UnknownTaggedField => ({ tag, data: Buffer.from(data, 'base64') }),
    )
  }
  return value
}

function fieldFromJson(field: Field<unknown>, version: number, json: unknown): unknown {
  if (json === null) return null
  switch (field.kind) {
    case 'array':
      return (json as unknown[]).map((each) => fieldFromJson(field.element!, version, each))
    case 'struct':
      return fromJson(field.fields!, version, json as Record<string, unknown>)
    case 'bytes':
    case 'records':
      return Buffer.from(json as string, 'base64')
    case 'int64':
      return BigInt(json as number | string)
    case 'int64AsNumber':
      return typeof json === 'string' ? BigInt(json) : json
    default:
      return json
  }
}

/** Where two JSON values differ first; undefined when they are the same. Order of keys does not matter. */
function firstDifference(expected: unknown, actual: unknown, path: string): string | undefined {
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) {
    return Object.is(expected, actual) || expected === actual
      ? undefined
      : `${path || 'value'} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`
  }
  const names = new Set([...Object.keys(expected), ...Object.keys(actual)])
  for (const name of names) {
    const difference = firstDifference(
      (expected as Record<string, unknown>)[name],
      (actual as Record<string, unknown>)[name],
      path === '' ? name : `${path}.${name}`,
    )
    if (difference !== undefined) return difference
  }
  return undefined
}
