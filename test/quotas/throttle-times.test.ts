/** Rates and token buckets tell the throttle times of Kafka's own classes (Rate, TokenBucket, QuotaUtils), run over the same random steps. */
import { describe, expect, it } from 'vitest'
import { QuotaRate } from '../../src/quotas/quota-rate.ts'
import { TokenBucket } from '../../src/quotas/token-bucket.ts'
import kafka from '../fixtures/quotas/throttle-times.json' with { type: 'json' }

const startMs = 1_000

describe('a rate', () => {
  it.each(kafka.rates)(
    'over $samples samples of $sampleMs ms is throttled as in Kafka',
    ({ steps, bound, ...window }) => {
      const rate = new QuotaRate(window)
      let nowMs = startMs
      for (const [waitMs, value, throttleMs] of steps as [number, number, number][]) {
        nowMs += waitMs
        rate.record(value, nowMs)
        expect(rate.throttleMs(bound, nowMs)).toBe(throttleMs)
      }
    },
  )

  it('is over when the last of it is out of the window', () => {
    const rate = new QuotaRate({ samples: 11, sampleMs: 1_000 })
    rate.record(1, 0)
    rate.record(1, 500)
    expect(rate.isOver(11_499)).toBe(false)
    expect(rate.isOver(11_500)).toBe(true)
  })

  it('takes back what was recorded', () => {
    const rate = new QuotaRate({ samples: 11, sampleMs: 1_000 })
    rate.record(10_000, 0)
    expect(rate.measure(0)).toBe(1_000)
    rate.record(-10_000, 0)
    expect(rate.measure(0)).toBe(0)
  })
})

describe('a token bucket', () => {
  it.each(kafka.buckets)('of $bound a second is overdrawn as in Kafka', ({ steps, bound, ...window }) => {
    const bucket = new TokenBucket(window)
    let nowMs = startMs
    for (const [waitMs, tokens, throttleMs] of steps as [number, number, number][]) {
      nowMs += waitMs
      const found = bucket.throttleMs(bound, nowMs)
      expect(found).toBe(throttleMs)
      if (found === 0) bucket.take(tokens, bound, nowMs)
    }
  })

  it('is full after as long as all its samples', () => {
    const bucket = new TokenBucket({ samples: 10, sampleMs: 1_000 })
    bucket.take(100, 10, 0)
    expect(bucket.isFull(10, 9_999)).toBe(false)
    expect(bucket.isFull(10, 10_000)).toBe(true)
  })
})
