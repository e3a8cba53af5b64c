/** cluster: what lies in the log directories, as one broker shows it. */
import { KafkaError } from '../../protocol/errors.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import type { Broker } from './broker.ts'

export interface DirectoryDescription {
  readonly path: string
  /** It has failed, or can't be read: nothing else is known of it. */
  readonly failure?: KafkaError
  readonly totalBytes: number
  readonly usableBytes: number
  readonly isCordoned: boolean
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly PartitionDescription[]
  }[]
}

interface PartitionDescription {
  readonly partitionIndex: number
  readonly sizeInBytes: number
  /** On its way here from another directory (KIP-113). */
  readonly isFuture: boolean
  /** How many offsets a future one is behind. */
  readonly offsetLag: number
}

/** Every directory, with those replicas of `broker` that `isAsked` lets through. */
export async function describeLogDirectories(
  broker: Broker,
  isAsked: (topic: string, partition: number) => boolean,
): Promise<DirectoryDescription[]> {
  const { opened, unreadable } = broker.cluster.logDirectories
  const described = await Promise.all(opened.map((directory) => describe(directory, broker, isAsked)))
  return [...described, ...unreadable.map(({ path, reason }) => failed(path, reason))]
}

async function describe(
  directory: LogDirectory,
  broker: Broker,
  isAsked: (topic: string, partition: number) => boolean,
): Promise<DirectoryDescription> {
  const { cluster } = broker
  const { path, failure } = directory
  if (failure !== undefined) return failed(path, failure.message)
  const byTopic = new Map<string, PartitionDescription[]>()
  const here = directory.partitions().map(({ topic, partition, sizeInBytes }) => ({ topic, partition, sizeInBytes }))
  const { replicaMoves } = cluster
  for (const each of [...here, ...replicaMoves.heldIn(directory), ...replicaMoves.futuresIn(directory)]) {
    const { topic, partition, sizeInBytes } = each
    // The metadata log is no topic, and replicas of other brokers that share the directory are not this one's.
    const isOwn = cluster.findPartition(topic, partition)?.replicas.includes(broker.id) === true
    if (!isOwn || !isAsked(topic, partition)) continue
    const offsetLag = 'offsetLag' in each ? each.offsetLag : 0
    const described = { partitionIndex: partition, sizeInBytes, isFuture: 'offsetLag' in each, offsetLag }
    const partitions = byTopic.get(topic)
    if (partitions === undefined) byTopic.set(topic, [described])
    else partitions.push(described)
  }
  const topics = [...byTopic].map(([name, partitions]) => ({ name, partitions }))
  try {
    return { path, topics, isCordoned: cluster.isCordoned(broker.id, path), ...(await directory.space()) }
  } catch (error) {
    return failed(path, (error as Error).message)
  }
}

function failed(path: string, reason: string): DirectoryDescription {
  const failure = new KafkaError('KAFKA_STORAGE_ERROR', `${path} is offline: ${reason}`)
  return { path, failure, totalBytes: -1, usableBytes: -1, isCordoned: false, topics: [] }
}
