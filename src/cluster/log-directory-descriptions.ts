/** cluster: what lies in the log directories, as one broker shows it. */
import type { Broker } from './broker.ts'

export interface DirectoryDescription {
  readonly path: string
  readonly totalBytes: number
  readonly usableBytes: number
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partitionIndex: number; readonly sizeInBytes: number }[]
  }[]
}

/** Every directory, with those replicas of `broker` that `isAsked` lets through. */
export function describeLogDirectories(
  broker: Broker,
  isAsked: (topic: string, partition: number) => boolean,
): Promise<DirectoryDescription[]> {
  const { cluster } = broker
  return Promise.all(
    cluster.directories.map(async (directory) => {
      const byTopic = new Map<string, { partitionIndex: number; sizeInBytes: number }[]>()
      for (const { topic, partition, sizeInBytes } of directory.partitions()) {
        // The metadata log is no topic, and replicas of other brokers that share the directory are not this one's.
        const isOwn = cluster.findPartition(topic, partition)?.replicas.includes(broker.id) === true
        if (!isOwn || !isAsked(topic, partition)) continue
        const partitions = byTopic.get(topic)
        if (partitions === undefined) byTopic.set(topic, [{ partitionIndex: partition, sizeInBytes }])
        else partitions.push({ partitionIndex: partition, sizeInBytes })
      }
      const topics = [...byTopic].map(([name, partitions]) => ({ name, partitions }))
      return { path: directory.path, topics, ...(await directory.space()) }
    }),
  )
}
