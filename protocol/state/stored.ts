/**
 * protocol/state: how the body of a stored record is prefixed.
 *
 *     coordinator key:    record type (int16) | body v0
 *     coordinator value:  version (int16) | body           also the consumer-protocol blobs
 *     metadata value:     frame version 1 (uvarint) | record type (uvarint) | version (uvarint) | body
 */
import {
  type Decoded,
  type Encodable,
  type Fields,
  ProtocolError,
  parseVersions,
  Reader,
  Schema,
  Writer,
} from '../schema/index.ts'

/** A schema of something stored; `type` tells it from the others of its log. */
export class StoredSchema<F extends Fields> extends Schema<F> {
  readonly type: number

  constructor(name: string, declaration: { type?: number; versions: string; flexible: string; fields: F }) {
    super(name, declaration.fields, parseVersions(declaration.versions), parseVersions(declaration.flexible))
    this.type = declaration.type ?? -1
  }

  /** The body alone. */
  encodeBody(version: number, value: Encodable<F>): Buffer {
    const writer = new Writer()
    this.codec(version).encode(writer, value)
    return writer.toBuffer()
  }

  /** A coordinator record's key. */
  encodeKey(value: Encodable<F>): Buffer {
    const writer = new Writer()
    writer.int16(this.type)
    this.codec(0).encode(writer, value)
    return writer.toBuffer()
  }

  /** A coordinator record's value, or a consumer-protocol blob. */
  encodeVersioned(version: number, value: Encodable<F>): Buffer {
    const writer = new Writer()
    writer.int16(version)
    this.codec(version).encode(writer, value)
    return writer.toBuffer()
  }

  /** A metadata record's value. */
  encodeMetadata(version: number, value: Encodable<F>): Buffer {
    const writer = new Writer()
    writer.uvarint(metadataFrameVersion)
    writer.uvarint(this.type)
    writer.uvarint(version)
    this.codec(version).encode(writer, value)
    return writer.toBuffer()
  }

  /** A coordinator record's key, whose type has been looked at with `keyType`. */
  decodeKey(bytes: Buffer): Decoded<F> {
    return this.codec(0).decode(new Reader(bytes, 2))
  }

  /** @throws ProtocolError for a version that this schema does not have. */
  decodeVersioned(bytes: Buffer): Decoded<F> {
    const reader = new Reader(bytes)
    return this.codec(reader.int16()).decode(reader)
  }
}

/** Declares something stored. */
export function stored<F extends Fields>(
  name: string,
  declaration: { type?: number; versions: string; flexible: string; fields: F },
): StoredSchema<F> {
  return new StoredSchema(name, declaration)
}

const metadataFrameVersion = 1

/** The record type in a coordinator record's key. */
export function keyType(bytes: Buffer): number {
  return new Reader(bytes).int16()
}

/** Type and version of a metadata record, and a reader that stands before its body. */
export function readMetadataFrame(bytes: Buffer): { type: number; version: number; body: Reader } {
  const body = new Reader(bytes)
  const frameVersion = body.uvarint()
  if (frameVersion !== metadataFrameVersion)
    throw new ProtocolError(`metadata frame version ${frameVersion}, 1 expected`)
  return { type: body.uvarint(), version: body.uvarint(), body }
}
