import { gzipSync as gzip } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  batchesIn,
  buildEndTransactionMarker,
  buildMessageSet,
  buildRecordBatch,
  codecs,
  crc32,
  downConvert,
  RecordBatchView,
  recompress,
  recordsOf,
  upConvert,
} from '../../../protocol/records/index.ts'
import { kafkaErrorOf } from './kafka-error-of.ts'

const records = [
  { timestamp: 5000, key: Buffer.from('a'), value: Buffer.from('one') },
  { timestamp: 4000, key: null, value: null },
  { timestamp: 6000, key: Buffer.alloc(0), value: Buffer.from('three') },
]
const withHeaders = records.map((each) => ({ ...each, headers: [{ key: 'h', value: Buffer.from('x') }] }))

function read(buffers: readonly Buffer[]) {
  return buffers.flatMap((buffer) =>
    [...batchesIn(buffer)].flatMap((batch) => {
      expect(batch.isCrcValid()).toBe(true)
      return [...recordsOf(batch)].map(({ offset, timestamp, key, value }) => ({ offset, timestamp, key, value }))
    }),
  )
}

describe('what an old producer sent', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4'] as const)('becomes one batch with %s', (codec) => {
    for (const magic of [0, 1] as const) {
      const sent = Buffer.concat([
        buildMessageSet(magic, { codec }, records),
        buildMessageSet(magic, { codec }, records.slice(0, 1)),
      ])
      const bytes = upConvert(sent, { baseOffset: 70, partitionLeaderEpoch: 2 })
      const [batch, ...others] = batchesIn(bytes)
      expect(others).toEqual([])
      expect(batch).toMatchObject({ magic: 2, codec, baseOffset: 70, lastOffset: 73, partitionLeaderEpoch: 2 })
      const expected = [...records, records[0]!].map((each, index) => ({
        ...each,
        offset: 70 + index,
        timestamp: magic === 0 ? -1 : each.timestamp,
      }))
      expect(read([bytes])).toEqual(expected)
    }
  })

  it('gets the codec and the time that the topic wants', () => {
    const sent = buildMessageSet(1, { codec: 'gzip' }, records)
    const bytes = upConvert(sent, {
      codec: 'zstd',
      timestampType: 'LogAppendTime',
      logAppendTimeMs: 123,
      baseOffset: 0,
      partitionLeaderEpoch: 0,
    })
    expect(new RecordBatchView(bytes)).toMatchObject({ codec: 'zstd', timestampType: 'LogAppendTime' })
    expect(read([bytes]).map(({ timestamp }) => timestamp)).toEqual([123, 123, 123])
  })

  it('may not decompress to more than the limit in all its wrappers together', () => {
    const large = { timestamp: 1, key: null, value: Buffer.alloc(60_000) }
    const wrapper = buildMessageSet(1, { codec: 'gzip' }, [large])
    const convert = () =>
      upConvert(Buffer.concat([wrapper, wrapper]), { baseOffset: 0, partitionLeaderEpoch: 0, maxBytes: 100_000 })
    expect(kafkaErrorOf(convert)).toBe('MESSAGE_TOO_LARGE')
  })

  it.each([
    [
      'a wrapper with an offset below its last message',
      1,
      'gzip',
      (wrapper: Buffer): unknown => wrapper.writeBigInt64BE(1n, 0),
    ],
    ['a wrapper of zstd', 1, 'gzip', (wrapper: Buffer): unknown => wrapper.fill(4, 17, 18)],
    ['a wrapper of another magic than its messages', 0, 'none', undefined],
  ] as const)('is refused with %s', (_what, magic, codec, break_) => {
    let bytes = buildMessageSet(magic, { codec }, records)
    break_?.(bytes)
    if (codec === 'none') bytes = wrapped(bytes, 1)
    expect(kafkaErrorOf(() => upConvert(bytes, { baseOffset: 0, partitionLeaderEpoch: 0 }))).toBe('INVALID_RECORD')
  })

  it('is refused with a wrapper inside a wrapper, no message in one, or a broken one', () => {
    const inner = buildMessageSet(1, { codec: 'gzip' }, records)
    const broken = buildMessageSet(1, {}, records)
    broken[broken.length - 1]! ^= 1
    const cases = [
      [wrapped(inner, 1), 'INVALID_RECORD'],
      [wrapped(Buffer.alloc(0), 1), 'INVALID_RECORD'],
      [wrapped(broken, 1), 'CORRUPT_MESSAGE'],
    ] as const
    for (const [bytes, expected] of cases) {
      expect(kafkaErrorOf(() => upConvert(bytes, { baseOffset: 0, partitionLeaderEpoch: 0 }))).toBe(expected)
    }
  })

  it('has absolute inner offsets when the wrapper says 0', () => {
    const sent = buildMessageSet(1, { codec: 'gzip' }, records)
    sent.writeBigInt64BE(0n, 0)
    expect(read([sent]).map(({ offset }) => offset)).toEqual([0, 1, 2])
  })
})

