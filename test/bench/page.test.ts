/** bench/page: the page and the plots that are made from measured figures. */
import { describe, expect, it } from 'vitest'
import type { LongRun } from '../../bench/long-run/long-run.ts'
import { bars } from '../../bench/page/bars.ts'
import { looseEnds, pageOf } from '../../bench/page/page.ts'
import { compared, merged, type Results } from '../../bench/page/results.ts'
import type { Line } from '../../bench/report.ts'
import { growth, type ScalePoint } from '../../bench/scale/metrics.ts'

const line = (row: string, metric: string, unit: string, values: Record<string, number>): Line => ({
  row,
  metric,
  unit,
  targets: [],
  figures: Object.fromEntries(Object.entries(values).map(([peer, value]) => [peer, { value }])),
})

const results = (rows: readonly Line[], more: Partial<Results> = {}): Results => ({
  date: '2026-01-02',
  machine: 'a machine',
  command: 'npm run bench -- --json FILE',
  rows,
  ...more,
})

/** Far on this side or that of any target. */
const rows = [
  line('produce-1k', 'broker CPU', 'ms/MB', { odradek: 3, kafka: 60, kfake: 90, null: 3 }),
  line('produce-1k', 'throughput', 'MB/s', { odradek: 800, kafka: 200 }),
  line('produce-1k', 'client CPU', 'ms/MB', { odradek: 2, kafka: 1 }),
  line('start', 'start to ApiVersions', 'ms', { odradek: 9000, kafka: 900_000 }),
  line('partitions-10k', 'resident', 'MB', { odradek: 200 }),
]

const page = (files: ReadonlyMap<string, string>) => files.get('performance.md')!

