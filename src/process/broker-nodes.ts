/** process: all brokers of the process, over the one cluster that they share: opened from the bottom up, closed from the top down. */
import { loadCodecs } from '../../protocol/records/index.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Endpoint } from '../cluster/registrations.ts'
import type { BrokerConfig } from '../config/index.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'
import { BrokerNode } from './broker-node.ts'
import { ClusterStack } from './cluster-stack.ts'

export interface BrokerNodesOptions {
  /** One for each broker; what they share is taken from the first. */
  readonly configs: readonly BrokerConfig[]
  readonly files: FileSystem
  readonly logger: Logger
  /** Hears that the cluster can't go on: all is to be closed. */
  onFailure(error: Error): void
}

export class BrokerNodes {
  readonly #logger: Logger
  readonly #stack: ClusterStack
  readonly #nodes: readonly BrokerNode[]
  #cluster: Cluster | undefined

  constructor({ configs, files, logger, onFailure }: BrokerNodesOptions) {
    this.#logger = logger
    this.#stack = new ClusterStack({ config: configs[0]!, files, logger, onFailure })
    const roomsOf = (brokerId: number) => this.#nodes.find(({ id }) => id === brokerId)?.rooms
    this.#nodes = configs.map((config) => new BrokerNode({ config, logger, roomsOf }))
  }

  /** Where clients find them, listener by listener. */
  get endpoints(): Endpoint[] {
    return this.#nodes.flatMap(({ endpoints }) => endpoints)
  }

  get clusterId(): string {
    return this.#cluster!.clusterId
  }

  /** Ports are taken first, so that a start that can't succeed touches no data; connections wait until all is loaded. */
  async open(): Promise<void> {
    for (const node of this.#nodes) await node.bind()
    await loadCodecs()
    const cluster = await this.#stack.open()
    this.#cluster = cluster
    for (const node of this.#nodes) await node.join(cluster)
    const otherBrokers = cluster.describeOtherBrokers()
    if (otherBrokers !== undefined) this.#logger.warn({}, otherBrokers)
    for (const node of this.#nodes) node.serve()
  }

  /** From the top down; what was never opened is left out. */
  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()))
    await this.#stack.close()
  }
}
