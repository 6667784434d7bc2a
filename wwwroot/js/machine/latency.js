import { count, duration, time } from './format.js';
import { cssColor, setText } from './dom.js';
import { loadCharts } from './echarts.js';
import { Rows } from './rows.js';

const keptColumns = 300;
const secondsInTable = 60;

/** What the latency pane knows: figures as the server told them last, and five minutes of columns. */
export class LatencyModel {
  figures = [];
  buckets = [];
  bounds = [];
  columns = [];
  version = 0;

  /** Takes an update as parsed. Cells are bucket, count, bucket, count, and so on. */
  apply({ isFirst, figures, buckets, bounds, columns }) {
    if (isFirst) {
      this.columns = [];
      this.bounds = bounds;
    }
    this.figures = figures;
    this.buckets = buckets;
    this.columns.push(...columns);
    if (this.columns.length > keptColumns) this.columns.splice(0, this.columns.length - keptColumns);
    this.version++;
  }

  /** Lowest and highest bucket that holds anything, in the histogram or in a column. */
  get range() {
    let low = Infinity;
    let high = -Infinity;
    for (const { index } of this.buckets) {
      low = Math.min(low, index);
      high = Math.max(high, index);
    }
    return low > high ? null : { low, high };
  }
}

/** How many a column has, and the time that a share of them did not exceed. */
export const summarize = (cells, bounds, shares) => {
  let total = 0;
  for (let i = 1; i < cells.length; i += 2) total += cells[i];
  const at = share => {
    const rank = share * total;
    let seen = 0;
    for (let i = 0; i < cells.length; i += 2) {
      if (seen + cells[i + 1] >= rank) return bounds[cells[i]] + (bounds[cells[i] + 1] - bounds[cells[i]]) * (rank - seen) / cells[i + 1];
      seen += cells[i + 1];
    }
    return 0;
  };
  return { total, percentiles: total === 0 ? shares.map(() => 0) : shares.map(at) };
};

/** Percentiles by reason. */
export class LatencyFiguresView {
  #rows;
  #empty;
  #version = -1;

  constructor(body) {
    this.#rows = new Rows(body);
    this.#empty = body.closest('table').parentElement.querySelector('[data-hp-empty]');
  }

  draw({ latency }) {
    if (latency.version === this.#version || latency.version === 0) return;
    this.#version = latency.version;
    if (this.#empty) this.#empty.hidden = latency.figures.length > 0;
    this.#rows.draw(latency.figures, figure => figure.reason, figure => [
      { head: true, className: 'hp-reason', text: figure.reason, swatch: figure.reason },
      { className: 'hp-number', text: count(figure.count) },
      ...[figure.p50Ns, figure.p90Ns, figure.p99Ns, figure.p999Ns, figure.maxNs].map(ns => ({ className: 'hp-number', text: duration(ns) })),
    ]);
  }
}

/** The histogram as a table: the same figures as the bars. */
export class LatencyBucketsView {
  #rows;
  #version = -1;

  constructor(body) {
    this.#rows = new Rows(body);
  }

  draw({ latency }) {
    if (latency.version === this.#version) return;
    this.#version = latency.version;
    const total = latency.buckets.reduce((sum, bucket) => sum + bucket.count, 0);
    this.#rows.draw(latency.buckets, bucket => bucket.index, bucket => [
      { head: true, className: 'hp-number', text: duration(bucket.fromNs) },
      { className: 'hp-number', text: duration(bucket.toNs) },
      { className: 'hp-number', text: count(bucket.count) },
      { className: 'hp-number', text: `${(bucket.count * 100 / total).toFixed(2)} %` },
    ]);
  }
}

/** The last minute, a row a second: the same figures as the heat map. */
export class LatencySecondsView {
  #rows;
  #version = -1;

  constructor(body) {
    this.#rows = new Rows(body);
  }

  draw({ latency }) {
    if (latency.version === this.#version) return;
    this.#version = latency.version;
    this.#rows.draw(latency.columns.slice(-secondsInTable).reverse(), column => column.at, column => {
      const { total, percentiles } = summarize(column.cells, latency.bounds, [0.5, 0.99, 1]);
      return [
        { head: true, className: 'hp-mono', text: time(column.at).slice(0, 8) },
        { className: 'hp-number', text: count(total) },
        ...percentiles.map(ns => ({ className: 'hp-number', text: total === 0 ? '–' : duration(ns) })),
      ];
    });
  }
}

class LatencyChart {
  #element;
  #chart = null;
  #resize = null;
  #disposed = false;
  #colors = null;
  #version = -1;

  constructor(element) {
    this.#element = element;
    this.#start();
  }

