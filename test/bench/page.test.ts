/** bench/page: the page and the plots that are made from measured figures. */
import { describe, expect, it } from 'vitest'
import { bars } from '../../bench/page/bars.ts'
import { looseEnds, pageOf } from '../../bench/page/page.ts'
import { compared, merged, type Results } from '../../bench/page/results.ts'
import type { Line } from '../../bench/report.ts'

const line = (row: string, metric: string, unit: string, values: Record<string, number>): Line => ({
  row,
  metric,
  unit,
  figures: Object.fromEntries(Object.entries(values).map(([peer, value]) => [peer, { value }])),
})

const results = (rows: readonly Line[], more: Partial<Results> = {}): Results => ({
  date: '2026-01-02',
  machine: 'a machine',
  command: 'npm run bench -- --json FILE',
  rows,
  ...more,
})

const rows = [
  line('produce-1k', 'broker CPU', 'ms/MB', { odradek: 3, kafka: 6, kfake: 9, null: 1.5 }),
  line('produce-1k', 'throughput', 'MB/s', { odradek: 300, kafka: 200 }),
  line('produce-1k', 'client CPU', 'ms/MB', { odradek: 2, kafka: 1 }),
  line('start', 'start to ApiVersions', 'ms', { odradek: 300, kafka: 3000 }),
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
        '| `produce-1k` | broker CPU | ms/MB | 3.00 | 6.00 | 9.00 | 1.50 | 0.50 | ratio <= 1: met |\n' +
        '|  | throughput | MB/s | 300 | 200 |  |  | 1.50 |  |\n',
    )
    expect([...page(files).matchAll(/^## (.*)/gm)].map(([, title]) => title)).toEqual([
      'Produce',
      'Start and restart',
      'Many at once',
    ])
  })

  it('says why a row is behind, and shows the plots that there are', () => {
    expect(page(files)).toContain(
      'value <= 250: **missed** |\n\n- `start`, start to ApiVersions: the modules take long.\n',
    )
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
      results([line('produce-1k', 'broker CPU', 'ms/MB', { odradek: 9, kafka: 6 })]),
      results([line('produce-1k', 'broker CPU', 'ms/MB', { odradek: 3 })], { date: '2026-01-03' }),
    ])
    expect(both.date).toBe('2026-01-03')
    expect(both.rows).toMatchObject([{ ratio: 0.5, target: { isMet: true }, figures: { odradek: { value: 3 } } }])
  })

  it('are of one machine', () => {
    expect(() => merged([results(rows), results(rows, { machine: 'another' })])).toThrow('of a machine and of another')
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
