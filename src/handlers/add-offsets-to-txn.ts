/** handlers: AddOffsetsToTxn: makes the partition of `__consumer_offsets` that holds a group's offsets part of a transaction. */
import { addOffsetsToTxn } from '../../protocol/messages/add-offsets-to-txn.ts'
import { consumerOffsetsTopic } from '../cluster/topic.ts'
import { errorCodeForOldProducers } from './fenced-producers.ts'
import { handle } from './handler.ts'

/** Earlier versions don't know PRODUCER_FENCED. */
const firstFencedVersion = 2

export const addOffsetsToTxnHandler = handle(addOffsetsToTxn, {
  async serve({ groupId, ...producer }, { transactions, groups, access }) {
    access.require('TransactionalId', producer.transactionalId, 'Write')
    access.require('Group', groupId, 'Read')
    const partitions = [{ topic: consumerOffsetsTopic, partition: groups.partitionOf(groupId) }]
    // Clients of transaction version 2 don't send it: TxnOffsetCommit does it for them.
    await transactions.addPartitions({ ...producer, partitions, clientVersion: 0 })
    return {}
  },
  fail: (_request, errorCode, { apiVersion }) => ({
    errorCode: errorCodeForOldProducers(errorCode, apiVersion, firstFencedVersion),
  }),
})
