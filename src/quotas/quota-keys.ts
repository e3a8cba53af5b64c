/** quotas: what can be limited, for whom, and by which values. Messages are those of Kafka's ClientQuotaControlManager. */
import { KafkaError } from '../../protocol/errors.ts'
import type { QuotaEntity } from './quota-entity.ts'

export type QuotaKey =
  | 'producer_byte_rate'
  | 'consumer_byte_rate'
  | 'request_percentage'
  | 'controller_mutation_rate'
  | 'connection_creation_rate'

type NumberType = 'double' | 'long' | 'int'

const clientKeys: Readonly<Record<string, NumberType>> = {
  request_percentage: 'double',
  producer_byte_rate: 'long',
  consumer_byte_rate: 'long',
  controller_mutation_rate: 'double',
}
const addressKeys: Readonly<Record<string, NumberType>> = { connection_creation_rate: 'int' }

const largest: Readonly<Record<NumberType, number>> = {
  int: 0x7fffffff,
  long: 2 ** 63,
  double: Number.POSITIVE_INFINITY,
}
/** A sum of doubles may be a whole number that is a little off. */
const epsilon = 1e-6

/** @throws KafkaError INVALID_REQUEST */
export function requireValidQuota(entity: QuotaEntity, key: string, value: number): void {
  const keys = entity.has('ip') ? addressKeys : clientKeys
  const type = Object.hasOwn(keys, key) ? keys[key] : undefined
  if (type === undefined) throw invalid(`Invalid configuration key ${key}`)
  if (!(value > 0)) throw invalid(`Quota ${key} must be greater than 0`)
  if (value > largest[type]) throw invalid(`Proposed value for ${key} is too large for ${withArticle(type)}.`)
  if (type !== 'double' && Math.abs(value - Math.trunc(value)) > epsilon) {
    throw invalid(`${key} cannot be a fractional value.`)
  }
}

function withArticle(type: NumberType): string {
  return `${type === 'int' ? 'an' : 'a'} ${type.toUpperCase()}`
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', message)
}
