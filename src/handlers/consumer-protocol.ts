/** handlers: whether the consumer group protocol (KIP-848) is served. */
import { KafkaError } from '../../protocol/errors.ts'
import type { Context } from './context.ts'

/** As the broker's config and the cluster's feature have it. @throws KafkaError UNSUPPORTED_VERSION */
export function requireConsumerProtocol({ config, cluster }: Context): void {
  const isOn = config.get('group.coordinator.rebalance.protocols').includes('consumer')
  if (!isOn || cluster.features.level('group.version') < 1) throw new KafkaError('UNSUPPORTED_VERSION')
}
