/**
 * protocol/records: from one magic or codec to another. `upConvert`: what an old producer sent, as it is stored. `downConvert`: what is
 * stored, for an old consumer. `recompress`: the same records under another codec.
 * Source: Kafka's LogValidator (append) and RecordsUtil.downConvert (fetch), KIP-110 (zstd).
 */
import { KafkaError } from '../errors.ts'
import { batchesIn } from './batches.ts'
import { buildMessageSet, buildRecordBatch, type RecordToWrite } from './builder.ts'
import { compress, type DecompressOptions, decompress, defaultMaxDecompressedBytes } from './compression.ts'
import { type KafkaRecord, recordsOf } from './record.ts'
import {
  type Codec,
  codecMask,
  codecs,
  logOverhead,
  RecordBatchView,
  recordBatchOverhead,
  updateCrc,
  writeInt32,
} from './record-batch.ts'

export interface UpConvertOptions extends DecompressOptions {
  /** The codec that the messages have (the last wrapper's) if absent. */
  readonly codec?: Codec
  readonly level?: number | undefined
  readonly timestampType?: 'CreateTime' | 'LogAppendTime'
  readonly logAppendTimeMs?: number
  /** Of the first record; the others follow without a gap. */
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
}

/**
 * One magic 2 batch with all messages of `records`, which are whole and of magic 0 or 1; magic 0 gets timestamp -1.
 * @throws KafkaError as `recordsOf`.
 */
export function upConvert(records: Buffer, options: UpConvertOptions): Buffer {
  const converted: RecordToWrite[] = []
  let codec: Codec = 'none'
  let left = options.maxBytes ?? defaultMaxDecompressedBytes
  for (const batch of batchesIn(records)) {
    if (batch.isCompressed) codec = batch.codec
    for (const { timestamp, key, value } of recordsOf(batch, { maxBytes: left })) {
      converted.push({ timestamp, key, value })
      if (batch.isCompressed) left = Math.max(0, left - (key?.length ?? 0) - (value?.length ?? 0))
    }
  }
  const { maxBytes: _, ...batchOptions } = options
  return buildRecordBatch({ codec, ...batchOptions }, converted)
}

export interface DownConvertOptions extends DecompressOptions {
  /** Where the consumer reads from: earlier records of batches that are not compressed are left out. All are kept if absent. */
  readonly firstOffset?: number
}

/**
 * `records`, each with whole batches, for a Fetch version that knows magic `magic` at most, and no zstd: control batches and headers are
 * dropped, the codec stays, batches that are old enough are taken as they are. What comes after `maxBytes` of them waits for the next fetch.
 * @throws KafkaError UNSUPPORTED_COMPRESSION_TYPE for zstd; else as `recordsOf`.
 */
export function downConvert(
  records: readonly Buffer[],
  magic: 0 | 1 | 2,
  options: DownConvertOptions = {},
): readonly Buffer[] {
  const parts: Buffer[] = []
  let left = options.maxBytes ?? defaultMaxDecompressedBytes
  for (const batch of batchesFrom(records)) {
    if (batch.isControl && magic < 2) continue
    if (batch.codec === 'zstd') {
      throw new KafkaError(
        'UNSUPPORTED_COMPRESSION_TYPE',
        'Down-conversion of zstandard-compressed batches is not supported',
      )
    }
    if (magic === 2) continue
    if (left <= 0) break
    const part = batch.magic <= magic ? batch.bytes : downConverted(batch, magic, options)
    parts.push(part)
    left -= part.length
  }
  return magic === 2 ? records : parts.filter((part) => part.length > 0)
}

function* batchesFrom(records: readonly Buffer[]): Generator<RecordBatchView, void> {
  for (const each of records) yield* batchesIn(each)
}

function downConverted(batch: RecordBatchView, magic: 0 | 1, options: DownConvertOptions): Buffer {
  const kept: KafkaRecord[] = []
  for (const record of recordsOf(batch, options)) {
    if (batch.isCompressed || options.firstOffset === undefined || record.offset >= options.firstOffset)
      kept.push(record)
  }
  const first = kept[0]
  if (first === undefined) return Buffer.alloc(0)
  return buildMessageSet(
    magic,
    {
      codec: batch.codec,
      timestampType: batch.timestampType === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
      logAppendTimeMs: batch.maxTimestamp,
      baseOffset: first.offset,
    },
    kept,
  )
}

export interface RecompressOptions extends DecompressOptions {
  readonly codec: Codec
  readonly level?: number | undefined
}

/** A copy of the magic 2 batch whose records are compressed in another way; only codec, size and checksum differ. */
export function recompress(batch: RecordBatchView, options: RecompressOptions): Buffer {
  const plain = decompress(batch.codec, batch.recordBytes, options)
  const records = compress(options.codec, plain, { level: options.level })
  const bytes = Buffer.allocUnsafe(recordBatchOverhead + records.length)
  batch.buffer.copy(bytes, 0, batch.position, batch.position + recordBatchOverhead)
  records.copy(bytes, recordBatchOverhead)
  writeInt32(bytes, 8, bytes.length - logOverhead)
  bytes[22] = (bytes[22]! & ~codecMask) | codecs.indexOf(options.codec)
  updateCrc(new RecordBatchView(bytes))
  return bytes
}
