/** handlers: EndTxn: commits or aborts a transaction; from v5 on the client gets a new epoch with each end (KIP-890). */
import { endTxn } from '../../protocol/messages/end-txn.ts'
import { errorCodeForOldProducers } from './fenced-producers.ts'
import { handle } from './handler.ts'

/** Earlier versions don't know PRODUCER_FENCED. */
const firstFencedVersion = 2
/** Sent by clients that act by transaction version 2. */
const firstEpochBumpVersion = 5

export const endTxnHandler = handle(endTxn, {
  async serve({ transactionalId, producerId, producerEpoch, committed }, { transactions, access, apiVersion }) {
    access.require('TransactionalId', transactionalId, 'Write')
    const clientVersion = apiVersion >= firstEpochBumpVersion ? 2 : 0
    const end = { transactionalId, producerId, producerEpoch, isCommit: committed, clientVersion }
    return transactions.endTransaction(end)
  },
  fail: (_request, errorCode, { apiVersion }) => ({
    errorCode: errorCodeForOldProducers(errorCode, apiVersion, firstFencedVersion),
  }),
})
