import { describe, expect, it } from 'vitest'
import {
  batchesIn,
  batchSizeAt,
  buildMessageSet,
  buildRecordBatch,
  requireProducibleBatch,
  wholeBatchesEnd,
} from '../../../protocol/records/index.ts'
import { kafkaErrorOf } from './kafka-error-of.ts'

const records = [{ timestamp: 1, key: Buffer.from('k'), value: Buffer.from('v') }]
const first = buildRecordBatch({ baseOffset: 10 }, records)
const second = buildMessageSet(1, { baseOffset: 11 }, records)
const third = buildMessageSet(0, { baseOffset: 12 }, records)
const all = Buffer.concat([first, second, third])

describe('a walk over batches', () => {
  it('sees each magic and its offset', () => {
    expect([...batchesIn(all)].map(({ magic, baseOffset }) => [magic, baseOffset])).toEqual([
      [2, 10],
      [1, 11],
      [0, 12],
    ])
    expect(wholeBatchesEnd(all)).toBe(all.length)
  })

  it('ends before a batch that is cut off anywhere', () => {
    for (let length = 0; length < all.length; length++) {
      const expected =
        length < first.length ? 0 : length < first.length + second.length ? first.length : first.length + second.length
      expect(wholeBatchesEnd(all.subarray(0, length))).toBe(expected)
      expect(wholeBatchesEnd(all, 0, length)).toBe(expected)
    }
  })

  it('refuses a length that is too small for the magic, and a magic that is not known', () => {
    for (const length of [0, -1, -2147483648, 13, 48]) {
      const bad = Buffer.from(first)
      bad.writeInt32BE(length, 8)
      expect(kafkaErrorOf(() => batchSizeAt(bad, 0))).toBe('CORRUPT_MESSAGE')
    }
    const short = Buffer.from(second)
    short.writeInt32BE(21, 8)
    expect(kafkaErrorOf(() => batchSizeAt(short, 0))).toBe('CORRUPT_MESSAGE')
    for (const magic of [3, 127, -1]) {
      const bad = Buffer.from(first)
      bad.writeInt8(magic, 16)
      expect(kafkaErrorOf(() => [...batchesIn(bad)])).toBe('CORRUPT_MESSAGE')
    }
  })

  it('takes a length beyond the end for a batch that is cut off', () => {
    const long = Buffer.from(first)
    long.writeInt32BE(0x7fffffff, 8)
    expect(batchSizeAt(long, 0)).toBe(0)
  })
})

describe('the records of a Produce request', () => {
  const zstd = buildRecordBatch({ codec: 'zstd' }, records)

  it('are one batch of magic 2', () => {
    requireProducibleBatch(first, { zstd: false })
    requireProducibleBatch(zstd, { zstd: true })
    for (const bad of [Buffer.alloc(0), second, Buffer.concat([first, first]), first.subarray(0, -1)]) {
      expect(kafkaErrorOf(() => requireProducibleBatch(bad, { zstd: true }))).toBe('INVALID_RECORD')
    }
  })

  it('are not zstd before the version that knows it', () => {
    expect(kafkaErrorOf(() => requireProducibleBatch(zstd, { zstd: false }))).toBe('UNSUPPORTED_COMPRESSION_TYPE')
  })
})
