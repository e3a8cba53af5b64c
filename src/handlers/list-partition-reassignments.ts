/** ListPartitionReassignments (KIP-455): which partitions are being moved to other brokers. */
import { listPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.ts'
import { clusterResource } from './authorized-operations.ts'
import { handle } from './handler.ts'

export const listPartitionReassignmentsHandler = handle(listPartitionReassignments, {
  serve({ topics }, { access, cluster }) {
    access.require('Cluster', clusterResource, 'Describe')
    const asked = topics && new Map(topics.map(({ name, partitionIndexes }) => [name, new Set(partitionIndexes)]))
    const found = cluster.controller.reassignments(
      (topic, partition) => asked === null || asked.get(topic)?.has(partition) === true,
    )
    const names = [...new Set(found.map(({ topic }) => topic))]
    return {
      errorCode: 0,
      errorMessage: null,
      topics: names.map((name) => ({
        name,
        partitions: found
          .filter(({ topic }) => topic === name)
          .map(({ partition, replicas, addingReplicas, removingReplicas }) => ({
            partitionIndex: partition,
            replicas,
            addingReplicas,
            removingReplicas,
          })),
      })),
    }
  },
  fail: (_request, errorCode, _context, errorMessage) => ({ errorCode, errorMessage, topics: [] }),
})
