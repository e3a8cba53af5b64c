/** One life of a broker in the transaction simulation: all of its domain on a simulated disk, asked through its handlers. */
import { Cluster } from '../../../src/cluster/cluster.ts'
import type { Partition } from '../../../src/cluster/partition.ts'
import { BrokerConfig } from '../../../src/config/index.ts'
import type { GroupCoordinator } from '../../../src/groups/group-coordinator.ts'
import type { Rooms } from '../../../src/handlers/context.ts'
import { LogDirectory } from '../../../src/log/log-directory.ts'
import { buildRooms } from '../../../src/process/broker-rooms.ts'
import { openSharedRooms, type SharedRooms } from '../../../src/process/cluster-stack.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import { LogLevels } from '../../../src/runtime/log-levels.ts'
import type { Logger } from '../../../src/runtime/logger.ts'
import type { Random } from '../../../src/runtime/random.ts'
import type { SimulatedFileSystem } from '../../../src/runtime/simulated-file-system.ts'
import { openAccess } from '../../../src/security/access.ts'
import type { MarkerWriter } from '../../../src/transactions/marker-writer.ts'
import type { TransactionCoordinator } from '../../../src/transactions/transaction-coordinator.ts'
import { newTopic } from '../../cluster/open-cluster.ts'
import { Client } from '../../handlers/ask.ts'

export interface BrokerParts {
  readonly files: SimulatedFileSystem
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly settings: Readonly<Record<string, string>>
  /** For tests of the simulation itself: what is broken on purpose. */
  readonly sabotage?: Sabotage | undefined
}

/** Makes the broker worse than it may be, by changing what it is made of. */
export interface Sabotage {
  readonly markers?: (markers: MarkerWriter) => void
  readonly partition?: (partition: Partition) => void
  readonly transactions?: (transactions: TransactionCoordinator) => void
  readonly groups?: (groups: GroupCoordinator) => void
}

export class SimulatedBroker {
  readonly files: SimulatedFileSystem
  readonly client: Client
  readonly #cluster: Cluster
  readonly #groups: GroupCoordinator
  readonly #transactions: TransactionCoordinator
  readonly #sabotage: Sabotage | undefined

  static async open(parts: BrokerParts): Promise<SimulatedBroker> {
    const { files, clock, random, logger } = parts
    const config = BrokerConfig.load({ settings: parts.settings })
    const shared = { nodeId: config.get('node.id'), files, clock, random, logger }
    const limits = {
      producerIdExpirationMs: config.get('producer.id.expiration.ms'),
      initialTaskDelayMs: config.get('log.initial.task.delay.ms'),
      flushSchedulerIntervalMs: config.get('log.flush.scheduler.interval.ms'),
    }
    const directory = await LogDirectory.open({ ...shared, path: 'data', limits })
    let rooms: SharedRooms | undefined
    const cluster = await Cluster.open({
      ...shared,
      config,
      directories: [directory],
      registerParts: (metadata) => {
        rooms = openSharedRooms(metadata, { config, clock, random, logger })
      },
    })
    const broker = new SimulatedBroker(cluster, rooms!, config, parts)
    await broker.#start()
    return broker
  }

  private constructor(cluster: Cluster, shared: SharedRooms, config: BrokerConfig, parts: BrokerParts) {
    const { files, clock, random, logger, sabotage } = parts
    const broker = cluster.addBroker(config.get('node.id'))
    const logLevels = new LogLevels(logger)
    const own = { broker, shared, config, clock, random, logLevels, listeners: [], metrics: undefined }
    const rooms: Rooms = buildRooms({ ...own, roomsOf: () => rooms })
    const { groups, markers, transactions } = rooms
    sabotage?.markers?.(markers)
    sabotage?.transactions?.(transactions)
    sabotage?.groups?.(groups)
    this.files = files
    this.client = new Client(broker, openAccess, rooms)
    this.#cluster = cluster
    this.#groups = groups
    this.#transactions = transactions
    this.#sabotage = sabotage
  }

  async #start(): Promise<void> {
    await this.client.broker.start([{ name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 0 }])
    for (const partition of this.#cluster.topics.partitions()) this.#sabotage?.partition?.(partition)
  }

  async createTopic(name: string, partitions: number, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.#cluster.topics.byName(name) !== undefined) return
    const set = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    await this.#cluster.createTopics([newTopic(name, { numPartitions: partitions, configs: set })])
    for (const partition of this.partitionsOf(name)) this.#sabotage?.partition?.(partition)
  }

  /** Makes what FindCoordinator makes. */
  async createInternalTopics(): Promise<void> {
    await this.#transactions.coordinatorOf('any')
    await this.#groups.coordinatorOf('any')
  }

  /** Empty while there is no such topic. */
  partitionsOf(topic: string): readonly Partition[] {
    return this.#cluster.topics.byName(topic)?.partitions ?? []
  }

  async close(): Promise<void> {
    await Promise.all([this.#groups.close(), this.#transactions.close()])
    await this.#cluster.close()
  }
}
