/**
 * quotas: the quotas that are set, by entity, as the metadata log has them: changed by replay alone. All brokers of the process share them.
 * Source: KIP-546; Kafka's ClientQuotaControlManager and ClientQuotasImage.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { clientQuotaRecord } from '../../protocol/state/index.ts'
import { type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import { mapInTurns } from '../runtime/turns.ts'
import { type QuotaAlteration, requireValidEntity } from './quota-alteration.ts'
import { type EntityPart, entityKey, entityOf, entityText, partsOf, type QuotaEntity } from './quota-entity.ts'
import type { QuotaFilter } from './quota-filter.ts'
import { requireValidQuota } from './quota-keys.ts'

export interface EntityQuotas {
  readonly entity: QuotaEntity
  readonly values: ReadonlyMap<string, number>
}

export interface AlteredEntity {
  readonly entity: QuotaEntity
  /** Undefined: its quotas are as asked. */
  readonly error: KafkaError | undefined
}

/** Kafka's limit of one command. */
const maxRecordsPerCommand = 10_000

export class ClientQuotas {
  readonly #metadata: MetadataLog
  readonly #byEntity = new Map<string, { readonly entity: QuotaEntity; readonly values: Map<string, number> }>()
  #changes = 0

  /** To be made before the metadata log is loaded. */
  constructor(metadata: MetadataLog) {
    this.#metadata = metadata
    const register = metadata.image('clientQuotas', () => this.#records())
    register(clientQuotaRecord, ({ entity, key, value, remove }) => this.#replay(entityOf(entity), key, remove, value))
  }

  /** One more with each change. */
  get changes(): number {
    return this.#changes
  }

  entities(): Iterable<EntityQuotas> {
    return this.#byEntity.values()
  }

  /** The quota of exactly this entity; undefined where none is set. */
  valueOf(entity: QuotaEntity, key: string): number | undefined {
    return this.#byEntity.get(entityKey(entity))?.values.get(key)
  }

  describe(filter: QuotaFilter): EntityQuotas[] {
    return [...this.#byEntity.values()].filter(({ entity }) => filter.matches(entity))
  }

  /**
   * One entry for each entity. As in Kafka, one that is named again is told so, and keeps what its first alteration has made of it.
   * @param isAddress whether an `ip` entity can be one: an address, or a name that has one
   * @throws KafkaError POLICY_VIOLATION for more changes than one command may make
   */
  alter(
    alterations: readonly QuotaAlteration[],
    options: { readonly validateOnly: boolean; isAddress(name: string): boolean },
  ): Promise<AlteredEntity[]> {
    return this.#metadata.run(async () => {
      const records: MetadataRecord[] = []
      const results = new Map<string, AlteredEntity>()
      await mapInTurns(alterations, (alteration) => {
        const { entity } = alteration
        const key = entityKey(entity)
        try {
          if (results.has(key) || alteration.hasRepeatedKey) {
            throw new KafkaError('INVALID_REQUEST', `Ignoring duplicate entity ${entityText(entity)}`)
          }
          requireValidEntity(entity, options.isAddress)
          for (const record of this.#decide(alteration)) records.push(record)
          results.set(key, { entity, error: undefined })
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error
          results.set(key, { entity, error })
        }
      })
      if (records.length > maxRecordsPerCommand) {
        throw new KafkaError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
      }
      return { records: options.validateOnly ? [] : records, response: [...results.values()] }
    })
  }

  /** What is as wanted already is not written again. */
  #decide({ entity, values }: QuotaAlteration): MetadataRecord[] {
    const current = this.#byEntity.get(entityKey(entity))?.values
    const parts = partsOf(entity)
    const records: MetadataRecord[] = []
    for (const [key, value] of values) {
      if (value === undefined) {
        if (current?.has(key) === true) records.push(quotaRecord(parts, key, { remove: true }))
      } else {
        requireValidQuota(entity, key, value)
        if (current?.get(key) !== value) records.push(quotaRecord(parts, key, { value }))
      }
    }
    return records
  }

  #replay(entity: QuotaEntity, key: string, remove: boolean, value: number): void {
    const id = entityKey(entity)
    const known = this.#byEntity.get(id)
    this.#changes += 1
    if (!remove) {
      if (known === undefined) this.#byEntity.set(id, { entity, values: new Map([[key, value]]) })
      else known.values.set(key, value)
    } else if (known !== undefined) {
      known.values.delete(key)
      if (known.values.size === 0) this.#byEntity.delete(id)
    }
  }

  *#records(): Generator<MetadataRecord, void> {
    for (const { entity, values } of this.#byEntity.values()) {
      for (const [key, value] of values) yield quotaRecord(partsOf(entity), key, { value })
    }
  }
}

function quotaRecord(
  entity: readonly EntityPart[],
  key: string,
  rest: { value?: number; remove?: boolean },
): MetadataRecord {
  return metadataRecord(clientQuotaRecord, 0, { entity, key, ...rest })
}
