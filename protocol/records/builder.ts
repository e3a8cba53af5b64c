/**
 * protocol/records: builds batches and message sets, byte for byte as Kafka's MemoryRecordsBuilder does.
 * Sizes are computed first, so that each batch is written into one buffer once.
 */
import { compress } from './compression.ts'
import { noHeaders, type RecordHeader } from './record.ts'
import {
  type Codec,
  codecs,
  controlFlag,
  deleteHorizonFlag,
  logAppendTimeFlag,
  logOverhead,
  messageOverheadV0,
  messageOverheadV1,
  noPartitionLeaderEpoch,
  noProducerEpoch,
  noProducerId,
  noSequence,
  noTimestamp,
  RecordBatchView,
  recordBatchOverhead,
  transactionalFlag,
  updateCrc,
  writeInt32,
  writeInt64,
} from './record-batch.ts'

/** A record to be written. A `KafkaRecord` is one. */
export interface RecordToWrite {
  /** Absolute; the one after the record before, if absent. */
  readonly offset?: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeader[]
  /** Instead of `headers`: count and headers as they are written. */
  readonly encodedHeaders?: Buffer
}

export interface MessageSetOptions {
  readonly codec?: Codec
  readonly level?: number | undefined
  readonly timestampType?: 'CreateTime' | 'LogAppendTime'
  /** With LogAppendTime: the time of all records. */
  readonly logAppendTimeMs?: number
  /** Offset of the first record that has none. 0 if absent. */
  readonly baseOffset?: number
}

export interface RecordBatchOptions extends MessageSetOptions {
  readonly partitionLeaderEpoch?: number
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  /** Takes baseTimestamp's place (KIP-534). */
  readonly deleteHorizonMs?: number | undefined
  // What the log cleaner keeps of a batch whose records it has removed in part or wholly:
  /** The last record's if absent. */
  readonly lastOffsetDelta?: number
  /** The first record's timestamp if absent, -1 without records. */
  readonly baseTimestamp?: number
  /** The largest timestamp of the records if absent, -1 without records. */
  readonly maxTimestamp?: number
}

/** One magic 2 batch; without records its header alone, as the cleaner keeps it for the producer's state. */
export function buildRecordBatch(options: RecordBatchOptions, records: readonly RecordToWrite[]): Buffer {
  const codec = options.codec ?? 'none'
  const isLogAppendTime = options.timestampType === 'LogAppendTime'
  const baseOffset = options.baseOffset ?? 0
  const baseTimestamp = options.deleteHorizonMs ?? options.baseTimestamp ?? records[0]?.timestamp ?? noTimestamp
  const room = codec === 'none' ? recordBatchOverhead : 0 // compressed records get a buffer of their own first
  const offsetDeltas = new Array<number>(records.length)
  const sizes = new Array<number>(records.length)
  let total = room
  let nextDelta = 0
  let maxTimestamp = noTimestamp
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!
    const delta = record.offset === undefined ? nextDelta : record.offset - baseOffset
    nextDelta = delta + 1
    if (record.timestamp > maxTimestamp) maxTimestamp = record.timestamp
    const size = bodySize(record, record.timestamp - baseTimestamp, delta)
    offsetDeltas[index] = delta
    sizes[index] = size
    total += varintSize(size) + size
  }
  let bytes = Buffer.allocUnsafe(total)
  let at = room
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!
    at = writeVarint(bytes, at, sizes[index]!)
    at = writeBody(bytes, at, record, record.timestamp - baseTimestamp, offsetDeltas[index]!)
  }
  if (codec !== 'none') {
    const compressed = compress(codec, bytes, { level: options.level })
    bytes = Buffer.allocUnsafe(recordBatchOverhead + compressed.length)
    compressed.copy(bytes, recordBatchOverhead)
  }
  writeHeader(bytes, options, {
    attributes: attributesOf(options, codec),
    lastOffsetDelta: options.lastOffsetDelta ?? nextDelta - 1,
    baseTimestamp,
    maxTimestamp: isLogAppendTime ? (options.logAppendTimeMs ?? noTimestamp) : (options.maxTimestamp ?? maxTimestamp),
    recordCount: records.length,
  })
  return bytes
}

function attributesOf(options: RecordBatchOptions, codec: Codec): number {
  return (
    codecs.indexOf(codec) |
    (options.timestampType === 'LogAppendTime' ? logAppendTimeFlag : 0) |
    (options.isTransactional === true ? transactionalFlag : 0) |
    (options.isControl === true ? controlFlag : 0) |
    (options.deleteHorizonMs === undefined ? 0 : deleteHorizonFlag)
  )
}

interface Computed {
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly recordCount: number
}

function writeHeader(bytes: Buffer, options: RecordBatchOptions, computed: Computed): void {
  writeInt64(bytes, 0, options.baseOffset ?? 0)
  writeInt32(bytes, 8, bytes.length - logOverhead)
  writeInt32(bytes, 12, options.partitionLeaderEpoch ?? noPartitionLeaderEpoch)
  bytes[16] = 2
  bytes.writeUInt16BE(computed.attributes, 21)
  writeInt32(bytes, 23, computed.lastOffsetDelta)
  writeInt64(bytes, 27, computed.baseTimestamp)
  writeInt64(bytes, 35, computed.maxTimestamp)
  bytes.writeBigInt64BE(options.producerId ?? noProducerId, 43)
  bytes.writeInt16BE(options.producerEpoch ?? noProducerEpoch, 51)
  writeInt32(bytes, 53, options.baseSequence ?? noSequence)
  writeInt32(bytes, 57, computed.recordCount)
  updateCrc(new RecordBatchView(bytes))
}

