/**
 * log: the bytes of a `.snapshot` file: what is known of each producer at the offset in the file's name.
 *
 * version (int16, 1) | CRC-32C of what follows (uint32) | number of entries (int32), then 46 bytes each: producer id (int64) | epoch (int16) |
 * last sequence (int32) | last offset (int64) | offset delta of the last batch (int32) | last timestamp (int64) |
 * coordinator epoch (int32) | first offset of the open transaction or -1 (int64). Source: Kafka's ProducerSnapshot schema.
 */
import { crc32c } from '../../protocol/records/checksums.ts'
import { readInt64, writeInt64 } from '../../protocol/records/record-batch.ts'

const headerBytes = 10
const entryBytes = 46
const version = 1

export interface SnapshotEntry {
  readonly producerId: bigint
  readonly producerEpoch: number
  /** Of the last batch; -1 if none is known in this epoch, as are the next two. */
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly lastTimestampMs: number
  readonly coordinatorEpoch: number
  readonly currentTransactionFirstOffset: number
}

export function encodeProducerSnapshot(entries: readonly SnapshotEntry[]): Buffer {
  const bytes = Buffer.alloc(headerBytes + entries.length * entryBytes)
  bytes.writeInt16BE(version, 0)
  bytes.writeInt32BE(entries.length, 6)
  entries.forEach((entry, index) => {
    const at = headerBytes + index * entryBytes
    bytes.writeBigInt64BE(entry.producerId, at)
    bytes.writeInt16BE(entry.producerEpoch, at + 8)
    bytes.writeInt32BE(entry.lastSequence, at + 10)
    writeInt64(bytes, at + 14, entry.lastOffset)
    bytes.writeInt32BE(entry.offsetDelta, at + 22)
    writeInt64(bytes, at + 26, entry.lastTimestampMs)
    bytes.writeInt32BE(entry.coordinatorEpoch, at + 34)
    writeInt64(bytes, at + 38, entry.currentTransactionFirstOffset)
  })
  bytes.writeUInt32BE(crc32c(bytes.subarray(6)), 2)
  return bytes
}

/** Undefined when `bytes` is no whole snapshot: an older one, or the log itself, tells the same. */
export function decodeProducerSnapshot(bytes: Buffer): SnapshotEntry[] | undefined {
  if (bytes.length < headerBytes || bytes.readInt16BE(0) !== version) return undefined
  const count = bytes.readInt32BE(6)
  if (bytes.length !== headerBytes + count * entryBytes || crc32c(bytes.subarray(6)) !== bytes.readUInt32BE(2)) {
    return undefined
  }
  return Array.from({ length: count }, (_, index) => {
    const at = headerBytes + index * entryBytes
    return {
      producerId: bytes.readBigInt64BE(at),
      producerEpoch: bytes.readInt16BE(at + 8),
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset: readInt64(bytes, at + 14),
      offsetDelta: bytes.readInt32BE(at + 22),
      lastTimestampMs: readInt64(bytes, at + 26),
      coordinatorEpoch: bytes.readInt32BE(at + 34),
      currentTransactionFirstOffset: readInt64(bytes, at + 38),
    }
  })
}
