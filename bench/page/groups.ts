/** bench/page: the rows in the order and the parts in which the page shows them, and whether less or more of a metric is better. */
import type { Line } from '../report.ts'

export interface Group {
  /** Of its plot: docs/performance/<name>.svg. */
  readonly name: string
  readonly title: string
  /** Starts of its rows' names. */
  readonly rows: readonly string[]
}

const groups: readonly Group[] = [
  { name: 'produce', title: 'Produce', rows: ['produce', 'fsync'] },
  { name: 'consume', title: 'Consume', rows: ['consume', 'java-consume', 'cold-read'] },
  { name: 'latency', title: 'Latency', rows: ['round-trip', 'sync-produce', 'crowd', 'compaction'] },
  { name: 'transactions', title: 'Transactions', rows: ['transactions'] },
  { name: 'groups', title: 'Groups', rows: ['groups', 'rebalance'] },
  { name: 'start', title: 'Start and restart', rows: ['start', 'restart'] },
  { name: 'memory', title: 'Memory and size', rows: ['memory', 'install-size'] },
  { name: 'scale', title: 'Many at once', rows: ['partitions', 'topic', 'idle-consumers'] },
]
/** For rows that are in none of these. */
const more: Group = { name: 'more', title: 'More rows', rows: [''] }

/** Groups that have lines, each with its own, in the order of the page. */
export function grouped(lines: readonly Line[]): { readonly group: Group; readonly lines: readonly Line[] }[] {
  const has = ({ rows }: Group, { row }: Line) => rows.some((start) => row === start || row.startsWith(`${start}-`))
  const rest = lines.filter((line) => !groups.some((group) => has(group, line)))
  return [
    ...groups.map((group) => ({ group, lines: lines.filter((line) => has(group, line)) })),
    { group: more, lines: rest },
  ].filter((each) => each.lines.length > 0)
}

/** Starts of metrics that say what was asked of a broker or what the load took, not how good a broker is. */
const circumstances = ['client CPU', 'heartbeats', 'left of it']
const rateUnits = ['MB/s', '1/s']

/** Which way is better; undefined for what is only a circumstance of the others. */
export function better({ metric, unit }: Pick<Line, 'metric' | 'unit'>): 'less' | 'more' | undefined {
  if (circumstances.some((start) => metric.startsWith(start))) return undefined
  return rateUnits.includes(unit) ? 'more' : 'less'
}
