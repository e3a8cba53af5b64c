/** groups/assignors: subscriptions and assignments as the bytes in JoinGroup and SyncGroup. Source: Kafka's ConsumerProtocol. */
import { ProtocolError, Reader } from '../../../protocol/schema/index.ts'
import { consumerProtocolAssignment, consumerProtocolSubscription } from '../../../protocol/state/index.ts'
import type { Assignment, Subscription, TopicPartitions } from './client-assignor.ts'

/** What Kafka 4.3's clients write. */
export const latestVersion = 3

const mutable = (partitions: readonly TopicPartitions[]) =>
  partitions.map(({ topic, partitions: of }) => ({ topic, partitions: [...of] }))

/** `version`: 0 to 3; what it has no field for is left out. `groupInstanceId` is never in it. */
export function encodeSubscription(subscription: Subscription, version = latestVersion): Buffer {
  const { topics, userData = null, ownedPartitions = [], generationId = -1, rackId = null } = subscription
  return consumerProtocolSubscription.encodeVersioned(version, {
    topics: [...topics],
    userData,
    ownedPartitions: version >= 1 ? mutable(ownedPartitions) : [],
    generationId: version >= 2 ? generationId : -1,
    rackId: version >= 3 ? rackId : null,
  })
}

/** A later version than ours is read as the latest that we know. @throws ProtocolError for bytes that are no subscription. */
export function decodeSubscription(bytes: Buffer): Subscription {
  const reader = new Reader(bytes)
  return consumerProtocolSubscription.codec(readableVersion(reader)).decode(reader)
}

export function encodeAssignment(
  assignment: Assignment,
  userData: Buffer | null = null,
  version = latestVersion,
): Buffer {
  const assignedPartitions = [...assignment].map(([topic, partitions]) => ({ topic, partitions }))
  return consumerProtocolAssignment.encodeVersioned(version, { assignedPartitions, userData })
}

/** No bytes are no assignment. @throws ProtocolError for bytes that are none. */
export function decodeAssignment(bytes: Buffer): Assignment {
  if (bytes.length === 0) return new Map()
  const reader = new Reader(bytes)
  const { assignedPartitions } = consumerProtocolAssignment.codec(readableVersion(reader)).decode(reader)
  return new Map(assignedPartitions.map(({ topic, partitions }) => [topic, partitions]))
}

function readableVersion(reader: Reader): number {
  const version = reader.int16()
  if (version < 0) throw new ProtocolError(`version ${version} of the consumer protocol, 0 or later expected`)
  return Math.min(version, latestVersion)
}
