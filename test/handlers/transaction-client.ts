/** test: a client of a broker with a transaction coordinator, and with a topic of two partitions. */
import { initProducerId } from '../../protocol/messages/init-producer-id.ts'
import { GroupCoordinator } from '../../src/groups/group-coordinator.ts'
import { initProducerIdHandler } from '../../src/handlers/init-producer-id.ts'
import { settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import type { WritesMarkers } from '../../src/transactions/transaction-completion.ts'
import { newTopic } from '../cluster/open-cluster.ts'
import { openTransactions } from '../transactions/open-transactions.ts'
import { Client } from './ask.ts'

export const transactionalId = 'transfer'

export async function transactionClient(topic = 'accounts', markers?: WritesMarkers) {
  const opened = await openTransactions({ ...(markers && { markers }) })
  const [{ broker, transactions }] = opened.brokers as [(typeof opened.brokers)[number]]
  const { cluster, clock } = opened
  const groups = new GroupCoordinator({ broker, clock, random: new SeededRandom(1), logger: silentLogger })
  await cluster.createTopics([newTopic(topic, { numPartitions: 2 })])
  await transactions.coordinatorOf(transactionalId)
  const client = new Client(broker, undefined, { transactions, groups })
  const close = async (): Promise<void> => {
    await groups.close()
    await opened.close()
  }
  /** A producer of `transactionalId`. */
  const producer = async (id = transactionalId) => {
    const request = { transactionalId: id, transactionTimeoutMs: 60_000 }
    const { producerId, producerEpoch } = await client.ask(initProducerIdHandler, initProducerId, 5, request)
    return { producerId, producerEpoch }
  }
  return { client, transactions, cluster, clock, producer, close }
}

/** Lets markers and complete states be written. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await settle()
}
