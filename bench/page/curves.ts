/** bench/page: small plots of lines side by side: how figures grow with a number, or go over time. */
import { rounded } from '../report.ts'
import { line, picture, short, text } from './svg.ts'

export interface Curve {
  /** In the picture's legend, where one number is there for all panels; colours go by it. */
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Panel {
  readonly title: string
  readonly xTitle: string
  readonly curves: readonly Curve[]
  /** Both axes. Otherwise both begin at zero. */
  readonly isLogarithmic?: boolean
  /** A thin line from the first point on, of what grows with the number. */
  readonly hasDiagonal?: boolean
}

const columns = 2
const [panelWidth, panelHeight] = [420, 230]
const [left, right, top, bottom] = [54, 392, 40, 180]
const colours = 6
const roundSteps = [1, 2, 5]

interface Axis {
  readonly ticks: readonly number[]
  at(value: number): number
}

export function curves(title: string, panels: readonly Panel[], legend: readonly string[] = []): string {
  const head = legend.length === 0 ? 36 : 62
  const rows = Math.ceil(panels.length / columns)
  let x = 16
  const entries = legend.flatMap((name, index) => {
    const at = x
    x += 34 + name.length * 6.3
    return [line(`curve${index % colours}`, at, 45, at + 14, 45), text(at + 18, 49, name, 'note')]
  })
  const drawn = panels.map((panel, index) => {
    const [column, row] = [index % columns, Math.floor(index / columns)]
    const place = `translate(${column * panelWidth} ${head + row * panelHeight})`
    return `<g transform="${place}">\n    ${panelParts(panel, legend).join('\n    ')}\n  </g>`
  })
  return picture(columns * panelWidth, head + rows * panelHeight, title, [
    text(16, 24, title, 'title'),
    ...entries,
    ...drawn,
  ])
}

function panelParts(panel: Panel, legend: readonly string[]): string[] {
  const points = panel.curves.flatMap((curve) => curve.points)
  const [allX, allY] = [points.map(([x]) => x), points.map(([, y]) => y)]
  const xs = panel.isLogarithmic ? logarithmic(allX, left, right) : linear(allX, left, right, Math.max(...allX))
  const ys = panel.isLogarithmic ? logarithmic(allY, bottom, top) : linear(allY, bottom, top)
  const parts = [text(left, 24, panel.title), text(right, bottom + 34, panel.xTitle, 'note end')]
  for (const tick of ys.ticks) {
    parts.push(
      line('grid', left, ys.at(tick), right, ys.at(tick)),
      text(left - 6, ys.at(tick) + 4, label(tick), 'note end'),
    )
  }
  for (const tick of xs.ticks) {
    parts.push(
      line('grid', xs.at(tick), bottom, xs.at(tick), bottom + 4),
      text(xs.at(tick), bottom + 18, label(tick), 'note middle'),
    )
  }
  if (panel.hasDiagonal) {
    const [first, last] = [xs.ticks[0]!, xs.ticks.at(-1)!]
    const start = Math.min(...points.map(([x]) => x))
    // Where it would leave at the top it ends.
    const end = Math.min(last, start * ys.ticks.at(-1)!)
    if (first <= start) parts.push(line('diagonal', xs.at(start), ys.at(1), xs.at(end), ys.at(end / start)))
  }
  for (const curve of panel.curves) {
    const index = Math.max(0, legend.indexOf(curve.name)) % colours
    const at = curve.points.map(([x, y]) => `${short(xs.at(x))},${short(ys.at(y))}`).join(' ')
    parts.push(`<polyline class="curve${index}" points="${at}"/>`)
  }
  return parts
}

/** From zero to `end`, or to a round number. */
function linear(values: readonly number[], from: number, to: number, end?: number): Axis {
  const most = Math.max(...values, Number.MIN_VALUE)
  const step = roundAbove(most / 4)
  const last = end ?? step * Math.ceil(most / step)
  const ticks = Array.from({ length: Math.floor(last / step + 1e-9) + 1 }, (_, index) => index * step)
  return { ticks, at: (value) => from + ((to - from) * value) / last }
}

/** From a power of ten to one. */
function logarithmic(values: readonly number[], from: number, to: number): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
  return { ticks, at: (value) => from + ((to - from) * (Math.log10(value) - low)) / (high - low) }
}

/** 1, 2 or 5 times a power of ten. */
function roundAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return (roundSteps.find((step) => step * power >= value) ?? 10) * power
}

function label(tick: number): string {
  return tick >= 1000
    ? tick.toLocaleString('en-US')
    : tick === 0
      ? '0'
      : tick < 1
        ? String(Number(tick.toPrecision(1)))
        : rounded(tick).replace(/\.0+$/, '')
}
