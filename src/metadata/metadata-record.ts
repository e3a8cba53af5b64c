/** metadata: one KRaft record as a room hands it in, before it has an offset. */
import type { Encodable, Fields } from '../../protocol/schema/index.ts'
import type { StoredSchema } from '../../protocol/state/index.ts'

export interface MetadataRecord {
  /** Framed as it is stored. */
  readonly bytes: Buffer
}

/** Encodes `value` by `version` of `schema`; a missing field is written as its default. */
export function metadataRecord<F extends Fields>(
  schema: StoredSchema<F>,
  version: number,
  value: Encodable<F>,
): MetadataRecord {
  return { bytes: schema.encodeMetadata(version, value) }
}
