/**
 * Checks lines of Kafka's own record batches: each must decode to the headers and records that the official reader saw, and be rebuilt from the
 * decoded values: to the same bytes where no compressor is involved, else to the same records.
 */
import { KafkaError } from '../../protocol/errors.ts'
import {
  batchesIn,
  buildMessageSet,
  buildRecordBatch,
  controlRecordTypeOf,
  ensureCrcValidAt,
  optionsOf,
  type RecordBatchView,
  type RecordHeader,
  type RecordToWrite,
  recordCursor,
  recordsOf,
} from '../../protocol/records/index.ts'

/** A line of `batches.jsonl`; its form is told in README.md beside this file. */
export interface BatchVector {
  readonly what: string
  readonly batches: readonly Record<string, unknown>[]
  readonly records: readonly Record<string, unknown>[]
  readonly validBytes: number
  readonly error?: string
  readonly hex: string
  readonly exact: boolean
}

/** Kafka's exceptions for what these errors say. */
const exceptions: Readonly<Record<string, string>> = {
  CORRUPT_MESSAGE: 'CorruptRecordException',
  INVALID_RECORD: 'InvalidRecordException',
}

/** What is wrong, in words; empty when the vector passes. */
export function checkBatches(vector: BatchVector): string[] {
  const bytes = Buffer.from(vector.hex, 'hex')
  const decoded = describe(bytes)
  const problems: string[] = []
  for (const field of ['batches', 'records', 'validBytes', 'error'] as const) {
    const expected = JSON.stringify(vector[field], sorted)
    const actual = JSON.stringify(decoded[field], sorted)
    if (actual !== expected) problems.push(`${field}: ${actual} instead of ${expected}`)
  }
  if (problems.length > 0) return problems
  const valid = bytes.subarray(0, vector.validBytes)
  if (vector.error === 'InvalidRecordException') return problems // what can't be read can't be rebuilt
  const rebuilt = rebuild(valid)
  if (vector.exact) {
    if (!rebuilt.equals(valid))
      problems.push(`rebuilt as ${rebuilt.toString('hex')} instead of ${valid.toString('hex')}`)
    return problems
  }
  const expected = JSON.stringify(withoutSizes(describe(valid)))
  const actual = JSON.stringify(withoutSizes(describe(rebuilt)))
  if (actual !== expected) problems.push(`rebuilt and read again: ${actual} instead of ${expected}`)
  return problems
}

function sorted(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

interface Description {
  readonly batches: Record<string, unknown>[]
  readonly records: Record<string, unknown>[]
  validBytes: number
  error?: string
}

/** Another compressor makes other sizes and checksums of the same records. */
function withoutSizes({ batches, records }: Description): unknown {
  return { records, batches: batches.map(({ sizeInBytes: _size, crc: _crc, ...header }) => header) }
}

/** In the vectors' terms, what our reader sees up to the first error. */
function describe(bytes: Buffer): Description {
  const seen: Description = { batches: [], records: [], validBytes: 0 }
  try {
    for (const batch of batchesIn(bytes)) {
      seen.batches.push(header(batch))
      ensureCrcValidAt(bytes, batch.position)
      seen.validBytes += batch.sizeInBytes
      for (const record of exactRecordsOf(batch)) seen.records.push(record)
    }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    seen.error = exceptions[error.kafkaError] ?? error.kafkaError
  }
  return seen
}

function header(batch: RecordBatchView): Record<string, unknown> {
  const { magic, sizeInBytes, codec, timestampType, maxTimestamp, crc } = batch
  const first = magic < 2 && batch.isCompressed ? firstOffset(batch) : exactBaseOffset(batch)
  const lastOffset = exactBaseOffset(batch) + BigInt(batch.lastOffsetDelta)
  const common = {
    magic,
    sizeInBytes,
    baseOffset: int64(first),
    lastOffset: int64(lastOffset),
    codec,
    timestampType,
    maxTimestamp,
    crc,
  }
  if (magic < 2) return common
  return {
    ...common,
    count: batch.recordCount,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    lastSequence: batch.lastSequence,
    producerId: int64(batch.producerId),
    transactional: batch.isTransactional,
    control: batch.isControl,
    baseTimestamp: batch.baseTimestamp,
    deleteHorizonMs: batch.deleteHorizonMs ?? null,
  }
}

/** Of a wrapper; its own offset where its messages can't be read. */
function firstOffset(batch: RecordBatchView): bigint {
  for (const { offset } of recordsOf(batch)) return BigInt(offset)
  return exactBaseOffset(batch)
}

/** Offsets near 2^63 are in the vectors, though no broker reaches them; the view rounds them. */
function exactBaseOffset(batch: RecordBatchView): bigint {
  return batch.buffer.readBigInt64BE(batch.position)
}

function int64(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

function* exactRecordsOf(batch: RecordBatchView): Generator<Record<string, unknown>> {
  if (batch.magic < 2) {
    for (const { offset, timestamp, key, value } of recordsOf(batch)) {
      yield { offset, timestamp, key: base64(key), value: base64(value), headers: [] }
    }
    return
  }
  const base = exactBaseOffset(batch)
  const cursor = recordCursor(batch)
  while (cursor.next()) {
    const { timestamp, key, value, headers } = cursor.record()
    yield {
      offset: int64(base + BigInt(cursor.offsetDelta)),
      timestamp,
      key: base64(key),
      value: base64(value),
      headers: headers.map((each: RecordHeader) => ({ key: each.key, value: base64(each.value) })),
      ...(batch.isControl ? { controlType: controlRecordTypeOf(key) } : {}),
    }
  }
}

function base64(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('base64')
}

/** The same batches, written anew from what was read. */
function rebuild(bytes: Buffer): Buffer {
  return Buffer.concat(
    [...batchesIn(bytes)].map((batch) => (batch.magic < 2 ? rebuildMessages(batch) : rebuildBatch(batch))),
  )
}

function rebuildMessages(batch: RecordBatchView): Buffer {
  const records = [...recordsOf(batch)]
  return buildMessageSet(
    batch.magic as 0 | 1,
    {
      codec: batch.codec,
      timestampType: batch.timestampType === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
      logAppendTimeMs: batch.maxTimestamp,
      baseOffset: records[0]!.offset,
    },
    records,
  )
}

function rebuildBatch(batch: RecordBatchView): Buffer {
  const records: RecordToWrite[] = []
  const cursor = recordCursor(batch)
  while (cursor.next()) {
    // With LogAppendTime the bytes hold the producer's times, though no reader sees them.
    const { key, value, headers } = cursor.record()
    records.push({ offset: cursor.offsetDelta, timestamp: cursor.createTimestamp, key, value, headers })
  }
  const rebuilt = buildRecordBatch({ ...optionsOf(batch), baseOffset: 0 }, records)
  rebuilt.writeBigInt64BE(exactBaseOffset(batch), 0) // not covered by the checksum
  return rebuilt
}
