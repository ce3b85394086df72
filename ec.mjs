import * as echarts from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, TitleComponent, LegendComponent } from 'echarts/components'
echarts.use([SVGRenderer, BarChart, LineChart, GridComponent, TitleComponent, LegendComponent])
const c = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 400, height: 300 })
c.setOption({ xAxis: { type: 'category', data: ['a','b'] }, yAxis: {}, series: [{ type: 'bar', data: [1,2] }] })
console.log(c.renderToSVGString().length)
