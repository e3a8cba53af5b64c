/** bench/page: what all plots share: colours for light and dark pages, text, numbers. They are drawn by writing SVG as a string. */

export const fontSize = 12

/**
 * Each plot has a ground of its own, since a page's theme need not be the one that the viewer's system tells an image.
 * Classes: title, note, grid, one (the line at Kafka), good, bad, other, floor; for curves diagonal and curve0 to curve5.
 */
const style = `
    text { font: ${fontSize}px system-ui, sans-serif; fill: #1f2328 }
    .ground { fill: #ffffff }
    .title { font-weight: 600; font-size: 14px }
    .note { fill: #59636e }
    .end { text-anchor: end }
    .middle { text-anchor: middle }
    .grid { stroke: #d1d9e0 }
    .one { stroke: #59636e; stroke-width: 1.5 }
    .good { fill: #1a7f5a }
    .bad { fill: #c4551c }
    .other { fill: #8c96a3 }
    .floor { stroke: #1f2328; stroke-width: 2 }
    .diagonal { stroke: #8c96a3; stroke-dasharray: 4 4 }
    [class^=curve] { fill: none; stroke-width: 2 }
    .curve0 { stroke: #1a7f5a }
    .curve1 { stroke: #c4551c }
    .curve2 { stroke: #3b6fd4 }
    .curve3 { stroke: #8250bf }
    .curve4 { stroke: #b5447a }
    .curve5 { stroke: #8a7a12 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .ground { fill: #0d1117 }
      .note { fill: #9198a1 }
      .grid { stroke: #3d444d }
      .one { stroke: #9198a1 }
      .good { fill: #3fb98a }
      .bad { fill: #f0883e }
      .other { fill: #6e7681 }
      .floor { stroke: #f0f6fc }
      .curve0 { stroke: #3fb98a }
      .curve1 { stroke: #f0883e }
      .curve2 { stroke: #79a7ff }
      .curve3 { stroke: #bc93f5 }
      .curve4 { stroke: #f080b0 }
      .curve5 { stroke: #d8c64a }
    }`

/** @param title said by screen readers */
export function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`
  const ground = `<rect class="ground" width="${width}" height="${height}" rx="6"/>`
  return `${[open, `<title>${escaped(title)}</title>`, `<style>${style}\n  </style>`, ground, ...parts, '</svg>'].join('\n  ')}\n`
}

export function text(x: number, y: number, content: string, className = ''): string {
  const kind = className === '' ? '' : ` class="${className}"`
  return `<text${kind} x="${short(x)}" y="${short(y)}">${escaped(content)}</text>`
}

export function line(className: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${className}" x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}"/>`
}

export function box(className: string, x: number, y: number, width: number, height: number): string {
  return `<rect class="${className}" x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"/>`
}

/** To a tenth of a pixel. */
export function short(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
