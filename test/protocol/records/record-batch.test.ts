import { describe, expect, it } from 'vitest'
import {
  assignOffsetAndEpochAt,
  baseOffsetAt,
  buildRecordBatch,
  incrementSequence,
  isCrcValidAt,
  lastOffsetAt,
  RecordBatchView,
  recordsOf,
  setLogAppendTime,
  setMaxTimestamp,
} from '../../../protocol/records/index.ts'
import { readInt64, writeInt64 } from '../../../protocol/records/record-batch.ts'

const records = [1000, 3000, 2000].map((timestamp) => ({ timestamp, key: null, value: Buffer.from(`at ${timestamp}`) }))

/** Between other bytes, so that a position that is forgotten shows. */
function batchAt(position: number): RecordBatchView {
  const batch = buildRecordBatch({ producerId: 2n ** 40n, producerEpoch: 7, baseSequence: 0x7ffffffe }, records)
  return new RecordBatchView(Buffer.concat([Buffer.alloc(position, 0xee), batch, Buffer.alloc(9, 0xee)]), position)
}

describe('the header of a batch', () => {
  it('gets its offset and leader epoch without a new checksum', () => {
    const batch = batchAt(5)
    const { crc } = batch
    assignOffsetAndEpochAt(batch.buffer, batch.position, 2 ** 41 + 3, 12)
    expect(batch.baseOffset).toBe(2 ** 41 + 3)
    expect(baseOffsetAt(batch.buffer, 5)).toBe(2 ** 41 + 3)
    expect(batch.lastOffset).toBe(2 ** 41 + 5)
    expect(lastOffsetAt(batch.buffer, 5)).toBe(2 ** 41 + 5)
    expect(batch.nextOffset).toBe(2 ** 41 + 6)
    expect(batch.partitionLeaderEpoch).toBe(12)
    expect([...recordsOf(batch)].map(({ offset }) => offset)).toEqual([2 ** 41 + 3, 2 ** 41 + 4, 2 ** 41 + 5])
    expect(batch.crc).toBe(crc)
    expect(isCrcValidAt(batch.buffer, 5)).toBe(true)
  })

  it('with LogAppendTime gives every record that time and has a right checksum', () => {
    const batch = batchAt(3)
    setLogAppendTime(batch, 1_763_000_000_123)
    expect(batch.timestampType).toBe('LogAppendTime')
    expect(batch.isCrcValid()).toBe(true)
    expect([...recordsOf(batch)].map(({ timestamp }) => timestamp)).toEqual(Array(3).fill(1_763_000_000_123))
  })

  it('gets another largest timestamp and a right checksum', () => {
    const batch = batchAt(0)
    expect(batch.maxTimestamp).toBe(3000)
    setMaxTimestamp(batch, 2 ** 43)
    expect([batch.maxTimestamp, batch.timestampType, batch.isCrcValid()]).toEqual([2 ** 43, 'CreateTime', true])
  })

  it('tells the producer and its sequences, which begin at 0 again after 2147483647', () => {
    const batch = batchAt(1)
    expect([batch.hasProducerId, batch.producerId, batch.producerEpoch]).toEqual([true, 2n ** 40n, 7])
    expect([batch.baseSequence, batch.lastSequence]).toEqual([0x7ffffffe, 0])
    expect([...recordsOf(batch)].map(({ sequence }) => sequence)).toEqual([0x7ffffffe, 0x7fffffff, 0])
    expect(incrementSequence(0x7fffffff, 1)).toBe(0)
    expect(new RecordBatchView(buildRecordBatch({}, records)).hasProducerId).toBe(false)
  })

  it('does not pass with any bit of the checksummed bytes changed', () => {
    const batch = batchAt(2)
    for (let at = batch.position + 17; at < batch.position + batch.sizeInBytes; at++) {
      batch.buffer[at]! ^= 0x10
      expect(batch.isCrcValid()).toBe(false)
      batch.buffer[at]! ^= 0x10
    }
    expect(batch.isCrcValid()).toBe(true)
  })

  it('holds int64 values exactly within ±(2^53-1)', () => {
    const buffer = Buffer.alloc(8)
    for (const value of [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1)]) {
      writeInt64(buffer, 0, value)
      expect(buffer.readBigInt64BE(0)).toBe(BigInt(value))
      expect(readInt64(buffer, 0)).toBe(value)
    }
  })
})
