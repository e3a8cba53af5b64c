/**
 * protocol/schema: compiles the fields of one version to a decoder and an encoder. The result is straight-line JavaScript made
 * with `new Function`: no table is walked per message, and every decoded object of a version has the same shape.
 * The source holds nothing but names from our own declarations and numbers; `decoderSource` shows it. A second form of both, made when it
 * is first needed, stops every `elementsPerStep` elements: whoever runs it can let others work in between.
 *
 *     a flexible struct:  plain fields in order | count of tagged fields | (tag | size | value)*     ascending by tag
 */
import type { Field, Fields, UnknownTaggedField } from './fields.ts'
import { ProtocolError } from './protocol-error.ts'
import type { Reader } from './reader.ts'
import { includesVersion } from './versions.ts'
import type { Writer } from './writer.ts'

export interface Codec<D, E> {
  /** @throws ProtocolError for bytes that are not such a message. Does not look at what follows it. */
  decode(reader: Reader): D
  /** @throws ProtocolError for a value that this version can't hold. */
  encode(writer: Writer, value: E): void
  /** As `decode` and `encode`, for what may be large. */
  decodeInSteps(reader: Reader): Steps<D>
  encodeInSteps(writer: Writer, value: E): Steps<void>
}

/** Work that is done bit by bit: each `next()` goes on with it. */
export type Steps<T> = Generator<undefined, T, undefined>

/** Of arrays: what is read or written in less than a millisecond. */
export const elementsPerStep = 1024
/** A struct whose arrays have no more in all is written without a generator for it and each of them: they take longer than the elements. */
const elementsAtOnce = 64

interface Target {
  readonly version: number
  readonly flexible: boolean
  /** What has to do with arrays is made a generator. */
  readonly inSteps: boolean
}

/** Collects the functions of one codec, and the values which their source refers to by name. */
class Source {
  readonly functions: string[] = []
  readonly constants: unknown[] = []

  /** The expression for `value` inside the source. */
  constant(value: unknown): string {
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
    if (typeof value === 'string') return JSON.stringify(value)
    if (typeof value === 'bigint') return `${value}n`
    this.constants.push(value)
    return `constants[${this.constants.length - 1}]`
  }

  add(parameters: string, body: string, stops = false): string {
    const name = `f${this.functions.length}`
    this.functions.push(`function${stops ? '*' : ''} ${name}(${parameters}) {\n${body}\n}`)
    return name
  }

  build(entry: string, helpers: Record<string, unknown>): (...parameters: never[]) => unknown {
    const make = new Function(
      'constants',
      ...Object.keys(helpers),
      `'use strict'\nlet elements = 0\n${this.functions.join('\n')}\nreturn ${entry}`,
    )
    return make(this.constants, ...Object.values(helpers))
  }
}

export function compile<D, E>(fields: Fields, version: number, flexible: boolean): Codec<D, E> {
  const decode = decoderOf(fields, { version, flexible, inSteps: false }) as Codec<D, E>['decode']
  const encode = encoderOf(fields, { version, flexible, inSteps: false }) as Codec<D, E>['encode']
  const inSteps = { version, flexible, inSteps: true }
  if (!Object.values(fields).some((field) => stops(field, inSteps))) {
    return { decode, encode, decodeInSteps: inOneStep(decode), encodeInSteps: inOneStep(encode) }
  }
  let decodeInSteps: Codec<D, E>['decodeInSteps'] | undefined
  let encodeInSteps: Codec<D, E>['encodeInSteps'] | undefined
  return {
    decode,
    encode,
    decodeInSteps: (reader) => {
      decodeInSteps ??= decoderOf(fields, inSteps) as Codec<D, E>['decodeInSteps']
      return decodeInSteps(reader)
    },
    encodeInSteps: (writer, value) => {
      encodeInSteps ??= encoderOf(fields, inSteps) as Codec<D, E>['encodeInSteps']
      return encodeInSteps(writer, value)
    },
  }
}

function decoderOf(fields: Fields, target: Target): unknown {
  const source = new Source()
  return source.build(structDecoder(source, fields, target), {})
}

function encoderOf(fields: Fields, target: Target): unknown {
  const source = new Source()
  return source.build(structEncoder(source, fields, target), { writeUnknown, cannotBeNull })
}

