/**
 * groups/consumer: the hash by which a group finds out that its topics have changed. Kafka's own, so that a group changes hands without a
 * rebalance: XXH3 of 64 bits over the topics' hashes in the order of their names. A topic's is that of
 *
 *     0 (byte) | topic id as two longs | name as UTF-16 code units | its length | partition count | each partition: index | racks, sorted
 *
 * all little-endian. Source: Kafka's org.apache.kafka.coordinator.group.Utils.
 */
import { nativeModule } from '../../../protocol/records/native-module.ts'
import type { TopicsImage } from './topics-image.ts'

type Xxhash = typeof import('@node-rs/xxhash')

/** Loaded for the first group that needs it. */
function xxh64(bytes: Buffer): bigint {
  return nativeModule<Xxhash>('@node-rs/xxhash', 'consumer groups').xxh3.xxh64(bytes)
}

/** 0 where no topic is there. */
export function metadataHash(subscribedTopics: Iterable<string>, topics: TopicsImage): bigint {
  const hashes: Buffer[] = []
  for (const name of [...subscribedTopics].sort()) {
    const topicId = topics.idOf(name)
    if (topicId === undefined) continue
    const hash = Buffer.alloc(8)
    hash.writeBigUInt64LE(topicHash(topicId, name, topics))
    hashes.push(hash)
  }
  return hashes.length === 0 ? 0n : BigInt.asIntN(64, xxh64(Buffer.concat(hashes)))
}

function topicHash(topicId: string, name: string, topics: TopicsImage): bigint {
  const partitionCount = topics.partitionCount(topicId)
  const id = Buffer.from(topicId, 'base64url')
  const parts = [
    Buffer.of(0),
    id.subarray(0, 8).reverse(),
    id.subarray(8, 16).reverse(),
    ...text(name),
    int32(partitionCount),
  ]
  for (let partition = 0; partition < partitionCount; partition += 1) {
    parts.push(int32(partition))
    for (const rack of [...topics.racks(topicId, partition)].sort()) parts.push(int32(rack.length), ...text(rack))
  }
  return xxh64(Buffer.concat(parts))
}

function text(value: string): Buffer[] {
  return [Buffer.from(value, 'utf16le'), int32(value.length)]
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}
