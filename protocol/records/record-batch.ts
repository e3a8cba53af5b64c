/**
 * protocol/records: the header of one record batch, read and patched where it lies. Nothing here looks at the records.
 *
 *     magic 2                                              magic 1 (0: no timestamp), one message or a compressed wrapper
 *      0  int64   baseOffset                                0  int64   offset (of the last message in a wrapper)
 *      8  int32   length: bytes after this field            8  int32   length
 *     12  int32   partitionLeaderEpoch                     12  uint32  crc: CRC-32 from 16 to the end
 *     16  int8    magic                                    16  int8    magic
 *     17  uint32  crc: CRC-32C from 21 to the end          17  int8    attributes
 *     21  int16   attributes                               18  int64   timestamp
 *     23  int32   lastOffsetDelta                          26  int32   key length, key, value length, value
 *     27  int64   baseTimestamp (or delete horizon)
 *     35  int64   maxTimestamp                             attributes: 0-2 codec · 3 LogAppendTime · 4 transactional ·
 *     43  int64   producerId                                           5 control · 6 delete horizon (4 to 6: magic 2)
 *     51  int16   producerEpoch
 *     53  int32   baseSequence
 *     57  int32   record count
 *     61  records, compressed as one run of bytes
 *
 * Source: Kafka's "Messages" implementation page, KIP-98, KIP-32, KIP-534 (delete horizon).
 */
import { KafkaError } from '../errors.ts'
import { crc32, crc32c } from './checksums.ts'

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
/** Magic 0 has none. */
export type TimestampType = 'NoTimestampType' | 'CreateTime' | 'LogAppendTime'

/** Offset and length: what every magic starts with and the length field leaves out. */
export const logOverhead = 12
/** Bytes of a magic 2 batch without records. */
export const recordBatchOverhead = 61
/** Bytes of a message with null key and value, offset and length included. */
export const messageOverheadV0 = logOverhead + 14
export const messageOverheadV1 = logOverhead + 22

export const noTimestamp = -1
export const noProducerId = -1n
export const noProducerEpoch = -1
export const noSequence = -1
export const noPartitionLeaderEpoch = -1

export const codecMask = 0x07
export const logAppendTimeFlag = 0x08
export const transactionalFlag = 0x10
export const controlFlag = 0x20
export const deleteHorizonFlag = 0x40

/** In the order of their ids. */
export const codecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

const lengthField = 8
const leaderEpochField = 12
const legacyCrcField = 12
const magicField = 16
const legacyAttributesField = 17
const legacyTimestampField = 18
const crcField = 17
const attributesField = 21
const lastOffsetDeltaField = 23
const baseTimestampField = 27
const maxTimestampField = 35
const producerIdField = 43
const producerEpochField = 51
const baseSequenceField = 53
const recordCountField = 57
const twoTo32 = 0x1_0000_0000

export function readInt32(buffer: Buffer, at: number): number {
  return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!
}

export function writeInt32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >>> 24
  buffer[at + 1] = value >>> 16
  buffer[at + 2] = value >>> 8
  buffer[at + 3] = value
}

/** Exact within ±(2^53-1), which offsets and times are; beyond it rounded. */
export function readInt64(buffer: Buffer, at: number): number {
  return readInt32(buffer, at) * twoTo32 + (readInt32(buffer, at + 4) >>> 0)
}

export function writeInt64(buffer: Buffer, at: number, value: number): void {
  writeInt32(buffer, at, Math.floor(value / twoTo32))
  writeInt32(buffer, at + 4, value % twoTo32)
}

/** The sequence `by` records after `sequence`; after 2^31-1 comes 0. */
export function incrementSequence(sequence: number, by: number): number {
  const sum = sequence + by
  return sum > 0x7fffffff ? sum - 0x80000000 : sum
}

// The numeric functions below take the position of a whole batch, as batchSizeAt (batches.ts) has found it.

/** Bytes of the batch by its own account. */
export function sizeInBytesAt(buffer: Buffer, position: number): number {
  return readInt32(buffer, position + lengthField) + logOverhead
}

export function magicAt(buffer: Buffer, position: number): number {
  return (buffer[position + magicField]! << 24) >> 24
}

export function baseOffsetAt(buffer: Buffer, position: number): number {
  return readInt64(buffer, position)
}

