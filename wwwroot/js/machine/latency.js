import { ChartHost, plainAxis, tooltip } from './chart-host.js';
import { code, count, duration, time } from './format.js';
import { bucketOf } from './latency-model.js';
import { Rows } from './rows.js';
import { phrase } from '../texts.js';

const minute = 60_000;
const numbers = texts => texts.map(text => ({ className: 'hp-number', text }));

/** What is drawn only when there is news of handling times. */
class LatencyRows {
  rows;
  #version = -1;

  constructor(body) {
    this.rows = new Rows(body);
  }

  draw(model) {
    const { latency } = model;
    if (latency.version === this.#version || latency.version === 0) return;
    this.#version = latency.version;
    this.show(latency, model);
  }
}

/** Percentiles by reason. */
export class LatencyFiguresView extends LatencyRows {
  #empty;

  constructor(body) {
    super(body);
    this.#empty = body.closest('table').parentElement.querySelector('[data-hp-empty]');
  }

  show({ figures }, { reasons, frame }) {
    const native = name => reasons.find(one => one.reason === name);
    if (this.#empty) this.#empty.hidden = figures.length > 0;
    this.rows.draw(figures, figure => figure.reason, ({ reason, times }) => [
      { head: true, className: reason === 'all' ? '' : 'hp-reason', text: reason === 'all' ? phrase('AllReasons') : reason, swatch: reason },
      { className: 'hp-mono hp-optional', text: native(reason) ? `${native(reason).nativeName} ${code(frame.vendor, native(reason).nativeCode)}` : '' },
      ...numbers([count(times.count), ...[times.p50Ns, times.p90Ns, times.p99Ns, times.maxNs].map(duration)]),
    ]);
  }
}

/** The histogram as a table: the same figures as the bars. */
export class LatencyBucketsView extends LatencyRows {
  show({ buckets }) {
    const total = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
    this.rows.draw(buckets, bucket => bucket.index, bucket => [
      { head: true, className: 'hp-number', text: duration(bucket.fromNs) },
      ...numbers([duration(bucket.toNs), count(bucket.count), `${(bucket.count * 100 / total).toFixed(2)} %`]),
    ]);
  }
}

/** The last minute, a row a column: the same figures as the heat map. */
export class LatencyColumnsView extends LatencyRows {
  show({ columns }) {
    const since = (columns.at(-1)?.to ?? 0) - minute;
    this.rows.draw(columns.filter(column => column.to > since).reverse(), column => column.to, ({ to, total, p50, p90, p99, max }) => [
      { head: true, className: 'hp-mono', text: time(to).slice(0, 8) },
      ...numbers([count(total), ...[p50, p90, p99, max].map(ns => total === 0 ? '–' : duration(ns))]),
    ]);
  }
}

/** Exits by handling time: a bar a bucket, so the axis is logarithmic. */
export class LatencyHistogramView {
  #host;
  #version = -1;

  constructor(element) {
    this.#host = new ChartHost(element, { label: phrase('HistogramLabel') });
  }

  /** Light and dark changed places. */
  retheme() {
    this.#host.retheme();
    this.#version = -1;
  }

  draw({ latency }) {
    if (!this.#host.chart || latency.version === 0 || latency.version === this.#version) return;
    this.#version = latency.version;
    this.#host.chart.setOption(this.#option(latency), { notMerge: true });
  }

  dispose() { this.#host.dispose(); }

  #option({ buckets, bounds, figures }) {
    const { colors } = this.#host;
    const { line, text, accent } = colors;
    const low = buckets[0]?.index ?? 0;
    const indexes = Array.from({ length: (buckets.at(-1)?.index ?? 0) - low + 1 }, (_, index) => low + index);
    const counts = new Map(buckets.map(bucket => [bucket.index, bucket.count]));
    const times = figures[0]?.times;
    // One above the other: p50 and p90 are often neighbours.
    const marks = times ? [['p50', times.p50Ns], ['p90', times.p90Ns], ['p99', times.p99Ns]].map(([name, ns], index) => ({
      xAxis: Math.floor(bucketOf(ns)) - low,
      label: { formatter: `${name} ${duration(ns)}`, color: text, fontSize: 12, position: 'end', distance: 4 + index * 15 },
    })) : [];
    return {
      animation: false,
      grid: { left: 8, right: 60, top: 56, bottom: 4, containLabel: true },
      tooltip: tooltip(colors, {
        axisPointer: { type: 'shadow' },
        formatter: ([one]) => `${phrase('HistogramFromTo', duration(bounds[indexes[one.dataIndex]]), duration(bounds[indexes[one.dataIndex] + 1]))}<br>${phrase('HistogramExits', count(one.value))}`,
      }),
      xAxis: plainAxis(colors, { type: 'category', data: indexes.map(index => duration(bounds[index] ?? 0)) }),
      yAxis: plainAxis(colors, { type: 'value', splitLine: { lineStyle: { color: line } }, splitNumber: 4, minInterval: 1 }),
      series: [{
        type: 'bar', barCategoryGap: '8%', color: accent, data: indexes.map(index => counts.get(index) ?? 0),
        markLine: { silent: true, symbol: 'none', animation: false, lineStyle: { color: text, width: 1, type: 'dashed' }, data: marks },
      }],
    };
  }
}
