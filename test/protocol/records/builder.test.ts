import { describe, expect, it } from 'vitest'
import {
  buildControlBatch,
  buildEndTransactionMarker,
  buildMessageSet,
  buildRecordBatch,
  codecs,
  controlRecordTypeOf,
  endTransactionMarkerOf,
  optionsOf,
  RecordBatchView,
  recordsOf,
} from '../../../protocol/records/index.ts'
import { kafkaErrorOf } from './kafka-error-of.ts'

const headers = [{ key: 'ключ', value: Buffer.from([0, 255]) }]
const records = [
  { timestamp: 5000, key: Buffer.from('a'), value: Buffer.from('one'), headers },
  { timestamp: 4000, key: null, value: null, headers: [] },
  { timestamp: 6000, offset: 47, key: Buffer.alloc(0), value: Buffer.alloc(70_000, 'long'), headers: [] },
]

/** toEqual takes seconds over large buffers. */
function inHex(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (each === null || typeof each !== 'object' || Array.isArray(each)) return each
    const { type, data, ...fields } = each as { type?: string; data?: number[] }
    if (type === 'Buffer' && data !== undefined) return Buffer.from(data).toString('hex')
    return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

describe('a built batch', () => {
  it.each(codecs)('is read back with %s', (codec) => {
    const options = { codec, baseOffset: 40, producerId: 9n, producerEpoch: 1, baseSequence: 4, isTransactional: true }
    const batch = new RecordBatchView(buildRecordBatch(options, records))
    expect(batch.isCrcValid()).toBe(true)
    expect(batch).toMatchObject({ codec, baseOffset: 40, lastOffset: 47, maxTimestamp: 6000, isTransactional: true })
    const read = [...recordsOf(batch)].map((each) => ({
      ...{ timestamp: each.timestamp, offset: each.offset, key: each.key, value: each.value, headers: each.headers },
    }))
    expect(inHex(read)).toBe(inHex(records.map((each, index) => ({ ...each, offset: [40, 41, 47][index] }))))
  })

  it('can be rewritten with some of its records, headers byte for byte, and the rest of its header', () => {
    const options = { baseOffset: 40, partitionLeaderEpoch: 3, producerId: 9n, producerEpoch: 1, baseSequence: 4 }
    const batch = new RecordBatchView(buildRecordBatch(options, records))
    const kept = [...recordsOf(batch)].filter(({ key }) => key !== null)
    const rewritten = new RecordBatchView(buildRecordBatch(optionsOf(batch), kept))
    expect([...recordsOf(rewritten)]).toEqual(kept)
    expect(rewritten).toMatchObject({ baseOffset: 40, lastOffset: 47, lastSequence: 11, partitionLeaderEpoch: 3 })
    const empty = new RecordBatchView(buildRecordBatch(optionsOf(batch), []))
    expect(empty).toMatchObject({ baseOffset: 40, lastOffset: 47, lastSequence: 11, recordCount: 0, sizeInBytes: 61 })
  })

  it('takes the delete horizon as base timestamp', () => {
    const batch = new RecordBatchView(buildRecordBatch({ deleteHorizonMs: 99_000 }, records))
    expect([batch.hasDeleteHorizon, batch.deleteHorizonMs]).toEqual([true, 99_000])
    expect([...recordsOf(batch)].map(({ timestamp }) => timestamp)).toEqual([5000, 4000, 6000])
  })
})

describe('a message set', () => {
  it.each([
    [0, 'none'],
    [0, 'gzip'],
    [0, 'snappy'],
    [0, 'lz4'],
    [1, 'none'],
    [1, 'gzip'],
    [1, 'snappy'],
    [1, 'lz4'],
  ] as const)('of magic %i is read back with %s', (magic, codec) => {
    const bytes = buildMessageSet(magic, { codec, baseOffset: 40 }, records)
    const read: unknown[] = []
    for (let at = 0; at < bytes.length; ) {
      const batch = new RecordBatchView(bytes, at)
      expect(batch.isCrcValid()).toBe(true)
      for (const { offset, timestamp, key, value } of recordsOf(batch)) read.push({ offset, timestamp, key, value })
      at += batch.sizeInBytes
    }
    const expected = records.map(({ timestamp, key, value }, index) => ({
      ...{ offset: [40, 41, 47][index], timestamp: magic === 0 ? -1 : timestamp, key, value },
    }))
    expect(inHex(read)).toBe(inHex(expected))
  })
})

describe('a control batch', () => {
  it('tells how a transaction ended', () => {
    for (const type of ['COMMIT', 'ABORT'] as const) {
      const options = { type, coordinatorEpoch: 12, producerId: 77n, producerEpoch: 3, timestamp: 1, baseOffset: 8 }
      const batch = new RecordBatchView(buildEndTransactionMarker(options))
      expect(batch).toMatchObject({ isControl: true, isTransactional: true, producerId: 77n, recordCount: 1 })
      expect(endTransactionMarkerOf(batch)).toEqual({ type, coordinatorEpoch: 12 })
    }
  })

  it('of another kind is no end of a transaction', () => {
    const batch = new RecordBatchView(buildControlBatch('SNAPSHOT_FOOTER', Buffer.alloc(3), { timestamp: 1 }))
    expect(endTransactionMarkerOf(batch)).toBeUndefined()
    expect([...recordsOf(batch)].map(({ key }) => controlRecordTypeOf(key))).toEqual(['SNAPSHOT_FOOTER'])
  })

  it('of a later Kafka is unknown, one with a broken key or value refused', () => {
    expect(controlRecordTypeOf(Buffer.from([0, 0, 0, 99]))).toBe('UNKNOWN')
    for (const key of [null, Buffer.alloc(3), Buffer.from([255, 255, 0, 0])]) {
      expect(kafkaErrorOf(() => controlRecordTypeOf(key))).toBe('INVALID_RECORD')
    }
    const commit = { timestamp: 1, key: Buffer.from([0, 0, 0, 1]) }
    for (const value of [null, Buffer.alloc(5)]) {
      const bytes = buildRecordBatch({ isControl: true }, [{ ...commit, value }])
      expect(kafkaErrorOf(() => endTransactionMarkerOf(new RecordBatchView(bytes)))).toBe('INVALID_RECORD')
    }
  })
})
