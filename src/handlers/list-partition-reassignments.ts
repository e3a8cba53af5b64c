/** ListPartitionReassignments (KIP-455): which partitions are being moved to other brokers. */
import { listPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.ts'
import type { Reassignment } from '../cluster/reassignments.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

export const listPartitionReassignmentsHandler = handle(listPartitionReassignments, {
  serve({ topics }, { access, cluster }) {
    access.require('Cluster', clusterResource, 'Describe')
    const asked = topics && new Map(topics.map(({ name, partitionIndexes }) => [name, new Set(partitionIndexes)]))
    const found = cluster.controller.reassignments(
      (topic, partition) => asked === null || asked.get(topic)?.has(partition) === true,
    )
    const byTopic = new Map<string, Omit<Reassignment, 'topic'>[]>()
    for (const { topic, ...each } of found) {
      const known = byTopic.get(topic)
      if (known === undefined) byTopic.set(topic, [each])
      else known.push(each)
    }
    return {
      errorCode: 0,
      errorMessage: null,
      topics: [...byTopic].map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition, ...each }) => ({ partitionIndex: partition, ...each })),
      })),
    }
  },
  fail: (_request, errorCode, _context, errorMessage) => ({ errorCode, errorMessage, topics: [] }),
})