/** The options that build a batch with the same header, given the same records: for rewriting some of its records. */
export function optionsOf(batch: RecordBatchView): RecordBatchOptions {
  return {
    codec: batch.codec,
    timestampType: batch.timestampType === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    logAppendTimeMs: batch.maxTimestamp,
    baseOffset: batch.baseOffset,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    deleteHorizonMs: batch.deleteHorizonMs,
    lastOffsetDelta: batch.lastOffsetDelta,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp: batch.maxTimestamp,
  }
}

/** Messages of magic 0 or 1, one after the other; with a codec inside one wrapper. Headers are left out. */
export function buildMessageSet(magic: 0 | 1, options: MessageSetOptions, records: readonly RecordToWrite[]): Buffer {
  const codec = options.codec ?? 'none'
  const isWrapped = codec !== 'none'
  const firstOffset = options.baseOffset ?? 0
  const overhead = magic === 0 ? messageOverheadV0 : messageOverheadV1
  const attributes = magic === 1 && options.timestampType === 'LogAppendTime' ? logAppendTimeFlag : 0
  let total = 0
  for (const { key, value } of records) total += overhead + (key?.length ?? 0) + (value?.length ?? 0)
  const bytes = Buffer.allocUnsafe(total)
  let at = 0
  let nextOffset = firstOffset
  let maxTimestamp = noTimestamp
  for (const record of records) {
    const offset = record.offset ?? nextOffset
    nextOffset = offset + 1
    const timestamp = attributes === 0 ? record.timestamp : (options.logAppendTimeMs ?? noTimestamp)
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    const written = isWrapped && magic === 1 ? offset - firstOffset : offset
    at = writeMessage(bytes, at, magic, attributes, {
      offset: written,
      timestamp,
      key: record.key,
      value: record.value,
    })
  }
  if (!isWrapped || records.length === 0) return bytes
  const value = compress(codec, bytes, { level: options.level, magic })
  const wrapper = Buffer.allocUnsafe(overhead + value.length)
  writeMessage(wrapper, 0, magic, attributes | codecs.indexOf(codec), {
    offset: nextOffset - 1,
    timestamp: maxTimestamp,
    key: null,
    value,
  })
  return wrapper
}

interface MessageToWrite {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

function writeMessage(bytes: Buffer, start: number, magic: 0 | 1, attributes: number, message: MessageToWrite): number {
  writeInt64(bytes, start, message.offset)
  bytes[start + 16] = magic
  bytes[start + 17] = attributes
  let at = start + 18
  if (magic === 1) {
    writeInt64(bytes, at, message.timestamp)
    at += 8
  }
  at = writeSizeDelimited(bytes, at, message.key)
  at = writeSizeDelimited(bytes, at, message.value)
  writeInt32(bytes, start + 8, at - start - logOverhead)
  updateCrc(new RecordBatchView(bytes, start))
  return at
}

function writeSizeDelimited(bytes: Buffer, at: number, part: Buffer | null): number {
  writeInt32(bytes, at, part === null ? -1 : part.length)
  return at + 4 + (part === null ? 0 : part.copy(bytes, at + 4))
}

/** Of a record without the length before it. */
function bodySize(record: RecordToWrite, timestampDelta: number, offsetDelta: number): number {
  const { key, value } = record
  return (
    1 +
    varlongSize(timestampDelta) +
    varintSize(offsetDelta) +
    (key === null ? 1 : varintSize(key.length) + key.length) +
    (value === null ? 1 : varintSize(value.length) + value.length) +
    (record.encodedHeaders?.length ?? headersSize(record.headers))
  )
}

function headersSize(headers: readonly RecordHeader[] | undefined): number {
  if (headers === undefined || headers.length === 0) return 1
  let size = varintSize(headers.length)
  for (const { key, value } of headers) {
    const keyLength = Buffer.byteLength(key)
    size += varintSize(keyLength) + keyLength + (value === null ? 1 : varintSize(value.length) + value.length)
  }
  return size
}

function writeBody(
  bytes: Buffer,
  start: number,
  record: RecordToWrite,
  timestampDelta: number,
  offsetDelta: number,
): number {
  bytes[start] = 0
  let at = writeVarlong(bytes, start + 1, timestampDelta)
  at = writeVarint(bytes, at, offsetDelta)
  at = writeNullable(bytes, at, record.key)
  at = writeNullable(bytes, at, record.value)
  if (record.encodedHeaders !== undefined) return at + record.encodedHeaders.copy(bytes, at)
  const { headers } = record
  if (headers === undefined || headers.length === 0) return at + noHeaders.copy(bytes, at)
  at = writeVarint(bytes, at, headers.length)
  for (const { key, value } of headers) {
    at = writeVarint(bytes, at, Buffer.byteLength(key))
    at += bytes.write(key, at)
    at = writeNullable(bytes, at, value)
  }
  return at
}

function writeNullable(bytes: Buffer, start: number, part: Buffer | null): number {
  if (part === null) {
    bytes[start] = 1 // -1
    return start + 1
  }
  const at = writeVarint(bytes, start, part.length)
  return at + part.copy(bytes, at)
}

function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  return zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let at = start
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = rest | 0x80
  bytes[at] = rest
  return at + 1
}

function varlongSize(value: number): number {
  let size = 1
  for (let rest = value < 0 ? -value * 2 - 1 : value * 2; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

function writeVarlong(bytes: Buffer, start: number, value: number): number {
  let at = start
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80
  bytes[at] = rest
  return at + 1
}
