import { Bands } from './bands.js';
import { rate, time, vendorName } from './format.js';
import { cssColor, make, setText } from './dom.js';
import { loadCharts } from './echarts.js';
import { reasons as order } from './rate-history.js';
import { Zoom } from './zoom.js';
import { phrase } from '../texts.js';

const minute = 60_000;
const shortest = 15_000;

// Patches are a handful among hundreds of exits a second: too thin to be seen in the stack, so each has a mark of its own on the axis.
const rug = {
  name: phrase('Patches'),
  type: 'scatter',
  yAxisIndex: 1,
  symbol: 'triangle',
  symbolSize: 11,
  symbolOffset: [0, '-50%'],
  clip: false,
  z: 5,
  silent: true,
  emphasis: { disabled: true },
  itemStyle: { borderWidth: 0 },
  tooltip: { show: false },
};

/**
 * Exits a second by reason, stacked; vendor switches are marked where they happened. data-hp-range is how much time it shows in
 * milliseconds (a minute where there is none); with data-hp-zoom it is zoomed by wheel, pinch, plus and minus, and moved by dragging and the arrow keys.
 */
export class ChartView {
  #element;
  #back;
  #chart = null;
  #resize = null;
  #colors = null;
  // Not 0: performance.now() starts there, and the page may be younger than the pace.
  #drawn = -Infinity;
  #series = '';
  #disposed = false;
  #hidden = {};
  #zoom = new Zoom();
  #zooms;
  #model = null;
  #bands = null;
  #pointer = 0;

  constructor(element) {
    this.#element = element;
    this.#zooms = 'hpZoom' in element.dataset;
    this.#back = element.closest('.hp-card')?.querySelector('[data-hp-live]');
    this.#start();
  }

