import { cssColor, make, setText } from './dom.js';
import { loadCharts } from './echarts.js';
import { rate, time } from './format.js';
import { reasons } from './rate-history.js';

const shared = ['muted', 'line', 'surface', 'text', 'border', 'accent', 'intel', 'amd'];

/** A chart of the library in an element: made once the library is there, as large as the element lets it be, given back at the end. */
export class ChartHost {
  /** The library's chart, or null before it is there. */
  chart = null;
  /** The element that it is drawn in; a legend is beside it. */
  plot;
  #resize = null;
  #colors = null;
  #isDisposed = false;

  /** Takes the element, and of its options: label (what the picture is, in words; else the element says it), ready (takes the library), resized. */
  constructor(element, { label, ready, resized } = {}) {
    this.plot = make('div', 'hp-plot');
    if (label) {
      this.plot.setAttribute('role', 'img');
      this.plot.ariaLabel = label;
    }
    element.append(this.plot);
    this.#start(ready, resized);
  }

  async #start(ready, resized) {
    try {
      const library = await loadCharts();
      if (this.#isDisposed) return;
      this.chart = library.init(this.plot, null, { renderer: 'canvas' });
      this.#resize = new ResizeObserver(() => {
        this.chart.resize();
        resized?.();
      });
      this.#resize.observe(this.plot);
      ready?.(library);
    } catch (error) {
      setText(this.plot, error.message);
    }
  }

  /** Colours of the style sheet by name, those of the reasons by theirs. */
  get colors() {
    return this.#colors ??= Object.fromEntries([...shared.map(name => [name, cssColor(`--hp-${name}`)]), ...reasons.map(name => [name, cssColor(`--hp-r-${name.toLowerCase()}`)])]);
  }

  /** Light and dark changed places. */
  retheme() { this.#colors = null; }

  dispose() {
    this.#isDisposed = true;
    this.#resize?.disconnect();
    this.chart?.dispose();
    this.plot.remove();
  }
}

/** How often a chart of so much time is drawn, in milliseconds: the longer it is, the less it moves meanwhile. */
export const paceOf = span => span <= 60_000 ? 450 : span <= 300_000 ? 950 : 1900;

/** The next of 1, 1.5, 2, 2.5, and so on: the end of an axis that does not jump with every point. */
export const roundUp = value => {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find(step => step * unit >= value) * unit;
};

/** A box beside the pointer that says what is there. */
export const tooltip = ({ surface, border, text }, more) => ({
  trigger: 'axis', transitionDuration: 0, backgroundColor: surface, borderColor: border, textStyle: { color: text, fontSize: 13 }, ...more,
});

/** An axis without ticks: its labels and its line. */
export const plainAxis = ({ muted, border }, more) => ({
  axisLabel: { color: muted, fontSize: 12, hideOverlap: true }, axisLine: { lineStyle: { color: border } }, axisTick: { show: false }, splitLine: { show: false }, ...more,
});

/** An axis of time of day. */
export const timeAxis = (colors, more) => {
  const plain = plainAxis(colors, more);
  return { type: 'time', ...plain, axisLabel: { ...plain.axisLabel, formatter: value => time(value).slice(0, 8) } };
};

/** An axis of exits a second, upwards. */
export const rateAxis = ({ muted, line }, more) => ({
  type: 'value', nameTextStyle: { color: muted, align: 'left', padding: [0, 0, 0, -20] }, axisLabel: { color: muted, fontSize: 12, formatter: value => rate(value) },
  splitLine: { lineStyle: { color: line } }, splitNumber: 4, ...more,
});

/** What a box beside the pointer says of a moment: { at, rates: [{ name, rate }] }. Elements, since the library would take text for HTML. */
export const ratesAt = (title, { rates }) => {
  const list = make('div', 'hp-chart-tip');
  list.append(make('strong', null, title));
  for (const one of rates) {
    const row = make('div');
    const reason = make('span', 'hp-reason', one.name);
    reason.dataset.reason = one.name;
    row.append(reason, make('span', null, `${rate(one.rate)}/s`));
    list.append(row);
  }
  return list;
};
