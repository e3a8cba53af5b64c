/** quotas: what AlterClientQuotas asks for one entity, and which entities there can be. Messages are Kafka's. */
import { KafkaError } from '../../protocol/errors.ts'
import { isEntityType, type QuotaEntity } from './quota-entity.ts'

export interface QuotaAlteration {
  readonly entity: QuotaEntity
  /** Undefined: the quota goes. */
  readonly values: ReadonlyMap<string, number | undefined>
  /** A key was named twice, so that nobody knows which counts. */
  readonly hasRepeatedKey: boolean
}

/** @throws KafkaError INVALID_REQUEST */
export function requireValidEntity(entity: QuotaEntity, isAddress: (name: string) => boolean): void {
  if (entity.size === 0) throw invalid('Invalid empty client quota entity')
  for (const [type, name] of entity) {
    if (!isEntityType(type)) throw invalid(`Unhandled client quota entity type: ${type}`)
    if (name === '') throw invalid(`Empty ${type} not supported`)
  }
  const address = entity.get('ip')
  if (address === undefined) return
  if (entity.size > 1) {
    throw invalid('Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId')
  }
  if (address !== null && !isAddress(address)) throw invalid(`${address} is not a valid IP or resolvable host.`)
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', message)
}
