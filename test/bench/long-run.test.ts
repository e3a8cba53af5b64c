/** bench/long-run: slopes and samples. */
import { describe, expect, it } from 'vitest'
import { type Sample, slopePerHour, thinned } from '../../bench/long-run/slope.ts'

const sample = (seconds: number, more: Partial<Sample> = {}): Sample => ({
  seconds,
  residentMb: 100,
  cpuPercent: 10,
  produceP50: 1,
  produceP99: 2,
  longestPing: 5,
  longestLoopDelay: 3,
  ...more,
})

describe('the slope', () => {
  it('is per hour, by least squares', () => {
    const samples = Array.from({ length: 100 }, (_, seconds) => sample(seconds, { residentMb: 80 + seconds / 100 }))
    expect(slopePerHour(samples, 'residentMb')).toBeCloseTo(36)
    expect(slopePerHour(samples, 'produceP99')).toBeCloseTo(0)
  })

  it('leaves out the first quarter, and seconds without an answer', () => {
    const samples = Array.from({ length: 100 }, (_, seconds) => sample(seconds, { produceP50: seconds < 25 ? 900 : 1 }))
    samples[60] = sample(60, { produceP50: Number.NaN })
    expect(slopePerHour(samples, 'produceP50')).toBeCloseTo(0)
  })
})

describe('thinned samples', () => {
  it('keep the longest stall, the middle latency and the average memory', () => {
    const samples = [1, 2, 3, 4, 5, 6].map((second) =>
      sample(second, { residentMb: second, longestPing: second === 2 ? 80 : 1, produceP99: second === 2 ? 90 : 4 }),
    )
    expect(thinned(samples, 2)).toMatchObject([
      { seconds: 3, residentMb: 2, longestPing: 80, produceP99: 4 },
      { seconds: 6, residentMb: 5, longestPing: 1 },
    ])
  })
})