describe('docs/performance.md', () => {
  const files = pageOf(results(rows), [
    { row: 'start', metric: 'start to ApiVersions', cause: 'the modules take long' },
  ])

  it('says when, where and by which command the figures were made', () => {
    expect(page(files)).toContain('on 2026-01-02')
    expect(page(files)).toContain('one machine: a machine.')
    expect(page(files)).toContain('\n    npm run bench -- --json FILE\n')
  })

  it('has a table for each group, with every peer, the ratio and the target', () => {
    expect(page(files)).toContain(
      '| row | metric | unit | Odradek | Kafka | kfake | floor | Odradek / Kafka | target |\n' +
        '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n' +
        '| `produce-1k` | broker CPU | ms/MB | 3.00 | 60.0 | 90.0 | 3.00 | 0.05 | ratio <= ',
    )
    expect(page(files)).toMatch(/^\| {2}\| throughput \| MB\/s \| 800 \| 200 \| {2}\| {2}\| 4.00 \| .* met \|$/m)
    expect([...page(files).matchAll(/^## (.*)/gm)].map(([, title]) => title)).toEqual([
      'Produce',
      'Start and restart',
      'Many at once',
    ])
  })

  it('says why a row is behind, and shows the plots that there are', () => {
    expect(page(files)).toMatch(/\*\*missed\*\* \|\n\n- `start`, start to ApiVersions: the modules take long\.\n/)
    expect([...files.keys()].sort()).toEqual(['performance.md', 'performance/produce.svg', 'performance/start.svg'])
    expect(page(files)).toContain('(performance/produce.svg)')
    expect(page(files)).not.toContain('(performance/scale.svg)')
  })

  it('shows rows that belong to no group', () => {
    expect(page(pageOf(results([line('juggling', 'balls', '', { odradek: 3 })]), []))).toContain('## More rows\n')
  })
})

describe('the causes', () => {
  it('are missed where a row is behind without one, and told of where it is not behind', () => {
    const cause = { row: 'produce-1k', metric: 'broker CPU', cause: 'it was slow once' }
    expect(looseEnds(compared(rows), [cause])).toEqual([
      'start, start to ApiVersions: no cause is given',
      'produce-1k, broker CPU: has a cause, and is not behind',
    ])
  })
})

describe('figures of several files', () => {
  it('are put together by peer, the later before the earlier, with ratios made anew', () => {
    const both = merged([
      results([line('start', 'start to ApiVersions', 'ms', { odradek: 9000, kafka: 6 })]),
      results([line('start', 'start to ApiVersions', 'ms', { odradek: 3 })], { date: '2026-01-03' }),
    ])
    expect(both.date).toBe('2026-01-03')
    expect(both.rows).toMatchObject([{ ratio: 0.5, targets: [{ isMet: true }], figures: { odradek: { value: 3 } } }])
  })

  it('are of one machine', () => {
    expect(() => merged([results(rows), results(rows, { machine: 'another' })])).toThrow('of a machine and of another')
  })
})

const point = (count: number, cost: number): ScalePoint => ({
  count,
  restartMs: cost,
  restartCpuMs: 5,
  residentMb: 80,
  idleCpuPercent: 0,
  metadataCpuMs: 1,
  produceCpuUs: 100,
})

const scale = [{ unit: 'partitions', points: [point(10, 1), point(100, 10), point(1000, 1000)] }]

const sample = { residentMb: 100, cpuPercent: 5, produceP50: 0.5, produceP99: 2, longestPing: 30, longestLoopDelay: 20 }
const longRun: LongRun = {
  minutes: 20,
  memoryMbPerHour: -1.5,
  p50MsPerHour: 0.01,
  p99MsPerHour: 0.2,
  longestPingMs: 30,
  longestLoopDelayMs: 20,
  retained: { producedMb: 9600, leftMb: 120 },
  compacted: { producedMb: 2400, leftMb: 11 },
  samples: [
    { seconds: 60, ...sample },
    { seconds: 1200, ...sample, residentMb: 200 },
  ],
}

describe('scale and the long run', () => {
  it('are on the page, each with a plot, once they were measured', () => {
    const files = pageOf(results(rows, { scale, longRun }), [])
    expect([...files.keys()]).toEqual(
      expect.arrayContaining(['performance/scale-curves.svg', 'performance/long-run.svg']),
    )
    expect(page(files)).toContain('| partitions | 10 | 100 | 1,000 | power |\n')
    expect(page(files)).toContain('| restart to Produce, ms | 1.00 | 10.0 | 1000 | 2.00 |\n')
    expect(page(files)).toContain('| idle CPU, % of a core | 0.00 | 0.00 | 0.00 |  |\n')
    expect(page(files)).toContain('| resident memory, MB per hour | -1.50 |\n')
    expect(page(pageOf(results(rows), []))).not.toContain('## Scale')
  })

  it('come from files of their own, which may have been made without Java', () => {
    const made = { date: '2026-01-04', machine: '2 x CPU, Node v20.20.2', command: '' }
    const both = merged([results(rows, { machine: '2 x CPU, Node v20.20.2, openjdk 17' }), { ...made, scale }])
    expect(both).toMatchObject({ date: '2026-01-02', scale })
    expect(both.rows).toHaveLength(rows.length)
    expect(() => merged([{ ...made, scale }])).toThrow('none of the files has figures of rows')
  })

  it('draws a line from the first figure, as 1, to the last', () => {
    const drawn = pageOf(results(rows, { scale }), []).get('performance/scale-curves.svg')!
    const [, first, last] = /class="curve0" points="(\S+) \S+ (\S+)"/.exec(drawn)!
    const y = (at: string) => Number(at.split(',')[1])
    expect(y(first!)).toBe(180) // the bottom of the panel
    expect(y(last!)).toBe(40) // its top: a thousand times as much
    expect(drawn).not.toContain('NaN')
  })

  it('tells how fast something grows', () => {
    expect(growth([point(10, 1), point(100, 10)], 'restartMs')).toBeCloseTo(1)
    expect(growth([point(10, 1), point(100, 100)], 'restartMs')).toBeCloseTo(2)
    expect(growth([point(10, 1), point(100, 100)], 'residentMb')).toBe(0)
  })
})

describe('a plot', () => {
  const drawn = bars('Produce', rows)!

  it('draws what is better and what is worse than Kafka to its side of it, and not what is neither', () => {
    const boxes = [...drawn.matchAll(/<rect class="(good|bad|other)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)]
    const kafka = Number(/<line class="one" x1="([\d.]+)"/.exec(drawn)![1])
    const inRows = boxes.map(([, kind, x, y, width]) => ({
      kind,
      x: Number(x),
      y: Number(y),
      end: Number(x) + Number(width),
    }))
    const [cpu, kfake, throughput, start] = inRows.filter(({ y }) => y > 60)
    expect(cpu).toMatchObject({ kind: 'good', end: expect.closeTo(kafka, 0) })
    expect(kfake).toMatchObject({ kind: 'other', x: expect.closeTo(kafka, 0) })
    expect(throughput).toMatchObject({ kind: 'good', x: expect.closeTo(kafka, 0) })
    expect(start!.x).toBeLessThan(cpu!.x)
    expect(drawn).not.toContain('client CPU')
    expect(drawn.match(/class="floor"/g)).toHaveLength(2) // in the legend, and where the floor was measured
  })

  it('marks a figure that is worse', () => {
    const worse = bars('Consume', [line('consume-1k', 'throughput', 'MB/s', { odradek: 100, kafka: 200 })])!
    expect(worse).toMatch(/class="bad" x="[\d.]+" y="64"/)
  })

  it('is readable on light and dark pages, and well-formed', () => {
    expect(drawn).toContain('prefers-color-scheme: dark')
    expect(bars('a < b & c', rows)).toContain('<title>a &lt; b &amp; c: ratios')
  })

  it('is left out where nothing can be compared', () => {
    expect(bars('Scale', [line('partitions-10k', 'resident', 'MB', { odradek: 200 })])).toBeUndefined()
  })
})
