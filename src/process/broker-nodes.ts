/** process: all brokers of the process, over the one cluster that they share: opened from the bottom up, closed from the top down. */
import { onCodecWarning } from '../../protocol/records/index.ts'
import type { Broker, BrokerState } from '../cluster/broker.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Endpoint } from '../cluster/registrations.ts'
import { consumerOffsetsTopic, transactionStateTopic } from '../cluster/topic.ts'
import type { BrokerConfig } from '../config/index.ts'
import { partitionFor } from '../groups/group-coordinator.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import { LogLevels } from '../runtime/log-levels.ts'
import type { Logger } from '../runtime/logger.ts'
import { SerialQueue } from '../runtime/serial-queue.ts'
import { forgetIdleSlabs } from '../runtime/slabs.ts'
import type { MetricsEndpoint } from '../telemetry/metrics-endpoint.ts'
import { BrokerNode } from './broker-node.ts'
import { ClusterStack } from './cluster-stack.ts'
import { metricSources, openMetrics } from './metrics.ts'

export interface BrokerNodesOptions {
  /** One for each broker; what they share is taken from the first. */
  readonly configs: readonly BrokerConfig[]
  readonly files: FileSystem
  readonly logger: Logger
  /** Hears that the cluster can't go on: all is to be closed. */
  onFailure(error: Error): void
}

/** Whose coordinator is meant. */
export type Coordinated = { readonly groupId: string } | { readonly transactionalId: string }

export class BrokerNodes {
  readonly #configs: readonly BrokerConfig[]
  readonly #logger: Logger
  readonly #stack: ClusterStack
  readonly #nodes: ReadonlyMap<number, BrokerNode>
  /** What is done to brokers, one after the other. */
  readonly #changes = new SerialQueue()
  #cluster: Cluster | undefined
  #metrics: MetricsEndpoint | undefined
  #isClosed = false

  constructor({ configs, files, logger, onFailure }: BrokerNodesOptions) {
    this.#configs = configs
    const logLevels = new LogLevels(logger)
    this.#logger = logLevels.logger('kafka.server.BrokerServer')
    this.#stack = new ClusterStack({ config: configs[0]!, files, logLevels, onFailure })
    const roomsOf = (brokerId: number) => this.#nodes.get(brokerId)?.rooms
    const nodes = configs.map((config) => new BrokerNode({ config, logLevels, roomsOf }))
    this.#nodes = new Map(nodes.map((node) => [node.id, node]))
  }

  /** Ascending. */
  get ids(): number[] {
    return [...this.#nodes.keys()]
  }

  get clusterId(): string {
    return this.#cluster!.clusterId
  }

  /** Where metrics are, when they are asked for. */
  get metricsUrl(): string | undefined {
    return this.#metrics?.url
  }

  /** Where clients find a broker when it runs, listener by listener. */
  endpointsOf(brokerId: number): readonly Endpoint[] {
    return this.#nodes.get(brokerId)!.endpoints
  }

  stateOf(brokerId: number): BrokerState {
    return this.#broker(brokerId).state
  }

  /** Ports are taken first, so that a start that can't succeed touches no data; connections wait until all is loaded. */
  async open(): Promise<void> {
    const nodes = [...this.#nodes.values()]
    for (const node of nodes) await node.bind()
    this.#metrics = await openMetrics(this.#configs[0]!, this.#logger)
    onCodecWarning((warning) => this.#logger.warn({}, warning))
    const cluster = await this.#stack.open()
    this.#cluster = cluster
    // All are known before the first one starts: it leaves them what they led.
    for (const [index, { id }] of nodes.entries()) {
      const config = this.#configs[index]!
      cluster.addBroker(id, config.get('broker.rack'), config)
    }
    for (const node of nodes) await node.join(cluster, this.#stack.shared, this.#metrics)
    await cluster.brokersStarted()
    for (const line of cluster.describeOtherBrokers()) this.#logger.warn({}, line)
    this.#stack.shared.credentials.tokens.start()
    cluster.onTopicDeleted(({ name }) => this.#metrics?.traffic.forget(name))
    this.#metrics?.start(metricSources(cluster, nodes))
    for (const node of nodes) await node.serve()
  }

  /** From the top down; what was never opened is left out. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#changes.idle()
    await Promise.all([...this.#nodes.values()].map((node) => node.close()))
    await this.#metrics?.close()
    await this.#stack.close()
    forgetIdleSlabs()
  }

  /** Its leaders and coordinators move to in-sync replicas, then its connections end. Nothing is done to one that has stopped. */
  stop(brokerId: number): Promise<void> {
    return this.#change(async () => {
      const broker = this.#broker(brokerId)
      if (broker.state === 'stopped') return
      await broker.stop()
      await this.#nodes.get(brokerId)!.close()
    })
  }

  /** On the ports that it had. Nothing is done to one that runs. @throws BindError when one of them is taken */
  start(brokerId: number): Promise<void> {
    return this.#change(async () => {
      const broker = this.#broker(brokerId)
      if (broker.state !== 'stopped') return
      const node = this.#nodes.get(brokerId)!
      try {
        await node.bind()
        await node.join(this.#cluster!, this.#stack.shared, this.#metrics)
      } catch (error) {
        await node.close()
        await broker.stop()
        throw error
      }
      await node.serve()
    })
  }

  /** @throws Error in one readable line when it does not run */
  isolate(brokerId: number): Promise<void> {
    return this.#change(async () => {
      const broker = this.#broker(brokerId)
      if (broker.state === 'stopped') throw new Error(`broker ${brokerId} does not run: it can't be isolated`)
      await broker.fence()
    })
  }

  rejoin(brokerId: number): Promise<void> {
    return this.#change(() => this.#broker(brokerId).unfence())
  }

  /** @throws Error as Cluster.moveLeader */
  moveLeader(topic: string, partition: number, brokerId: number): Promise<void> {
    return this.#change(() => this.#cluster!.moveLeader(topic, partition, brokerId))
  }

  /** Moves the leader of the partition that holds the state, and with it all that hashes to the same. @throws Error as Cluster.moveLeader */
  moveCoordinator(of: Coordinated, brokerId: number): Promise<void> {
    const [topicName, key] =
      'groupId' in of ? [consumerOffsetsTopic, of.groupId] : [transactionStateTopic, of.transactionalId]
    return this.#change(async () => {
      const topic = await this.#cluster!.ensureInternalTopic(topicName)
      await this.#cluster!.moveLeader(topicName, partitionFor(key, topic.partitions.length), brokerId)
    })
  }

  /** @throws Error for an id that is not among `ids` */
  requireId(brokerId: number): number {
    if (this.#nodes.has(brokerId)) return brokerId
    throw new Error(`there is no broker ${brokerId}: the ids are ${this.ids.join(', ')}`)
  }

  #broker(brokerId: number): Broker {
    return this.#cluster!.broker(this.requireId(brokerId))!
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    return this.#changes.run(() => {
      if (this.#isClosed) throw new Error('the brokers are closed')
      return change()
    })
  }
}
