import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../protocol/errors.ts'
import {
  batchesIn,
  buildRecordBatch,
  controlRecordTypeOf,
  downConvert,
  endTransactionMarkerOf,
  RecordBatchView,
  recompress,
  recordsOf,
  requireProducibleBatch,
  upConvert,
  updateCrc,
} from '../../../protocol/records/index.ts'
import type { BatchVector } from '../../vectors/batches.ts'
import { readVectors } from '../../vectors/check.ts'

const buffers = readVectors(new URL('../../vectors/batches.jsonl.gz', import.meta.url).pathname)
  .filter((line) => line !== '')
  .map((line) => Buffer.from((JSON.parse(line) as BatchVector).hex, 'hex'))
const small = buffers.filter(({ length }) => length > 0 && length < 4000)

const maxBytes = 256 * 1024

/** All that the broker does with bytes of a client; true when none of it found a fault. */
function readEverything(bytes: Buffer): boolean {
  const steps = [
    () => requireProducibleBatch(bytes, { zstd: true }),
    () => {
      for (const batch of batchesIn(bytes)) {
        for (const { key, headers } of recordsOf(batch, { maxBytes })) {
          if (batch.isControl) controlRecordTypeOf(key)
          expect(headers.length).toBeLessThanOrEqual(maxBytes)
        }
        if (batch.isControl) endTransactionMarkerOf(batch)
        if (batch.magic === 2) recompress(batch, { codec: 'none', maxBytes })
      }
    },
    () => downConvert([bytes], 0, { maxBytes }),
    () => upConvert(bytes, { codec: 'none', baseOffset: 0, partitionLeaderEpoch: 0, maxBytes }),
  ]
  let isGood = true
  for (const step of steps) {
    try {
      step()
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      isGood = false
    }
  }
  return isGood
}

/** Makes the last change reach the records: the first batch's length and checksum are right again. */
function repair(bytes: Buffer): Buffer {
  if (bytes.length < 61) return bytes
  bytes.writeInt32BE(bytes.length - 12, 8)
  updateCrc(new RecordBatchView(bytes))
  return bytes
}

describe('hostile bytes give a KafkaError and nothing else', () => {
  it('cut off at every byte', () => {
    for (const bytes of buffers) {
      const step = bytes.length < 4000 ? 1 : 97
      for (let length = 0; length < bytes.length; length += step) readEverything(bytes.subarray(0, length))
    }
  })

  it('cut off at every byte, with a length and checksum that say so', () => {
    for (const bytes of small) {
      const step = bytes.length < 300 ? 1 : 7
      for (let length = 17; length < bytes.length; length += step) {
        readEverything(repair(Buffer.from(bytes.subarray(0, length))))
      }
    }
  })

  it('with changed bytes', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(fc.nat(small.length - 1), fc.array(change, { minLength: 1, maxLength: 4 }), (index, changes) => {
        const bytes = Buffer.from(small[index]!)
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        readEverything(bytes)
        readEverything(repair(bytes))
      }),
      { numRuns: 4000 },
    )
  })

  it('with absurd lengths, and memory that the bytes present account for', () => {
    const absurd = fc.constantFrom(
      Buffer.from('7fffffff', 'hex'),
      Buffer.from('80000000', 'hex'),
      Buffer.from('ffffffff', 'hex'),
      Buffer.from('00ffffff', 'hex'),
      Buffer.from('feffffff0f', 'hex'), // varint 2147483647
      Buffer.from('ffffffff0f', 'hex'), // varint -2147483648
      Buffer.from('ffffffffffffffffff01', 'hex'),
      Buffer.from('808080808080', 'hex'),
    )
    fc.assert(
      fc.property(fc.nat(small.length - 1), fc.nat(), absurd, (index, place, length) => {
        const bytes = Buffer.from(small[index]!)
        length.copy(bytes, place % bytes.length)
        const before = process.memoryUsage().arrayBuffers
        readEverything(bytes)
        readEverything(repair(bytes))
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * maxBytes)
      }),
      { numRuns: 4000 },
    )
  })

  it('of any kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 7 }), (random, codec) => {
        const bytes = Buffer.from(random)
        readEverything(bytes)
        const batch = Buffer.concat([buildRecordBatch({}, []), bytes])
        batch[22] = codec
        batch.writeInt32BE(3, 57)
        readEverything(repair(batch))
      }),
      { numRuns: 3000 },
    )
  })
})

describe('any records', () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
  const nullable = fc.option(bytes, { nil: null })
  const record = fc.record({
    timestamp: fc.integer({ min: -1, max: 2 ** 48 }),
    key: nullable,
    value: nullable,
    headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: nullable }), { maxLength: 3 }),
  })
  const codec = fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd' as const)

  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), codec, (records, codec) => {
        const batch = new RecordBatchView(buildRecordBatch({ codec, baseOffset: 7 }, records))
        expect(batch.isCrcValid()).toBe(true)
        const read = [...recordsOf(batch)]
        expect(read.map(({ timestamp, key, value, headers }) => ({ timestamp, key, value, headers }))).toEqual(records)
        expect(read.map(({ offset }) => offset)).toEqual(records.map((_, index) => 7 + index))
      }),
      { numRuns: 300 },
    )
  })
})
