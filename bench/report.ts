/** bench: lays the peers' figures side by side: ratios, targets, the table. */
import type { Figure } from './measuring.ts'

/** `ratio` to Kafka's figure or an absolute `value`, at most or at least so much. */
export type Bound = { readonly of: 'ratio' | 'value' } & ({ readonly atMost: number } | { readonly atLeast: number })

/** What Odradek must reach, by the start of a row's name and of a metric. */
const targets: readonly (Bound & { readonly row: string; readonly metric: string })[] = [
  { row: 'produce-', metric: 'broker CPU', of: 'ratio', atMost: 1 },
  { row: 'consume-', metric: 'broker CPU', of: 'ratio', atMost: 1.5 },
  { row: 'java-consume-', metric: 'broker CPU', of: 'ratio', atMost: 1.5 },
  { row: 'crowd', metric: 'p99 crowd / one of each', of: 'value', atMost: 1.2 },
  { row: 'start', metric: 'start to ApiVersions', of: 'value', atMost: 250 },
  { row: 'memory-idle', metric: 'resident', of: 'value', atMost: 90 },
  { row: 'groups-', metric: 'broker CPU of one core', of: 'value', atMost: 25 },
  { row: 'rebalance', metric: 'broker CPU', of: 'value', atMost: 2000 },
  { row: 'rebalance', metric: 'first join to last sync', of: 'value', atMost: 2000 },
  { row: 'transactions-', metric: 'throughput', of: 'ratio', atLeast: 1 },
  { row: 'transactions-', metric: 'commit p50', of: 'ratio', atMost: 0.5 },
  { row: 'cold-read', metric: 'broker CPU', of: 'ratio', atMost: 1.3 },
  { row: 'fsync', metric: 'acknowledged', of: 'ratio', atLeast: 1 },
  { row: 'restart-10gb', metric: 'start to Produce and Fetch', of: 'value', atMost: 1500 },
  { row: 'partitions-10k', metric: 'start to Produce', of: 'value', atMost: 3000 },
  { row: 'partitions-10k', metric: 'resident', of: 'value', atMost: 250 },
  { row: 'compaction', metric: 'p99 while it runs / without', of: 'value', atMost: 2 },
]

export interface Line {
  readonly row: string
  readonly metric: string
  readonly unit: string
  /** By peer. */
  readonly figures: Readonly<Record<string, { readonly value: number; readonly runs?: readonly number[] }>>
  /** Odradek / Kafka. */
  readonly ratio?: number
  readonly target?: Bound & { readonly isMet: boolean }
}

export function linesOf(figuresByPeer: ReadonlyMap<string, readonly Figure[]>): Line[] {
  const lines = new Map<string, Line>()
  for (const [peer, figures] of figuresByPeer) {
    for (const { row, metric, unit, value, runs } of figures) {
      const key = `${row} ${metric}`
      const line = lines.get(key) ?? { row, metric, unit, figures: {} }
      const figure = runs === undefined ? { value } : { value, runs }
      lines.set(key, { ...line, figures: { ...line.figures, [peer]: figure } })
    }
  }
  return [...lines.values()].map(compared)
}

function compared(line: Line): Line {
  const odradek = line.figures.odradek?.value
  const kafka = line.figures.kafka?.value
  const ratio = odradek === undefined || kafka === undefined ? undefined : odradek / kafka
  const target = targets.find(({ row, metric }) => line.row.startsWith(row) && line.metric.startsWith(metric))
  const value = target?.of === 'ratio' ? ratio : odradek
  if (target === undefined || value === undefined) return { ...line, ...(ratio === undefined ? {} : { ratio }) }
  const { row: _row, metric: _metric, ...bound } = target
  const isMet = 'atMost' in bound ? value <= bound.atMost : value >= bound.atLeast
  return { ...line, ...(ratio === undefined ? {} : { ratio }), target: { ...bound, isMet } }
}

/** As in `ratio <= 1`. */
export function boundText(bound: Bound): string {
  return 'atMost' in bound ? `${bound.of} <= ${bound.atMost}` : `${bound.of} >= ${bound.atLeast}`
}

export function table(lines: readonly Line[], peers: readonly string[]): string {
  const header = ['row', 'metric', 'unit', ...peers, 'odradek/kafka', 'target']
  const cells = lines.map((line, index) => [
    line.row === lines[index - 1]?.row ? '' : line.row,
    line.metric,
    line.unit,
    ...peers.map((peer) => rounded(line.figures[peer]?.value)),
    rounded(line.ratio),
    line.target === undefined ? '' : `${boundText(line.target)} ${line.target.isMet ? 'met' : 'MISSED'}`,
  ])
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]!.length)))
  const isNumber = (column: number) => column >= 3 && column < header.length - 1
  const text = (row: readonly string[]) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  return [text(header), text(widths.map((width) => '-'.repeat(width))), ...cells.map(text)].join('\n')
}

/** With as many digits as a reader can use; empty if there is none. */
export function rounded(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return ''
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
