/** quotas: which entities DescribeClientQuotas asks for. Messages are those of Kafka's ClientQuotasImage. */
import { KafkaError } from '../../protocol/errors.ts'
import { isEntityType, type QuotaEntity } from './quota-entity.ts'

interface AskedComponent {
  readonly entityType: string
  readonly matchType: number
  readonly match: string | null
}

const matchTypes = ['MATCH_TYPE_EXACT', 'MATCH_TYPE_DEFAULT', 'MATCH_TYPE_SPECIFIED'] as const

export class QuotaFilter {
  /** The name that is asked for, null for the default; 'any' for every one. */
  readonly #names = new Map<string, { readonly name: string | null } | 'any'>()
  /** Entities that have more parts than are asked for do not match. */
  readonly #isStrict: boolean

  /** @throws KafkaError INVALID_REQUEST, UNSUPPORTED_VERSION for an entity type that does not exist */
  constructor(components: readonly AskedComponent[], isStrict: boolean) {
    this.#isStrict = isStrict
    for (const component of components) this.#add(component)
    if (this.#names.has('ip') && this.#names.size > 1) {
      throw invalid(
        'Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.',
      )
    }
  }

  matches(entity: QuotaEntity): boolean {
    if (this.#isStrict && (this.#names.size === 0 || entity.size !== this.#names.size)) return false
    for (const [type, asked] of this.#names) {
      const name = entity.get(type)
      if (name === undefined || (asked !== 'any' && asked.name !== name)) return false
    }
    return true
  }

  #add({ entityType, matchType, match }: AskedComponent): void {
    if (entityType === '') throw invalid('Invalid empty entity type.')
    if (this.#names.has(entityType)) {
      throw invalid(`Entity type ${entityType} cannot appear more than once in the filter.`)
    }
    if (!isEntityType(entityType)) {
      throw new KafkaError('UNSUPPORTED_VERSION', `Unsupported entity type ${entityType}`)
    }
    const type = matchTypes[matchType]
    if (type === undefined) throw invalid(`Unknown match type ${matchType}`)
    if (type === 'MATCH_TYPE_EXACT' && match === null) {
      throw invalid(`Request specified ${type}, but set match string to null.`)
    }
    if (type !== 'MATCH_TYPE_EXACT' && match !== null) {
      throw invalid(`Request specified ${type}, but also specified a match string.`)
    }
    this.#names.set(entityType, type === 'MATCH_TYPE_SPECIFIED' ? 'any' : { name: match })
  }
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', message)
}
