/** groups/consumer: what consumer groups see of the cluster's topics. */

export interface TopicsImage {
  /** Grows with each change of the metadata: its log's offset. */
  readonly version: number
  /** `version` when the last topic was created, or was first looked for. */
  readonly versionOfNewestTopic: number
  names(): Iterable<string>
  idOf(name: string): string | undefined
  nameOf(topicId: string): string | undefined
  /** -1: no such topic. */
  partitionCount(topicId: string): number
  /** The rack of each replica that has one. */
  racks(topicId: string, partition: number): readonly string[]
}
