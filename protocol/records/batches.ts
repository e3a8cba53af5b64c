/**
 * protocol/records: walks a buffer of batches of any magic, one after the other.
 * The last one may be cut off, as at the end of a fetch response or of a torn file: the walk ends before it.
 */
import { KafkaError } from '../errors.ts'
import {
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

/**
 * Bytes of the batch at `position`; 0 when it is not whole before `end`. Allocates nothing: the loop of the hot path is
 * `for (let size = 0; (size = batchSizeAt(buffer, position)) > 0; position += size)`.
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
