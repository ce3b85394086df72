import { type Html, html } from '../common/html.ts'
import type { Charts } from './document.ts'
import { figure, share } from './words.ts'

type Step = Charts['steps'][number]

/** In units of the drawing, which is stretched to its place. */
const drawing = { width: 600, height: 100, steps: 60 }

/** One kind of area, above those before it. */
interface Series {
  readonly name: string
  /** A class of the style sheet. */
  readonly colour: string
  readonly of: (step: Step) => number
}

const decisions: readonly Series[] = [
  { name: 'allowed', colour: 'allowed', of: step => step.allowedPerSecond },
  { name: 'challenged or refused', colour: 'refused', of: step => step.refusedPerSecond },
  { name: 'failed: busy or unavailable', colour: 'failed', of: step => step.failedPerSecond },
]

/** What was remembered; nothing is drawn where no verdict was needed. */
const hits: readonly Series[] = [
  {
    name: 'cache hits',
    colour: 'allowed',
    of: ({ cacheHits }) => (typeof cacheHits === 'number' ? cacheHits : 0),
  },
]

const queue: readonly Series[] = [{ name: 'waiting', colour: 'refused', of: ({ hashQueue }) => hashQueue }]

export function decisionsChart({ steps }: Charts): Html {
  const sums = steps.map(step => decisions.reduce((sum, { of }) => sum + of(step), 0))
  return chart(steps, decisions, {
    top: Math.max(0, ...sums),
    label: `Decisions a second over ten minutes: last ${figure(sums.at(-1) ?? 0)}, at most ${figure(Math.max(0, ...sums))}`,
    show: figure,
  })
}

export function legend(): Html {
  return html`<ul class="legend">${decisions.map(({ name, colour }) => html`<li class="${colour}">${name}</li>`)}</ul>`
}

export function hitsChart({ steps }: Charts): Html {
  const known = steps.map(({ cacheHits }) => cacheHits).filter(each => typeof each === 'number')
  const lowest = known.length === 0 ? 'no verdict was needed' : `at least ${share(Math.min(...known))}`
  return chart(steps, hits, { top: 1, label: `Cache hits over ten minutes: ${lowest}`, show: share })
}

export function queueChart({ steps }: Charts): Html {
  const most = Math.max(0, ...steps.map(({ hashQueue }) => hashQueue))
  const label = `Waiting password checks over ten minutes: at most ${most}`
  return chart(steps, queue, { top: most, label, show: figure })
}

function chart(
  steps: readonly Step[],
  series: readonly Series[],
  {
    top,
    label,
    show,
  }: { readonly top: number; readonly label: string; readonly show: (top: number) => string },
): Html {
  if (steps.length === 0) return html`<p class="hint">The first ten seconds are not over yet.</p>`
  const last = steps.slice(-drawing.steps)
  const { width, height } = drawing
  let below = last.map(() => 0)
  const areas = series.map(({ colour, of }) => {
    const above = last.map((step, at) => (below[at] ?? 0) + of(step))
    const path = areaBetween(below, above, top)
    below = above
    return html`<path class="${colour}" d="${path}"/>`
  })
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${label}">
<path class="ground" d="M0 ${height}H${width}M0 0H${width}"/>${areas}</svg>
<p class="axis"><span>10 min ago</span><span>top: ${show(top)}</span><span>now</span></p>`
}

/** In steps, at the right edge: a young gateway has no past. */
function areaBetween(below: readonly number[], above: readonly number[], top: number): string {
  const { width, height, steps } = drawing
  const step = width / steps
  const left = width - above.length * step
  const y = (value: number) => (top === 0 ? height : Math.round((1 - value / top) * height * 10) / 10)
  const there = above.map((value, at) => `V${y(value)}H${left + (at + 1) * step}`)
  const back = below.toReversed().map((value, at) => `V${y(value)}H${left + (above.length - 1 - at) * step}`)
  return `M${left} ${y(below[0] ?? 0)}${there.join('')}${back.join('')}Z`
}
