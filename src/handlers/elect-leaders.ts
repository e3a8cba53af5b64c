/** ElectLeaders (KIP-183, KIP-460): has the preferred replicas lead, or anybody where nobody does. */
import { KafkaError } from '../../protocol/errors.ts'
import { type ElectLeadersRequest, electLeaders } from '../../protocol/messages/elect-leaders.ts'
import type { ElectionType } from '../cluster/elections.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

/** By Kafka's codes. */
const electionTypes: readonly ElectionType[] = ['preferred', 'unclean']

export const electLeadersHandler = handle(electLeaders, {
  async serve({ electionType, topicPartitions }, { access, cluster }) {
    access.require('Cluster', clusterResource, 'Alter')
    if (topicPartitions?.length === 0) return { errorCode: 0, replicaElectionResults: [] }
    const type = electionTypes[electionType]
    if (type === undefined) throw new KafkaError('INVALID_REQUEST', `Unknown election type ${electionType}`)
    const wanted = topicPartitions?.map(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    const elections = await cluster.controller.electLeaders(type, wanted?.flat() ?? null)
    const results = elections.map(({ partition, error }) => ({
      partitionId: partition,
      errorCode: error?.code ?? 0,
      errorMessage: error?.message ?? null,
    }))
    if (topicPartitions === null) {
      const byTopic = new Map([...cluster.topics.values()].map(({ name }) => [name, [] as typeof results]))
      for (const [index, { topic }] of elections.entries()) byTopic.get(topic)?.push(results[index]!)
      const all = [...byTopic].map(([topic, partitionResult]) => ({ topic, partitionResult }))
      return { errorCode: 0, replicaElectionResults: all }
    }
    let next = 0
    const replicaElectionResults = topicPartitions.map(({ topic, partitions }) => {
      next += partitions.length
      return { topic, partitionResult: results.slice(next - partitions.length, next) }
    })
    return { errorCode: 0, replicaElectionResults }
  },
  fail: (request, errorCode, _context, message) => ({
    errorCode,
    replicaElectionResults: failed(request, errorCode, message),
  }),
})

function failed({ topicPartitions }: ElectLeadersRequest, errorCode: number, errorMessage: string) {
  return (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage })),
  }))
}
