import { Bands } from './bands.js';
import { ChartHost, paceOf, rateAxis, ratesAt, roundUp, timeAxis, tooltip } from './chart-host.js';
import { make } from './dom.js';
import { time } from './format.js';
import { Legend } from './legend.js';
import { reasons as order } from './rate-history.js';
import { phrase } from '../texts.js';

const sides = ['left', 'right'];
const minute = 60_000;
const narrow = 700;

/** Exits a second by reason of two machines, side by side (one above the other where it is narrow): one scale, one window of time. */
export class CompareChart {
  element;
  #host;
  #legend;
  #bands = null;
  #names = null;
  #drawn = -Infinity;
  #shape = '';
  #pointer = [0, 0];
  #redraw;

  constructor(element, redraw) {
    this.element = element;
    this.#redraw = redraw;
    this.#legend = new Legend(element, this.#again);
    this.#host = new ChartHost(element, {
      label: phrase('CompareChartLabel'),
      ready: library => {
        this.#bands = sides.map(() => new Bands(library));
        this.#host.chart.getZr().on('mousemove', ({ offsetX, offsetY }) => { this.#pointer = [offsetX, offsetY]; });
        this.#again();
      },
      resized: () => this.#again(),
    });
  }

  /** Light and dark changed places. */
  retheme() {
    this.#host.retheme();
    this.#shape = '';
    this.#drawn = -Infinity;
  }

  dispose() {
    this.#legend.dispose();
    this.#host.dispose();
    this.#bands?.forEach(one => one.dispose());
  }

  draw(models, names) {
    const span = Number(this.element.dataset.hpRange) || minute;
    const isNarrow = this.element.clientWidth < narrow;
    const shape = [span, isNarrow, names.left, names.right].join();
    const { chart } = this.#host;
    if (!chart || (performance.now() - this.#drawn < paceOf(span) && this.#shape === shape)) return;
    this.#drawn = performance.now();
    this.#names = names;
    const known = new Set(sides.flatMap(side => models[side].reasons.map(one => one.reason)));
    const reasons = order.filter(reason => known.has(reason));
    const end = Math.max(...sides.map(side => models[side].frame?.at ?? 0));
    const bins = Math.max(40, Math.round(this.element.clientWidth / 6));
    this.#legend.draw(reasons);
    sides.forEach((side, index) => this.#bands[index].take(models[side].history.select(end - span, end, bins), reasons, this.#legend.shows));
    const top = roundUp(Math.max(...this.#bands.map(one => one.highest)));
    const xAxis = sides.map(() => ({ min: end - span, max: end }));
    const yAxis = sides.map(() => ({ min: 0, max: top }));
    const series = this.#bands.map(one => ({ data: one.corners(end - span, end) }));
    if (this.#shape === shape) chart.setOption({ xAxis, yAxis, series }, { silent: true });
    else chart.setOption(this.#frame({ xAxis, yAxis, series }, isNarrow), { notMerge: true });
    this.#shape = shape;
  }

  #again = () => {
    this.#drawn = -Infinity;
    this.#redraw();
  };

  #frame({ xAxis, yAxis, series }, isNarrow) {
    const { colors } = this.#host;
    const places = isNarrow
      ? [{ top: 50, bottom: '52%', left: 8, right: 28 }, { top: '58%', bottom: 4, left: 8, right: 28 }]
      : [{ top: 46, bottom: 4, left: 8, right: '52%' }, { top: 46, bottom: 4, left: '51%', right: 28 }];
    const titles = isNarrow ? [{ left: 4, top: 4 }, { left: 4, top: '50%' }] : [{ left: 4, top: 4 }, { left: '51%', top: 4 }];
    return {
      animation: false,
      title: sides.map((side, index) => ({ ...titles[index], padding: 4, text: this.#names[side], textStyle: { color: colors.text, fontSize: 14, width: isNarrow ? 320 : 480, overflow: 'truncate' } })),
      grid: places.map(place => ({ ...place, containLabel: true })),
      axisPointer: { link: [{ xAxisIndex: 'all' }] },
      tooltip: tooltip(colors, { confine: true, axisPointer: { animation: false, lineStyle: { color: colors.muted } }, formatter: this.#tip }),
      xAxis: xAxis.map((axis, gridIndex) => timeAxis(colors, { ...axis, gridIndex, splitNumber: 3 })),
      yAxis: yAxis.map((axis, gridIndex) => rateAxis(colors, { ...axis, gridIndex, name: gridIndex === 0 ? phrase('ExitsAxis') : '' })),
      series: series.map((one, index) => this.#bands[index].series(colors, { ...one, xAxisIndex: index, yAxisIndex: index })),
    };
  }

  // What both machines did at the moment where the pointer is, on whichever side that is. Names come from people: elements, not markup.
  #tip = () => {
    const { chart } = this.#host;
    const gridIndex = sides.findIndex((_, index) => chart.containPixel({ gridIndex: index }, this.#pointer));
    if (gridIndex < 0) return '';
    const at = chart.convertFromPixel({ xAxisIndex: gridIndex }, this.#pointer[0]);
    const box = make('div');
    sides.forEach((side, index) => {
      const nearest = this.#bands[index].nearest(at);
      if (nearest) box.append(ratesAt(`${this.#names[side]} ${time(nearest.at).slice(0, 10)}`, { rates: nearest.rates.filter(one => one.rate > 0) }));
    });
    return box;
  };
}
