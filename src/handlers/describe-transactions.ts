/** handlers: DescribeTransactions: what the coordinator knows of transactional ids (KIP-664). */
import { KafkaError } from '../../protocol/errors.ts'
import { describeTransactions } from '../../protocol/messages/describe-transactions.ts'
import { answerEach, handle } from './handler.ts'

const unknown = {
  transactionState: '',
  transactionTimeoutMs: 0,
  transactionStartTimeMs: 0,
  producerId: 0n,
  producerEpoch: 0,
  topics: [],
}

export const describeTransactionsHandler = handle(describeTransactions, {
  async serve({ transactionalIds }, { transactions, access }) {
    const transactionStates = await answerEach(
      transactionalIds,
      async (transactionalId) => {
        if (!access.isAllowed('TransactionalId', transactionalId, 'Describe')) {
          throw new KafkaError('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
        }
        const described = await transactions.describeTransaction(transactionalId)
        const topics = described.topics.filter(({ topic }) => access.isAllowed('Topic', topic, 'Describe'))
        return {
          ...described,
          errorCode: 0,
          topics: topics.map((each) => ({ ...each, partitions: [...each.partitions] })),
        }
      },
      (transactionalId, errorCode) => ({ ...unknown, transactionalId, errorCode }),
    )
    return { transactionStates }
  },
  fail: ({ transactionalIds }, errorCode) => ({
    transactionStates: transactionalIds.map((transactionalId) => ({ ...unknown, transactionalId, errorCode })),
  }),
})
