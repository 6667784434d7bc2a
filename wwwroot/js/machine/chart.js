import { Bands } from './bands.js';
import { ChartHost, paceOf, rateAxis, ratesAt, roundUp, timeAxis, tooltip } from './chart-host.js';
import { rate, time, vendorName } from './format.js';
import { Legend } from './legend.js';
import { reasons as order } from './rate-history.js';
import { ZoomControl } from './zoom-control.js';
import { phrase } from '../texts.js';

const minute = 60_000;
const shortest = 15_000;
const pixels = 2;
const patchesName = phrase('Patches');

/**
 * Exits a second by reason, stacked; vendor switches are marked where they happened, and so are patches: a handful among hundreds of exits
 * a second is too thin to be seen in the stack. data-hp-range is how much time it shows in milliseconds (a minute where there is none);
 * with data-hp-zoom it is zoomed and moved.
 */
export class ChartView {
  #element;
  #host;
  #legend;
  #control = null;
  // Not 0: performance.now() starts there, and the page may be younger than the pace.
  #drawn = -Infinity;
  #span = 0;
  #axes = '';
  #isDisposed = false;
  #model = null;
  #bands = null;
  #reasons = [];
  #pointer = 0;

  constructor(element) {
    this.#element = element;
    const zooms = 'hpZoom' in element.dataset;
    this.#legend = new Legend(element, this.#redraw);
    this.#host = new ChartHost(element, {
      label: zooms ? null : phrase('ChartLabel'),
      ready: library => {
        this.#bands = new Bands(library);
        this.#host.chart.getZr().on('mousemove', event => { this.#pointer = event.offsetX; });
        this.#redraw();
      },
    });
    if (zooms) this.#control = new ZoomControl(element, { surface: this.#host.plot, plot: this.#plot, changed: this.#redraw, hasArrows: true });
  }

  /** Light and dark changed places. */
  retheme() {
    this.#host.retheme();
    this.#axes = '';
    this.#drawn = -Infinity;
  }

  /** Points that were drawn last, of all reasons together. */
  get pointCount() { return (this.#bands?.length ?? 0) * this.#reasons.length; }

  draw(model) {
    this.#model = model;
    const { chart, colors } = this.#host;
    const span = Number(this.#element.dataset.hpRange) || minute;
    if (!chart) return;
    const end = model.frame.at;
    const start = Math.max(end - span, Math.min(model.history.oldest, end - shortest));
    const shown = this.#control?.window(start, end) ?? { from: start, to: end };
    if (span === this.#span && performance.now() - this.#drawn < paceOf(shown.to - shown.from)) return;
    this.#span = span;
    this.#drawn = performance.now();
    const known = new Set(model.reasons.map(one => one.reason));
    this.#reasons = order.filter(reason => known.has(reason));
    const { from, to } = this.#steady(shown, end, span);
    const points = model.history.select(from, to, Math.max(60, Math.round(this.#element.clientWidth / 4)));
    const isShown = one => one.at > from && one.at <= to;
    this.#legend.draw(this.#reasons, [patchesName]);
    this.#bands.take(points, this.#reasons, this.#legend.shows);
    this.#bands.lines = model.switches.filter(isShown).map(({ at, vendor }) => ({ at, color: colors[vendor], text: vendorName(vendor) }));
    this.#bands.ticks = this.#legend.shows(patchesName) ? model.patches.filter(isShown).map(({ at, vendor }) => ({ at, color: colors[vendor] })) : [];
    const highest = roundUp(this.#bands.highest);
    const axes = [from, to, highest, this.#reasons, ...[...this.#bands.lines, ...this.#bands.ticks].map(mark => mark.at)].join();
    if (axes === this.#axes) return this.#bands.refresh();
    const parts = [{ min: from, max: to }, { max: highest }, { data: this.#bands.corners(from, to) }];
    if (this.#axes === '') chart.setOption(this.#frame(...parts), { notMerge: true });
    else chart.setOption({ xAxis: parts[0], yAxis: parts[1], series: [parts[2]] }, { silent: true });
    this.#axes = axes;
  }

  dispose() {
    this.#isDisposed = true;
    this.#control?.dispose();
    this.#legend.dispose();
    this.#host.dispose();
    this.#bands?.dispose();
  }

  // What follows the present moves a pixel or two at a time: an axis that stays where it is need not be laid out again.
  #steady({ from, to }, end, span) {
    if (to < end) return { from, to };
    const step = Math.max(1, Math.round(pixels * (to - from) / Math.max(1, this.#element.clientWidth)));
    const ahead = Math.ceil(to / step) * step - to;
    // A chart that is not full yet begins where its data do.
    return { from: to - from < span && !this.#isZoomed ? from : from + ahead, to: to + ahead };
  }

  get #isZoomed() { return this.#control ? !this.#control.zoom.isLive : false; }

  #redraw = () => {
    this.#drawn = -Infinity;
    requestAnimationFrame(() => { if (!this.#isDisposed && this.#model?.frame) this.draw(this.#model); });
  };

  // Where the bands are within the plot, once they are drawn.
  #plot = () => {
    if (this.#axes === '') return null;
    const { x: left, y: top, width, height } = this.#host.chart.getModel().getComponent('grid').coordinateSystem.getRect();
    return { left, top, width, height };
  };

  // What the bands are where the pointer is.
  #tip = () => {
    const nearest = this.#bands.nearest(this.#host.chart.convertFromPixel({ xAxisIndex: 0 }, this.#pointer));
    return nearest ? ratesAt(time(nearest.at).slice(0, 8), nearest) : '';
  };

  #frame(xAxis, yAxis, series) {
    const { colors } = this.#host;
    const { muted, surface, text } = colors;
    const label = { backgroundColor: text, color: surface };
    return {
      animation: false,
      grid: { left: 8, right: 28, top: 30, bottom: 4, containLabel: true },
      tooltip: tooltip(colors, { axisPointer: { type: 'cross', animation: false, lineStyle: { color: muted }, crossStyle: { color: muted }, label }, formatter: this.#tip }),
      xAxis: timeAxis(colors, { ...xAxis, splitNumber: 4, axisPointer: { label: { ...label, formatter: ({ value }) => time(value).slice(0, 10) } } }),
      yAxis: rateAxis(colors, { ...yAxis, min: 0, name: phrase('ExitsAxis'), minInterval: 1, axisPointer: { label: { ...label, formatter: ({ value }) => `${rate(value)}/s` } } }),
      series: [this.#bands.series(colors, series)],
    };
  }
}
