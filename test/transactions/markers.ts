/** test: brokers with a marker writer, and what transactional producers do to their partitions. */
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { MarkerWriter, type TransactionMarker } from '../../src/transactions/marker-writer.ts'
import { newTopic, type OpenOptions } from '../cluster/open-cluster.ts'
import { openGroups } from '../groups/open-groups.ts'
import { batch } from '../log/fixtures.ts'

export const producerId = 7n

export async function openMarkers(options: OpenOptions = {}) {
  const opened = await openGroups(options)
  const { cluster, clock, brokers } = opened
  const markers = new MarkerWriter({
    cluster,
    clock,
    groupsOf: (id) => brokers.find(({ broker }) => broker.id === id)?.groups,
  })
  return { ...opened, markers }
}

export async function createTopic(
  opened: Awaited<ReturnType<typeof openMarkers>>,
  name: string,
): Promise<PartitionLog> {
  await opened.cluster.createTopics([newTopic(name)])
  return opened.cluster.topics.byName(name)!.partitions[0]!.log
}

export function marker(more: Partial<TransactionMarker> = {}): TransactionMarker {
  return { producerId, producerEpoch: 0, coordinatorEpoch: 0, isCommit: true, transactionVersion: 1, ...more }
}

/** Opens a transaction, or goes on with it. */
export async function produce(log: PartitionLog, producerEpoch: number, baseSequence = 0): Promise<number> {
  const header = { producerId, producerEpoch, baseSequence, isTransactional: true }
  return (await log.append(batch(1, {}, header), 'coordinator')).baseOffset
}
