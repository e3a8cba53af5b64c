/** handlers: what a handler is given besides the request. */
import type { Broker } from '../cluster/broker.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { BrokerConfig, SecurityProtocol } from '../config/index.ts'
import type { Fetcher } from '../fetch/fetcher.ts'
import type { GroupCoordinator } from '../groups/group-coordinator.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Access } from '../security/access.ts'
import type { Acls } from '../security/acls.ts'
import type { Authentication } from '../security/authentication.ts'
import type { Credentials } from '../security/credentials.ts'
import type { ListenerSecurity } from '../security/listener-security.ts'
import type { Principal } from '../security/principal.ts'
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
  /** `listener` runs once when the connection ends; returns the way to stop that. */
  onClose(listener: () => void): () => void
}

export interface Context extends Rooms {
  readonly apiVersion: number
  readonly clientId: string | null
  readonly connection: ConnectionContext
  readonly access: Access
}
