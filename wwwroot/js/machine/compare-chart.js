import { rate, time } from './format.js';
import { cssColor, make, setText } from './dom.js';
import { loadCharts } from './echarts.js';
import { RateHistory, reasons as order } from './rate-history.js';
import { phrase } from '../texts.js';

const sides = ['left', 'right'];
const minute = 60_000;
const narrow = 700;

/** Exits a second by reason of two machines, side by side (one above the other where it is narrow): one scale, one window of time. */
export class CompareChart {
  element;
  #chart = null;
  #resize = null;
  #colors = null;
  #drawn = -Infinity;
  #shape = '';
  #hidden = {};
  #disposed = false;
  #redraw;

  constructor(element, redraw) {
    this.element = element;
    this.#redraw = redraw;
    this.#start();
  }

  async #start() {
    try {
      const echarts = await loadCharts();
      if (this.#disposed) return;
      this.#chart = echarts.init(this.element, null, { renderer: 'canvas' });
      this.#chart.on('legendselectchanged', event => {
        this.#hidden = event.selected;
        this.#again();
      });
      this.#resize = new ResizeObserver(() => {
        this.#chart.resize();
        this.#again();
      });
      this.#resize.observe(this.element);
    } catch (error) {
      setText(this.element, error.message);
    }
  }

  #again() {
    this.#drawn = -Infinity;
    this.#redraw();
  }

  /** Light and dark changed places. */
  retheme() {
    this.#colors = null;
    this.#shape = '';
    this.#drawn = -Infinity;
  }

  dispose() {
    this.#disposed = true;
    this.#resize?.disconnect();
    this.#chart?.dispose();
  }

  draw(models, names) {
    const span = Number(this.element.dataset.hpRange) || minute;
    const shape = [span, this.element.clientWidth < narrow, names.left, names.right].join();
    const pace = span <= minute ? 0 : span <= 5 * minute ? 950 : 1900;
    if (!this.#chart || (performance.now() - this.#drawn < pace && this.#shape.startsWith(shape))) return;
    this.#drawn = performance.now();
    this.#colors ??= this.#readColors();
    const reasons = order.filter(reason => sides.some(side => models[side].reasons.some(known => known.reason === reason)));
    const end = Math.max(...sides.map(side => models[side].frame?.at ?? 0));
    const bins = Math.max(40, Math.round(this.element.clientWidth / 6));
    const points = sides.map(side => models[side].history.select(end - span, end, bins));
    const total = point => reasons.reduce((sum, reason) => this.#hidden[reason] === false ? sum : sum + RateHistory.rate(point, order.indexOf(reason)), 0);
    const top = nice(Math.max(1, ...points.flat().map(total)));
    const option = {
      xAxis: sides.map(() => ({ min: end - span, max: end })),
      yAxis: sides.map(() => ({ min: 0, max: top })),
      series: sides.flatMap((_, side) => reasons.map(reason => ({ data: points[side].map(point => [point.at, Math.round(RateHistory.rate(point, order.indexOf(reason)) * 10) / 10]) }))),
    };
    const whole = `${shape},${reasons.join()}`;
    if (whole !== this.#shape) {
      this.#shape = whole;
      const frame = this.#frame(reasons, names, this.element.clientWidth < narrow);
      const merge = key => frame[key].map((one, index) => ({ ...one, ...option[key][index] }));
      this.#chart.setOption({ ...frame, xAxis: merge('xAxis'), yAxis: merge('yAxis'), series: merge('series') }, { notMerge: true });
    } else {
      this.#chart.setOption(option);
    }
  }

  #readColors() {
    const colors = Object.fromEntries(['muted', 'line', 'surface', 'text', 'border'].map(name => [name, cssColor(`--hp-${name}`)]));
    for (const reason of order) colors[reason] = cssColor(`--hp-r-${reason.toLowerCase()}`);
    return colors;
  }

  #frame(reasons, names, isNarrow) {
    const { muted, line, surface, text, border } = this.#colors;
    const places = isNarrow
      ? [{ top: 84, bottom: '52%', left: 8, right: 14 }, { top: '56%', bottom: 4, left: 8, right: 14 }]
      : [{ top: 78, bottom: 4, left: 8, right: '51%' }, { top: 78, bottom: 4, left: '51%', right: 14 }];
    const titles = isNarrow ? [{ left: 4, top: 36 }, { left: 4, top: '49%' }] : [{ left: 4, top: 36 }, { left: '51%', top: 36 }];
    return {
      animation: false,
      aria: { enabled: true, label: { description: phrase('CompareChartLabel') } },
      title: sides.map((side, index) => ({ ...titles[index], padding: 4, text: names[side], textStyle: { color: text, fontSize: 14, width: isNarrow ? 320 : 480, overflow: 'truncate' } })),
      legend: { data: reasons, type: 'scroll', top: 0, left: 0, right: 0, icon: 'roundRect', itemWidth: 12, itemHeight: 12, textStyle: { color: text, fontSize: 13 }, inactiveColor: muted, pageTextStyle: { color: muted }, pageIconColor: text, selected: this.#hidden },
      grid: places.map(place => ({ ...place, containLabel: true })),
      axisPointer: { link: [{ xAxisIndex: 'all' }] },
      tooltip: { trigger: 'axis', transitionDuration: 0, confine: true, backgroundColor: surface, borderColor: border, textStyle: { color: text, fontSize: 13 }, axisPointer: { animation: false, lineStyle: { color: muted } }, formatter: lines => this.#tip(lines, names, reasons.length) },
      xAxis: sides.map((_, gridIndex) => ({ gridIndex, type: 'time', axisLabel: { color: muted, fontSize: 12, hideOverlap: true, formatter: value => time(value).slice(0, 8) }, axisLine: { lineStyle: { color: border } }, axisTick: { show: false }, splitLine: { show: false }, splitNumber: 3 })),
      yAxis: sides.map((_, gridIndex) => ({ gridIndex, type: 'value', name: gridIndex === 0 ? phrase('ExitsAxis') : '', nameTextStyle: { color: muted, align: 'left', padding: [0, 0, 0, -20] }, axisLabel: { color: muted, fontSize: 12, formatter: value => rate(value) }, splitLine: { lineStyle: { color: line } }, splitNumber: 4 })),
      series: sides.flatMap((side, index) => reasons.map(reason => ({
        name: reason,
        type: 'line',
        stack: side,
        xAxisIndex: index,
        yAxisIndex: index,
        symbol: 'none',
        lineStyle: { width: 0 },
        areaStyle: { opacity: 0.6 },
        color: this.#colors[reason],
        emphasis: { disabled: true },
      }))),
    };
  }

  // Names come from people: elements, not markup.
  #tip(lines, names, reasons) {
    const box = make('div');
    sides.forEach((side, index) => {
      const own = lines.filter(one => Math.floor(one.seriesIndex / reasons) === index);
      if (own.length === 0) return;
      box.append(make('strong', '', `${names[side]} ${time(own[0].value[0]).slice(0, 10)}`));
      for (const one of own) {
        if (!(one.value[1] > 0)) continue;
        const row = make('div', 'hp-reason', `${one.seriesName} ${rate(one.value[1])}/s`);
        row.dataset.reason = one.seriesName;
        box.append(row);
      }
    });
    return box;
  }
}

// The next of 1, 2, 2.5, 5, 10, ...: axes that are the same on both sides, and that do not jump with every point.
const nice = value => {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find(step => step * unit >= value) * unit;
};