function inOneStep<A extends unknown[], R>(run: (...given: A) => R): (...given: A) => Steps<R> {
  // biome-ignore lint/correctness/useYield: it never stops
  return function* (...given) {
    return run(...given)
  }
}

/** What reads or writes it is a generator. */
function stops(field: Field<unknown>, target: Target): boolean {
  if (!target.inSteps || !includesVersion(field.versions, target.version)) return false
  return field.kind === 'array' || (field.kind === 'struct' && stopsIn(field.fields!, target))
}

function stopsIn(fields: Fields, target: Target): boolean {
  return Object.values(fields).some((field) => stops(field, target))
}

function called(name: string, given: string, isGenerator: boolean): string {
  return isGenerator ? `(yield* ${name}(${given}))` : `${name}(${given})`
}

/** In the loop of an array. */
function countElement({ inSteps }: Target): string {
  return inSteps ? `if ((elements += 1) >= ${elementsPerStep}) { elements = 0; yield }` : ''
}

/** The JavaScript that decodes `fields`, for people. */
export function decoderSource(fields: Fields, version: number, flexible: boolean): string {
  const source = new Source()
  structDecoder(source, fields, { version, flexible, inSteps: false })
  return source.functions.join('\n')
}

/** The value of a field that is not there: its default, for a struct one of all defaults. */
function defaultOf(field: Field<unknown>): unknown {
  if (field.kind !== 'struct' || field.default !== undefined) return field.default
  return Object.fromEntries(Object.entries(field.fields!).map(([name, inner]) => [name, defaultOf(inner)]))
}

const isTagged = (field: Field<unknown>, { version }: Target): boolean => includesVersion(field.tagged, version)
const isPlain = (field: Field<unknown>, target: Target): boolean =>
  includesVersion(field.versions, target.version) && !isTagged(field, target)
const isCompact = (field: Field<unknown>, { flexible }: Target): boolean => flexible && !field.neverCompact

function taggedFields(fields: Fields, target: Target): [string, Field<unknown>][] {
  return Object.entries(fields)
    .filter(([, field]) => isTagged(field, target))
    .sort(([, a], [, b]) => a.tag! - b.tag!)
}

/** The least number of bytes that a value takes; what bounds an array's length. */
function leastBytes(field: Field<unknown>, target: Target): number {
  const compact = isCompact(field, target)
  switch (field.kind) {
    case 'bool':
    case 'int8':
      return 1
    case 'int16':
    case 'uint16':
      return 2
    case 'int32':
    case 'uint32':
      return 4
    case 'int64':
    case 'int64AsNumber':
    case 'float64':
      return 8
    case 'uuid':
      return 16
    case 'string':
      return compact ? 1 : 2
    case 'bytes':
    case 'records':
    case 'array':
      return compact ? 1 : 4
    case 'struct':
      return includesVersion(field.nullable, target.version) ? 1 : leastStructBytes(field.fields!, target)
  }
}

function leastStructBytes(fields: Fields, target: Target): number {
  let least = target.flexible ? 1 : 0
  for (const field of Object.values(fields)) if (isPlain(field, target)) least += leastBytes(field, target)
  return least
}

// ---- decoding

function structDecoder(source: Source, fields: Fields, target: Target): string {
  const lines: string[] = []
  const names = Object.keys(fields)
  for (const [index, name] of names.entries()) {
    const field = fields[name]!
    if (isPlain(field, target)) lines.push(`const v${index} = ${readExpression(source, field, target)}`)
    else {
      const fallback = defaultOf(field)
      const word = isTagged(field, target) ? 'let' : 'const'
      lines.push(`${word} v${index} = ${Array.isArray(fallback) ? '[]' : source.constant(fallback)}`)
    }
  }
  const literal = `{ ${names.map((name, index) => `${name}: v${index}`).join(', ')} }`
  const isGenerator = stopsIn(fields, target)
  if (!target.flexible) return source.add('r', [...lines, `return ${literal}`].join('\n'), isGenerator)

  const cases = taggedFields(fields, target).map(
    ([name, field]) =>
      `case ${field.tag}: v${names.indexOf(name)} = ${readExpression(source, field, target, 'r.uvarint() > 0')}; break`,
  )
  lines.push(
    'let unknown',
    'for (let count = r.uvarint(); count > 0; count -= 1) {',
    'const tag = r.uvarint(), size = r.uvarint(), end = r.taggedFieldEnd(size)',
    `switch (tag) {\n${cases.join('\n')}\ndefault: (unknown ??= []).push({ tag, data: r.view(size) })\n}`,
    'r.expectPosition(end)',
    '}',
    `const value = ${literal}`,
    'if (unknown !== undefined) value.unknownTaggedFields = unknown',
    'return value',
  )
  return source.add('r', lines.join('\n'), isGenerator)
}

