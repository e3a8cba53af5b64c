/**
 * log: what a batch must be like to be appended, and what a topic's config makes of it before.
 *
 * A magic 2 batch stays as it came: header and checksum are checked, uncompressed records walked, never copied. It is decompressed only
 * if a config asks what only its records can tell (compaction, a bound on old timestamps), or asks for another codec; messages of magic 0 and 1
 * are always converted. Source: Kafka's LogValidator, KIP-467 (record errors).
 */
import { type ErrorName, KafkaError, RecordsError } from '../../protocol/errors.ts'
import { batchSizeAt } from '../../protocol/records/batches.ts'
import { recompress, upConvert } from '../../protocol/records/conversion.ts'
import { RecordCursor, recordCursor } from '../../protocol/records/record.ts'
import {
  type Codec,
  ensureCrcValidAt,
  noTimestamp,
  RecordBatchView,
  setLogAppendTime,
  setMaxTimestamp,
} from '../../protocol/records/record-batch.ts'
import type { LogConfig } from './log-config.ts'
import type { AppendOrigin } from './partition-log.ts'

/** So many are named in the message; the answer lists all. */
const shownRecordErrors = 3

/** Checked batches without offsets. */
export interface CheckedRecords {
  /** One batch from a client, one or more from others. */
  readonly bytes: Buffer
  /** Offsets that they take. */
  readonly offsetCount: number
  readonly maxTimestampMs: number
  /** -1 unless the topic has LogAppendTime. */
  readonly logAppendTimeMs: number
  readonly first: RecordBatchView
}

/** What a log knows that its checks need. */
interface Checking {
  readonly config: LogConfig
  readonly nowMs: number
  /** `topic-0`, as messages have it. */
  readonly partitionName: string
}

/** @throws KafkaError as `PartitionLog.append` says, but for what depends on the producer's state. */
export function checkRecords(records: Buffer, origin: AppendOrigin, checking: Checking): CheckedRecords {
  const { config, nowMs } = checking
  const size = batchSizeAt(records, 0)
  if (size === 0) throw new KafkaError('INVALID_RECORD', 'The records hold no whole batch')
  if (origin !== 'client') return checkOwn(records, config)
  const batch = new RecordBatchView(records)
  if (batch.magic < 2) return checkConverted(convertLegacy(records, config), checking)
  checkEnvelope(batch, size, config)
  if (batchSizeAt(records, size) > 0) {
    throw new KafkaError('INVALID_RECORD', 'A produce request may hold only one batch for a partition')
  }
  checkClientBatch(batch)
  const codec = targetCodec(config, batch.codec)
  if (codec === batch.codec) {
    checkRecordsOf(batch, checking)
    return checked(batch, size === records.length ? records : records.subarray(0, size), config, nowMs)
  }
  checkRecordsOf(batch, checking)
  return checkConverted(recompress(batch, { codec, level: compressionLevel(codec, config) }), checking, true)
}

/** Batches that this broker made. */
function checkOwn(records: Buffer, config: LogConfig): CheckedRecords {
  let offsetCount = 0
  let maxTimestampMs = noTimestamp
  let position = 0
  const batch = new RecordBatchView(records)
  for (let size = batchSizeAt(records, 0); size > 0; size = batchSizeAt(records, position)) {
    batch.position = position
    if (size > config.segmentBytes) throw tooLarge('RECORD_LIST_TOO_LARGE', size, 'segment.bytes', config.segmentBytes)
    offsetCount += batch.lastOffsetDelta + 1
    maxTimestampMs = Math.max(maxTimestampMs, batch.maxTimestamp)
    position += size
  }
  const bytes = position === records.length ? records : records.subarray(0, position)
  return { bytes, offsetCount, maxTimestampMs, logAppendTimeMs: -1, first: new RecordBatchView(bytes) }
}

/** What holds for any batch of a client. */
function checkEnvelope(batch: RecordBatchView, size: number, config: LogConfig): void {
  if (batch.magic >= 2 && batch.baseOffset !== 0) {
    throw new KafkaError('INVALID_RECORD', `The base offset of a produced batch must be 0, not ${batch.baseOffset}`)
  }
  if (size > config.maxMessageBytes)
    throw tooLarge('MESSAGE_TOO_LARGE', size, 'max.message.bytes', config.maxMessageBytes)
  ensureCrcValidAt(batch.buffer, batch.position)
}

