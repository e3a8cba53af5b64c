/** groups: what commits, fetches and deletions of offsets come to once the group has let them pass. Pure: reads the offsets, changes none. */
import { errorCode } from '../../protocol/errors.ts'
import { type GroupRecord, noTopicId, type OffsetAndMetadata } from './group-records.ts'
import type {
  DeletedOffsets,
  FetchedTopic,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  TopicAnswer,
} from './group-requests.ts'
import type { CommittedOffsets } from './offsets.ts'

interface CommitOptions {
  readonly nowMs: number
  /** -1: by the broker's own. */
  readonly retentionTimeMs: number
  /** offset.metadata.max.bytes; counted in characters, as Kafka does. */
  readonly offsetMetadataMaxSize: number
}

/** An offset whose metadata is too large is answered with OFFSET_METADATA_TOO_LARGE, the others are committed. */
export function decideOffsetCommit(
  { groupId, topics }: Pick<OffsetCommit, 'groupId' | 'topics'>,
  { nowMs, retentionTimeMs, offsetMetadataMaxSize }: CommitOptions,
): { records: GroupRecord[]; response: TopicAnswer[] } {
  const expireTimestampMs = retentionTimeMs === -1 ? -1 : nowMs + retentionTimeMs
  const records: GroupRecord[] = []
  const response = topics.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map((commit) => {
      const { partitionIndex, committedOffset, committedLeaderEpoch: leaderEpoch, commitTimestamp = -1 } = commit
      const metadata = commit.committedMetadata ?? ''
      if (metadata.length > offsetMetadataMaxSize) {
        return { partitionIndex, errorCode: errorCode('OFFSET_METADATA_TOO_LARGE') }
      }
      const commitTimestampMs = commitTimestamp === -1 ? nowMs : commitTimestamp
      const value = { committedOffset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs, topicId }
      records.push({ kind: 'OffsetCommit', groupId, topic: name, partition: partitionIndex, value })
      return { partitionIndex, errorCode: 0 }
    }),
  }))
  return { records, response }
}

/** `topics` null: all that the group has. `requireStable`: one with a commit in an open transaction is answered with UNSTABLE_OFFSET_COMMIT. */
export function fetchedOffsets(
  offsets: CommittedOffsets,
  { groupId, topics }: Pick<OffsetFetch, 'groupId' | 'topics'>,
  requireStable: boolean,
): FetchedTopic[] {
  const fetched = (topic: string, partitionIndex: number, value: OffsetAndMetadata | undefined) => {
    const isUnstable = requireStable && offsets.isPending(groupId, topic, partitionIndex)
    const found = isUnstable ? undefined : value
    return {
      partitionIndex,
      committedOffset: found?.committedOffset ?? -1,
      committedLeaderEpoch: found?.leaderEpoch ?? -1,
      metadata: found?.metadata ?? '',
      errorCode: isUnstable ? errorCode('UNSTABLE_OFFSET_COMMIT') : 0,
    }
  }
  if (topics === null) {
    return Array.from(offsets.topicsOf(groupId), ({ topic, partitions }) => ({
      name: topic,
      topicId: noTopicId,
      partitions: partitions.map(({ partition, value }) => fetched(topic, partition, value)),
    }))
  }
  return topics.map(({ name, topicId, partitionIndexes }) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((partition) => {
      const value = offsets.get(groupId, name, partition)
      return fetched(name, partition, isOfTopic(value, topicId) ? value : undefined)
    }),
  }))
}

/** An offset of a deleted topic does not count for a later one of the same name. */
function isOfTopic(value: OffsetAndMetadata | undefined, topicId: string): boolean {
  return value === undefined || [value.topicId, noTopicId].includes(topicId) || value.topicId === noTopicId
}

/** Of topics that the group is subscribed to none is deleted: GROUP_SUBSCRIBED_TO_TOPIC (KIP-496). */
export function decideOffsetDelete(
  offsets: CommittedOffsets,
  { groupId, topics }: OffsetDelete,
  isSubscribedTo: (topic: string) => boolean,
): { records: GroupRecord[]; response: DeletedOffsets[] } {
  const records: GroupRecord[] = []
  const response = topics.map(({ name, partitions }) => {
    const isSubscribed = isSubscribedTo(name)
    return {
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        if (isSubscribed) return { partitionIndex, errorCode: errorCode('GROUP_SUBSCRIBED_TO_TOPIC') }
        const isThere =
          offsets.get(groupId, name, partitionIndex) !== undefined || offsets.isPending(groupId, name, partitionIndex)
        if (isThere) {
          records.push({ kind: 'OffsetCommit', groupId, topic: name, partition: partitionIndex, value: null })
        }
        return { partitionIndex, errorCode: 0 }
      }),
    }
  })
  return { records, response }
}
