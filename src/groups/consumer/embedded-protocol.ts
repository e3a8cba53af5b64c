/** groups/consumer: the subscriptions and assignments that classic consumers put into JoinGroup and SyncGroup, between bytes and topics. */
import { ProtocolError, Reader } from '../../../protocol/schema/index.ts'
import { consumerProtocolAssignment, consumerProtocolSubscription } from '../../../protocol/state/index.ts'
import type { ClassicMemberMetadata } from './consumer-group-member.ts'
import { listed, type Partitions, type TopicPartitions } from './partitions.ts'
import type { TopicsImage } from './topics-image.ts'

const latestVersion = 3

export interface EmbeddedSubscription {
  readonly topics: readonly string[]
  readonly rackId: string | null
  /** Of topics that are there. */
  readonly owned: readonly TopicPartitions[]
}

/** @throws ProtocolError */
export function readSubscription(metadata: Buffer, topics: TopicsImage): EmbeddedSubscription {
  const version = versionOf(metadata)
  const decoded = consumerProtocolSubscription.codec(version).decode(new Reader(metadata, 2))
  const owned = decoded.ownedPartitions.flatMap(({ topic, partitions }) => {
    const topicId = topics.idOf(topic)
    return topicId === undefined ? [] : [{ topicId, partitions }]
  })
  return { topics: decoded.topics, rackId: decoded.rackId || null, owned }
}

/** Of topics that are there; undefined where an assignor of its own has added something. @throws ProtocolError */
export function readAssignment(assignment: Buffer, topics: TopicsImage): Partitions | undefined {
  const partitions = new Map<string, ReadonlySet<number>>()
  if (assignment.length === 0) return partitions
  const decoded = consumerProtocolAssignment.codec(versionOf(assignment)).decode(new Reader(assignment, 2))
  if (decoded.userData !== null && decoded.userData.length > 0) return undefined
  for (const { topic, partitions: own } of decoded.assignedPartitions) {
    const topicId = topics.idOf(topic)
    if (topicId !== undefined) partitions.set(topicId, new Set(own))
  }
  return partitions
}

/** In the version that the member's own subscription, `metadata`, has. */
export function assignmentFor(
  metadata: Buffer,
  partitions: ReadonlyMap<string, { keys(): Iterable<number> }>,
  topics: TopicsImage,
): Buffer {
  const assignedPartitions = listed(partitions).flatMap(({ topicId, partitions: own }) => {
    const topic = topics.nameOf(topicId)
    return topic === undefined ? [] : [{ topic, partitions: [...own] }]
  })
  return consumerProtocolAssignment.encodeVersioned(versionOf(metadata), { assignedPartitions, userData: null })
}

/** Kafka takes the member's first protocol for the one that all use. */
export function protocolOf(classic: ClassicMemberMetadata): ClassicMemberMetadata['supportedProtocols'][number] {
  return classic.supportedProtocols[0]!
}

/** Later versions begin as the latest that is known. */
function versionOf(bytes: Buffer): number {
  const version = new Reader(bytes).int16()
  if (version < 0) throw new ProtocolError(`consumer protocol version ${version}`)
  return Math.min(version, latestVersion)
}