  async #start() {
    try {
      const echarts = await loadCharts();
      if (this.#disposed) return;
      this.#chart = echarts.init(this.#element, null, { renderer: 'canvas' });
      this.#bands = new Bands(echarts);
      this.#chart.on('legendselectchanged', event => {
        this.#hidden = event.selected;
        this.#redraw();
      });
      this.#chart.getZr().on('mousemove', event => { this.#pointer = event.offsetX; });
      this.#resize = new ResizeObserver(() => this.#chart.resize());
      this.#resize.observe(this.#element);
      if (!this.#zooms) return;
      this.#chart.on('datazoom', event => {
        const { start, end } = event.batch?.[0] ?? event;
        if (start === undefined) return;
        this.#zoom.percents(start, end);
        this.#redraw();
      });
      this.#chart.getZr().on('dblclick', this.#live);
      this.#element.addEventListener('keydown', this.#key);
      this.#back?.addEventListener('click', this.#live);
    } catch (error) {
      setText(this.#element, error.message);
    }
  }

  /** Light and dark changed places. */
  retheme() {
    this.#colors = null;
    this.#series = '';
    this.#drawn = -Infinity;
  }

  /** Points that were drawn last, of all reasons together. */
  get pointCount() { return (this.#bands?.length ?? 0) * (this.#series ? this.#series.split(',').length : 0); }

  draw(model) {
    this.#model = model;
    if (!this.#chart || performance.now() - this.#drawn < this.#pace()) return;
    this.#drawn = performance.now();
    this.#colors ??= this.#readColors();
    const reasons = order.filter(reason => model.reasons.some(known => known.reason === reason));
    const end = model.frame.at;
    const start = Math.max(end - this.#span(), Math.min(model.history.oldest, end - shortest));
    const { from, to } = this.#zoom.window(start, end);
    const points = model.history.select(from, to, Math.max(60, Math.round(this.#element.clientWidth / 4)));
    this.#bands.take(points, reasons, this.#hidden);
    const names = reasons.join();
    const isNew = names !== this.#series;
    const corners = this.#bands.corners(from, to);
    const series = reasons.map((reason, row) => ({
      ...(isNew ? this.#bands.series(row, this.#colors[reason]) : {}),
      name: reason,
      data: corners,
      ...(row === 0 ? { markLine: this.#marks(model.switches.filter(one => one.at > from && one.at <= to)) } : {}),
    }));
    series.push({ ...(isNew ? rug : {}), data: model.patches.filter(patch => patch.at > from && patch.at <= to).map(patch => ({ value: [patch.at, 0], itemStyle: { color: this.#colors[patch.vendor] } })) });
    const option = { xAxis: { min: start, max: end }, series };
    if (this.#zooms) option.dataZoom = [{ id: 'zoom', startValue: from, endValue: to }];
    if (isNew) {
      const frame = this.#frame(reasons);
      this.#chart.setOption({ ...frame, ...option, xAxis: { ...frame.xAxis, ...option.xAxis }, ...(this.#zooms ? { dataZoom: [{ ...frame.dataZoom[0], ...option.dataZoom[0] }] } : {}) }, { notMerge: true });
      this.#series = names;
    } else {
      this.#chart.setOption(option);
    }
    if (this.#back) this.#back.hidden = this.#zoom.isLive;
  }

  dispose() {
    this.#disposed = true;
    this.#element.removeEventListener('keydown', this.#key);
    this.#back?.removeEventListener('click', this.#live);
    this.#resize?.disconnect();
    this.#chart?.dispose();
    this.#bands?.dispose();
  }

  #span() { return Number(this.#element.dataset.hpRange) || minute; }

  // An hour moves by less than a pixel a second.
  #pace() { return this.#span() <= minute ? 450 : this.#span() <= 5 * minute ? 950 : 1900; }

  #redraw() {
    this.#drawn = -Infinity;
    requestAnimationFrame(() => { if (!this.#disposed && this.#model?.frame) this.draw(this.#model); });
  }

  #live = () => {
    this.#zoom.live();
    this.#redraw();
  };

  #key = event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    switch (event.key) {
      case '+': case '=': this.#zoom.by(0.5); break;
      case '-': case '_': this.#zoom.by(2); break;
      case 'ArrowLeft': this.#zoom.move(-0.25); break;
      case 'ArrowRight': this.#zoom.move(0.25); break;
      case '0': case 'Home': this.#zoom.live(); break;
      default: return;
    }
    // The pane's shortcuts are digits, too.
    event.preventDefault();
    event.stopPropagation();
    this.#redraw();
  };

  #readColors() {
    const colors = { text: cssColor('--hp-muted'), grid: cssColor('--hp-line'), surface: cssColor('--hp-surface'), strong: cssColor('--hp-text'), border: cssColor('--hp-border'), intel: cssColor('--hp-intel'), amd: cssColor('--hp-amd') };
    for (const reason of order) colors[reason] = cssColor(`--hp-r-${reason.toLowerCase()}`);
    return colors;
  }

  // What the bands are where the pointer is; as elements, since the chart library would take text for HTML.
  #tip = () => {
    const nearest = this.#bands.nearest(this.#chart.convertFromPixel({ xAxisIndex: 0 }, this.#pointer), this.#hidden);
    if (!nearest) return '';
    const list = make('div', 'hp-chart-tip');
    list.append(make('strong', null, time(nearest.at).slice(0, 8)));
    for (const one of nearest.rates) {
      const row = make('div');
      const reason = make('span', 'hp-reason', one.name);
      reason.dataset.reason = one.name;
      row.append(reason, make('span', null, `${rate(one.rate)}/s`));
      list.append(row);
    }
    return list;
  };

  #marks(switches) {
    return {
      silent: true,
      symbol: 'none',
      animation: false,
      data: switches.map(one => ({
        xAxis: one.at,
        lineStyle: { color: this.#colors[one.vendor], width: 2, type: 'solid' },
        label: { formatter: vendorName(one.vendor), color: this.#colors[one.vendor], fontWeight: 700, fontSize: 12, position: 'end', distance: 4 },
      })),
    };
  }

  #frame(reasons) {
    const { text, grid, surface, strong, border } = this.#colors;
    const label = { backgroundColor: strong, color: surface };
    return {
      animation: false,
      aria: { enabled: !this.#zooms, label: { description: phrase('ChartLabel') } },
      grid: { left: 8, right: 14, top: 52, bottom: 4, containLabel: true },
      legend: { data: [...reasons, { name: phrase('Patches'), icon: 'triangle', itemStyle: { color: text } }], type: 'scroll', top: 0, left: 0, right: 0, icon: 'roundRect', itemWidth: 12, itemHeight: 12, textStyle: { color: strong, fontSize: 13 }, inactiveColor: text, pageTextStyle: { color: text }, pageIconColor: strong, selected: this.#hidden },
      tooltip: {
        trigger: 'axis',
        transitionDuration: 0,
        backgroundColor: surface,
        borderColor: border,
        textStyle: { color: strong, fontSize: 13 },
        axisPointer: { type: 'cross', animation: false, lineStyle: { color: text }, crossStyle: { color: text }, label },
        formatter: this.#tip,
      },
      ...(this.#zooms ? { dataZoom: [{ id: 'zoom', type: 'inside', xAxisIndex: 0, filterMode: 'none', zoomOnMouseWheel: true, moveOnMouseMove: true, moveOnMouseWheel: false, minValueSpan: 2000, throttle: 40 }] } : {}),
      xAxis: { type: 'time', axisLabel: { color: text, fontSize: 12, hideOverlap: true, formatter: value => time(value).slice(0, 8) }, axisLine: { lineStyle: { color: border } }, axisTick: { show: false }, splitLine: { show: false }, splitNumber: 4, axisPointer: { label: { ...label, formatter: ({ value }) => time(value).slice(0, 10) } } },
      yAxis: [{ type: 'value', name: phrase('ExitsAxis'), nameTextStyle: { color: text, align: 'left', padding: [0, 0, 0, -20] }, axisLabel: { color: text, fontSize: 12, formatter: value => rate(value) }, splitLine: { lineStyle: { color: grid } }, splitNumber: 4, minInterval: 1, axisPointer: { label: { ...label, formatter: ({ value }) => `${rate(value)}/s` } } }, { type: 'value', min: 0, max: 1, show: false, axisPointer: { show: false } }],
    };
  }
}
