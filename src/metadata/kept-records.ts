/**
 * metadata: records of kinds that no room owns, byte for byte, so that snapshots lose nothing that another broker may know how to use. Where
 * a kind has a key, the last record of each key is kept, until it is removed; of unknown kinds all are, in their order.
 */
import { type Decoded, type Fields, ProtocolError } from '../../protocol/schema/index.ts'
import {
  accessControlEntryRecord,
  clientQuotaRecord,
  delegationTokenRecord,
  noOpRecord,
  readMetadataFrame,
  registerControllerRecord,
  removeAccessControlEntryRecord,
  removeDelegationTokenRecord,
  removeUserScramCredentialRecord,
  type StoredSchema,
  userScramCredentialRecord,
  zkMigrationStateRecord,
} from '../../protocol/state/index.ts'
import type { MetadataRecord } from './metadata-record.ts'

type Kind = 'controllers' | 'zkMigration' | 'clientQuotas' | 'acls' | 'scram' | 'delegationTokens' | 'unknown'

/** In the order in which a snapshot has them. */
const kinds: readonly Kind[] = [
  'zkMigration',
  'controllers',
  'clientQuotas',
  'acls',
  'scram',
  'delegationTokens',
  'unknown',
]

/** What a record does to the others of its kind: it sets what stands for a key, or removes it. */
interface Effect {
  readonly key: string
  readonly removes: boolean
}

interface Folding {
  readonly kind: Kind
  /** @throws ProtocolError for a version that is not known */
  readonly effectOf: (bytes: Buffer) => Effect
}

const foldings = new Map<number, Folding>()

function fold<F extends Fields>(
  kind: Kind,
  schema: StoredSchema<F>,
  keyOf: (record: Decoded<F>) => unknown,
  removes: (record: Decoded<F>) => boolean = () => false,
): void {
  const effectOf = (bytes: Buffer): Effect => {
    const { version, body } = readMetadataFrame(bytes)
    const record = schema.codec(version).decode(body)
    return { key: JSON.stringify(keyOf(record)), removes: removes(record) }
  }
  foldings.set(schema.type, { kind, effectOf })
}

const always = (): boolean => true
fold('zkMigration', zkMigrationStateRecord, () => null)
fold('controllers', registerControllerRecord, ({ controllerId }) => controllerId)
fold(
  'clientQuotas',
  clientQuotaRecord,
  ({ entity, key }) => [entity.map(({ entityType, entityName }) => [entityType, entityName]).sort(), key],
  ({ remove }) => remove,
)
fold('acls', accessControlEntryRecord, ({ id }) => id)
fold('acls', removeAccessControlEntryRecord, ({ id }) => id, always)
fold('scram', userScramCredentialRecord, ({ name, mechanism }) => [name, mechanism])
fold('scram', removeUserScramCredentialRecord, ({ name, mechanism }) => [name, mechanism], always)
fold('delegationTokens', delegationTokenRecord, ({ tokenId }) => tokenId)
fold('delegationTokens', removeDelegationTokenRecord, ({ tokenId }) => tokenId, always)

class KeptKind {
  readonly #byKey = new Map<string, Buffer>()
  /** From the first record on that can't be read, and so may be of any key, all are kept as they came. */
  readonly #asTheyCame: Buffer[] = []

  take(bytes: Buffer, effect: Effect | undefined): void {
    // A copy: the record may be a view on much more.
    if (effect === undefined || this.#asTheyCame.length > 0) this.#asTheyCame.push(Buffer.from(bytes))
    else if (effect.removes) this.#byKey.delete(effect.key)
    else this.#byKey.set(effect.key, Buffer.from(bytes))
  }

  *records(): Generator<MetadataRecord, void> {
    for (const bytes of this.#byKey.values()) yield { bytes }
    for (const bytes of this.#asTheyCame) yield { bytes }
  }
}

export class KeptRecords {
  readonly #byKind = new Map(kinds.map((kind) => [kind, new KeptKind()]))

  take(type: number, bytes: Buffer): void {
    if (type === noOpRecord.type) return
    const folding = foldings.get(type)
    this.#byKind.get(folding?.kind ?? 'unknown')!.take(bytes, folding && readEffect(folding, bytes))
  }

  *records(): Generator<MetadataRecord, void> {
    for (const kept of this.#byKind.values()) yield* kept.records()
  }
}

/** Undefined for a version that is not known. */
function readEffect(folding: Folding, bytes: Buffer): Effect | undefined {
  try {
    return folding.effectOf(bytes)
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}