/** The last offset of the batch; in magic 0 and 1 the only offset that the header has. */
export function lastOffsetAt(buffer: Buffer, position: number): number {
  const offset = readInt64(buffer, position)
  return magicAt(buffer, position) < 2 ? offset : offset + readInt32(buffer, position + lastOffsetDeltaField)
}

/** Attribute bits of any magic; magic 0 and 1 use the lowest four. */
export function attributesAt(buffer: Buffer, position: number): number {
  if (magicAt(buffer, position) < 2) return buffer[position + legacyAttributesField]!
  return (buffer[position + attributesField]! << 8) | buffer[position + attributesField + 1]!
}

/** Compares the stored checksum with that of the bytes. The batch must be whole and not shorter than its header. */
export function isCrcValidAt(buffer: Buffer, position: number): boolean {
  return storedCrc(buffer, position) === computedCrc(buffer, position)
}

function storedCrc(buffer: Buffer, position: number): number {
  return readInt32(buffer, position + (magicAt(buffer, position) < 2 ? legacyCrcField : crcField)) >>> 0
}

function computedCrc(buffer: Buffer, position: number): number {
  const end = position + sizeInBytesAt(buffer, position)
  return magicAt(buffer, position) < 2
    ? crc32(buffer.subarray(position + magicField, end))
    : crc32c(buffer.subarray(position + attributesField, end))
}

/** @throws KafkaError CORRUPT_MESSAGE when the stored checksum is not that of the bytes. */
export function ensureCrcValidAt(buffer: Buffer, position: number): void {
  const stored = storedCrc(buffer, position)
  const computed = computedCrc(buffer, position)
  if (stored !== computed) {
    throw new KafkaError('CORRUPT_MESSAGE', `Record is corrupt (stored crc = ${stored}, computed crc = ${computed})`)
  }
}

/** What a leader puts into a produced magic 2 batch. The checksum does not cover these fields. */
export function assignOffsetAndEpochAt(
  buffer: Buffer,
  position: number,
  baseOffset: number,
  partitionLeaderEpoch: number,
): void {
  writeInt64(buffer, position, baseOffset)
  writeInt32(buffer, position + leaderEpochField, partitionLeaderEpoch)
}

/** One batch inside a larger buffer. Getters read the buffer each time: a patched batch shows its new values. */
export class RecordBatchView {
  readonly buffer: Buffer
  position: number

  constructor(buffer: Buffer, position = 0) {
    this.buffer = buffer
    this.position = position
  }

  /** Bytes of the batch, from baseOffset to the end of its records. */
  get sizeInBytes(): number {
    return sizeInBytesAt(this.buffer, this.position)
  }

  /** The batch's bytes, a view. */
  get bytes(): Buffer {
    return this.buffer.subarray(this.position, this.position + this.sizeInBytes)
  }

  get magic(): number {
    return magicAt(this.buffer, this.position)
  }

  /** Magic 0 and 1: the offset field, which in a compressed wrapper is the last message's offset. */
  get baseOffset(): number {
    return readInt64(this.buffer, this.position)
  }

  set baseOffset(offset: number) {
    writeInt64(this.buffer, this.position, offset)
  }

  /** -1 in magic 0 and 1, which have none. */
  get partitionLeaderEpoch(): number {
    return this.magic < 2 ? noPartitionLeaderEpoch : readInt32(this.buffer, this.position + leaderEpochField)
  }

  /** Magic 2 only. */
  set partitionLeaderEpoch(epoch: number) {
    writeInt32(this.buffer, this.position + leaderEpochField, epoch)
  }

  /** The stored checksum, unsigned. */
  get crc(): number {
    return storedCrc(this.buffer, this.position)
  }

  isCrcValid(): boolean {
    return isCrcValidAt(this.buffer, this.position)
  }

  get attributes(): number {
    return attributesAt(this.buffer, this.position)
  }

  /** @throws KafkaError UNSUPPORTED_COMPRESSION_TYPE for an id that Kafka does not have. */
  get codec(): Codec {
    const id = this.attributes & codecMask
    const codec = codecs[id]
    if (codec === undefined) {
      throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', `Unknown compression type id: ${id}`)
    }
    return codec
  }

  get isCompressed(): boolean {
    return (this.attributes & codecMask) !== 0
  }

  get timestampType(): TimestampType {
    if (this.magic === 0) return 'NoTimestampType'
    return (this.attributes & logAppendTimeFlag) === 0 ? 'CreateTime' : 'LogAppendTime'
  }

