/** bench/page: the parts of the page about scale and about the long run, with their plots. */
import type { LongRun } from '../long-run/long-run.ts'
import type { Sample } from '../long-run/slope.ts'
import { rounded } from '../report.ts'
import { growth, type ScaleCurve, type ScalePoint, scaleMetrics } from '../scale/metrics.ts'
import { curves, type Panel } from './curves.ts'

interface Part {
  readonly text: string
  readonly plot: string
}

export function scalePart(scale: readonly ScaleCurve[]): Part {
  const withoutUnit = (title: string) => title.split(',')[0]!
  const legend = scaleMetrics.map(([, title]) => withoutUnit(title))
  const panels = scale.map(({ unit, points }): Panel => {
    const ofMetric = ([metric, title]: (typeof scaleMetrics)[number]) => {
      // What is nothing somewhere has no place on a logarithmic scale.
      const drawn = points.filter((point) => point[metric] > 0)
      return {
        name: withoutUnit(title),
        points: drawn.map((point) => [point.count, point[metric] / drawn[0]![metric]] as const),
      }
    }
    return { title: unit, xTitle: unit, curves: scaleMetrics.map(ofMetric), isLogarithmic: true, hasDiagonal: true }
  })
  const text = `
## Scale

What Odradek costs as there is more of something, from the first of four sizes on (\`npm run bench -- --scale\`). In the plot 1 is the figure at the
first size; what grows with the number runs along the dashed line, what runs steeper grows faster. *Power* below is the growth between the last two
sizes: 0 does not grow, 1 grows with the number, 2 with its square.

![What Odradek costs with more of something](performance/scale-curves.svg)
${scale.map(tableOf).join('')}`
  return { text, plot: curves('Odradek with more of something: figures as multiples of the first', panels, legend) }
}

function tableOf({ unit, points }: ScaleCurve): string {
  const rows = scaleMetrics.map(([metric, title]) => [
    title,
    ...points.map((point: ScalePoint) => rounded(point[metric])),
    rounded(growth(points, metric)),
  ])
  const head = [unit, ...points.map(({ count }) => count.toLocaleString('en-US')), 'power']
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return `\n${[head, rule, ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('')}`
}

export function longRunPart(run: LongRun): Part {
  const panel = (title: string, figure: keyof Sample): Panel => ({
    title,
    xTitle: 'minutes',
    curves: [{ name: title, points: run.samples.map((sample) => [sample.seconds / 60, sample[figure]] as const) }],
  })
  const plot = curves(`A mixed load for ${run.minutes} minutes`, [
    panel('resident, MB', 'residentMb'),
    panel('produce p50, ms', 'produceP50'),
    panel('produce p99, ms', 'produceP99'),
    panel('longest stall that a client saw, ms', 'longestPing'),
  ])
  const signed = (value: number) => `${value >= 0 ? '+' : '-'}${rounded(Math.abs(value))}`
  const text = `
## Long run

A mixed load for ${run.minutes} minutes (\`npm run bench -- --long-run\`): producers, consumers, transactions and committed offsets, with small segments,
so that retention and compaction are at work all the while. Slopes are by least squares over the last three quarters.

![A mixed load over time](performance/long-run.svg)

| | |
| --- | ---: |
| resident memory, MB per hour | ${signed(run.memoryMbPerHour)} |
| produce latency p50, ms per hour | ${signed(run.p50MsPerHour)} |
| produce latency p99, ms per hour | ${signed(run.p99MsPerHour)} |
| longest stall that a client saw, ms | ${rounded(run.longestPingMs)} |
| longest stall in the event loop, ms | ${rounded(run.longestLoopDelayMs)} |
| left by retention, MB of those produced | ${rounded(run.retained.leftMb)} of ${rounded(run.retained.producedMb)} |
| left by compaction, MB of those produced | ${rounded(run.compacted.leftMb)} of ${rounded(run.compacted.producedMb)} |
`
  return { text, plot }
}