function checkClientBatch(batch: RecordBatchView): void {
  const { recordCount, lastOffsetDelta } = batch
  if (recordCount <= 0) throw new KafkaError('INVALID_RECORD', `A batch can't have ${recordCount} records`)
  if (lastOffsetDelta !== recordCount - 1) {
    throw new KafkaError(
      'INVALID_RECORD',
      `A last offset delta of ${lastOffsetDelta} does not go with ${recordCount} records`,
    )
  }
  if (batch.isControl) throw new KafkaError('INVALID_RECORD', 'Clients are not allowed to write control records')
  if (batch.hasProducerId && batch.baseSequence < 0) {
    throw new KafkaError(
      'INVALID_RECORD',
      `Sequence ${batch.baseSequence} is not valid for producer ${batch.producerId}`,
    )
  }
}

function targetCodec(config: LogConfig, source: Codec): Codec {
  if (config.compressionType === 'producer') return source
  return config.compressionType === 'uncompressed' ? 'none' : config.compressionType
}

function compressionLevel(codec: Codec, config: LogConfig): number | undefined {
  if (codec === 'gzip') return config.compressionGzipLevel
  if (codec === 'lz4') return config.compressionLz4Level
  return codec === 'zstd' ? config.compressionZstdLevel : undefined
}

/** Looks at the records where they lie open or the config needs it. Corrects the batch's largest timestamp. */
function checkRecordsOf(batch: RecordBatchView, { config, nowMs, partitionName }: Checking): void {
  const { timestampType } = batch
  const earliest = nowMs - config.messageTimestampBeforeMaxMs
  const latest = nowMs + config.messageTimestampAfterMaxMs
  const checksTime = config.messageTimestampType === 'CreateTime'
  const isSuspect = timestampType === 'LogAppendTime' || (checksTime && (earliest > 0 || batch.maxTimestamp > latest))
  if (batch.isCompressed && !config.compacted && !isSuspect) return
  const cursor = batch.isCompressed ? recordCursor(batch) : new RecordCursor(batch, batch.recordBytes)
  const errors: { batchIndex: number; message: string; name: ErrorName }[] = []
  let maxTimestamp = noTimestamp
  while (cursor.next()) {
    if (cursor.offsetDelta !== cursor.index) {
      throw new KafkaError('INVALID_RECORD', `Record ${cursor.index} has offset delta ${cursor.offsetDelta}`)
    }
    // A client that says LogAppendTime has one time for all. Kafka takes that for CreateTime, but not where LogAppendTime is the topic's.
    const isCreateTime = timestampType !== 'LogAppendTime'
    const timestamp = isCreateTime ? cursor.baseTimestamp + cursor.timestampDelta : batch.maxTimestamp
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    if (config.compacted && cursor.keyLength < 0) {
      const message = `Compacted topic cannot accept message without key in topic partition ${partitionName}`
      errors.push({ batchIndex: cursor.index, message, name: 'INVALID_RECORD' })
    } else if (checksTime && timestamp !== noTimestamp && (timestamp < earliest || timestamp > latest)) {
      const start = int64(nowMs) - int64(config.messageTimestampBeforeMaxMs)
      const range = `The timestamp should be within [${start}, ${latest}]`
      const message = `Timestamp ${int64(timestamp)} of message with offset ${cursor.index} is out of range. ${range}`
      errors.push({ batchIndex: cursor.index, message, name: 'INVALID_TIMESTAMP' })
    } else if (!isCreateTime && !(checksTime && timestamp !== noTimestamp)) {
      const sizes = `key=${Math.max(0, cursor.keyLength)} bytes, value=${Math.max(0, cursor.valueLength)} bytes`
      const record = `DefaultRecord(offset=${cursor.index}, timestamp=${timestamp}, ${sizes})`
      const message = `Invalid timestamp type in message ${record}. Producer should not set timestamp type to LogAppendTime.`
      errors.push({ batchIndex: cursor.index, message, name: 'INVALID_TIMESTAMP' })
    }
  }
  if (errors.length > 0) throw recordsError(errors)
  if (config.messageTimestampType === 'CreateTime') setMaxTimestamp(batch, maxTimestamp)
}

