/** bench: lays the peers' figures side by side: ratios, targets, the table. */
import type { Figure } from './measuring.ts'

/**
 * What a limit is about: Odradek's own figure (`value`), or its ratio to Kafka's (`ratio`), to the null server's (`floor`), or to the
 * better one of Kafka's and kfake's (`best`), of those that were measured.
 */
type Measure = 'value' | 'ratio' | 'floor' | 'best'
type Bound = { readonly of: Measure } & ({ readonly atMost: number } | { readonly atLeast: number })

/** What Odradek must reach, by the names of rows and by the start of a metric. Each that matches counts. */
const targets: readonly (Bound & { readonly row: RegExp; readonly metric: string })[] = [
  { row: /^produce-100b$/, metric: 'broker CPU', of: 'ratio', atMost: 0.55 },
  { row: /^produce-100b$/, metric: 'throughput', of: 'ratio', atLeast: 1.6 },
  { row: /^produce-1k(-idempotent)?$/, metric: 'broker CPU', of: 'ratio', atMost: 0.62 },
  { row: /^produce-1k(-idempotent)?$/, metric: 'broker CPU', of: 'floor', atMost: 1.2 },
  { row: /^produce-1k(-idempotent)?$/, metric: 'throughput', of: 'ratio', atLeast: 1.8 },
  { row: /^produce-1k-lz4$/, metric: 'broker CPU', of: 'ratio', atMost: 0.2 },
  { row: /^produce-1k-zstd$/, metric: 'broker CPU', of: 'ratio', atMost: 0.1 },
  { row: /^produce-(10k|1k-(acks|gzip|snappy|1-|100-|20-))/, metric: 'broker CPU', of: 'ratio', atMost: 1 },
  { row: /^consume-(100b|1k)$/, metric: 'broker CPU', of: 'best', atMost: 1 },
  { row: /^consume-(10k|1k-)/, metric: 'broker CPU', of: 'ratio', atMost: 1.5 },
  { row: /^java-consume-/, metric: 'broker CPU', of: 'ratio', atMost: 1.5 },
  { row: /^round-trip$/, metric: 'average', of: 'ratio', atMost: 0.6 },
  { row: /^round-trip$/, metric: 'p99', of: 'ratio', atMost: 0.4 },
  { row: /^round-trip$/, metric: 'broker CPU', of: 'ratio', atMost: 0.36 },
  { row: /^sync-produce$/, metric: 'acknowledged', of: 'ratio', atLeast: 1.6 },
  { row: /^crowd$/, metric: 'p99 crowd / one of each', of: 'value', atMost: 1.2 },
  { row: /^start$/, metric: 'start to ApiVersions', of: 'value', atMost: 150 },
  { row: /^memory-idle$/, metric: 'resident', of: 'value', atMost: 60 },
  { row: /^memory-loaded$/, metric: 'resident after load', of: 'value', atMost: 150 },
  { row: /^groups-/, metric: 'broker CPU of one core', of: 'value', atMost: 25 },
  { row: /^rebalance/, metric: 'broker CPU', of: 'value', atMost: 2000 },
  { row: /^rebalance/, metric: 'first join to last sync', of: 'value', atMost: 2000 },
  { row: /^transactions-/, metric: 'throughput', of: 'ratio', atLeast: 1 },
  { row: /^transactions-/, metric: 'commit p50', of: 'ratio', atMost: 0.5 },
  { row: /^topic-2000$/, metric: 'call to all served', of: 'ratio', atMost: 0.5 },
  { row: /^cold-read$/, metric: 'broker CPU', of: 'ratio', atMost: 1.2 },
  { row: /^fsync$/, metric: 'acknowledged', of: 'ratio', atLeast: 1 },
  { row: /^restart-10gb$/, metric: 'start to Produce and Fetch', of: 'value', atMost: 1500 },
  { row: /^partitions-10k$/, metric: 'start to Produce', of: 'value', atMost: 2000 },
  { row: /^partitions-10k$/, metric: 'idle CPU', of: 'value', atMost: 1 },
  { row: /^partitions-10k$/, metric: 'resident', of: 'value', atMost: 250 },
  { row: /^compaction$/, metric: 'p99 while it runs / without', of: 'value', atMost: 2 },
]

/** A bound that has something to be held against: `value` is Odradek's figure or ratio. */
export type Target = Bound & { readonly value: number; readonly isMet: boolean }

export interface Line {
  readonly row: string
  readonly metric: string
  readonly unit: string
  /** By peer. */
  readonly figures: Readonly<Record<string, { readonly value: number; readonly runs?: readonly number[] }>>
  /** Odradek / Kafka. */
  readonly ratio?: number
  /** Those of its targets whose figures were measured. */
  readonly targets: readonly Target[]
}

export function linesOf(figuresByPeer: ReadonlyMap<string, readonly Figure[]>): Line[] {
  const lines = new Map<string, Line>()
  for (const [peer, figures] of figuresByPeer) {
    for (const { row, metric, unit, value, runs } of figures) {
      const key = `${row} ${metric}`
      const line = lines.get(key) ?? { row, metric, unit, figures: {}, targets: [] }
      const figure = runs === undefined ? { value } : { value, runs }
      lines.set(key, { ...line, figures: { ...line.figures, [peer]: figure } })
    }
  }
  return [...lines.values()].map(compared)
}

function compared(line: Line): Line {
  const ratio = measured(line, 'ratio', Math.min)
  const bounds = targets.filter(({ row, metric }) => row.test(line.row) && line.metric.startsWith(metric))
  const held = bounds.flatMap(({ row: _row, metric: _metric, ...bound }): Target[] => {
    const value = measured(line, bound.of, 'atMost' in bound ? Math.min : Math.max)
    if (value === undefined) return []
    return [{ ...bound, value, isMet: 'atMost' in bound ? value <= bound.atMost : value >= bound.atLeast }]
  })
  return { ...line, ...(ratio === undefined ? {} : { ratio }), targets: held }
}

/** Odradek's figure as `of` asks for it; `better` chooses among other peers' figures. Undefined: not all of it was measured. */
function measured({ figures }: Line, of: Measure, better: (...values: number[]) => number): number | undefined {
  const odradek = figures.odradek?.value
  if (odradek === undefined || of === 'value') return odradek
  const peers = { ratio: ['kafka'], floor: ['null'], best: ['kafka', 'kfake'] }[of]
  const others = peers.flatMap((peer) => figures[peer]?.value ?? [])
  return others.length === 0 ? undefined : odradek / better(...others)
}

/** As in `ratio <= 1 met`. */
export function targetText(target: Target): string {
  const limit = 'atMost' in target ? `<= ${target.atMost}` : `>= ${target.atLeast}`
  const of = { value: 'value', ratio: 'ratio', floor: 'of floor', best: 'of better' }[target.of]
  const figure = target.of === 'floor' || target.of === 'best' ? `${rounded(target.value)} ` : ''
  return `${figure}${of} ${limit} ${target.isMet ? 'met' : 'MISSED'}`
}

export function table(lines: readonly Line[], peers: readonly string[]): string {
  const header = ['row', 'metric', 'unit', ...peers, 'odradek/kafka', 'target']
  const cells = lines.map((line, index) => [
    line.row === lines[index - 1]?.row ? '' : line.row,
    line.metric,
    line.unit,
    ...peers.map((peer) => rounded(line.figures[peer]?.value)),
    rounded(line.ratio),
    line.targets.map(targetText).join(', '),
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
