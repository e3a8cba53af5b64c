/** test: quotas on a metadata log in memory, and what one broker makes of them. */
import { Cluster } from '../../src/cluster/cluster.ts'
import { BrokerConfig } from '../../src/config/index.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import { BrokerQuotas } from '../../src/quotas/broker-quotas.ts'
import { ClientQuotas } from '../../src/quotas/client-quotas.ts'
import { entityOf } from '../../src/quotas/quota-entity.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'

export interface OpenedQuotas {
  readonly cluster: Cluster
  readonly quotas: ClientQuotas
  readonly broker: BrokerQuotas
  readonly clock: SimulatedClock
  readonly files: MemoryFileSystem
}

const window = { samples: 11, sampleMs: 1_000 }

export async function openQuotas(files = new MemoryFileSystem()): Promise<OpenedQuotas> {
  const clock = new SimulatedClock()
  const parts = { files, clock, random: new SeededRandom(1), logger: silentLogger, nodeId: 1 }
  const directory = await LogDirectory.open({ ...parts, path: '/data' })
  let quotas: ClientQuotas | undefined
  const cluster = await Cluster.open({
    ...parts,
    config: BrokerConfig.load({}),
    directories: [directory],
    registerParts: (metadata) => {
      quotas = new ClientQuotas(metadata)
    },
  })
  const broker = new BrokerQuotas({ quotas: quotas!, clock, window, controllerWindow: window })
  return { cluster, quotas: quotas!, broker, clock, files }
}

type Values = Readonly<Record<string, number | undefined>>

/** Sets quotas of one entity; undefined removes one. */
export async function setQuotas(
  quotas: ClientQuotas,
  entity: Readonly<Record<string, string | null>>,
  values: Values,
): Promise<void> {
  const parts = Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName }))
  const alteration = { entity: entityOf(parts), values: new Map(Object.entries(values)), hasRepeatedKey: false }
  const [result] = await quotas.alter([alteration], { validateOnly: false, isAddress: () => true })
  if (result?.error !== undefined) throw result.error
}
