/** bench/long-run: how a figure goes over time, and samples put together for the page. */
import { average, percentile } from '../statistics.ts'

/** What one second, or several, brought. Times in milliseconds. */
export interface Sample {
  /** Since the start. */
  readonly seconds: number
  readonly residentMb: number
  readonly cpuPercent: number
  readonly produceP50: number
  readonly produceP99: number
  /** Of the answers to ApiVersions, sent every 10 ms. */
  readonly longestPing: number
  /** As the broker's own event loop saw it. */
  readonly longestLoopDelay: number
}

/** Least squares over the last three quarters, per hour: the first quarter is for compilers and caches to fill. */
export function slopePerHour(samples: readonly Sample[], figure: keyof Sample): number {
  const used = samples.slice(Math.floor(samples.length / 4)).filter((sample) => Number.isFinite(sample[figure]))
  const [x, y] = [average(used.map(({ seconds }) => seconds)), average(used.map((sample) => sample[figure]))]
  const covariance = used.reduce((sum, sample) => sum + (sample.seconds - x) * (sample[figure] - y), 0)
  const variance = used.reduce((sum, sample) => sum + (sample.seconds - x) ** 2, 0)
  return (3600 * covariance) / variance
}

/** At most `most` samples, each made of equally many: of stalls the longest, of latencies the median, else the average. */
export function thinned(samples: readonly Sample[], most: number): Sample[] {
  const each = Math.ceil(samples.length / most)
  const bins = Array.from({ length: Math.ceil(samples.length / each) }, (_, bin) =>
    samples.slice(bin * each, (bin + 1) * each),
  )
  return bins.map((bin) => {
    const of = (figure: keyof Sample, make: (values: number[]) => number) => {
      const values = bin.map((sample) => sample[figure]).filter(Number.isFinite)
      return values.length === 0 ? 0 : Number(make(values).toPrecision(4))
    }
    const longest = (values: number[]) => Math.max(...values)
    const middle = (values: number[]) => percentile(values, 0.5)
    return {
      seconds: bin.at(-1)!.seconds,
      residentMb: of('residentMb', average),
      cpuPercent: of('cpuPercent', average),
      produceP50: of('produceP50', middle),
      produceP99: of('produceP99', middle),
      longestPing: of('longestPing', longest),
      longestLoopDelay: of('longestLoopDelay', longest),
    }
  })
}