  async #start() {
    try {
      const echarts = await loadCharts();
      if (this.#disposed) return;
      this.#chart = echarts.init(this.#element, null, { renderer: 'canvas' });
      this.#resize = new ResizeObserver(() => this.#chart.resize());
      this.#resize.observe(this.#element);
    } catch (error) {
      setText(this.#element, error.message);
    }
  }

  retheme() {
    this.#colors = null;
    this.#version = -1;
  }

  draw({ latency }) {
    if (!this.#chart || latency.version === 0 || latency.version === this.#version) return;
    this.#version = latency.version;
    this.#colors ??= Object.fromEntries(['muted', 'line', 'surface', 'surface-2', 'text', 'border', 'accent', 'warn', 'error'].map(name => [name, cssColor(`--hp-${name}`)]));
    this.#chart.setOption(this.option(latency, this.#colors), { notMerge: true });
  }

  dispose() {
    this.#disposed = true;
    this.#resize?.disconnect();
    this.#chart?.dispose();
  }
}

const axis = colors => ({ axisLabel: { color: colors.muted, fontSize: 12, hideOverlap: true }, axisLine: { lineStyle: { color: colors.border } }, axisTick: { show: false }, splitLine: { show: false } });
const tip = (colors, formatter) => ({ transitionDuration: 0, backgroundColor: colors.surface, borderColor: colors.border, textStyle: { color: colors.text, fontSize: 13 }, formatter });
const bucketsOf = ({ low, high }) => Array.from({ length: high - low + 1 }, (_, index) => low + index);

/** Exits by handling time: bars whose widths are buckets, on a logarithmic axis. */
export class LatencyHistogramView extends LatencyChart {
  option(latency, colors) {
    const range = latency.range ?? { low: 0, high: 0 };
    const buckets = bucketsOf(range);
    const counts = new Map(latency.buckets.map(bucket => [bucket.index, bucket.count]));
    const span = index => `${duration(latency.bounds[index])} to ${duration(latency.bounds[index + 1])}`;
    return {
      animation: false,
      aria: { enabled: true, label: { description: 'Exits by handling time; the table below tells the same in numbers.' } },
      grid: { left: 8, right: 14, top: 30, bottom: 4, containLabel: true },
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, ...tip(colors, ([one]) => `${span(buckets[one.dataIndex])}<br>${count(one.value)} exits`) },
      xAxis: { type: 'category', data: buckets.map(index => duration(latency.bounds[index])), ...axis(colors) },
      yAxis: { type: 'value', name: 'exits', nameTextStyle: { color: colors.muted, align: 'left', padding: [0, 0, 0, -20] }, ...axis(colors), splitLine: { lineStyle: { color: colors.line } }, splitNumber: 4, minInterval: 1 },
      series: [{ type: 'bar', barCategoryGap: '8%', color: colors.accent, data: buckets.map(index => counts.get(index) ?? 0) }],
    };
  }
}

/** A column a second, a row a bucket, the deeper the more exits; the scale is logarithmic, so that the one slow exit is seen, too. */
export class LatencyHeatView extends LatencyChart {
  option(latency, colors) {
    const range = latency.range ?? { low: 0, high: 0 };
    const buckets = bucketsOf(range);
    const cells = [];
    let most = 1;
    latency.columns.forEach(({ cells: pairs }, x) => {
      for (let i = 0; i < pairs.length; i += 2) {
        most = Math.max(most, pairs[i + 1]);
        cells.push([x, pairs[i] - range.low, Math.log10(pairs[i + 1]), pairs[i + 1]]);
      }
    });
    const span = y => `${duration(latency.bounds[buckets[y]])} to ${duration(latency.bounds[buckets[y] + 1])}`;
    return {
      animation: false,
      aria: { enabled: true, label: { description: 'Handling times over the last five minutes; the table below tells the last minute in numbers.' } },
      grid: { left: 8, right: 14, top: 40, bottom: 4, containLabel: true },
      tooltip: { trigger: 'item', ...tip(colors, ({ value }) => `${time(latency.columns[value[0]].at).slice(0, 8)}<br>${span(value[1])}<br>${count(value[3])} exits`) },
      visualMap: { type: 'continuous', dimension: 2, min: 0, max: Math.max(0.3, Math.log10(most)), orient: 'horizontal', top: 0, right: 8, itemWidth: 12, itemHeight: 110, calculable: false, text: [count(most), '1'], textStyle: { color: colors.muted }, formatter: value => count(Math.round(10 ** value)), inRange: { color: [colors['surface-2'], colors.accent, colors.warn, colors.error] } },
      xAxis: { type: 'category', data: latency.columns.map(column => time(column.at).slice(0, 8)), ...axis(colors) },
      yAxis: { type: 'category', data: buckets.map(index => duration(latency.bounds[index])), ...axis(colors) },
      series: [{ type: 'heatmap', data: cells, progressive: 0, itemStyle: { borderWidth: 0 }, emphasis: { itemStyle: { borderColor: colors.text, borderWidth: 1 } } }],
    };
  }
}
