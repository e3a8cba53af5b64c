/** AlterReplicaLogDirs (KIP-113): moves replicas of this broker to other log directories of it, while they are used. */
import { KafkaError } from '../../protocol/errors.ts'
import { type AlterReplicaLogDirsRequest, alterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import { mapInTurns } from '../runtime/turns.ts'
import { clusterResource } from '../security/acl.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'

export const alterReplicaLogDirsHandler = handle(alterReplicaLogDirs, {
  async serve(request, context) {
    context.access.require('Cluster', clusterResource, 'Alter')
    const codes = new Map<string, Map<number, number>>()
    for (const [topic, partitions] of askedIn(request)) {
      const begun = await mapInTurns([...partitions], async ([partition, path]): Promise<[number, number]> => {
        return [partition, await begin(context, topic, partition, path)]
      })
      codes.set(topic, new Map(begun))
    }
    return { results: resultsOf(codes) }
  },
  fail: (request, code) => ({
    results: resultsOf(
      new Map(
        [...askedIn(request)].map(([topic, asked]) => [topic, new Map([...asked.keys()].map((at) => [at, code]))]),
      ),
    ),
  }),
})

async function begin({ cluster, broker }: Context, topic: string, index: number, path: string): Promise<number> {
  try {
    cluster.replicaMoves.requireDirectory(path)
    const partition = cluster.topics.byName(topic)?.partitions[index]
    if (partition === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    if (!partition.replicas.includes(broker.id)) throw new KafkaError('REPLICA_NOT_AVAILABLE')
    if (cluster.isCordoned(broker.id, path)) throw new KafkaError('INVALID_REPLICA_ASSIGNMENT')
    await cluster.replicaMoves.begin(partition, path)
    return 0
  } catch (error) {
    if (error instanceof KafkaError) return error.code
    throw error
  }
}

/** The directory for each partition of each topic: that which is named last. */
function askedIn({ dirs }: AlterReplicaLogDirsRequest): Map<string, Map<number, string>> {
  const asked = new Map<string, Map<number, string>>()
  for (const { path, topics } of dirs) {
    for (const { name, partitions } of topics) {
      for (const partition of partitions) {
        const paths = asked.get(name) ?? new Map<number, string>()
        asked.set(name, paths.set(partition, path))
      }
    }
  }
  return asked
}

function resultsOf(codes: ReadonlyMap<string, ReadonlyMap<number, number>>) {
  return [...codes].map(([topicName, partitions]) => ({
    topicName,
    partitions: [...partitions].map(([partitionIndex, errorCode]) => ({ partitionIndex, errorCode })),
  }))
}
