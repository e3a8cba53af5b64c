/** handlers: what a handler is given besides the request. */
import type { KafkaError } from '../../protocol/errors.ts'
import type { Broker } from '../cluster/broker.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { BrokerConfig, SecurityProtocol } from '../config/index.ts'
import type { Fetcher } from '../fetch/fetcher.ts'
import type { GroupCoordinator } from '../groups/group-coordinator.ts'
import type { BrokerQuotas, MutationQuota } from '../quotas/broker-quotas.ts'
import type { ClientQuotas } from '../quotas/client-quotas.ts'
import type { Clock } from '../runtime/clock.ts'
import type { HostNames } from '../runtime/host-names.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Access } from '../security/access.ts'
import type { Acls } from '../security/acls.ts'
import type { Authentication } from '../security/authentication.ts'
import type { Credentials } from '../security/credentials.ts'
import type { ListenerSecurity } from '../security/listener-security.ts'
import type { Principal } from '../security/principal.ts'
import type { ClientTelemetry, TelemetryPeer } from '../telemetry/client-telemetry.ts'
import type { TopicTraffic } from '../telemetry/topic-traffic.ts'
import type { MarkerWriter } from '../transactions/marker-writer.ts'
import type { ProducerIds } from '../transactions/producer-ids.ts'
import type { TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import type { TransactionVerification } from '../transactions/verification.ts'
import type { Handler } from './handler.ts'

/** The domain as one broker sees it. */
export interface Rooms {
  /** Shared by all brokers of the process. */
  readonly cluster: Cluster
  /** This broker: its id, what it leads and coordinates. */
  readonly broker: Broker
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly fetcher: Fetcher
  readonly producerIds: ProducerIds
  /** undefined: without an authorizer nobody asks for ACLs. */
  readonly acls: Acls | undefined
  /** Shared by all brokers of the process. */
  readonly markers: MarkerWriter
  readonly verification: TransactionVerification
  /** Shared by all brokers of the process. */
  readonly credentials: Credentials
  /** Of this broker. */
  readonly listeners: readonly ListenerSecurity[]
  /** Those that are set; shared by all brokers of the process. */
  readonly clientQuotas: ClientQuotas
  /** What clients have used of them at this broker. */
  readonly quotas: BrokerQuotas
  readonly hostNames: HostNames
  readonly clientTelemetry: ClientTelemetry
  /** Counts what topics take and give; undefined while nobody wants to know. */
  readonly traffic: TopicTraffic | undefined
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly logger: Logger
  /** All that is served, for ApiVersions. */
  readonly handlers: readonly Handler[]
  /** Those of another broker of the process, or of this one; undefined unless that one runs. */
  roomsOf(brokerId: number): Rooms | undefined
}

/** The connection that a request came on. */
export interface ConnectionContext {
  /** Unique in the broker; `127.0.0.1:9092-127.0.0.1:51234-0` as Kafka writes it. */
  readonly id: string
  /** Name of the listener, `PLAINTEXT`. */
  readonly listener: string
  /** The client's IP address. */
  readonly clientAddress: string
  /** Of the listener. */
  readonly securityProtocol: SecurityProtocol
  /** Who it is; ANONYMOUS until that is known. */
  readonly principal: Principal
  readonly authentication: Authentication
  /** What the principal may do. */
  readonly access: Access
  /** What the client has said in ApiVersions that it is (KIP-511). */
  clientSoftware: { readonly name: string; readonly version: string }
  /** `listener` runs once when the connection ends; returns the way to stop that. */
  onClose(listener: () => void): () => void
}

export interface Context extends Rooms {
  readonly apiVersion: number
  readonly clientId: string | null
  readonly connection: ConnectionContext
  readonly access: Access
}

/** Whom quotas count for: the name of the principal, which without authentication is everybody's. */
export function userOf({ principal }: ConnectionContext): string {
  return principal.name
}

/** What the client may still change in the metadata. `firstStrictVersion`: from there on it knows THROTTLING_QUOTA_EXCEEDED. */
export function mutationQuotaOf(context: Context, firstStrictVersion: number): MutationQuota {
  const { quotas, connection, clientId, apiVersion } = context
  return quotas.mutationQuota({ user: userOf(connection), clientId }, apiVersion >= firstStrictVersion)
}

/** What is told beside the code of a change that was refused; nothing, where the quota for changes is used up. */
export function messageOf(error: KafkaError): string | null {
  return error.kafkaError === 'THROTTLING_QUOTA_EXCEEDED' ? null : error.message
}

/** Who pushes metrics, in the words that subscriptions match. */
export function telemetryPeerOf({ connection, clientId }: Context): TelemetryPeer {
  const [, port = ''] = /:(\d+)-\d+$/.exec(connection.id) ?? []
  return {
    user: userOf(connection),
    client_id: clientId ?? '',
    client_software_name: connection.clientSoftware.name,
    client_software_version: connection.clientSoftware.version,
    client_source_address: connection.clientAddress,
    client_source_port: port,
    onClose: (listener) => connection.onClose(listener),
  }
}
