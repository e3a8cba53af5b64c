/**
 * protocol/schema: the words in which a message is declared. Each returns a description that the compiler turns into a
 * codec and TypeScript into a type; order of declaration is order on the wire.
 *
 *     topics: array({ name: string({ versions: '0-12' }), topicId: uuid({ versions: '13+' }) }, { nullable: '7+' })
 */
import { allVersions, noVersions, parseVersions, type VersionRange } from './versions.ts'

export interface Options {
  /** Versions that have the field; all, unless told. */
  readonly versions?: string
  /** Versions in which it may be null. */
  readonly nullable?: string
  /** What a decoded value holds where the version lacks the field, and what is written for a missing one. */
  readonly default?: unknown
  /** Number of the tagged field (KIP-482). */
  readonly tag?: number
  /** Versions in which it is a tagged field; with `tag`, all unless told. */
  readonly tagged?: string
  /** `none`: never in the compact form, also in flexible versions. */
  readonly flexible?: 'none'
}

export type PrimitiveKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'int64AsNumber'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'

/** `D`: type of a decoded value; `E`: what may be given to the encoder. */
export interface Field<D, E = D> {
  readonly kind: PrimitiveKind | 'array' | 'struct'
  readonly versions: VersionRange
  readonly nullable: VersionRange
  readonly tag: number | undefined
  readonly tagged: VersionRange
  readonly neverCompact: boolean
  readonly default: unknown
  /** Of an array. */
  readonly element: Field<unknown> | undefined
  /** Of a struct. */
  readonly fields: Fields | undefined
  /** Only in the type: what inference reads. */
  readonly decoded?: D
  readonly encodable?: E
}

// biome-ignore lint/suspicious/noExplicitAny: any is what makes Field's two type parameters bivariant here
export type Fields = Readonly<Record<string, Field<any, any>>>

type Nullable<T, O> = O extends { readonly nullable: string } ? T | null : T

/** A decoded struct: every field is there, absent ones at their default. */
export type Decoded<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<infer D, infer _E> ? D : never
} & { unknownTaggedFields?: readonly UnknownTaggedField[] }

/** What the encoder takes: a missing field is written as its default. */
export type Encodable<F extends Fields> = {
  readonly [K in keyof F]?: F[K] extends Field<infer _D, infer E> ? E : never
} & { readonly unknownTaggedFields?: readonly UnknownTaggedField[] }

/** A tagged field that this schema does not know; kept, and written again. */
export interface UnknownTaggedField {
  readonly tag: number
  readonly data: Buffer
}

function field<D, E>(
  kind: Field<D, E>['kind'],
  options: Options,
  zero: unknown,
  inner: { element?: Field<unknown>; fields?: Fields } = {},
): Field<D, E> {
  const versions = options.versions === undefined ? allVersions : parseVersions(options.versions)
  const tagged =
    options.tag === undefined ? noVersions : options.tagged === undefined ? versions : parseVersions(options.tagged)
  return {
    kind,
    versions,
    nullable: options.nullable === undefined ? noVersions : parseVersions(options.nullable),
    tag: options.tag,
    tagged,
    neverCompact: options.flexible === 'none',
    default: 'default' in options ? options.default : zero,
    element: inner.element,
    fields: inner.fields,
  }
}

export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'
const noBytes = Buffer.alloc(0)

const plainFields = new Map<PrimitiveKind, Field<unknown>>()

/** Of a primitive. Those without options, half of all, are one object for each kind. */
function primitive<D, E = D>(kind: PrimitiveKind, options: Options | undefined, zero: unknown): Field<D, E> {
  if (options !== undefined) return field(kind, options, zero)
  const plain = plainFields.get(kind) ?? field(kind, {}, zero)
  plainFields.set(kind, plain)
  return plain as Field<D, E>
}

export const bool = (options?: Options): Field<boolean> => primitive('bool', options, false)
export const int8 = (options?: Options): Field<number> => primitive('int8', options, 0)
export const int16 = (options?: Options): Field<number> => primitive('int16', options, 0)
export const uint16 = (options?: Options): Field<number> => primitive('uint16', options, 0)
export const int32 = (options?: Options): Field<number> => primitive('int32', options, 0)
export const uint32 = (options?: Options): Field<number> => primitive('uint32', options, 0)
export const float64 = (options?: Options): Field<number> => primitive('float64', options, 0)

/** A bigint; with `js: 'number'` a number, for positions and times: exact while safe, see Reader.int64AsNumber. */
export function int64(options: Options & { readonly js: 'number' }): Field<number>
export function int64(options?: Options): Field<bigint, bigint | number>
export function int64(options?: Options & { readonly js?: 'number' }): Field<number> | Field<bigint, bigint | number> {
  return options?.js === 'number'
    ? primitive<number, number>('int64AsNumber', options, 0)
    : primitive<bigint, bigint | number>('int64', options, 0n)
}

/** 22 characters of base64url. */
export const uuid = (options?: Options): Field<string> => primitive('uuid', options, zeroUuid)

export function string<const O extends Options>(options?: O): Field<Nullable<string, O>> {
  return primitive('string', options, '')
}

export function bytes<const O extends Options>(options?: O): Field<Nullable<Buffer, O>, Nullable<Uint8Array, O>> {
  return primitive('bytes', options, noBytes)
}

/** Record batches as they came; the encoder takes several buffers and copies none. */
export function records<const O extends Options>(
  options?: O,
): Field<Nullable<Buffer, O>, Nullable<Buffer | readonly Buffer[], O>> {
  return primitive('records', options, noBytes)
}

export function array<D, E, const O extends Options>(
  element: Field<D, E>,
  options?: O,
): Field<Nullable<D[], O>, Nullable<readonly E[], O>>
export function array<F extends Fields, const O extends Options>(
  element: F,
  options?: O,
): Field<Nullable<Decoded<F>[], O>, Nullable<readonly Encodable<F>[], O>>
export function array(element: Field<unknown> | Fields, options: Options = {}): Field<unknown> {
  return field('array', options, Object.freeze([]), { element: isField(element) ? element : struct(element) })
}

export function struct<F extends Fields, const O extends Options>(
  fields: F,
  options?: O,
): Field<Nullable<Decoded<F>, O>, Nullable<Encodable<F>, O>> {
  return field('struct', options ?? {}, undefined, { fields })
}

function isField(value: Field<unknown> | Fields): value is Field<unknown> {
  return typeof (value as { kind: unknown }).kind === 'string'
}
