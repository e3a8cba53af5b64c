/** process: the rooms of one broker, over the cluster and what else it shares with the others of the process. */
import type { Broker } from '../cluster/broker.ts'
import type { BrokerConfig } from '../config/index.ts'
import { Fetcher } from '../fetch/fetcher.ts'
import { GroupCoordinator } from '../groups/group-coordinator.ts'
import { handlers, type Rooms } from '../handlers/index.ts'
import type { Clock } from '../runtime/clock.ts'
import { systemHostNames } from '../runtime/host-names.ts'
import type { LogLevels } from '../runtime/log-levels.ts'
import type { Random } from '../runtime/random.ts'
import { hasAuthorizer } from '../security/configured-authorizer.ts'
import type { MetricsEndpoint } from '../telemetry/metrics-endpoint.ts'
import { MarkerWriter } from '../transactions/marker-writer.ts'
import { ProducerIds } from '../transactions/producer-ids.ts'
import { TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import { TransactionVerification } from '../transactions/verification.ts'
import type { SharedRooms } from './cluster-stack.ts'
import { openClientTelemetry } from './metrics.ts'
import { openQuotas } from './quotas.ts'

/** How long an unused fetch session is safe from a newcomer; Kafka's min.incremental.fetch.session.eviction.ms is not a config. */
const fetchSessionEvictionMs = 120_000

export interface BrokerRoomsOptions {
  /** Not started yet: coordinators take over partitions as it gets to lead them. */
  readonly broker: Broker
  readonly shared: SharedRooms
  readonly listeners: Rooms['listeners']
  readonly metrics: MetricsEndpoint | undefined
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly random: Random
  /** Each room has a logger with the name of what does the same in Kafka. */
  readonly logLevels: LogLevels
  /** The rooms of any broker of the process that runs. */
  roomsOf(brokerId: number): Rooms | undefined
}

export function buildRooms(options: BrokerRoomsOptions): Rooms {
  const { broker, shared, listeners, metrics, config, clock, random, logLevels, roomsOf } = options
  const logger = logLevels.logger('kafka.server.KafkaApis')
  const { cluster } = broker
  const producerIds = new ProducerIds(broker)
  const markers = new MarkerWriter({ cluster, clock, groupsOf: (id) => roomsOf(id)?.groups })
  const transactions = new TransactionCoordinator({
    broker,
    clock,
    logger: logLevels.logger('kafka.coordinator.transaction.TransactionCoordinator'),
    producerIds,
    markers,
  })
  const coordinatorOf = (transactionalId: string): TransactionCoordinator | undefined => {
    const brokerId = transactions.coordinatorIdOf(transactionalId)
    return brokerId === undefined ? undefined : roomsOf(brokerId)?.transactions
  }
  return {
    cluster,
    broker,
    groups: new GroupCoordinator({
      broker,
      clock,
      random,
      logger: logLevels.logger('org.apache.kafka.coordinator.group.GroupCoordinatorService'),
    }),
    transactions,
    producerIds,
    markers,
    verification: new TransactionVerification({ broker, clock, coordinatorOf }),
    fetcher: new Fetcher(broker, {
      clock,
      random,
      maxBytes: config.get('fetch.max.bytes'),
      maxSessions: config.get('max.incremental.fetch.session.cache.slots'),
      evictionMs: fetchSessionEvictionMs,
    }),
    clientQuotas: shared.clientQuotas,
    quotas: openQuotas(config, shared.clientQuotas, clock),
    hostNames: systemHostNames,
    clientTelemetry: openClientTelemetry(cluster, config, { clock, random, logger }, metrics),
    traffic: metrics?.traffic,
    credentials: shared.credentials,
    listeners,
    acls: hasAuthorizer(config) ? shared.acls : undefined,
    config,
    clock,
    logger,
    handlers,
    roomsOf,
  }
}
