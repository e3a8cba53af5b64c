/** AlterPartitionReassignments (KIP-455, KIP-860): moves replicas to other brokers, or gives a move up; each partition by itself. */
import { errorCode } from '../../protocol/errors.ts'
import { alterPartitionReassignments } from '../../protocol/messages/alter-partition-reassignments.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

export const alterPartitionReassignmentsHandler = handle(alterPartitionReassignments, {
  async serve({ topics, allowReplicationFactorChange }, { access, cluster }) {
    access.require('Cluster', clusterResource, 'Alter')
    const wanted = topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, replicas }) => ({ topic: name, partition: partitionIndex, replicas })),
    )
    const results = await cluster.controller.alterReassignments(wanted, { allowReplicationFactorChange })
    let next = 0
    return {
      allowReplicationFactorChange,
      errorCode: 0,
      // Kafka has no text for nothing, and none for something.
      errorMessage: topics.length === 0 ? '' : null,
      responses: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => {
          const error = results[next++]
          const hasMessage = error !== undefined && error.code !== errorCode('NO_REASSIGNMENT_IN_PROGRESS')
          return { partitionIndex, errorCode: error?.code ?? 0, errorMessage: hasMessage ? error.message : null }
        }),
      })),
    }
  },
  fail: ({ topics, allowReplicationFactorChange }, code, _context, errorMessage) => ({
    allowReplicationFactorChange,
    errorCode: code,
    errorMessage,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code, errorMessage })),
    })),
  }),
})
