/** bench/page: docs/performance.md and its plots, from the committed figures and what people wrote about them. */
import { readFileSync } from 'node:fs'
import { type Line, rounded, targetText } from '../report.ts'
import { bars } from './bars.ts'
import { grouped } from './groups.ts'
import { longRunPart, scalePart } from './over-time.ts'
import { compared, type Results } from './results.ts'

/** Why a row is behind its target, in one sentence that begins small and ends without a stop. */
export interface Cause {
  readonly row: string
  readonly metric: string
  readonly cause: string
}

export const resultsFile = new URL('../results/latest.json', import.meta.url)
const causesFile = new URL('../causes.json', import.meta.url)
const json = (file: URL): unknown => JSON.parse(readFileSync(file, 'utf8'))

/** Titles of the columns; peers that are not here come before the floor, by their own name. */
const columns: Readonly<Record<string, string>> = { odradek: 'Odradek', kafka: 'Kafka', null: 'floor' }
const firstPeers = ['odradek', 'kafka']

/** The committed page: text by file, `performance.md` and `performance/<group>.svg`. */
export function renderPerformance(): Map<string, string> {
  return pageOf(json(resultsFile) as Results, json(causesFile) as Cause[])
}

/** What is behind its target without a sentence why, and sentences for what is not (any more). */
export function looseEnds(rows: readonly Line[], causes = json(causesFile) as Cause[]): string[] {
  const behind = rows.filter(isBehind)
  return [
    ...behind
      .filter((line) => causeOf(line, causes) === undefined)
      .map(({ row, metric }) => `${row}, ${metric}: no cause is given`),
    ...causes
      .filter((cause) => !behind.some((line) => causeOf(line, [cause]) !== undefined))
      .map(({ row, metric }) => `${row}, ${metric}: has a cause, and is not behind`),
  ]
}

/** @returns text by file */
export function pageOf(results: Results, causes: readonly Cause[]): Map<string, string> {
  const files = new Map<string, string>()
  const parts = grouped(compared(results.rows)).map(({ group, lines }) => {
    const plot = bars(group.title, lines)
    if (plot !== undefined) files.set(`performance/${group.name}.svg`, plot)
    const image = plot === undefined ? '' : `![${group.title}: ratios to Kafka](performance/${group.name}.svg)\n\n`
    return `\n## ${group.title}\n\n${image}${tableOf(lines)}${behindOf(lines, causes)}`
  })
  const more = (name: string, part: { text: string; plot: string } | undefined) => {
    if (part === undefined) return
    files.set(`performance/${name}.svg`, part.plot)
    parts.push(part.text)
  }
  more('scale-curves', results.scale && scalePart(results.scale))
  more('long-run', results.longRun && longRunPart(results.longRun))
  files.set('performance.md', `${introduction(results)}${parts.join('')}`)
  return files
}

function introduction({ date, machine, command }: Results): string {
  return `# Performance

Made by \`npm run docs\` from \`bench/results/latest.json\` (the figures, with every run) and \`bench/causes.json\`.

Odradek beside Apache Kafka 4.3.1 on ${date}, on one machine: ${machine}.

    ${command}

repeats it; [bench/README.md](../bench/README.md) says what each row does, and how the peers are set up.

**How to read it.** A megabyte is 10^6 bytes of payload. *Broker CPU* hardly depends on what else the machine does: it is the figure to compare.
Throughput and latency are measured with client and broker on the same cores, so they say how the two share this machine.
In the plots each bar begins at Kafka's figure and ends at Odradek's ratio to it, on a logarithmic scale: a bar to the left is less, one to the right is
more; green is better, orange is worse. *Floor* is a server in JavaScript that receives, checks, writes and acknowledges, and does nothing else a
broker does. Below a table stands why a row is behind its target.
`
}

function tableOf(lines: readonly Line[]): string {
  const all = [...new Set(lines.flatMap(({ figures }) => Object.keys(figures)))]
  const rest = all.filter((peer) => !firstPeers.includes(peer) && peer !== 'null')
  const peers = [...firstPeers, ...rest, 'null'].filter((peer) => all.includes(peer))
  const header = ['row', 'metric', 'unit', ...peers.map((peer) => columns[peer] ?? peer), 'Odradek / Kafka', 'target']
  const rule = header.map((_, column) => (column >= 3 && column < header.length - 1 ? '---:' : '---'))
  const cells = lines.map((line, index) => [
    line.row === lines[index - 1]?.row ? '' : `\`${line.row}\``,
    line.metric,
    line.unit,
    ...peers.map((peer) => rounded(line.figures[peer]?.value)),
    rounded(line.ratio),
    line.targets.map(targetText).join(', ').replaceAll('MISSED', '**missed**'),
  ])
  return [header, rule, ...cells].map((row) => `| ${row.join(' | ')} |\n`).join('')
}

const isBehind = ({ targets }: Line): boolean => targets.some(({ isMet }) => !isMet)

function causeOf(line: Line, causes: readonly Cause[]): string | undefined {
  return causes.find(({ row, metric }) => row === line.row && metric === line.metric)?.cause
}

function behindOf(lines: readonly Line[], causes: readonly Cause[]): string {
  const behind = lines.filter(isBehind)
  if (behind.length === 0) return ''
  const sentences = behind.map((line) => {
    const cause = causeOf(line, causes)
    return `- \`${line.row}\`, ${line.metric}: ${cause ?? 'the cause has not been looked for'}.\n`
  })
  return `\n${sentences.join('')}`
}