/** For messages: Kafka's largest int64 is none of our numbers, but the one above it. */
function int64(time: number): bigint {
  return time >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(time)
}

function recordsError(errors: readonly { batchIndex: number; message: string; name: ErrorName }[]): RecordsError {
  if (errors.some(({ name }) => name === 'INVALID_TIMESTAMP')) {
    const message = 'One or more records have been rejected due to invalid timestamp'
    return new RecordsError('INVALID_TIMESTAMP', message, errors)
  }
  const shown = errors.slice(0, shownRecordErrors)
  const listed = shown.map((each) => `RecordError(batchIndex=${each.batchIndex}, message='${each.message}')`).join(', ')
  const counted = `due to ${errors.length} record errors in total, and only showing the first three errors at most`
  const message = `One or more records have been rejected ${counted}: [${listed}]`
  return new RecordsError('INVALID_RECORD', message, errors)
}

function checked(batch: RecordBatchView, bytes: Buffer, config: LogConfig, nowMs: number): CheckedRecords {
  if (bytes.length > config.segmentBytes) {
    throw tooLarge('RECORD_LIST_TOO_LARGE', bytes.length, 'segment.bytes', config.segmentBytes)
  }
  const isLogAppendTime = config.messageTimestampType === 'LogAppendTime'
  if (isLogAppendTime) setLogAppendTime(batch, nowMs)
  const offsetCount = batch.lastOffsetDelta + 1
  const maxTimestampMs = batch.maxTimestamp
  return { bytes, offsetCount, maxTimestampMs, logAppendTimeMs: isLogAppendTime ? nowMs : -1, first: batch }
}

/** A batch that was built here. */
function checkConverted(bytes: Buffer, checking: Checking, isChecked = false): CheckedRecords {
  const { config, nowMs } = checking
  let batch = new RecordBatchView(bytes)
  if (!isChecked) {
    checkRecordsOf(batch, checking)
    const codec = targetCodec(config, batch.codec)
    if (codec !== batch.codec)
      batch = new RecordBatchView(recompress(batch, { codec, level: compressionLevel(codec, config) }))
  }
  const size = batch.buffer.length
  if (size > config.maxMessageBytes)
    throw tooLarge('MESSAGE_TOO_LARGE', size, 'max.message.bytes', config.maxMessageBytes)
  return checked(batch, batch.buffer, config, nowMs)
}

/** Messages of magic 0 and 1 as one batch, compressed as they were. */
function convertLegacy(records: Buffer, config: LogConfig): Buffer {
  const batch = new RecordBatchView(records)
  const { magic } = batch
  let position = 0
  for (let size = batchSizeAt(records, 0); size > 0; size = batchSizeAt(records, position)) {
    batch.position = position
    if (batch.magic !== magic)
      throw new KafkaError('INVALID_RECORD', 'All messages of a request must have the same magic')
    checkEnvelope(batch, size, config)
    if (batch.timestampType === 'LogAppendTime') {
      const message = 'A producer should not set the timestamp type to LogAppendTime'
      throw new RecordsError('INVALID_TIMESTAMP', message, [{ batchIndex: 0, message }])
    }
    if (batch.isCompressed && (position > 0 || batchSizeAt(records, size) > 0)) {
      throw new KafkaError('INVALID_RECORD', 'A compressed message must be the only one of the request')
    }
    position += size
  }
  const codec = new RecordBatchView(records).codec
  return upConvert(records.subarray(0, position), {
    codec,
    level: compressionLevel(codec, config),
    baseOffset: 0,
    partitionLeaderEpoch: -1,
  })
}

function tooLarge(name: ErrorName, size: number, config: string, limit: number): KafkaError {
  return new KafkaError(name, `A batch of ${size} bytes is larger than ${config} (${limit}) allows`)
}
