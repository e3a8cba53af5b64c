/** test: brokers with their transaction coordinators, on a cluster in memory, whose partitions get real markers. */
import { buildEndTransactionMarker } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { ProducerIds } from '../../src/transactions/producer-ids.ts'
import type { WritesMarkers } from '../../src/transactions/transaction-completion.ts'
import { TransactionCoordinator } from '../../src/transactions/transaction-coordinator.ts'
import { endpoint, type OpenOptions, openCluster } from '../cluster/open-cluster.ts'

interface TransactionBroker {
  readonly broker: Broker
  readonly transactions: TransactionCoordinator
}

export async function openTransactions(options: OpenOptions & { readonly markers?: WritesMarkers } = {}) {
  const settings = { 'transaction.state.log.num.partitions': '3', ...options.settings }
  const opened = await openCluster({ ...options, settings, brokers: [] })
  const { cluster, clock } = opened
  const brokers: TransactionBroker[] = []
  const markers: WritesMarkers = options.markers ?? {
    async write({ isCommit, ...marker }, topic, partition) {
      const leaderId = cluster.topics.byName(topic)?.partitions[partition]?.leaderId
      const { broker } = brokers.find((each) => each.broker.id === leaderId) ?? brokers[0]!
      const batch = buildEndTransactionMarker({
        ...marker,
        type: isCommit ? 'COMMIT' : 'ABORT',
        timestamp: clock.now(),
      })
      await broker.leaderFor(topic, partition).log.append(batch, 'coordinator')
    },
  }
  for (const id of options.brokers ?? [1]) {
    const broker = cluster.addBroker(id)
    const rest = { clock, logger: silentLogger, producerIds: new ProducerIds(broker), markers }
    brokers.push({ broker, transactions: new TransactionCoordinator({ broker, ...rest }) })
    await broker.start([endpoint(id)])
  }
  const close = async (): Promise<void> => {
    for (const { transactions } of brokers) await transactions.close()
    await cluster.close()
  }
  return { ...opened, brokers, close }
}
