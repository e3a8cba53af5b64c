/** cluster: all topics and partitions, as the metadata log has them. Changed by replay alone. */
import type { DecodedOf } from '../../protocol/schema/index.ts'
import {
  clearElrRecord,
  partitionChangeRecord,
  partitionRecord,
  removeTopicRecord,
  topicRecord,
} from '../../protocol/state/index.ts'
import { type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import { ElectionCounts } from './election-counts.ts'
import type { Features } from './features.ts'
import { Partition } from './partition.ts'
import { Topic } from './topic.ts'
import { collisionKey } from './topic-name.ts'

/** What replay changed since it was last asked. */
export interface TopicChanges {
  readonly changedPartitions: ReadonlySet<Partition>
  readonly removedTopics: readonly Topic[]
}

export class Topics {
  readonly elections = new ElectionCounts()
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<string, Topic>()
  readonly #namesByCollisionKey = new Map<string, Set<string>>()
  #created = 0
  #changedPartitions = new Set<Partition>()
  #removedTopics: Topic[] = []

  readonly #onRemoved: (topic: Topic) => void

  /** `onRemoved` runs while the removal is replayed: what is replayed after it may be of a new topic of that name. */
  constructor(metadata: MetadataLog, features: Features, onRemoved: (topic: Topic) => void) {
    this.#onRemoved = onRemoved
    const register = metadata.image('topics', () => this.#records(features.partitionRecordVersion))
    register(topicRecord, ({ name, topicId }) => this.#add(new Topic(name, topicId)))
    register(partitionRecord, (record) => this.#replayPartition(record))
    register(partitionChangeRecord, (record) => this.#replayChange(record))
    register(removeTopicRecord, ({ topicId }) => this.#remove(topicId))
    register(clearElrRecord, ({ topicName }) => this.#clearElr(topicName))
  }

  get size(): number {
    return this.#byName.size
  }

  /** One more with each topic that comes, also with those that the log brings at the start. */
  get created(): number {
    return this.#created
  }

  byName(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  byId(id: string): Topic | undefined {
    return this.#byId.get(id)
  }

  values(): IterableIterator<Topic> {
    return this.#byName.values()
  }

  *partitions(): Generator<Partition, void> {
    for (const { partitions } of this.#byName.values()) yield* partitions
  }

  /** By name or id of the topic. */
  findPartition(topicOrId: string, index: number): Partition | undefined {
    return (this.byName(topicOrId) ?? this.byId(topicOrId))?.partitions[index]
  }

  /** A topic whose name differs from `name` in `.` and `_` alone. */
  collidingWith(name: string): string | undefined {
    for (const other of this.#namesByCollisionKey.get(collisionKey(name)) ?? []) if (other !== name) return other
    return undefined
  }

  takeChanges(): TopicChanges {
    const changes = { changedPartitions: this.#changedPartitions, removedTopics: this.#removedTopics }
    this.#changedPartitions = new Set()
    this.#removedTopics = []
    return changes
  }

  *#records(partitionVersion: number): Generator<MetadataRecord, void> {
    for (const { name, id, partitions } of this.#byName.values()) {
      yield metadataRecord(topicRecord, 0, { name, topicId: id })
      for (const partition of partitions) yield metadataRecord(partitionRecord, partitionVersion, partition.toRecord())
    }
  }

  #add(topic: Topic): void {
    this.#created += 1
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.id, topic)
    const key = collisionKey(topic.name)
    const names = this.#namesByCollisionKey.get(key)
    if (names === undefined) this.#namesByCollisionKey.set(key, new Set([topic.name]))
    else names.add(topic.name)
  }

  #replayPartition(record: DecodedOf<typeof partitionRecord>): void {
    const topic = this.#require(record.topicId)
    const partition = new Partition(topic.name, record)
    topic.partitions[record.partitionId] = partition
    this.#changedPartitions.add(partition)
  }

  #replayChange(record: DecodedOf<typeof partitionChangeRecord>): void {
    const partition = this.#require(record.topicId).partitions[record.partitionId]
    if (partition === undefined)
      throw new Error(`the metadata log changes partition ${record.partitionId} that is not there`)
    this.elections.note(partition, record)
    partition.replay(record)
    this.#changedPartitions.add(partition)
  }

  /** No name: of all topics. */
  #clearElr(topicName: string): void {
    const topics = topicName === '' ? this.#byName.values() : [this.#byName.get(topicName)]
    for (const topic of topics) {
      for (const partition of topic?.partitions ?? []) {
        if (partition.clearElr()) this.#changedPartitions.add(partition)
      }
    }
  }

  #remove(topicId: string): void {
    const topic = this.#require(topicId)
    this.#byName.delete(topic.name)
    this.#byId.delete(topicId)
    const key = collisionKey(topic.name)
    const names = this.#namesByCollisionKey.get(key)
    names?.delete(topic.name)
    if (names?.size === 0) this.#namesByCollisionKey.delete(key)
    for (const partition of topic.partitions) {
      partition.isDeleted = true
      this.#changedPartitions.delete(partition)
    }
    this.#removedTopics.push(topic)
    this.#onRemoved(topic)
  }

  #require(topicId: string): Topic {
    const topic = this.#byId.get(topicId)
    if (topic === undefined) throw new Error(`the metadata log names a topic id that is not there: ${topicId}`)
    return topic
  }
}
