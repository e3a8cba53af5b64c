/** protocol/schema: what is declared with fields: APIs (a request and a response) and stored records, with their codecs. */
import { type Codec, compile } from './compiler.ts'
import type { Decoded, Encodable, Fields } from './fields.ts'
import { ProtocolError } from './protocol-error.ts'
import { includesVersion, noVersions, parseVersions, type VersionRange } from './versions.ts'

/** Fields with the versions that they have; compiles each version's codec when it is first asked for. */
export class Schema<F extends Fields> {
  readonly name: string
  readonly fields: F
  readonly versions: VersionRange
  readonly flexibleVersions: VersionRange
  readonly #codecs: (Codec<Decoded<F>, Encodable<F>> | undefined)[] = []

  constructor(name: string, fields: F, versions: VersionRange, flexibleVersions: VersionRange) {
    this.name = name
    this.fields = fields
    this.versions = versions
    this.flexibleVersions = flexibleVersions
  }

  isFlexible(version: number): boolean {
    return includesVersion(this.flexibleVersions, version)
  }

  /** @throws ProtocolError for a version that the schema does not have. */
  codec(version: number): Codec<Decoded<F>, Encodable<F>> {
    const known = this.#codecs[version]
    if (known !== undefined) return known
    if (!includesVersion(this.versions, version)) throw new ProtocolError(`${this.name} has no version ${version}`)
    const codec = compile<Decoded<F>, Encodable<F>>(this.fields, version, this.isFlexible(version))
    this.#codecs[version] = codec
    return codec
  }
}

export interface Api<Q extends Fields = Fields, P extends Fields = Fields> {
  readonly key: number
  /** Kafka's name: `OffsetForLeaderEpoch`. */
  readonly name: string
  readonly versions: VersionRange
  readonly flexible: VersionRange
  /** Versions that Kafka does not offer yet by default. */
  readonly unstable: VersionRange
  readonly request: Schema<Q>
  readonly response: Schema<P>
}

export type Request<A> = A extends Api<infer Q, infer _P> ? Decoded<Q> : never
/** What a handler gives back: a missing field is sent as its default. */
export type Response<A> = A extends Api<infer _Q, infer P> ? Encodable<P> : never
/** A response as a client decodes it. */
export type DecodedResponse<A> = A extends Api<infer _Q, infer P> ? Decoded<P> : never

/** Declares an API: key, name and versions as in Kafka's message definitions. */
export function api<Q extends Fields, P extends Fields>(declaration: {
  readonly key: number
  readonly name: string
  readonly versions: string
  readonly flexible: string
  readonly unstable?: string
  readonly request: Q
  readonly response: P
}): Api<Q, P> {
  const versions = parseVersions(declaration.versions)
  const flexible = parseVersions(declaration.flexible)
  return {
    key: declaration.key,
    name: declaration.name,
    versions,
    flexible,
    unstable: declaration.unstable === undefined ? noVersions : parseVersions(declaration.unstable),
    request: new Schema(`${declaration.name}Request`, declaration.request, versions, flexible),
    response: new Schema(`${declaration.name}Response`, declaration.response, versions, flexible),
  }
}

/** A value of `S` as it is decoded. */
export type DecodedOf<S> = S extends Schema<infer F> ? Decoded<F> : never
/** A value of `S` as it may be given to the encoder. */
export type EncodableOf<S> = S extends Schema<infer F> ? Encodable<F> : never
