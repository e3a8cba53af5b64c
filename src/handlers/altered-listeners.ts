/** handlers: certificates and logins that clients set while the broker runs are tried before they are written down. */
import { KafkaError } from '../../protocol/errors.ts'
import type { AlteredResource } from '../cluster/config-commands.ts'
import { ConfigError } from '../config/index.ts'
import type { Context } from './context.ts'

const listenerConfig = /^listener\.name\.|^(?:ssl|sasl)\./

/** INVALID_REQUEST for what a listener can't be set to; undefined where it can. */
export async function problemOfListeners(
  altered: AlteredResource,
  { broker, cluster, listeners }: Context,
): Promise<KafkaError | undefined> {
  const { type, name, operations, replacesAll } = altered
  if (type !== 'broker' || !operations.some((operation) => listenerConfig.test(operation.name))) return undefined
  const configs = (of: string) => cluster.dynamicConfigs.of('broker', of)
  const wanted = new Map(replacesAll ? [] : configs(name))
  for (const operation of operations) {
    if (operation.kind === 'SET') wanted.set(operation.name, operation.value)
    if (operation.kind === 'DELETE') wanted.delete(operation.name)
  }
  const [clusterWide, perBroker] = name === '' ? [wanted, configs(String(broker.id))] : [configs(''), wanted]
  const config = broker.config.withDynamic(clusterWide, perBroker)
  try {
    for (const listener of listeners) await listener.requireValid(config)
  } catch (error) {
    if (error instanceof ConfigError) return new KafkaError('INVALID_REQUEST', error.message)
    throw error
  }
  return undefined
}
