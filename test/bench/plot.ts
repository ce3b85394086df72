import { init, type EChartsOption } from 'echarts'
import { shown } from './shown.ts'
import type { Spread } from './spread.ts'

/** What is drawn of a figure. */
export type Plot = Bars | Stacks | Lines

interface Drawing {
  readonly title: string
  readonly subtitle: string
}

/** One bar for each contender. */
export interface Bars extends Drawing {
  readonly kind: 'bars'
  readonly unit: string
  readonly logarithmic?: boolean
  readonly bars: readonly { readonly label: string; readonly value: Spread }[]
  readonly goal?: Limit | undefined
}

/** One bar for each contender, of parts that add up. */
export interface Stacks extends Drawing {
  readonly kind: 'stacks'
  readonly unit: string
  readonly parts: readonly string[]
  readonly bars: readonly { readonly label: string; readonly values: readonly number[] }[]
}

/** Something over time, or over anything else that is a number. */
export interface Lines extends Drawing {
  readonly kind: 'lines'
  readonly across: string
  readonly unit: string
  readonly lines: readonly { readonly label: string; readonly points: readonly Point[] }[]
  readonly goal?: Limit
}

type Point = readonly [across: number, value: number]

interface Limit {
  readonly label: string
  readonly value: number
}

const width = 880
const ink = '#1f2933'
const faint = '#616e7c'
const grid = '#e4e7eb'
const ours = '#2563eb'
const theirs = '#9aa5b1'
const goalColor = '#c2410c'
const palette = [ours, '#0f766e', '#b45309', '#7c3aed']
const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

/** The plot as an SVG document. */
export function draw(plot: Plot): string {
  const height = plot.kind === 'lines' ? 460 : 150 + (plot.kind === 'bars' ? 44 : 34) * plot.bars.length
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({ ...common(plot), ...optionsOf(plot) })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}

function optionsOf(plot: Plot): EChartsOption {
  switch (plot.kind) {
    case 'bars':
      return barsOf(plot)
    case 'stacks':
      return stacksOf(plot)
    case 'lines':
      return linesOf(plot)
  }
}

function common({ title, subtitle }: Drawing): EChartsOption {
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: font, color: ink },
    title: {
      text: title,
      subtext: subtitle,
      left: 20,
      top: 16,
      itemGap: 8,
      textStyle: { fontSize: 20, fontWeight: 600, color: ink },
      subtextStyle: { fontSize: 13, color: faint },
    },
  }
}

function barsOf({ bars, unit, logarithmic = false, goal }: Bars): EChartsOption {
  const longest = Math.max(...bars.map(({ label }) => label.length))
  const highest = Math.max(...bars.map(({ value }) => value.median), goal?.value ?? 0)
  const compared = bars.some(({ label }) => isOurs(label))
  return {
    // Nobody can measure text here: as wide as its letters are on average, and a little more.
    grid: { left: 40 + longest * 7.6, right: 210, top: 106, bottom: 52 },
    xAxis: {
      ...(logarithmic ? { type: 'log' } : { type: 'value', max: roundedUp(highest) }),
      name: unit,
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { fontSize: 13, color: faint },
      axisLabel: { fontSize: 12, color: faint, formatter: shown },
      splitLine: { lineStyle: { color: grid } },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({ label }) => label),
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { fontSize: 14, color: ink },
    },
    series: [
      {
        type: 'bar',
        barWidth: 22,
        data: bars.map(({ label, value }) => ({
          value: value.median,
          itemStyle: { color: isOurs(label) || !compared ? ours : theirs, borderRadius: [0, 3, 3, 0] },
          label: {
            show: true,
            position: 'right',
            distance: 4,
            fontSize: 13,
            color: ink,
            backgroundColor: '#ffffff', // the line of the goal must not cross it
            padding: [2, 4],
            formatter: `${shown(value.median)} ${unit}${rangeOf(value)}`,
          },
        })),
        ...(goal && { markLine: markAt(goal, 'xAxis') }),
      },
    ],
  }
}

function stacksOf({ bars, parts, unit }: Stacks): EChartsOption {
  const longest = Math.max(...bars.map(({ label }) => label.length))
  const sums = bars.map(({ values }) => values.reduce((sum, value) => sum + value, 0))
  return {
    color: palette,
    grid: { left: 40 + longest * 6.6, right: 80, top: 120, bottom: 52 },
    legend: { top: 76, left: 20, textStyle: { fontSize: 13, color: ink } },
    xAxis: {
      type: 'value',
      max: roundedUp(Math.max(...sums)),
      name: unit,
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { fontSize: 13, color: faint },
      axisLabel: { fontSize: 12, color: faint, formatter: shown },
      splitLine: { lineStyle: { color: grid } },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({ label }) => label),
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { fontSize: 13, color: ink },
    },
    series: parts.map((name, part) => ({
      type: 'bar' as const,
      name,
      stack: 'all',
      barWidth: 18,
      data: bars.map(({ values }, at) => ({
        value: values[part] ?? 0,
        label: {
          show: part === parts.length - 1,
          position: 'right' as const,
          distance: 4,
          fontSize: 13,
          color: ink,
          formatter: `${shown(sums[at] ?? 0)} ${unit}`,
        },
      })),
    })),
  }
}

function isOurs(label: string): boolean {
  return label.startsWith('Altgate')
}

function rangeOf({ low, high }: Spread): string {
  return low === high ? '' : `  (${shown(low)} to ${shown(high)})`
}

function linesOf({ lines, across, unit, goal }: Lines): EChartsOption {
  const highest = Math.max(
    ...lines.flatMap(({ points }) => points.map(([, value]) => value)),
    goal?.value ?? 0,
  )
  const axis = { nameTextStyle: { fontSize: 13, color: faint }, splitLine: { lineStyle: { color: grid } } }
  const label = { fontSize: 12, color: faint, formatter: shown }
  return {
    color: palette,
    grid: { left: 30, right: 40, top: 120, bottom: 50, containLabel: true },
    legend: { show: lines.length > 1, top: 76, left: 20, textStyle: { fontSize: 13, color: ink } },
    xAxis: {
      type: 'value',
      name: across,
      nameLocation: 'middle',
      nameGap: 32,
      max: 'dataMax',
      axisLabel: label,
      ...axis,
    },
    yAxis: {
      type: 'value',
      name: unit,
      min: 0,
      max: roundedUp(highest),
      axisLabel: label,
      ...axis,
    },
    series: lines.map(({ label: name, points }, index) => ({
      type: 'line',
      name,
      showSymbol: false,
      lineStyle: { width: 2.5 },
      data: points.map(([at, value]) => [at, value]),
      ...(goal && index === 0 && { markLine: markAt(goal, 'yAxis') }),
    })),
  }
}

/** A dashed line with its label at its end. */
function markAt({ label, value }: Limit, axis: 'xAxis' | 'yAxis') {
  return {
    silent: true,
    symbol: 'none',
    z: 1, // behind the bars and what is written beside them
    lineStyle: { color: goalColor, type: 'dashed' as const, width: 1.5 },
    label: {
      formatter: label,
      color: goalColor,
      fontSize: 13,
      position: axis === 'xAxis' ? ('start' as const) : ('insideEndTop' as const),
    },
    data: [axis === 'xAxis' ? { xAxis: value } : { yAxis: value }],
  }
}

/** To the next number with one digit, so that the highest point keeps away from the edge. */
function roundedUp(value: number): number {
  const step = 10 ** Math.floor(Math.log10(value * 1.05))
  return Math.ceil((value * 1.05) / step) * step
}
