/** test: producers of transactional ids, as scenarios need them: what brings one into a state, and waits until the broker is there. */
import {
  addPartitionsToTxn,
  describeTransactions,
  findCoordinator,
  initProducerId,
} from '../../protocol/messages/index.ts'
import type { Conversation } from './conversation.ts'

export interface Producer {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export const timeoutMs = 60_000

export const nobody: Producer = { producerId: 987_654n, producerEpoch: 0 }

/** Waits until transactional ids are served. */
export async function served(broker: Conversation): Promise<void> {
  await broker.producerId()
  for (const key of ['a', 'b', 'c']) {
    await broker.until(findCoordinator, 3, { key, keyType: 1 }, ({ errorCode }) => errorCode === 0)
    const asked = { transactionalIds: [key] }
    await broker.until(describeTransactions, 0, asked, (answer) => answer.transactionStates[0]!.errorCode === 105)
  }
}

/** A new producer of a transactional id. */
export async function producerOf(broker: Conversation, transactionalId: string): Promise<Producer> {
  const request = { transactionalId, transactionTimeoutMs: timeoutMs }
  const answer = await broker.until(initProducerId, 4, request, ({ errorCode }) => errorCode === 0)
  broker.masks.name(String(answer.producerId), 'producer of it')
  return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
}

export function addingTo(
  transactionalId: string,
  producer: Producer,
  topics: { name: string; partitions: number[] }[],
) {
  return {
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: producer.producerId,
    v3AndBelowProducerEpoch: producer.producerEpoch,
    v3AndBelowTopics: topics,
    transactions: [{ transactionalId, ...producer, verifyOnly: false, topics }],
  }
}

export async function open(
  broker: Conversation,
  transactionalId: string,
  producer: Producer,
  topic: string,
): Promise<void> {
  const request = addingTo(transactionalId, producer, [{ name: topic, partitions: [0] }])
  await broker.until(
    addPartitionsToTxn,
    3,
    request,
    (answer) => answer.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode === 0,
  )
}

/** Waits until the transaction is in that state. */
export async function inState(broker: Conversation, transactionalId: string, state: string): Promise<void> {
  const asked = { transactionalIds: [transactionalId] }
  const isThere = (answer: { transactionStates: { transactionState: string }[] }) =>
    answer.transactionStates[0]!.transactionState === state
  await broker.until(describeTransactions, 0, asked, isThere)
}

/** A producer one epoch off. */
export function beside({ producerId, producerEpoch }: Producer, by: number): Producer {
  return { producerId, producerEpoch: producerEpoch + by }
}
