import { MachineModel } from './model.js';
import { count, duration, rate, time, vendorName } from './format.js';
import { cssColor, setText } from './dom.js';
import { loadCharts } from './echarts.js';
import { RateHistory, reasons as order } from './rate-history.js';
import { Rows } from './rows.js';

const span = 60_000;
const drawEvery = 450;
const sides = ['left', 'right'];
const narrow = 700;
const decoder = new TextDecoder();

/** Two machines on the same axes: rates, counters, patches and handling times. */
class CompareView {
  #root;
  #models = {};
  #names = {};
  #timer = 0;
  #charts = new Map();
  #rows = new Map();
  #colors = null;
  #disposed = false;

  constructor(root) {
    this.#root = root;
    document.addEventListener('hyperpatch:theme', this.#themed);
  }

  /** Two machines, by their names: what was known of others is forgotten. */
  begin(left, right) {
    this.#names = { left, right };
    this.#models = { left: new MachineModel(), right: new MachineModel() };
  }

  /** Points of the time before: UTF-8 JSON. */
  backfill(side, bytes) {
    this.#models[side].history.backfill(JSON.parse(decoder.decode(bytes)));
  }

  /** A frame of one side: UTF-8 JSON. */
  push(side, bytes) {
    this.#models[side]?.apply(JSON.parse(decoder.decode(bytes)));
    this.#timer ||= setTimeout(() => { this.#timer = 0; this.#draw(); }, drawEvery);
  }

  dispose() {
    this.#disposed = true;
    clearTimeout(this.#timer);
    document.removeEventListener('hyperpatch:theme', this.#themed);
    for (const [element] of this.#charts) this.#forget(element);
  }

  #themed = () => {
    this.#colors = null;
    this.#draw();
  };

  #forget(element) {
    const { chart, resize } = this.#charts.get(element);
    resize?.disconnect();
    chart?.dispose();
    this.#charts.delete(element);
  }

  async #chart(what, option) {
    const element = this.#root.querySelector(`[data-hp-compare="${what}"]`);
    for (const known of [...this.#charts.keys()]) if (!known.isConnected) this.#forget(known);
    if (!element) return;
    let entry = this.#charts.get(element);
    if (!entry) {
      this.#charts.set(element, entry = {});
      try {
        const echarts = await loadCharts();
        if (this.#disposed || !element.isConnected) return;
        entry.chart = echarts.init(element, null, { renderer: 'canvas' });
        entry.resize = new ResizeObserver(() => entry.chart.resize());
        entry.resize.observe(element);
        entry.chart.on('legendselectchanged', event => { entry.hidden = event.selected; });
      } catch (error) {
        setText(element, error.message);
      }
    }
    if (entry.chart) entry.chart.setOption(option(element.clientWidth < narrow, entry.hidden ?? {}), { notMerge: true });
  }

  #draw() {
    const { left, right } = this.#models;
    if (document.hidden || this.#disposed || !left?.frame || !right?.frame) return;
    this.#colors ??= this.#readColors();
    for (const side of sides) {
      const { frame } = this.#models[side];
      setText(this.#root.querySelector(`[data-hp-about="${side}"]`), `${frame.state} · ${vendorName(frame.vendor)} · level ${frame.level} · policy ${frame.policy} · ${frame.processors.length} vCPU`);
    }
    this.#figures();
    void this.#chart('rates', (isNarrow, hidden) => this.#rates(isNarrow, hidden));
    void this.#chart('latency', (_, hidden) => this.#latency(hidden));
  }

  #readColors() {
    const colors = Object.fromEntries(['muted', 'line', 'surface', 'text', 'border', 'accent', 'warn'].map(name => [name, cssColor(`--hp-${name}`)]));
    for (const reason of order) colors[reason] = cssColor(`--hp-r-${reason.toLowerCase()}`);
    return colors;
  }

  #table(what) {
    const body = this.#root.querySelector(`[data-hp-compare="${what}"]`);
    if (body && !this.#rows.has(body)) this.#rows.set(body, new Rows(body));
    for (const known of [...this.#rows.keys()]) if (!known.isConnected) this.#rows.delete(known);
    return body ? this.#rows.get(body) : null;
  }

  #figures() {
    const { left, right } = this.#models;
    const items = [
      ['Exits', model => model.counters.exits.total, count],
      ['Exits per s', model => model.counters.exits.rate, rate],
      ['Hypercalls', model => model.counters.hypercalls.total, count],
      ['Hypercalls per s', model => model.counters.hypercalls.rate, rate],
      ['Patches', model => model.counters.patches.total, count],
      ['#UD to the guest', model => model.counters.injected.total, count],
      ['Events dropped', model => model.counters.dropped.total, count],
      ['Vendor switches', model => model.frame.epoch, count],
    ];
    this.#table('figures')?.draw(items, item => item[0], ([name, value, text]) => {
      const [a, b] = [value(left), value(right)];
      return [
        { head: true, text: name },
        { className: 'hp-number', text: text(a) },
        { className: 'hp-number', text: text(b) },
        { className: 'hp-number', text: a > 0 ? `× ${(b / a).toFixed(2)}` : '–' },
      ];
    });
    const of = (model, reason) => model.reasons.find(one => one.reason === reason);
    const cell = ns => ({ className: 'hp-number', text: ns === undefined ? '–' : duration(ns) });
    this.#table('reasons')?.draw(this.#reasons(), reason => reason, reason => [
      { head: true, className: 'hp-reason', text: reason, swatch: reason },
      cell(of(left, reason)?.p50Ns), cell(of(right, reason)?.p50Ns), cell(of(left, reason)?.p99Ns), cell(of(right, reason)?.p99Ns),
    ]);
  }

  #reasons() {
    return order.filter(reason => sides.some(side => this.#models[side].reasons.some(one => one.reason === reason)));
  }

  #rates(isNarrow, hidden) {
    const { muted, line, surface, text, border } = this.#colors;
    const reasons = this.#reasons();
    const end = Math.max(...sides.map(side => this.#models[side].frame.at));
    const selected = Object.fromEntries(sides.map(side => [side, this.#models[side].history.select(end - span, end, 150)]));
    const total = point => reasons.reduce((sum, reason) => hidden[reason] === false ? sum : sum + RateHistory.rate(point, order.indexOf(reason)), 0);
    const top = Math.max(1, ...sides.flatMap(side => selected[side].map(total)));
    const places = isNarrow
      ? [{ top: 76, height: '32%', left: 8, right: 14 }, { bottom: 4, height: '32%', left: 8, right: 14 }]
      : [{ top: 76, bottom: 4, left: 8, width: '48%' }, { top: 76, bottom: 4, right: 14, width: '48%' }];
    return {
      animation: false,
      aria: { enabled: true, label: { description: 'Exits a second by reason of both machines over the last minute, on the same axes; the table of figures tells the same in numbers.' } },
      title: sides.map((side, index) => ({ text: this.#names[side], left: isNarrow ? 8 : index === 0 ? 8 : '52%', top: isNarrow && index === 1 ? '53%' : 32, textStyle: { color: text, fontSize: 14 } })),
      legend: { data: reasons, type: 'scroll', top: 0, left: 0, right: 0, icon: 'roundRect', itemWidth: 12, itemHeight: 12, textStyle: { color: text, fontSize: 13 }, inactiveColor: muted, pageTextStyle: { color: muted }, pageIconColor: text, selected: hidden },
      grid: places.map(place => ({ ...place, containLabel: true })),
      axisPointer: { link: [{ xAxisIndex: 'all' }] },
      tooltip: { trigger: 'axis', transitionDuration: 0, backgroundColor: surface, borderColor: border, textStyle: { color: text, fontSize: 13 }, axisPointer: { lineStyle: { color: muted } }, valueFormatter: value => `${rate(value)}/s` },
      xAxis: sides.map((_, gridIndex) => ({ gridIndex, type: 'time', min: end - span, max: end, axisLabel: { color: muted, fontSize: 12, hideOverlap: true, formatter: value => time(value).slice(0, 8) }, axisLine: { lineStyle: { color: border } }, axisTick: { show: false }, splitLine: { show: false }, splitNumber: 3 })),
      yAxis: sides.map((_, gridIndex) => ({ gridIndex, type: 'value', min: 0, max: top * 1.05, axisLabel: { color: muted, fontSize: 12, showMaxLabel: false, formatter: value => rate(value) }, splitLine: { lineStyle: { color: line } }, splitNumber: 4 })),
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
        data: selected[side].map(point => [point.at, Math.round(RateHistory.rate(point, order.indexOf(reason)) * 10) / 10]),
      }))),
    };
  }

  #latency(hidden) {
    const { muted, line, surface, text, border, accent, warn } = this.#colors;
    const reasons = this.#reasons();
    const kinds = sides.flatMap(side => [['p50', 0.55], ['p99', 1]].map(([kind, opacity]) => ({ side, kind, opacity })));
    return {
      animation: false,
      aria: { enabled: true, label: { description: 'Handling times by reason of both machines; the table below tells the same in numbers.' } },
      legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 12, textStyle: { color: text, fontSize: 13 }, inactiveColor: muted, selected: hidden },
      grid: { left: 8, right: 14, top: 40, bottom: 4, containLabel: true },
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, transitionDuration: 0, backgroundColor: surface, borderColor: border, textStyle: { color: text, fontSize: 13 }, valueFormatter: value => value > 0 ? duration(value) : '–' },
      xAxis: { type: 'category', data: reasons, axisLabel: { color: muted, fontSize: 12, interval: 0, hideOverlap: true }, axisLine: { lineStyle: { color: border } }, axisTick: { show: false } },
      yAxis: { type: 'log', axisLabel: { color: muted, fontSize: 12, formatter: value => duration(value) }, splitLine: { lineStyle: { color: line } } },
      series: kinds.map(({ side, kind, opacity }) => ({
        name: `${side} ${kind}`,
        type: 'bar',
        color: side === 'left' ? accent : warn,
        itemStyle: { opacity },
        data: reasons.map(reason => Math.max(1, this.#models[side].reasons.find(one => one.reason === reason)?.[`${kind}Ns`] ?? 0) || '-').map((value, index) => this.#models[side].reasons.some(one => one.reason === reasons[index]) ? value : '-'),
      })),
    };
  }
}

/** Makes the view of the page that compares. */
export const create = root => new CompareView(root);
