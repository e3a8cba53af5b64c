/** protocol/records: the public surface. */
export { batchesIn, batchSizeAt, wholeBatchesEnd } from './batches.ts'
export { crc32, crc32c } from './checksums.ts'
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
