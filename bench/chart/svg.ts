/** Part of a picture, drawn from its own top at 0 down. */
export interface Panel {
  content: string
  height: number
}

export const WIDTH = 900
/** Where the names end and the drawing begins, and where the drawing ends. */
export const [LEFT, RIGHT] = [170, 720]

const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; fill: #22262b; }
  .title { font-size: 17px; font-weight: 600; } .head { font-weight: 600; } .quiet { fill: #666d76; font-size: 12px; }
  .end { text-anchor: end; } .middle { text-anchor: middle; }
  .paper { fill: #ffffff; } .grid { stroke: #e3e6ea; } .mark { stroke: #8a9099; stroke-dasharray: 4 3; }
  .bare { fill: #8a9099; stroke: #8a9099; } .sqlite { fill: #2a78d6; stroke: #2a78d6; }
  .memory { fill: #1b9e77; stroke: #1b9e77; } .commit-a-request { fill: #d9692a; stroke: #d9692a; }
  rect { stroke: none; } .line { fill: none; stroke-width: 2; } .range { stroke-width: 2; } .hollow { stroke-width: 2; }
  .hollow { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e8eb; } .quiet { fill: #9aa2ac; } .paper { fill: #15181c; } .grid { stroke: #2c3138; }
    .bare { fill: #9aa2ac; stroke: #9aa2ac; } .sqlite { fill: #4a94ea; stroke: #4a94ea; }
    .memory { fill: #2fb58b; stroke: #2fb58b; } .commit-a-request { fill: #e5834c; stroke: #e5834c; }
    .line { fill: none; } .hollow { fill: #15181c; }
  }`

/** Panels one below the other, in colours that follow the reader's. */
export function drawing(description: string, panels: Panel[]): string {
  let top = 20
  const placed = panels.map(({ content, height }) => {
    const group = `<g transform="translate(0 ${top})">\n${content}\n</g>`
    top += height + 24
    return group
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" role="img">
<title>${escaped(description)}</title>
<style>${STYLE}
</style>
<rect class="paper" width="${WIDTH}" height="${top}"/>
${placed.join('\n')}
</svg>
`
}

export function text(x: number, y: number, what: string, classes = ''): string {
  return `<text x="${n(x)}" y="${n(y)}" class="${classes}">${escaped(what)}</text>`
}

export function bar(x: number, y: number, width: number, height: number, classes: string): string {
  return `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="2" class="${classes}"/>`
}

export function line(x1: number, y1: number, x2: number, y2: number, classes: string): string {
  return `<line x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}" class="${classes}"/>`
}

export function dot(x: number, y: number, classes: string): string {
  return `<circle cx="${n(x)}" cy="${n(y)}" r="4" class="${classes}"/>`
}

export function path(points: [number, number][], classes: string): string {
  return `<polyline points="${points.map(([x, y]) => `${n(x)},${n(y)}`).join(' ')}" class="line ${classes}"/>`
}

const n = (value: number): string => String(Math.round(value * 10) / 10)

const escaped = (what: string): string => what.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
