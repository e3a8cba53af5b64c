/** test: brokers with their group coordinators, on a cluster in memory. */
import type { Broker } from '../../src/cluster/broker.ts'
import { GroupCoordinator } from '../../src/groups/group-coordinator.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { endpoint, type OpenOptions, openCluster } from '../cluster/open-cluster.ts'

interface GroupBroker {
  readonly broker: Broker
  readonly groups: GroupCoordinator
}

export async function openGroups(options: OpenOptions = {}) {
  const opened = await openCluster({ ...options, brokers: [] })
  const brokers: GroupBroker[] = []
  for (const id of options.brokers ?? [1]) {
    const broker = opened.cluster.addBroker(id)
    const rest = { clock: opened.clock, random: new SeededRandom(id), logger: silentLogger }
    brokers.push({ broker, groups: new GroupCoordinator({ broker, ...rest }) })
    await broker.start([endpoint(id)])
  }
  const close = async (): Promise<void> => {
    for (const { groups } of brokers) await groups.close()
    await opened.cluster.close()
  }
  return { ...opened, brokers, close }
}

/** A JoinGroup of a new consumer. */
export function joinRequest(groupId: string, more: object = {}) {
  return {
    groupId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('metadata') }],
    reason: null,
    ...more,
  }
}

export const oldClient = {
  clientId: 'client',
  clientHost: '/127.0.0.1',
  memberIdRequired: false,
  skipsAssignment: false,
}
