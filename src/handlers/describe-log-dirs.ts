/** DescribeLogDirs: the log directories of this broker, the space on their volumes, and the sizes of the partitions in them. */
import { describeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { describeLogDirectories } from '../cluster/log-directory-descriptions.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

export const describeLogDirsHandler = handle(describeLogDirs, {
  async serve(request, { access, broker }) {
    access.require('Cluster', clusterResource, 'Describe')
    const asked = request.topics && new Map(request.topics.map(({ topic, partitions }) => [topic, new Set(partitions)]))
    const directories = await describeLogDirectories(
      broker,
      (topic, partition) => asked === null || asked.get(topic)?.has(partition) === true,
    )
    return {
      results: directories.map(({ path, failure, totalBytes, usableBytes, isCordoned, topics }) => ({
        errorCode: failure?.code ?? 0,
        logDir: path,
        totalBytes,
        usableBytes,
        isCordoned,
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map((each) => ({
            partitionIndex: each.partitionIndex,
            partitionSize: each.sizeInBytes,
            offsetLag: each.offsetLag,
            isFutureKey: each.isFuture,
          })),
        })),
      })),
    }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})
