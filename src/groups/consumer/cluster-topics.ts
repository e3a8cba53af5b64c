/** groups/consumer: the cluster's topics as consumer groups see them. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { TopicsImage } from './topics-image.ts'

export class ClusterTopics implements TopicsImage {
  readonly #cluster: Cluster
  #created = -1
  #versionOfNewestTopic = -1

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get version(): number {
    return this.#cluster.metadata.endOffset
  }

  get versionOfNewestTopic(): number {
    const { created } = this.#cluster.topics
    if (created !== this.#created) {
      this.#created = created
      this.#versionOfNewestTopic = this.version
    }
    return this.#versionOfNewestTopic
  }

  *names(): Generator<string> {
    for (const { name } of this.#cluster.topics.values()) yield name
  }

  idOf(name: string): string | undefined {
    return this.#cluster.topics.byName(name)?.id
  }

  nameOf(topicId: string): string | undefined {
    return this.#cluster.topics.byId(topicId)?.name
  }

  partitionCount(topicId: string): number {
    return this.#cluster.topics.byId(topicId)?.partitions.length ?? -1
  }

  racks(topicId: string, partition: number): readonly string[] {
    const replicas = this.#cluster.topics.byId(topicId)?.partitions[partition]?.replicas ?? []
    return replicas.flatMap((brokerId) => this.#cluster.registrations.get(brokerId)?.rack ?? [])
  }
}
