import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OtlpError, readMetrics } from '../../src/telemetry/otlp.ts'
import { otlp } from './otlp-writer.ts'

describe('metrics of a client', () => {
  it('are read with the attributes of their resource and their own', () => {
    const bytes = otlp(
      [
        { name: 'a', value: 1.5, attributes: { topic: 't' } },
        { name: 'b', value: -7, isInteger: true, kind: 'delta' },
        { name: 'c', value: 3, kind: 'cumulative', attributes: { rack: 'own' } },
      ],
      { rack: 'r1' },
    )
    expect(readMetrics(bytes).map((point) => ({ ...point, attributes: Object.fromEntries(point.attributes) }))).toEqual(
      [
        { name: 'a', kind: 'gauge', value: 1.5, attributes: { rack: 'r1', topic: 't' } },
        { name: 'b', kind: 'delta', value: -7, attributes: { rack: 'r1' } },
        { name: 'c', kind: 'cumulative', value: 3, attributes: { rack: 'own' } },
      ],
    )
  })

  it('of no number are left out', () => {
    expect(
      readMetrics(
        otlp([
          { name: 'a', value: Number.NaN },
          { name: 'b', value: Number.POSITIVE_INFINITY },
        ]),
      ),
    ).toEqual([])
  })

  it('are refused when they are cut off anywhere', () => {
    const bytes = otlp([{ name: 'a', value: 1, attributes: { topic: 't' } }])
    for (let length = 1; length < bytes.length; length += 1) {
      expect(() => readMetrics(bytes.subarray(0, length)), `${length}`).toThrow(OtlpError)
    }
  })

  it('are refused when they are too many, or have too many attributes', () => {
    expect(() => readMetrics(otlp(Array.from({ length: 10_001 }, () => ({ name: 'a', value: 1 }))))).toThrow(
      '10000 points',
    )
    const attributes = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`a${index}`, 'b']))
    expect(() => readMetrics(otlp([{ name: 'a', value: 1, attributes }]))).toThrow('32 attributes')
  })

  it('are read, or refused as what they are not, whatever the bytes', () => {
    const good = otlp([{ name: 'metric', value: 1, attributes: { topic: 't' } }], { rack: 'r' })
    const mutated = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of changes) bytes[at] = value
        return bytes
      })
    const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.oneof(mutated, any), (bytes) => {
        try {
          readMetrics(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(OtlpError)
        }
      }),
      { numRuns: 3_000, seed: 1 },
    )
  })
})
