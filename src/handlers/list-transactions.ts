/** handlers: ListTransactions: the transactional ids that this broker coordinates (KIP-664, KIP-994, KIP-1152). */
import { listTransactions } from '../../protocol/messages/list-transactions.ts'
import { handle } from './handler.ts'

export const listTransactionsHandler = handle(listTransactions, {
  async serve(request, { transactions, access }) {
    const { unknownStateFilters, transactionStates } = await transactions.listTransactions(request)
    return {
      unknownStateFilters: [...unknownStateFilters],
      transactionStates: transactionStates.filter(({ transactionalId }) =>
        access.isAllowed('TransactionalId', transactionalId, 'Describe'),
      ),
    }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})
