/**
 * groups: the committed offsets of all groups of one partition of `__consumer_offsets`, whatever kind the groups are.
 * Those of an open transaction are kept aside until its marker comes; of two commits of one partition the one that was
 * written later counts.
 */
import { noProducerId } from '../../protocol/records/index.ts'
import { noTopicId, type OffsetAndMetadata, type OffsetCommitRecord } from './group-records.ts'

interface Stored {
  readonly value: OffsetAndMetadata
  /** Its place among all replayed records. */
  readonly order: number
}

type OffsetsByTopic = Map<string, Map<number, Stored>>

/** What a group says about the retention of its committed offsets. */
export interface OffsetRetention {
  /** Offsets of such topics stay. */
  isSubscribedTo(topic: string): boolean
  /** When the retention of an offset began. */
  startMs(value: OffsetAndMetadata): number
}

export interface ExpiredOffsets {
  readonly tombstones: OffsetCommitRecord[]
  /** No offset is left, and no transaction is about to bring one. */
  readonly isAll: boolean
}

export class CommittedOffsets {
  readonly #byGroup = new Map<string, OffsetsByTopic>()
  /** Of open transactions, by producer id. */
  readonly #pending = new Map<bigint, Map<string, OffsetsByTopic>>()
  #replayed = 0

  get(groupId: string, topic: string, partition: number): OffsetAndMetadata | undefined {
    return this.#byGroup.get(groupId)?.get(topic)?.get(partition)?.value
  }

  /** Groups that have an offset, committed or pending. */
  groupIds(): Set<string> {
    const ids = new Set(this.#byGroup.keys())
    for (const byGroup of this.#pending.values()) for (const groupId of byGroup.keys()) ids.add(groupId)
    return ids
  }

  /** Every committed offset of the group, topic by topic. */
  *topicsOf(
    groupId: string,
  ): Generator<{ topic: string; partitions: { partition: number; value: OffsetAndMetadata }[] }> {
    for (const [topic, byPartition] of this.#byGroup.get(groupId) ?? []) {
      yield { topic, partitions: Array.from(byPartition, ([partition, { value }]) => ({ partition, value })) }
    }
  }

  /** A transaction that is still open has committed an offset of the partition. */
  isPending(groupId: string, topic: string, partition: number): boolean {
    for (const byGroup of this.#pending.values()) {
      if (byGroup.get(groupId)?.get(topic)?.has(partition)) return true
    }
    return false
  }

  replay({ groupId, topic, partition, value }: OffsetCommitRecord, producerId: bigint): void {
    this.#replayed += 1
    if (value === null) {
      remove(this.#byGroup, groupId, topic, partition)
      for (const byGroup of this.#pending.values()) remove(byGroup, groupId, topic, partition)
    } else if (producerId === noProducerId) {
      put(this.#byGroup, groupId, topic, partition, { value, order: this.#replayed })
    } else {
      const byGroup = this.#pending.get(producerId) ?? new Map<string, OffsetsByTopic>()
      this.#pending.set(producerId, byGroup)
      put(byGroup, groupId, topic, partition, { value, order: this.#replayed })
    }
  }

  endTransaction(producerId: bigint, committed: boolean): void {
    const byGroup = this.#pending.get(producerId)
    this.#pending.delete(producerId)
    if (byGroup === undefined || !committed) return
    for (const { groupId, topic, partition, stored } of all(byGroup)) {
      const existing = this.#byGroup.get(groupId)?.get(topic)?.get(partition)
      if (existing === undefined || existing.order < stored.order) put(this.#byGroup, groupId, topic, partition, stored)
    }
  }

  /** Tombstones for what is retained no longer, and whether nothing is left then. Where a transaction is open, nothing expires. */
  expired(groupId: string, retention: OffsetRetention, retentionMs: number, nowMs: number): ExpiredOffsets {
    const tombstones: OffsetCommitRecord[] = []
    let isAll = !this.#hasPending(groupId)
    for (const { topic, partition, stored } of all(this.#byGroup, groupId)) {
      const { expireTimestampMs } = stored.value
      const endMs = expireTimestampMs === -1 ? retention.startMs(stored.value) + retentionMs : expireTimestampMs
      if (nowMs < endMs || retention.isSubscribedTo(topic) || this.isPending(groupId, topic, partition)) isAll = false
      else tombstones.push({ kind: 'OffsetCommit', groupId, topic, partition, value: null })
    }
    return { tombstones, isAll }
  }

  #hasPending(groupId: string): boolean {
    for (const byGroup of this.#pending.values()) if (byGroup.has(groupId)) return true
    return false
  }

  /** Tombstones for every offset of the group, pending ones too. */
  tombstonesOfGroup(groupId: string): OffsetCommitRecord[] {
    return this.#tombstones(() => true, groupId)
  }

  /** Tombstones for the offsets of deleted topics: those with the topic's id, and those that have none. */
  tombstonesOfTopics(topics: readonly { readonly name: string; readonly topicId: string }[]): OffsetCommitRecord[] {
    const idsOf = new Map<string, Set<string>>()
    for (const { name, topicId } of topics) idsOf.set(name, (idsOf.get(name) ?? new Set([noTopicId])).add(topicId))
    return this.#tombstones(({ topic, stored }) => idsOf.get(topic)?.has(stored.value.topicId) === true)
  }

  #tombstones(isWanted: (located: Located) => boolean, ofGroup?: string): OffsetCommitRecord[] {
    const found = new Map<string, OffsetCommitRecord>()
    for (const byGroup of [this.#byGroup, ...this.#pending.values()]) {
      for (const located of all(byGroup, ofGroup)) {
        if (!isWanted(located)) continue
        const { groupId, topic, partition } = located
        found.set(`${topic} ${partition} ${groupId}`, { kind: 'OffsetCommit', groupId, topic, partition, value: null })
      }
    }
    return [...found.values()]
  }
}

interface Located {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly stored: Stored
}

function* all(byGroup: ReadonlyMap<string, OffsetsByTopic>, ofGroup?: string): Generator<Located> {
  for (const groupId of ofGroup === undefined ? byGroup.keys() : [ofGroup]) {
    for (const [topic, byPartition] of byGroup.get(groupId) ?? []) {
      for (const [partition, stored] of byPartition) yield { groupId, topic, partition, stored }
    }
  }
}

function put(
  byGroup: Map<string, OffsetsByTopic>,
  groupId: string,
  topic: string,
  partition: number,
  stored: Stored,
): void {
  const byTopic = byGroup.get(groupId) ?? new Map<string, Map<number, Stored>>()
  const byPartition = byTopic.get(topic) ?? new Map<number, Stored>()
  if (byTopic.size === 0) byGroup.set(groupId, byTopic)
  if (byPartition.size === 0) byTopic.set(topic, byPartition)
  byPartition.set(partition, stored)
}

function remove(byGroup: Map<string, OffsetsByTopic>, groupId: string, topic: string, partition: number): void {
  const byTopic = byGroup.get(groupId)
  const byPartition = byTopic?.get(topic)
  if (byTopic === undefined || byPartition === undefined) return
  byPartition.delete(partition)
  if (byPartition.size === 0) byTopic.delete(topic)
  if (byTopic.size === 0) byGroup.delete(groupId)
}
