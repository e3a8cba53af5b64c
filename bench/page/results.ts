/** bench/page: the measured figures as they are committed (bench/results/latest.json), put together from what the commands wrote with `--json`. */
import type { LongRun } from '../long-run/long-run.ts'
import type { Figure } from '../measuring.ts'
import { type Line, linesOf } from '../report.ts'
import type { ScaleCurve } from '../scale/metrics.ts'

interface Made {
  readonly date: string
  readonly machine: string
  /** That repeats it. */
  readonly command: string
}

/** What the page is made from. Day, machine and command are those of the rows. */
export interface Results extends Made {
  readonly rows: readonly Line[]
  readonly scale?: readonly ScaleCurve[]
  readonly longRun?: LongRun
}

/** What one command wrote: figures of rows, of `--scale` or of `--long-run`. */
export type Part = Made & Partial<Results>

/** Parts of several files; what a later one has anew is taken from it. @throws where they are of different machines */
export function merged(parts: readonly Part[]): Results {
  const machines = [...new Set(parts.map(({ machine }) => hardwareOf(machine)))]
  if (machines.length !== 1)
    throw new Error(`figures of one page are of one machine, not of ${machines.join(' and of ')}`)
  const ofRows = parts.findLast(({ rows }) => rows !== undefined)
  if (ofRows === undefined) throw new Error('none of the files has figures of rows')
  const { date, machine, command } = ofRows
  const scale = parts.findLast((part) => part.scale !== undefined)?.scale
  const longRun = parts.findLast((part) => part.longRun !== undefined)?.longRun
  return {
    ...{ date, machine, command, rows: compared(parts.flatMap(({ rows }) => rows ?? [])) },
    ...(scale === undefined ? {} : { scale }),
    ...(longRun === undefined ? {} : { longRun }),
  }
}

export function isSameMachine(one: Made, other: Made): boolean {
  return hardwareOf(one.machine) === hardwareOf(other.machine)
}

/** Without what follows the version of Node: only the rows need Java. */
function hardwareOf(machine: string): string {
  return /^.*?Node v[\d.]+/.exec(machine)?.[0] ?? machine
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
