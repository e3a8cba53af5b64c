/** process: the one endpoint for metrics of all brokers of the process, and what it looks at. */
import type { Cluster } from '../cluster/cluster.ts'
import type { BrokerConfig } from '../config/index.ts'
import { allGroups } from '../groups/group-requests.ts'
import { type Clock, idleShareSince } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { MetricSources } from '../telemetry/broker-gauges.ts'
import { ClientTelemetry } from '../telemetry/client-telemetry.ts'
import type { MetricsEndpoint } from '../telemetry/metrics-endpoint.ts'
import type { BrokerNode } from './broker-node.ts'

/** undefined: nobody asks for metrics, and neither HTTP nor Prometheus nor protobuf is loaded. */
export async function openMetrics(config: BrokerConfig, logger: Logger): Promise<MetricsEndpoint | undefined> {
  const port = config.get('odradek.metrics.port')
  if (port < 0) return undefined
  const endpoint = await import('../telemetry/metrics-endpoint.ts')
  return endpoint.MetricsEndpoint.open({ host: config.get('odradek.metrics.host'), port, logger })
}

export function openClientTelemetry(
  { dynamicConfigs }: Cluster,
  config: BrokerConfig,
  using: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
  metrics: MetricsEndpoint | undefined,
): ClientTelemetry {
  return new ClientTelemetry({
    ...using,
    maxBytes: config.get('telemetry.max.bytes'),
    subscriptions: () =>
      dynamicConfigs.names('clientMetrics').map((name) => [name, dynamicConfigs.of('clientMetrics', name)] as const),
    receiver: metrics?.clientMetrics,
  })
}

/** All brokers of the process together; it is healthy while one of them runs. */
export function metricSources(cluster: Cluster, nodes: readonly BrokerNode[]): MetricSources {
  const running = (): BrokerNode[] => nodes.filter(({ rooms }) => rooms?.broker.isRunning === true)
  return {
    brokerId: nodes[0]!.id,
    cluster,
    get isRunning() {
      return running().length > 0
    },
    // A broker that is about to stop coordinates none.
    groups: async () =>
      (await Promise.all(running().map(({ rooms }) => rooms!.groups.listGroups(allGroups).catch(() => [])))).flat(),
    connections: () => {
      const byListener = new Map<string, number>()
      for (const { connections } of running()) {
        for (const [name, count] of connections) byListener.set(name, (byListener.get(name) ?? 0) + count)
      }
      return byListener
    },
    idleShare: idleShareSince(),
  }
}
