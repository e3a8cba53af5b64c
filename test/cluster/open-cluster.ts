/** test: a cluster on files in memory, as the tests of cluster, transactions and handlers start it. */
import type { Broker } from '../../src/cluster/broker.ts'
import { Cluster } from '../../src/cluster/cluster.ts'
import { BrokerConfig } from '../../src/config/index.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import { type Logger, silentLogger } from '../../src/runtime/logger.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'

export interface OpenOptions {
  readonly files?: FileSystem
  readonly path?: string
  readonly settings?: Record<string, string>
  readonly logger?: Logger
  readonly seed?: number
  /** One broker for each id, started. */
  readonly brokers?: readonly number[]
}

export async function openCluster(
  options: OpenOptions = {},
): Promise<{ cluster: Cluster; brokers: Broker[]; files: FileSystem; clock: SimulatedClock; config: BrokerConfig }> {
  const files = options.files ?? new MemoryFileSystem()
  const clock = new SimulatedClock()
  const random = new SeededRandom(options.seed ?? 1)
  const logger = options.logger ?? silentLogger
  const parts = { files, clock, random, logger, nodeId: 1 }
  const config = BrokerConfig.load({ settings: options.settings ?? {} })
  const directory = await LogDirectory.open({ ...parts, path: options.path ?? '/data' })
  const cluster = await Cluster.open({ ...parts, config, directories: [directory] })
  const brokers = (options.brokers ?? [1]).map((id) => cluster.addBroker(id))
  for (const broker of brokers) await broker.start([endpoint(broker.id)])
  return { cluster, brokers, files, clock, config }
}

export function endpoint(brokerId: number) {
  return { name: 'PLAINTEXT', host: 'localhost', port: 9091 + brokerId, securityProtocol: 0 }
}

/** A topic as CreateTopics names it. */
export function newTopic(name: string, more: Partial<Parameters<Cluster['createTopics']>[0][number]> = {}) {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...more }
}
