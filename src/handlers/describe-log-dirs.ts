/** DescribeLogDirs: the log directories of this broker, the space on their volumes, and the sizes of the partitions in them. */
import { type DescribeLogDirsRequest, describeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import { clusterResource } from './authorized-operations.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'

export const describeLogDirsHandler = handle(describeLogDirs, {
  async serve(request, context) {
    context.access.require('Cluster', clusterResource, 'Describe')
    return {
      results: await Promise.all(
        context.cluster.directories.map(async (directory) => ({
          errorCode: 0,
          logDir: directory.path,
          topics: topicsIn(directory, request, context),
          ...(await directory.space()),
        })),
      ),
    }
  },
  fail: (_request, code) => ({ errorCode: code }),
})

function topicsIn(directory: LogDirectory, request: DescribeLogDirsRequest, { cluster, broker }: Context) {
  const asked = request.topics && new Map(request.topics.map(({ topic, partitions }) => [topic, new Set(partitions)]))
  const byTopic = new Map<string, { partitionIndex: number; partitionSize: number }[]>()
  for (const { topic, partition, sizeInBytes } of directory.partitions()) {
    if (asked !== null && asked.get(topic)?.has(partition) !== true) continue
    // The metadata log, and replicas of the other brokers that share this directory, are not this broker's to show.
    if (cluster.findPartition(topic, partition)?.replicas.includes(broker.id) !== true) continue
    const shown = { partitionIndex: partition, partitionSize: sizeInBytes }
    const partitions = byTopic.get(topic)
    if (partitions === undefined) byTopic.set(topic, [shown])
    else partitions.push(shown)
  }
  return [...byTopic].map(([name, partitions]) => ({ name, partitions }))
}
