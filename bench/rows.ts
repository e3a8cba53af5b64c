/** bench: the rows of the table, in the order in which one peer goes through them. */
import { connectionRowNames, measureConnections } from './connection-rows.ts'
import { crowdRow, measureCrowd } from './crowd-row.ts'
import { groupRowNames, measureGroups } from './group-rows.ts'
import { latencyRowNames, measureLatency } from './latency-rows.ts'
import type { Measuring } from './measuring.ts'
import type { Broker } from './peers.ts'
import { memory } from './process-figures.ts'
import { measureStarts, startRowNames } from './start-rows.ts'
import { measureStorage, storageRowNames } from './storage-rows.ts'
import { measureThroughput, throughputRowNames } from './throughput-rows.ts'
import { measureTopic, topicRow } from './topic-row.ts'
import { measureTransactions, transactionRowNames } from './transaction-rows.ts'

const memoryLoadedRow = 'memory-loaded'
/** Those that share one broker, which is warm when they begin. */
const loadRowNames = [...throughputRowNames, ...latencyRowNames, memoryLoadedRow, ...transactionRowNames]
export const rowNames = [
  ...startRowNames,
  ...loadRowNames,
  crowdRow,
  ...connectionRowNames,
  topicRow,
  ...groupRowNames,
  ...storageRowNames,
]

/** One peer's way through the rows that are wanted of it. */
export async function measureRows(measuring: Measuring): Promise<void> {
  await measureStarts(measuring)
  if (measuring.wants(...loadRowNames)) {
    await measuring.attempt('rows under load', () => measuring.withBroker((broker) => measureLoads(measuring, broker)))
  }
  await measureCrowd(measuring)
  await measureConnections(measuring)
  await measureTopic(measuring)
  await measureGroups(measuring)
  await measureStorage(measuring)
}

async function measureLoads(measuring: Measuring, broker: Broker): Promise<void> {
  await measureThroughput(measuring, broker)
  await measureLatency(measuring, broker)
  await measuring.row(memoryLoadedRow, async () => {
    const { residentMb, peakMb } = memory(broker.pid)
    measuring.note(memoryLoadedRow, 'resident after load', 'MB', residentMb)
    measuring.note(memoryLoadedRow, 'resident at most', 'MB', peakMb)
  })
  await measureTransactions(measuring, broker)
}