/** A gzip wrapper around these bytes. */
function wrapped(bytes: Buffer, magic: 0 | 1): Buffer {
  const plain = buildMessageSet(magic, {}, [{ timestamp: 1, key: null, value: gzip(bytes) }])
  plain[17] = 1
  plain.writeUInt32BE(crc32(plain.subarray(16)), 12)
  return plain
}

describe('what an old consumer reads', () => {
  const marker = buildEndTransactionMarker({
    type: 'COMMIT',
    coordinatorEpoch: 0,
    producerId: 1n,
    producerEpoch: 0,
    timestamp: 1,
    baseOffset: 103,
  })

  it.each(['none', 'gzip', 'snappy', 'lz4'] as const)('has neither headers nor control records, and %s', (codec) => {
    const stored = Buffer.concat([buildRecordBatch({ codec, baseOffset: 100 }, withHeaders), marker])
    for (const magic of [0, 1] as const) {
      const converted = downConvert([stored], magic)
      for (const buffer of converted) {
        for (const batch of batchesIn(buffer)) expect(batch).toMatchObject({ magic, codec })
      }
      expect(read(converted)).toEqual(
        records.map((each, index) => ({ ...each, offset: 100 + index, timestamp: magic === 0 ? -1 : each.timestamp })),
      )
    }
  })

  it('starts at the offset asked for where the batch is not compressed', () => {
    for (const [codec, offsets] of [
      ['none', [101, 102]],
      ['gzip', [100, 101, 102]],
    ] as const) {
      const stored = buildRecordBatch({ codec, baseOffset: 100 }, records)
      const converted = downConvert([stored], 1, { firstOffset: 101 })
      expect(read(converted).map(({ offset }) => offset)).toEqual(offsets)
    }
  })

  it('keeps what is old enough as it is', () => {
    const stored = buildMessageSet(0, { codec: 'lz4', baseOffset: 5 }, records)
    expect(downConvert([stored], 1)[0]!.equals(stored)).toBe(true)
    const ofMagic1 = buildMessageSet(1, { codec: 'lz4', baseOffset: 5 }, records)
    expect(read(downConvert([ofMagic1], 0)).map(({ offset, timestamp }) => [offset, timestamp])).toEqual([
      [5, -1],
      [6, -1],
      [7, -1],
    ])
  })

  it('has the time that the broker gave', () => {
    const options = { timestampType: 'LogAppendTime', logAppendTimeMs: 777 } as const
    const converted = downConvert([buildRecordBatch(options, records)], 1)
    expect(read(converted).map(({ timestamp }) => timestamp)).toEqual([777, 777, 777])
  })

  it('ends before the batch that goes beyond the limit', () => {
    const stored = [0, 3, 6].map((baseOffset) => buildRecordBatch({ baseOffset }, records))
    expect(read(downConvert(stored, 1, { maxBytes: 150 })).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('is never zstd, also where batches of magic 2 are known', () => {
    const stored = buildRecordBatch({ codec: 'zstd' }, records)
    for (const magic of [0, 1, 2] as const) {
      expect(kafkaErrorOf(() => downConvert([stored], magic))).toBe('UNSUPPORTED_COMPRESSION_TYPE')
    }
    const plain = [buildRecordBatch({}, withHeaders), marker]
    expect(downConvert(plain, 2)).toBe(plain)
  })
})

describe('a batch under another codec', () => {
  it('has the same records and header', () => {
    const options = { baseOffset: 9, producerId: 5n, producerEpoch: 1, baseSequence: 2, isTransactional: true } as const
    for (const from of codecs) {
      for (const to of codecs) {
        const batch = new RecordBatchView(buildRecordBatch({ ...options, codec: from }, withHeaders))
        const other = new RecordBatchView(recompress(batch, { codec: to }))
        expect(other.isCrcValid()).toBe(true)
        expect(other.buffer.equals(buildRecordBatch({ ...options, codec: to }, withHeaders))).toBe(true)
      }
    }
  })
})
