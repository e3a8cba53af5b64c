/** bench/page: one group of rows as horizontal bars: each peer's figure as a ratio to Kafka's, on a logarithmic scale with Kafka in its middle. */
import { type Line, rounded } from '../report.ts'
import { better } from './groups.ts'
import { box, line, picture, text } from './svg.ts'

const width = 840
const [left, right] = [330, 740]
/** Of a label, so that it ends before the bars. */
const mostCharacters = 50
const top = 62
const lineHeight = 30
const barHeight = 11
const otherHeight = 6
/** Where the scale may begin and end, so that its lines are round numbers. */
const roundRatios = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
/** Peers that are neither drawn as Odradek nor as what it is compared with. */
const notOthers = ['odradek', 'kafka', 'null']

/** The plot, or undefined where nothing has a figure of Kafka to be compared with. */
export function bars(title: string, lines: readonly Line[]): string | undefined {
  const drawn = lines.filter((each) => ratioOf(each, 'odradek') !== undefined && better(each) !== undefined)
  if (drawn.length === 0) return undefined
  const ratios = drawn.flatMap((each) => Object.keys(each.figures).map((peer) => ratioOf(each, peer) ?? 1))
  const scale = scaleFor(ratios)
  const bottom = top + drawn.length * lineHeight
  const others = [...new Set(drawn.flatMap((each) => Object.keys(each.figures)))].filter(
    (peer) => !notOthers.includes(peer),
  )
  return picture(width, bottom + 40, `${title}: ratios to Apache Kafka`, [
    text(16, 24, title, 'title'),
    ...legend(
      others,
      drawn.some((each) => each.figures.null !== undefined),
    ),
    ...scale.ticks.flatMap((ratio) => [
      line(ratio === 1 ? 'one' : 'grid', scale.x(ratio), top - 6, scale.x(ratio), bottom),
      text(scale.x(ratio), bottom + 16, ratio === 1 ? 'Kafka' : `× ${ratio}`, 'note middle'),
    ]),
    ...drawn.flatMap((each, index) => barsOf(each, top + index * lineHeight, scale.x, others)),
  ])
}

function ratioOf({ figures }: Line, peer: string): number | undefined {
  const [value, kafka] = [figures[peer]?.value, figures.kafka?.value]
  if (value === undefined || kafka === undefined) return undefined
  return value > 0 && kafka > 0 ? value / kafka : undefined
}

function scaleFor(ratios: readonly number[]): { readonly ticks: readonly number[]; x(ratio: number): number } {
  const [least, most] = [Math.min(0.5, ...ratios), Math.max(2, ...ratios)]
  const low = roundRatios.findLast((ratio) => ratio <= least) ?? roundRatios[0]!
  const high = roundRatios.find((ratio) => ratio >= most) ?? roundRatios.at(-1)!
  const within = (ratio: number) => Math.min(high, Math.max(low, ratio))
  const x = (ratio: number) => left + ((right - left) * Math.log(within(ratio) / low)) / Math.log(high / low)
  return { ticks: roundRatios.filter((ratio) => ratio >= low && ratio <= high), x }
}

function legend(others: readonly string[], hasFloor: boolean): string[] {
  let x = left
  const entry = (mark: (x: number) => string, label: string): string[] => {
    const at = x
    x += 30 + label.length * 6.3
    return [mark(at), text(at + 16, 44, label, 'note')]
  }
  return [
    ...entry((at) => box('good', at, 35, 11, 11), 'Odradek, better'),
    ...entry((at) => box('bad', at, 35, 11, 11), 'Odradek, worse'),
    ...others.flatMap((peer) => entry((at) => box('other', at, 38, 11, otherHeight), peer)),
    ...entry(() => '', '↑ more is better'),
    ...(hasFloor ? entry((at) => line('floor', at + 5, 34, at + 5, 47), 'floor') : []),
  ]
}

function labelOf(each: Line): string {
  const label = `${each.row}: ${each.metric}`
  const whole = label.length > mostCharacters ? `${label.slice(0, mostCharacters - 1)}…` : label
  return better(each) === 'more' ? `${whole} ↑` : whole
}

function barsOf(each: Line, y: number, x: (ratio: number) => number, others: readonly string[]): string[] {
  const ratio = ratioOf(each, 'odradek')!
  const direction = better(each)
  const isGood = direction === 'more' ? ratio >= 1 : ratio <= 1
  const between = (className: string, value: number, from: number, height: number) =>
    box(className, Math.min(x(1), x(value)), from, Math.max(1, Math.abs(x(value) - x(1))), height)
  const parts = [
    text(16, y + 12, labelOf(each)),
    between(isGood ? 'good' : 'bad', ratio, y + 2, barHeight),
    text(width - 14, y + 12, `× ${rounded(ratio)}`, 'end'),
  ]
  for (const [index, peer] of others.entries()) {
    const other = ratioOf(each, peer)
    if (other !== undefined)
      parts.push(between('other', other, y + 2 + barHeight + 1 + index * (otherHeight + 1), otherHeight))
  }
  const floor = ratioOf(each, 'null')
  if (floor !== undefined) parts.push(line('floor', x(floor), y - 1, x(floor), y + barHeight + 5))
  return parts
}