/** `present`: how to learn that a nullable struct is there: a sign byte, in a tagged field a uvarint. */
function readExpression(source: Source, field: Field<unknown>, target: Target, present = 'r.isPresent()'): string {
  const nullable = includesVersion(field.nullable, target.version)
  switch (field.kind) {
    case 'string':
    case 'bytes':
      return `r.${variant(field.kind, isCompact(field, target), nullable)}()`
    case 'records':
      return `r.${variant('bytes', isCompact(field, target), nullable)}()`
    case 'array':
      return called(arrayDecoder(source, field, nullable, target), 'r', target.inSteps)
    case 'struct': {
      const read = called(structDecoder(source, field.fields!, target), 'r', stops(field, target))
      return nullable ? `(${present} ? ${read} : null)` : read
    }
    default:
      return `r.${field.kind}()`
  }
}

/** The Reader's method: `string`, `nullableString`, `compactString`, `compactNullableString`. */
function variant(base: string, compact: boolean, nullable: boolean): string {
  const words = [...(compact ? ['compact'] : []), ...(nullable ? ['nullable'] : []), base]
  return words.map((word, index) => (index === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join('')
}

function arrayDecoder(source: Source, field: Field<unknown>, nullable: boolean, target: Target): string {
  const element = field.element!
  const read = readExpression(source, element, target)
  const length = variant('arrayLength', isCompact(field, target), nullable)
  return source.add(
    'r',
    [
      `const length = r.${length}(${leastBytes(element, target)})`,
      ...(nullable ? ['if (length < 0) return null'] : []),
      'const values = []',
      `for (let index = 0; index < length; index += 1) { values.push(${read}); ${countElement(target)} }`,
      'return values',
    ].join('\n'),
    target.inSteps,
  )
}

// ---- encoding

function structEncoder(source: Source, fields: Fields, target: Target): string {
  const lines: string[] = []
  for (const [name, field] of Object.entries(fields)) {
    if (isPlain(field, target))
      lines.push(`{ ${takeValue(source, name, field)}\n${writeStatement(source, name, field, target)} }`)
  }
  if (target.flexible) lines.push(...writeTaggedFields(source, fields, target))
  return source.add('w, value', lines.join('\n'), stopsIn(fields, target))
}

function takeValue(source: Source, name: string, field: Field<unknown>): string {
  return `let v = value.${name}; if (v === undefined) v = ${source.constant(defaultOf(field))};`
}

function writeTaggedFields(source: Source, fields: Fields, target: Target): string[] {
  const tagged = taggedFields(fields, target)
  if (tagged.length === 0) {
    return [
      'if (value.unknownTaggedFields === undefined) w.int8(0)',
      'else writeUnknown(w, value.unknownTaggedFields, 0, true)',
    ]
  }
  const lines = ['const unknown = value.unknownTaggedFields ?? []', 'let count = unknown.length, done = 0']
  const present = (index: number): string => `t${index}`
  for (const [index, [name, field]] of tagged.entries()) {
    const differs = differsFromDefault(source, `value.${name}`, field, target)
    lines.push(
      `const ${present(index)} = value.${name} !== undefined && ${differs}`,
      `if (${present(index)}) count += 1`,
    )
  }
  lines.push('w.uvarint(count)')
  for (const [index, [name, field]] of tagged.entries()) {
    lines.push(
      `if (${present(index)}) {`,
      `while (done < unknown.length && unknown[done].tag < ${field.tag}) { writeUnknown(w, unknown, done, false); done += 1 }`,
      `let v = value.${name}`,
      `w.uvarint(${field.tag})`,
      'const mark = w.mark()',
      writeStatement(source, name, field, target, 0),
      'w.prefixSize(mark)',
      '}',
    )
  }
  lines.push('while (done < unknown.length) { writeUnknown(w, unknown, done, false); done += 1 }')
  return lines
}

/** The condition under which a tagged field is written at all. */
function differsFromDefault(source: Source, value: string, field: Field<unknown>, target: Target): string {
  if (field.kind === 'array' && Array.isArray(field.default)) return `(${value} === null || ${value}.length > 0)`
  if (field.kind === 'bytes' && field.default !== null) return `(${value} === null || ${value}.length > 0)`
  if (field.kind === 'struct' && field.default === undefined) {
    const inner = Object.entries(field.fields!).filter(([, each]) => includesVersion(each.versions, target.version))
    const body = inner.map(
      ([name, each]) => `(s.${name} !== undefined && ${differsFromDefault(source, `s.${name}`, each, target)})`,
    )
    return `(${value} === null || ${source.add('s', `return ${body.join(' || ') || 'false'}`)}(${value}))`
  }
  return `${value} !== ${source.constant(field.default ?? null)}`
}

/** `absent`: the byte that stands for a struct that is null: -1, in a tagged field 0. */
function writeStatement(source: Source, name: string, field: Field<unknown>, target: Target, absent = -1): string {
  const nullable = includesVersion(field.nullable, target.version)
  const compact = isCompact(field, target)
  const write = writeValue(source, field, target)
  if (field.kind === 'struct') {
    return nullable ? `if (v === null) w.int8(${absent}); else { w.int8(1); ${write} }` : write
  }
  if (!['string', 'bytes', 'records', 'array'].includes(field.kind)) return write
  const empty = compact ? 'w.int8(0)' : field.kind === 'string' ? 'w.int16(-1)' : 'w.int32(-1)'
  return `if (v === null) ${nullable ? empty : `cannotBeNull(${JSON.stringify(name)}, ${target.version})`}; else { ${write} }`
}

function writeValue(source: Source, field: Field<unknown>, target: Target): string {
  const compact = isCompact(field, target)
  switch (field.kind) {
    case 'string':
    case 'bytes':
    case 'records':
      return `w.${variant(field.kind, compact, false)}(v)`
    case 'int64AsNumber':
      return 'w.int64(v)'
    case 'struct':
      return called(structEncoder(source, field.fields!, target), 'w, v', stops(field, target))
    case 'array': {
      const element = writeElement(source, field.element!, target)
      const body = `for (let index = 0; index < values.length; index += 1) { let v = values[index]; ${element}; ${countElement(target)} }`
      const write = called(source.add('w, values', body, target.inSteps), 'w, v', target.inSteps)
      return `${compact ? 'w.uvarint(v.length + 1)' : 'w.int32(v.length)'}; ${write}`
    }
    default:
      return `w.${field.kind}(v)`
  }
}

function writeElement(source: Source, element: Field<unknown>, target: Target): string {
  const write = writeStatement(source, 'element', element, target)
  const arrays = stops(element, target) ? flatArrays(element, target) : undefined
  if (arrays === undefined) return write
  const count = source.add('s', `return ${arrays.map((name) => `(s.${name}?.length ?? 0)`).join(' + ')}`)
  const writeAtOnce = writeStatement(source, 'element', element, { ...target, inSteps: false })
  return `const inner = ${count}(v); if (inner <= ${elementsAtOnce}) { ${writeAtOnce}; elements += inner } else { ${write} }`
}

/** The arrays of a struct, where all that it holds of arrays are their own elements; else undefined. */
function flatArrays({ kind, fields, nullable }: Field<unknown>, target: Target): string[] | undefined {
  if (kind !== 'struct' || includesVersion(nullable, target.version)) return undefined
  const stopping = Object.entries(fields!).filter(([, field]) => stops(field, target))
  const areFlat = stopping.every(([, { kind: inner, element }]) => inner === 'array' && !stops(element!, target))
  return areFlat ? stopping.map(([name]) => name) : undefined
}

function cannotBeNull(name: string, version: number): never {
  throw new ProtocolError(`${name} cannot be null in version ${version}`)
}

/** One unknown tagged field, or with `all` their count and every one of them. */
function writeUnknown(writer: Writer, unknown: readonly UnknownTaggedField[], index: number, all: boolean): void {
  if (all) writer.uvarint(unknown.length)
  for (const field of all ? unknown : [unknown[index]!]) {
    writer.uvarint(field.tag)
    writer.uvarint(field.data.length)
    writer.raw(field.data)
  }
}
