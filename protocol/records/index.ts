/** protocol/records: the public surface. */
export { batchesIn, batchSizeAt, requireProducibleBatch, wholeBatchesEnd } from './batches.ts'
export {
  buildMessageSet,
  buildRecordBatch,
  type MessageSetOptions,
  optionsOf,
  type RecordBatchOptions,
  type RecordToWrite,
} from './builder.ts'
export { crc32, crc32c } from './checksums.ts'
export {
  type CompressOptions,
  compress,
  type DecompressOptions,
  decompress,
  defaultMaxDecompressedBytes,
} from './compression.ts'
export {
  buildControlBatch,
  buildEndTransactionMarker,
  type ControlBatchOptions,
  type ControlRecordType,
  controlRecordTypeOf,
  controlRecordTypes,
  type EndTransactionMarker,
  type EndTransactionMarkerOptions,
  endTransactionMarkerOf,
} from './control-records.ts'
export {
  type DownConvertOptions,
  downConvert,
  type RecompressOptions,
  recompress,
  type UpConvertOptions,
  upConvert,
} from './conversion.ts'
export { KafkaRecord, noHeaders, RecordCursor, type RecordHeader, recordCursor, recordsOf } from './record.ts'
export {
  assignOffsetAndEpochAt,
  attributesAt,
  baseOffsetAt,
  type Codec,
  codecs,
  ensureCrcValidAt,
  incrementSequence,
  isCrcValidAt,
  lastOffsetAt,
  logOverhead,
  magicAt,
  noPartitionLeaderEpoch,
  noProducerEpoch,
  noProducerId,
  noSequence,
  noTimestamp,
  RecordBatchView,
  recordBatchOverhead,
  setLogAppendTime,
  setMaxTimestamp,
  sizeInBytesAt,
  type TimestampType,
  updateCrc,
} from './record-batch.ts'
export { onCodecWarning } from './zstd.ts'
