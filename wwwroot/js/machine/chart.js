import { rate, time, vendorName } from './format.js';
import { cssColor, setText } from './dom.js';

const script = '_content/Vizor.ECharts/js/vizor-echarts-bundle-min.js';
const span = 60_000;
const shortest = 15_000;
const drawEvery = 450;
const order = ['PortIo', 'Mmio', 'Halt', 'Cpuid', 'MsrRead', 'MsrWrite', 'ControlRegister', 'Debug', 'Breakpoint', 'Hypercall', 'InvalidOpcode', 'Shutdown', 'Failure'];
let loading;

// The library is a classic script with a global; it is asked for by the first chart.
const load = () => loading ??= new Promise((resolve, reject) => {
  const element = document.createElement('script');
  element.src = new URL(script, document.baseURI).href;
  element.onload = () => resolve(globalThis.echarts);
  element.onerror = () => { loading = undefined; element.remove(); reject(new Error('The chart library could not be loaded.')); };
  document.head.append(element);
});

// Patches are a handful among hundreds of exits a second: too thin to be seen in the stack, so each has a mark of its own on the axis.
const rug = {
  name: 'Patches',
  type: 'scatter',
  yAxisIndex: 1,
  symbol: 'triangle',
  symbolSize: 11,
  symbolOffset: [0, '-50%'],
  clip: false,
  z: 5,
  silent: true,
  emphasis: { disabled: true },
  itemStyle: { color: '#888', borderWidth: 0 },
  tooltip: { show: false },
};

/** Exits a second by reason, stacked, over the last minute; vendor switches are marked where they happened. */
export class ChartView {
  #element;
  #chart = null;
  #resize = null;
  #colors = null;
  #drawn = 0;
  #series = '';
  #disposed = false;
  #hidden = {};

  constructor(element) {
    this.#element = element;
    this.#start();
  }

  async #start() {
    try {
      const echarts = await load();
      if (this.#disposed) return;
      this.#chart = echarts.init(this.#element, null, { renderer: 'canvas' });
      this.#chart.on('legendselectchanged', event => { this.#hidden = event.selected; });
      this.#resize = new ResizeObserver(() => this.#chart.resize());
      this.#resize.observe(this.#element);
    } catch (error) {
      setText(this.#element, error.message);
    }
  }

  /** Light and dark changed places. */
  retheme() {
    this.#colors = null;
    this.#series = '';
    this.#drawn = 0;
  }

  draw(model) {
    if (!this.#chart || performance.now() - this.#drawn < drawEvery) return;
    this.#drawn = performance.now();
    this.#colors ??= this.#readColors();
    const reasons = order.filter(reason => model.reasons.some(known => known.reason === reason));
    const end = model.frame.at;
    const points = model.points.filter(point => point.at > end - span - 1000);
    const start = Math.max(end - span, Math.min(points[0]?.at ?? end, end - shortest));
    const names = reasons.join();
    const series = reasons.map((reason, index) => ({
      ...(names === this.#series ? {} : this.#style(reason)),
      name: reason,
      data: points.map(point => [point.at, Math.round((point.rates[reason] ?? 0) * 10) / 10]),
      ...(index === 0 ? { markLine: this.#marks(model.switches.filter(one => one.at > start)) } : {}),
    }));
    const option = { xAxis: { min: start, max: end }, series };
    series.push({ ...(names === this.#series ? {} : rug), data: model.patches.filter(patch => patch.at > start).map(patch => ({ value: [patch.at, 0], itemStyle: { color: this.#colors[patch.vendor] } })) });
    if (names !== this.#series) {
      const frame = this.#frame(reasons);
      this.#chart.setOption({ ...frame, ...option, xAxis: { ...frame.xAxis, ...option.xAxis } }, { notMerge: true });
      this.#series = names;
    } else {
      this.#chart.setOption(option, { lazyUpdate: true });
    }
  }

  dispose() {
    this.#disposed = true;
    this.#resize?.disconnect();
    this.#chart?.dispose();
  }

  #readColors() {
    const colors = { text: cssColor('--hp-muted'), grid: cssColor('--hp-line'), surface: cssColor('--hp-surface'), strong: cssColor('--hp-text'), border: cssColor('--hp-border'), intel: cssColor('--hp-intel'), amd: cssColor('--hp-amd') };
    for (const reason of order) colors[reason] = cssColor(`--hp-r-${reason.toLowerCase()}`);
    return colors;
  }

  #style(reason) {
    return {
      type: 'line',
      stack: 'exits',
      symbol: 'none',
      lineStyle: { width: 0 },
      areaStyle: { opacity: 0.6 },
      color: this.#colors[reason],
      emphasis: { disabled: true },
    };
  }

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
    return {
      animation: false,
      aria: { enabled: true, label: { description: 'Exits a second by reason over the last minute; the table of reasons tells the same in numbers.' } },
      grid: { left: 8, right: 14, top: 52, bottom: 4, containLabel: true },
      legend: { data: [...reasons, { name: 'Patches', icon: 'triangle', itemStyle: { color: text } }], type: 'scroll', top: 0, left: 0, right: 0, icon: 'roundRect', itemWidth: 12, itemHeight: 12, textStyle: { color: strong, fontSize: 13 }, inactiveColor: text, pageTextStyle: { color: text }, pageIconColor: strong, selected: this.#hidden },
      tooltip: {
        trigger: 'axis',
        transitionDuration: 0,
        backgroundColor: surface,
        borderColor: border,
        textStyle: { color: strong, fontSize: 13 },
        axisPointer: { lineStyle: { color: text } },
        valueFormatter: value => `${rate(value)}/s`,
      },
      xAxis: { type: 'time', axisLabel: { color: text, fontSize: 12, hideOverlap: true, formatter: value => time(value).slice(0, 8) }, axisLine: { lineStyle: { color: border } }, axisTick: { show: false }, splitLine: { show: false }, splitNumber: 4 },
      yAxis: [{ type: 'value', name: 'exits/s', nameTextStyle: { color: text, align: 'left', padding: [0, 0, 0, -20] }, axisLabel: { color: text, fontSize: 12, formatter: value => rate(value) }, splitLine: { lineStyle: { color: grid } }, splitNumber: 4, minInterval: 1 }, { type: 'value', min: 0, max: 1, show: false }],
    };
  }
}
