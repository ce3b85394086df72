// Draws the plots of a report from the numbers in the page; drag to zoom, double click to go back.

const report = JSON.parse(document.getElementById('report').textContent)
const { timeline, callers } = report
const chooser = document.getElementById('caller')
const height = 320
let plots = []

for (const { caller } of timeline.latencyMs) chooser.add(new Option(caller))
chooser.addEventListener('change', draw)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
new ResizeObserver(resize).observe(document.querySelector('main'))
draw()

function draw() {
  for (const plot of plots) plot.destroy()
  plots = [drawLatency(), drawDistribution(), drawOutcomes()]
}

function resize() {
  for (const plot of plots) plot.setSize({ width: widthOf(plot.root.parentElement), height })
}

function drawLatency() {
  const course = timeline.latencyMs[chooser.selectedIndex]
  const lines = [
    ['p50', course.p50, '--blue'],
    ['p90', course.p90, '--teal'],
    ['p99', course.p99, '--orange'],
    ['max', course.max, '--pink'],
  ]
  return plot('latency', [timeline.seconds, ...lines.map(([, values]) => values)], {
    scales: { x: { time: false }, y: { distr: 3 } },
    axes: [axis('seconds'), axis('milliseconds', { size: 60 })],
    series: [
      { label: 'second' },
      ...lines.map(([label, , colour]) =>
        line(label, colour, { points: { show: timeline.seconds.length < 40 } }),
      ),
    ],
  })
}

/** Percentiles on a scale that gives each further nine as much room as the one before. */
function drawDistribution() {
  const colours = ['--blue', '--orange', '--teal', '--pink', '--purple', '--good', '--doubt', '--grey']
  const measured = callers.filter(({ distribution }) => distribution.length > 0)
  const data = uPlot.join([
    [[0], [null]], // for a report in which nothing was measured
    ...measured.map(({ distribution }) => [
      distribution.map(([p]) => nines(p)),
      distribution.map(([, ms]) => ms),
    ]),
  ])
  return plot('distribution', [data[0], ...data.slice(2)], {
    scales: { x: { time: false }, y: { distr: 3 } },
    axes: [
      axis('percentile', {
        splits: ({ width }) =>
          [...(width < 600 ? [0] : [0, nines(50), nines(75)]), 1, 2, 3, 4, 5, 6].filter(
            each => each <= data[0].at(-1) + 0.01,
          ),
        values: (_, splits) => splits.map(percentName),
      }),
      axis('milliseconds', { size: 60 }),
    ],
    series: [
      { label: 'percentile', value: (_, value) => (value === null ? '–' : percentName(value)) },
      ...measured.map(({ name, kind }, at) =>
        line(`${name} (${kind})`, colours[at % colours.length], { spanGaps: true, points: { show: false } }),
      ),
    ],
  })
}

function drawOutcomes() {
  const layers = timeline.outcomes
  const { seconds, stretchSeconds } = timeline
  const sums = layers.map((_, top) => {
    const below = layers.slice(0, top + 1)
    return seconds.map((_, at) => below.reduce((sum, { perSecond }) => sum + perSecond[at], 0))
  })
  // A step ends where the next begins, and the last one needs an end, too.
  const ends = seconds.length === 0 ? [] : [...seconds, seconds.at(-1) + stretchSeconds]
  // The whole stack first: each layer below is painted over it.
  const order = layers.map((_, at) => layers.length - 1 - at)
  return plot('outcomes', [ends, ...order.map(at => [...sums[at], sums[at].at(-1)])], {
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, most * 1.05 || 1] } },
    axes: [axis('seconds'), axis('requests/s', { size: 60 })],
    series: [{ label: 'second' }, ...order.map(at => layer(layers[at]))],
  })
}

function layer({ outcome, perSecond }) {
  const paint = colour(outcomeColour(outcome))
  return {
    label: outcome,
    stroke: paint,
    fill: paint,
    points: { show: false },
    paths: uPlot.paths.stepped({ align: 1 }),
    value: (_, __, ___, index) => format(index === null ? null : perSecond[index]), // not the sum that is drawn
  }
}

function outcomeColour(outcome) {
  const colours = {
    allow: '--good',
    challenge: '--blue',
    refused: '--purple',
    'reset-needed': '--teal',
    disabled: '--grey',
    throttled: '--doubt',
    busy: '--orange',
    unavailable: '--orange',
    'upstream-failed': '--pink',
  }
  return colours[outcome] ?? '--bad'
}

function plot(id, data, options) {
  const place = document.getElementById(id)
  return new uPlot({ width: widthOf(place), height, ...options }, data, place)
}

function line(label, name, options) {
  return { label, stroke: colour(name), width: 2, value: (_, value) => format(value), ...options }
}

function axis(label, options) {
  const grid = { stroke: colour('--line'), width: 1 }
  return { label, stroke: colour('--quiet'), grid, ticks: grid, ...options }
}

function nines(percentile) {
  return -Math.log10(1 - percentile / 100)
}

function percentName(value) {
  return `${Number((100 * (1 - 10 ** -value)).toPrecision(Math.max(3, Math.ceil(value) + 2)))}%`
}

function format(value) {
  return value === null || value === undefined
    ? '–'
    : value.toLocaleString('en', { maximumSignificantDigits: 3 })
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name)
}

function widthOf(place) {
  const { paddingLeft, paddingRight } = getComputedStyle(place.parentElement)
  return place.parentElement.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight)
}