  get isTransactional(): boolean {
    return this.magic >= 2 && (this.attributes & transactionalFlag) !== 0
  }

  get isControl(): boolean {
    return this.magic >= 2 && (this.attributes & controlFlag) !== 0
  }

  /** The log cleaner has put the time after which tombstones go into baseTimestamp (KIP-534). */
  get hasDeleteHorizon(): boolean {
    return this.magic >= 2 && (this.attributes & deleteHorizonFlag) !== 0
  }

  get deleteHorizonMs(): number | undefined {
    return this.hasDeleteHorizon ? this.baseTimestamp : undefined
  }

  /** 0 in magic 0 and 1. */
  get lastOffsetDelta(): number {
    return this.magic < 2 ? 0 : readInt32(this.buffer, this.position + lastOffsetDeltaField)
  }

  get lastOffset(): number {
    return lastOffsetAt(this.buffer, this.position)
  }

  get nextOffset(): number {
    return lastOffsetAt(this.buffer, this.position) + 1
  }

  /** What the records' timestamp deltas count from. Magic 1: the message's own timestamp; magic 0: -1. */
  get baseTimestamp(): number {
    return this.magic < 2 ? this.maxTimestamp : readInt64(this.buffer, this.position + baseTimestampField)
  }

  /** Magic 1: the message's own timestamp; magic 0: -1. */
  get maxTimestamp(): number {
    if (this.magic === 0) return noTimestamp
    return readInt64(this.buffer, this.position + (this.magic === 1 ? legacyTimestampField : maxTimestampField))
  }

  get producerId(): bigint {
    return this.magic < 2 ? noProducerId : this.buffer.readBigInt64BE(this.position + producerIdField)
  }

  /** `producerId` is not negative; cheaper than asking for it. */
  get hasProducerId(): boolean {
    return this.magic >= 2 && this.buffer[this.position + producerIdField]! < 0x80
  }

  get producerEpoch(): number {
    if (this.magic < 2) return noProducerEpoch
    const at = this.position + producerEpochField
    return ((this.buffer[at]! << 24) >> 16) | this.buffer[at + 1]!
  }

  get baseSequence(): number {
    return this.magic < 2 ? noSequence : readInt32(this.buffer, this.position + baseSequenceField)
  }

  get lastSequence(): number {
    const baseSequence = this.baseSequence
    return baseSequence < 0 ? noSequence : incrementSequence(baseSequence, this.lastOffsetDelta)
  }

  /** Magic 0 and 1: 1 for a plain message, -1 (unknown) for a compressed wrapper. */
  get recordCount(): number {
    if (this.magic < 2) return this.isCompressed ? -1 : 1
    return readInt32(this.buffer, this.position + recordCountField)
  }

  /** Magic 2: the bytes after the header, compressed if `codec` says so; a view. */
  get recordBytes(): Buffer {
    return this.buffer.subarray(this.position + recordBatchOverhead, this.position + this.sizeInBytes)
  }
}

/** Magic 2: the broker's time becomes that of every record: attributes and maxTimestamp change, and the checksum with them. */
export function setLogAppendTime(batch: RecordBatchView, timestampMs: number): void {
  batch.buffer[batch.position + attributesField + 1] = batch.attributes | logAppendTimeFlag
  writeInt64(batch.buffer, batch.position + maxTimestampField, timestampMs)
  updateCrc(batch)
}

/** Magic 2 with CreateTime: corrects maxTimestamp, and the checksum with it, if it differs. */
export function setMaxTimestamp(batch: RecordBatchView, timestampMs: number): void {
  const { buffer, position } = batch
  const lowByte = position + attributesField + 1
  const isSet = (buffer[lowByte]! & logAppendTimeFlag) === 0
  if (isSet && batch.maxTimestamp === timestampMs) return
  buffer[lowByte] = buffer[lowByte]! & ~logAppendTimeFlag
  writeInt64(buffer, position + maxTimestampField, timestampMs)
  updateCrc(batch)
}

/** Stores the checksum of the bytes as they are now. */
export function updateCrc(batch: RecordBatchView): void {
  const at = batch.position + (batch.magic < 2 ? legacyCrcField : crcField)
  writeInt32(batch.buffer, at, computedCrc(batch.buffer, batch.position))
}
