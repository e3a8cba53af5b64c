/** bench: lays the peers' figures side by side: ratios, targets, the table. */
import type { Figure } from './rows.ts'

/** What Odradek must reach: `ratio` to Kafka's figure or an absolute `value`, by the start of a row's name and a metric. */
const targets: readonly { row: string; metric: string; of: 'ratio' | 'value'; atMost: number }[] = [
  { row: 'produce-', metric: 'broker CPU', of: 'ratio', atMost: 1 },
  { row: 'consume-', metric: 'broker CPU', of: 'ratio', atMost: 1.5 },
  { row: 'java-consume-', metric: 'broker CPU', of: 'ratio', atMost: 1.5 },
  { row: 'crowd', metric: 'p99 crowd / one of each', of: 'value', atMost: 1.2 },
  { row: 'start', metric: 'start to ApiVersions', of: 'value', atMost: 250 },
  { row: 'memory-idle', metric: 'resident', of: 'value', atMost: 90 },
]

export interface Line {
  readonly row: string
  readonly metric: string
  readonly unit: string
  /** By peer. */
  readonly figures: Readonly<Record<string, { readonly value: number; readonly runs?: readonly number[] }>>
  /** Odradek / Kafka. */
  readonly ratio?: number
  readonly target?: { readonly of: 'ratio' | 'value'; readonly atMost: number; readonly isMet: boolean }
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
  const target = targets.find(({ row, metric }) => line.row.startsWith(row) && line.metric === metric)
  const value = target?.of === 'ratio' ? ratio : odradek
  return {
    ...line,
    ...(ratio === undefined ? {} : { ratio }),
    ...(target === undefined || value === undefined
      ? {}
      : { target: { of: target.of, atMost: target.atMost, isMet: value <= target.atMost } }),
  }
}

export function table(lines: readonly Line[], peers: readonly string[]): string {
  const header = ['row', 'metric', 'unit', ...peers, 'odradek/kafka', 'target']
  const cells = lines.map((line, index) => [
    line.row === lines[index - 1]?.row ? '' : line.row,
    line.metric,
    line.unit,
    ...peers.map((peer) => rounded(line.figures[peer]?.value)),
    rounded(line.ratio),
    line.target === undefined
      ? ''
      : `${line.target.of} <= ${line.target.atMost} ${line.target.isMet ? 'met' : 'MISSED'}`,
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

function rounded(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return ''
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
