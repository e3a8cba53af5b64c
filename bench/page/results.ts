/** bench/page: the measured figures as they are committed (bench/results/latest.json), put together from what the commands wrote with `--json`. */
import type { Figure } from '../measuring.ts'
import { type Line, linesOf } from '../report.ts'

/** What one command wrote. Only the figures of rows are compared with other peers. */
export interface Results {
  /** Of the rows: day, machine and the command that repeats them. */
  readonly date: string
  readonly machine: string
  readonly command: string
  readonly rows: readonly Line[]
}

/** Parts of several files; what a later one has anew is taken from it. @throws where they are of different machines */
export function merged(parts: readonly Results[]): Results {
  const machines = [...new Set(parts.map(({ machine }) => machine))]
  if (machines.length !== 1)
    throw new Error(`figures of one page are of one machine, not of ${machines.join(' and of ')}`)
  const { date, machine, command } = parts.at(-1)!
  return { date, machine, command, rows: compared(parts.flatMap(({ rows }) => rows)) }
}

/** Ratios and targets as `report.ts` has them now; of two figures for the same peer, row and metric the later counts. */
export function compared(lines: readonly Line[]): Line[] {
  const figures = new Map<string, Map<string, Figure>>()
  for (const { row, metric, unit, figures: byPeer } of lines) {
    for (const [peer, { value, runs }] of Object.entries(byPeer)) {
      const ofPeer = figures.get(peer) ?? new Map<string, Figure>()
      figures.set(peer, ofPeer)
      ofPeer.set(`${row} ${metric}`, { row, metric, unit, value, ...(runs === undefined ? {} : { runs }) })
    }
  }
  return linesOf(new Map([...figures].map(([peer, ofPeer]) => [peer, [...ofPeer.values()]])))
}
