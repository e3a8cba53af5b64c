/**
 * protocol/records: walks a buffer of batches of any magic, one after the other.
 * The last one may be cut off, as at the end of a fetch response or of a torn file: the walk ends before it.
 */
import { KafkaError } from '../errors.ts'
import {
  attributesAt,
  codecMask,
  logOverhead,
  magicAt,
  messageOverheadV0,
  messageOverheadV1,
  RecordBatchView,
  readInt32,
  recordBatchOverhead,
} from './record-batch.ts'

const lengthField = 8
/** Offset, length, epoch or checksum, magic. */
const sizeUpToMagic = 17
const newestMagic = 2
const zstdId = 4

/**
 * Bytes of the batch at `position`; 0 when it is not whole before `end`. Allocates nothing: for the hot path.
 * @throws KafkaError CORRUPT_MESSAGE for a length below the smallest of its magic, and for a magic above 2.
 */
export function batchSizeAt(buffer: Buffer, position: number, end: number = buffer.length): number {
  const remaining = end - position
  if (remaining < logOverhead) return 0
  const length = readInt32(buffer, position + lengthField)
  if (length < messageOverheadV0 - logOverhead) throw tooSmall(length, messageOverheadV0 - logOverhead)
  if (remaining < sizeUpToMagic) return 0
  const magic = magicAt(buffer, position)
  const size = length + logOverhead
  if (magic === newestMagic) {
    if (size < recordBatchOverhead) throw tooSmall(size, recordBatchOverhead)
  } else if (magic < 0 || magic > newestMagic) {
    throw new KafkaError('CORRUPT_MESSAGE', `Invalid magic found in record: ${magic}`)
  } else if (magic === 1 && size < messageOverheadV1) {
    throw tooSmall(size, messageOverheadV1)
  }
  return remaining < size ? 0 : size
}

function tooSmall(size: number, smallest: number): KafkaError {
  return new KafkaError(
    'CORRUPT_MESSAGE',
    `Record batch is corrupted (the size ${size} is smaller than the minimum allowed overhead ${smallest})`,
  )
}

/** A view for each whole batch. @throws KafkaError as `batchSizeAt`. */
export function* batchesIn(
  buffer: Buffer,
  position = 0,
  end: number = buffer.length,
): Generator<RecordBatchView, void> {
  let at = position
  for (let size = batchSizeAt(buffer, at, end); size > 0; size = batchSizeAt(buffer, at, end)) {
    yield new RecordBatchView(buffer, at)
    at += size
  }
}

/** Where the last whole batch ends. @throws KafkaError as `batchSizeAt`. */
export function wholeBatchesEnd(buffer: Buffer, position = 0, end: number = buffer.length): number {
  let at = position
  for (let size = batchSizeAt(buffer, at, end); size > 0; size = batchSizeAt(buffer, at, end)) at += size
  return at
}

/**
 * What a Produce request from v3 on may hold for a partition: exactly one whole batch of magic 2 (a part of another
 * is passed over), and zstd only where `zstd` says so (v7, KIP-110).
 * @throws KafkaError INVALID_RECORD, UNSUPPORTED_COMPRESSION_TYPE, and as `batchSizeAt`.
 */
export function requireProducibleBatch(records: Buffer, { zstd }: { readonly zstd: boolean }): void {
  const size = batchSizeAt(records, 0)
  if (size === 0) {
    throw new KafkaError('INVALID_RECORD', 'Produce requests must have at least one record batch per partition')
  }
  if (magicAt(records, 0) !== newestMagic) {
    throw new KafkaError(
      'INVALID_RECORD',
      'Produce requests are only allowed to contain record batches with magic version 2',
    )
  }
  if (!zstd && (attributesAt(records, 0) & codecMask) === zstdId) {
    throw new KafkaError(
      'UNSUPPORTED_COMPRESSION_TYPE',
      'Produce requests before version 7 are not allowed to use ZStandard compression',
    )
  }
  if (batchSizeAt(records, size) !== 0) {
    throw new KafkaError(
      'INVALID_RECORD',
      'Produce requests are only allowed to contain exactly one record batch per partition',
    )
  }
}
