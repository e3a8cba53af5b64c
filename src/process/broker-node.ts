/** process: one broker id as it runs: its listeners, its rooms over the cluster that it shares, and the server between them. */
import type { Cluster } from '../cluster/cluster.ts'
import type { Endpoint } from '../cluster/registrations.ts'
import { type BrokerConfig, type Listener as ListenerConfig, securityProtocols } from '../config/index.ts'
import type { Rooms } from '../handlers/index.ts'
import { Listener } from '../network/index.ts'
import { realClock } from '../runtime/clock.ts'
import type { LogLevels } from '../runtime/log-levels.ts'
import type { Logger } from '../runtime/logger.ts'
import { nodeFileSystem } from '../runtime/node-file-system.ts'
import { realRandom } from '../runtime/random.ts'
import { authorizerOf } from '../security/configured-authorizer.ts'
import { ListenerSecurity } from '../security/listener-security.ts'
import { Server } from '../server/index.ts'
import type { RequestObserver } from '../server/request-observer.ts'
import type { MetricsEndpoint } from '../telemetry/metrics-endpoint.ts'
import { RequestLog } from '../telemetry/request-log.ts'
import { buildRooms } from './broker-rooms.ts'
import type { SharedRooms } from './cluster-stack.ts'
import { type OpenedConnectionQuotas, openConnectionQuotas } from './quotas.ts'

interface NodeListener {
  readonly opened: Listener
  readonly config: ListenerConfig
  readonly security: ListenerSecurity
}

export interface BrokerNodeOptions {
  readonly config: BrokerConfig
  readonly logLevels: LogLevels
  /** The rooms of any broker of the process that runs. */
  roomsOf(brokerId: number): Rooms | undefined
}

export class BrokerNode {
  readonly id: number
  readonly #config: BrokerConfig
  readonly #logLevels: LogLevels
  readonly #logger: Logger
  readonly #roomsOf: (brokerId: number) => Rooms | undefined
  /** Empty while it does not run. */
  #listeners: NodeListener[] = []
  /** Where each listener was first: clients that know it find it there again. */
  readonly #ports = new Map<string, number>()
  #rooms: Rooms | undefined
  #shared: SharedRooms | undefined
  #metrics: MetricsEndpoint | undefined
  #connectionQuotas: OpenedConnectionQuotas | undefined
  #server: Server | undefined
  #stopHearingOfConfigs: () => void = () => {}
  #stopRequestLog: () => void = () => {}

  constructor({ config, logLevels, roomsOf }: BrokerNodeOptions) {
    this.id = config.get('node.id')
    this.#config = config
    this.#logLevels = logLevels
    this.#logger = logLevels.logger('kafka.network.SocketServer')
    this.#roomsOf = roomsOf
  }

  /** Where clients find it while it runs, listener by listener. */
  get endpoints(): Endpoint[] {
    return this.#config.listeners.map(({ name, protocol, advertisedHost, advertisedPort }) => ({
      name,
      host: advertisedHost,
      port: advertisedPort === 0 ? this.#ports.get(name)! : advertisedPort,
      securityProtocol: securityProtocols.indexOf(protocol),
    }))
  }

  /** Open ones, by listener. */
  get connections(): ReadonlyMap<string, number> {
    return new Map(this.#listeners.map(({ opened }) => [opened.name, opened.connectionCount]))
  }

  /** Undefined unless it runs. */
  get rooms(): Rooms | undefined {
    return this.#rooms
  }

  /** Takes its ports, the same as before; connections wait until `serve`. @throws BindError */
  async bind(): Promise<void> {
    for (const config of this.#config.listeners) {
      const security = await this.#securityOf(config)
      const opened = await this.#bind(config, security)
      security.onTlsChanged((tls) => {
        opened.tls = tls
      })
      this.#listeners.push({ opened, config, security })
      this.#ports.set(config.name, opened.port)
    }
  }

  /** Registers with the cluster, and leads what it may. */
  async join(cluster: Cluster, shared: SharedRooms, metrics: MetricsEndpoint | undefined): Promise<void> {
    const broker = cluster.broker(this.id)!
    this.#shared = shared
    this.#metrics = metrics
    this.#rooms = buildRooms({
      broker,
      shared,
      listeners: this.#listeners.map(({ security }) => security),
      metrics,
      config: this.#config,
      clock: realClock,
      random: realRandom,
      logLevels: this.#logLevels,
      roomsOf: this.#roomsOf,
    })
    await broker.start(this.endpoints)
  }

  /** To be called when it has joined. */
  async serve(): Promise<void> {
    const { broker, cluster } = this.#rooms!
    const observers: RequestObserver[] = this.#metrics === undefined ? [] : [this.#metrics.requests]
    this.#stopRequestLog = RequestLog.keepAmong(observers, this.#logLevels, {
      name: 'kafka.server.KafkaApis',
      slowMs: this.#config.get('odradek.request.slow.ms'),
    })
    const maxQueuedBytes = this.#config.get('queued.max.request.bytes')
    const { acls, clientQuotas } = this.#shared!
    const accessFor = authorizerOf(this.#config, acls, this.#logger)
    const server = new Server(this.#rooms!, accessFor, { observers, maxQueuedBytes })
    this.#server = server
    const opened = this.#listeners.map((each) => each.opened)
    this.#connectionQuotas = await openConnectionQuotas(broker, opened, clientQuotas, this.#logger)
    const { admission } = this.#connectionQuotas
    for (const { opened, security } of this.#listeners) {
      // What an earlier run was told holds on.
      if (broker.config !== this.#config) await security.apply(broker.config)
      opened.start((connection) => server.accept(connection, security), admission)
    }
    this.#stopHearingOfConfigs = cluster.onBrokerConfigChanged(() => {
      for (const { security } of this.#listeners) void security.apply(broker.config)
    })
  }

  /** Ends all connections and its coordinators; what was never opened is left out. The broker is the cluster's to stop. */
  async close(): Promise<void> {
    const listeners = this.#listeners
    const [server, rooms] = [this.#server, this.#rooms]
    this.#listeners = []
    this.#stopHearingOfConfigs()
    this.#stopRequestLog()
    this.#connectionQuotas?.close()
    this.#server = undefined
    this.#rooms = undefined
    await Promise.all(listeners.map(({ opened }) => opened.close()))
    rooms?.clientTelemetry.close()
    await Promise.all([server?.close(), rooms?.groups.close(), rooms?.transactions.close()])
  }

  /** Stores of keys are files whichever way data is kept. */
  #securityOf(listener: ListenerConfig): Promise<ListenerSecurity> {
    return ListenerSecurity.open({
      listener,
      config: this.#config,
      credentials: () => this.#shared!.credentials,
      files: nodeFileSystem,
      clock: realClock,
      random: realRandom,
      logger: this.#logger,
    })
  }

  #bind(config: ListenerConfig, { tls }: ListenerSecurity): Promise<Listener> {
    return Listener.open({
      name: config.name,
      bindAddresses: config.bindAddresses,
      port: this.#ports.get(config.name) ?? config.port,
      maxRequestBytes: this.#config.get('socket.request.max.bytes'),
      maxIdleMs: this.#config.get('connections.max.idle.ms'),
      tls,
      clock: realClock,
      logger: this.#logger,
    })
  }
}
