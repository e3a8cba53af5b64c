import { describe, expect, it } from 'vitest'
import {
  buildRecordBatch,
  RecordBatchView,
  recordBatchOverhead,
  recordCursor,
  recordsOf,
  updateCrc,
} from '../../../protocol/records/index.ts'
import { kafkaErrorOf } from './kafka-error-of.ts'

const record = { timestamp: 100, key: Buffer.from('key'), value: Buffer.from('value') }

/** A batch that claims `count` records and holds these bytes. */
function batchOf(count: number, bytes: readonly number[]): RecordBatchView {
  const header = buildRecordBatch({}, []).subarray(0, recordBatchOverhead)
  const batch = new RecordBatchView(Buffer.concat([header, Buffer.from(bytes)]))
  batch.buffer.writeInt32BE(batch.buffer.length - 12, 8)
  batch.buffer.writeInt32BE(count, 57)
  updateCrc(batch)
  return batch
}

describe('the records of a batch', () => {
  it('have views as keys and values', () => {
    const batch = new RecordBatchView(buildRecordBatch({}, [record]))
    const [first] = recordsOf(batch)
    expect(first?.value?.toString()).toBe('value')
    expect(first?.value?.buffer).toBe(batch.buffer.buffer)
  })

  it('can be walked without reading any', () => {
    const gap = [record, { ...record, offset: 5, key: null, headers: [{ key: 'h', value: null }] }]
    const cursor = recordCursor(new RecordBatchView(buildRecordBatch({ baseOffset: 0 }, gap)))
    expect([cursor.next(), cursor.index, cursor.offsetDelta, cursor.hasKey, cursor.timestamp]).toEqual([
      true,
      0,
      0,
      true,
      100,
    ])
    expect([cursor.next(), cursor.index, cursor.offsetDelta, cursor.hasKey, cursor.headerCount]).toEqual([
      true,
      1,
      5,
      false,
      1,
    ])
    expect(cursor.next()).toBe(false)
  })

  it('keep timestamps far from the first', () => {
    const timestamps = [0, 2 ** 52 - 1, -1, 1_763_000_000_000, 63, 64, -64, -65, 2 ** 31, -(2 ** 33)]
    const batch = buildRecordBatch(
      { baseTimestamp: 0 },
      timestamps.map((timestamp) => ({ ...record, timestamp })),
    )
    expect([...recordsOf(new RecordBatchView(batch))].map(({ timestamp }) => timestamp)).toEqual(timestamps)
  })

  it.each([
    ['a record that is not there', 1, []],
    ['fewer records than the header counts', 2, [12, 0, 0, 0, 1, 1, 0]],
    ['more records than the header counts', 1, [12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 0, 1, 1, 0]],
    ['a negative record count', -1, [12, 0, 0, 0, 1, 1, 0]],
    ['a negative record length', 1, [1]],
    ['a record length of 0', 1, [0]],
    ['a record that is longer than the batch', 1, [14, 0, 0, 0, 1, 1, 0]],
    ['a record that is shorter than its length', 1, [14, 0, 0, 0, 1, 1, 0, 0]],
    ['a key that is longer than the record', 1, [12, 0, 0, 0, 8, 1, 0]],
    ['a value that is longer than the record', 1, [12, 0, 0, 0, 1, 8, 0]],
    ['a negative header count', 1, [12, 0, 0, 0, 1, 1, 1]],
    ['a header count that the record can not hold', 1, [12, 0, 0, 0, 1, 1, 0x7e]],
    ['a header without a key', 1, [16, 0, 0, 0, 1, 1, 2, 1, 1]],
    ['a header key that is too long', 1, [16, 0, 0, 0, 1, 1, 2, 6, 1]],
    ['a header value that is too long', 1, [18, 0, 0, 0, 1, 1, 2, 2, 97, 6]],
    ['a varint of six bytes', 1, [0x80, 0x80, 0x80, 0x80, 0x80, 0]],
    ['a varlong of eleven bytes', 1, [34, 0, ...Array<number>(10).fill(0x80), 0, 0, 1, 1, 0]],
    ['a varint that the batch cuts off', 1, [0x80]],
  ])('are refused with %s', (_what, count, bytes) => {
    expect(kafkaErrorOf(() => [...recordsOf(batchOf(count, bytes))])).toBe('INVALID_RECORD')
  })

  it('are refused with a codec that Kafka does not have', () => {
    const batch = batchOf(1, [12, 0, 0, 0, 1, 1, 0])
    batch.buffer[22] = 5
    expect(kafkaErrorOf(() => [...recordsOf(batch)])).toBe('UNSUPPORTED_COMPRESSION_TYPE')
  })
})
