/** protocol/state: tiered storage's metadata in `__remote_log_metadata`. Source: Kafka 4.3.1's definitions. */
import { array, bool, bytes, int8, int32, int64, string, struct, uuid } from '../schema/index.ts'
import { stored } from './stored.ts'

export const remoteLogSegmentMetadataRecord = stored('RemoteLogSegmentMetadataRecord', {
  type: 0,
  versions: '0',
  flexible: '0+',
  fields: {
    remoteLogSegmentId: struct({
      topicIdPartition: struct({ name: string(), id: uuid(), partition: int32() }),
      id: uuid(),
    }),
    startOffset: int64({ js: 'number' }),
    endOffset: int64({ js: 'number' }),
    brokerId: int32(),
    maxTimestampMs: int64({ js: 'number' }),
    eventTimestampMs: int64({ js: 'number' }),
    segmentLeaderEpochs: array({ leaderEpoch: int32(), offset: int64({ js: 'number' }) }),
    segmentSizeInBytes: int32(),
    customMetadata: bytes({ nullable: '0+', default: null }),
    remoteLogSegmentState: int8(),
    txnIndexEmpty: bool({ tag: 0 }),
  },
})

export const remoteLogSegmentMetadataSnapshotRecord = stored('RemoteLogSegmentMetadataSnapshotRecord', {
  type: 3,
  versions: '0',
  flexible: '0+',
  fields: {
    segmentId: uuid(),
    startOffset: int64({ js: 'number' }),
    endOffset: int64({ js: 'number' }),
    brokerId: int32(),
    maxTimestampMs: int64({ js: 'number' }),
    eventTimestampMs: int64({ js: 'number' }),
    segmentLeaderEpochs: array({ leaderEpoch: int32(), offset: int64({ js: 'number' }) }),
    segmentSizeInBytes: int32(),
    customMetadata: bytes({ nullable: '0+', default: null }),
    remoteLogSegmentState: int8(),
    txnIndexEmpty: bool({ tag: 0 }),
  },
})

export const remoteLogSegmentMetadataUpdateRecord = stored('RemoteLogSegmentMetadataUpdateRecord', {
  type: 1,
  versions: '0',
  flexible: '0+',
  fields: {
    remoteLogSegmentId: struct({
      topicIdPartition: struct({ name: string(), id: uuid(), partition: int32() }),
      id: uuid(),
    }),
    brokerId: int32(),
    eventTimestampMs: int64({ js: 'number' }),
    customMetadata: bytes({ nullable: '0+', default: null }),
    remoteLogSegmentState: int8(),
  },
})

export const remotePartitionDeleteMetadataRecord = stored('RemotePartitionDeleteMetadataRecord', {
  type: 2,
  versions: '0',
  flexible: '0+',
  fields: {
    topicIdPartition: struct({ name: string(), id: uuid(), partition: int32() }),
    brokerId: int32(),
    eventTimestampMs: int64({ js: 'number' }),
    remotePartitionDeleteState: int8(),
  },
})
