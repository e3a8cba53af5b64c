/** process: one broker id as it runs: its listeners, its rooms over the cluster that it shares, and the server between them. */
import type { Cluster } from '../cluster/cluster.ts'
import type { Endpoint } from '../cluster/registrations.ts'
import type { BrokerConfig, Listener as ListenerConfig } from '../config/index.ts'
import type { Rooms } from '../handlers/index.ts'
import { Listener } from '../network/index.ts'
import { realClock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { authorizerOf } from '../security/configured-authorizer.ts'
import { Server } from '../server/index.ts'
import { buildRooms } from './broker-rooms.ts'
import type { SharedRooms } from './cluster-stack.ts'

/** The number that records have for a listener's protocol. */
const plaintext = 0

export interface BrokerNodeOptions {
  readonly config: BrokerConfig
  readonly logger: Logger
  /** The rooms of any broker of the process that runs. */
  roomsOf(brokerId: number): Rooms | undefined
}

export class BrokerNode {
  readonly id: number
  readonly #config: BrokerConfig
  readonly #logger: Logger
  readonly #roomsOf: (brokerId: number) => Rooms | undefined
  /** Empty while it does not run. */
  #listeners: { readonly opened: Listener; readonly config: ListenerConfig }[] = []
  /** Where each listener was first: clients that know it find it there again. */
  readonly #ports = new Map<string, number>()
  #rooms: Rooms | undefined
  #shared: SharedRooms | undefined
  #server: Server | undefined

  constructor({ config, logger, roomsOf }: BrokerNodeOptions) {
    this.id = config.get('node.id')
    this.#config = config
    this.#logger = logger
    this.#roomsOf = roomsOf
  }

  /** Where clients find it while it runs, listener by listener. */
  get endpoints(): Endpoint[] {
    return this.#config.listeners.map(({ name, advertisedHost, advertisedPort }) => ({
      name,
      host: advertisedHost,
      port: advertisedPort === 0 ? this.#ports.get(name)! : advertisedPort,
      securityProtocol: plaintext,
    }))
  }

  /** Undefined unless it runs. */
  get rooms(): Rooms | undefined {
    return this.#rooms
  }

  /** Takes its ports, the same as before; connections wait until `serve`. @throws BindError */
  async bind(): Promise<void> {
    for (const config of this.#config.listeners) {
      const opened = await this.#bind(config)
      this.#listeners.push({ opened, config })
      this.#ports.set(config.name, opened.port)
    }
  }

  /** Registers with the cluster, and leads what it may. */
  async join(cluster: Cluster, shared: SharedRooms): Promise<void> {
    const broker = cluster.broker(this.id)!
    this.#shared = shared
    this.#rooms = buildRooms({
      broker,
      shared,
      config: this.#config,
      logger: this.#logger,
      roomsOf: this.#roomsOf,
    })
    await broker.start(this.endpoints)
  }

  /** To be called when it has joined. */
  serve(): void {
    const server = new Server(this.#rooms!, authorizerOf(this.#config, this.#shared!.acls, this.#logger))
    this.#server = server
    for (const { opened } of this.#listeners) opened.start((connection) => server.accept(connection))
  }

  /** Ends all connections and its coordinators; what was never opened is left out. The broker is the cluster's to stop. */
  async close(): Promise<void> {
    const listeners = this.#listeners
    const [server, rooms] = [this.#server, this.#rooms]
    this.#listeners = []
    this.#server = undefined
    this.#rooms = undefined
    await Promise.all(listeners.map(({ opened }) => opened.close()))
    await Promise.all([server?.close(), rooms?.groups.close(), rooms?.transactions.close()])
  }

  #bind(config: ListenerConfig): Promise<Listener> {
    return Listener.open({
      name: config.name,
      bindAddresses: config.bindAddresses,
      port: this.#ports.get(config.name) ?? config.port,
      maxRequestBytes: this.#config.get('socket.request.max.bytes'),
      maxIdleMs: this.#config.get('connections.max.idle.ms'),
      clock: realClock,
      logger: this.#logger,
    })
  }
}
