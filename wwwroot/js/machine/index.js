import { MachineModel } from './model.js';
import { ChartView } from './chart.js';
import { CounterView } from './counters.js';
import { ExitsView, PatchesView } from './exits.js';
import { HeatMapView } from './heat-map.js';
import { HypercallsView, ReasonsView } from './hypercalls.js';
import { LatencyBucketsView, LatencyColumnsView, LatencyFiguresView, LatencyHistogramView } from './latency.js';
import { PatchLineView } from './patch-line.js';
import { ProcessorLineView } from './processors.js';
import { ProgressView, SitesView } from './sites.js';
import { SerialView } from './serial.js';
import { TimeView } from './time.js';

// What an element with data-hp-view="..." is drawn by. Blazor makes the element and never looks into it again.
const views = {
  chart: ChartView,
  counter: CounterView,
  exits: ExitsView,
  hypercalls: HypercallsView,
  'latency-buckets': LatencyBucketsView,
  'latency-columns': LatencyColumnsView,
  'latency-figures': LatencyFiguresView,
  'latency-heat': HeatMapView,
  'latency-histogram': LatencyHistogramView,
  reasons: ReasonsView,
  'patch-line': PatchLineView,
  patches: PatchesView,
  processor: ProcessorLineView,
  progress: ProgressView,
  serial: SerialView,
  sites: SitesView,
  time: TimeView,
};

const drawEvery = 95;
const decoder = new TextDecoder();

/** A machine's page: takes frames, and draws them into whatever is there to be drawn into. */
class MachineView {
  #root;
  #model = new MachineModel();
  #drawers = new Map();
  #observer;
  #request = 0;
  #timer = 0;
  #drawn = 0;
  #frozen = false;
  #filter = { key: null };

  constructor(root) {
    this.#root = root;
    // Panes come and go with the address.
    this.#observer = new MutationObserver(() => this.#schedule());
    const panes = root.querySelector('[data-hp-panes]');
    if (panes) this.#observer.observe(panes, { childList: true });
    document.addEventListener('visibilitychange', this.#visible);
    document.addEventListener('hyperpatch:theme', this.#themed);
  }

  /** A frame: UTF-8 JSON. */
  push(bytes) {
    this.#model.apply(JSON.parse(decoder.decode(bytes)));
    this.#schedule();
  }

  /** What happened before the page was opened: UTF-8 JSON. */
  backfill(bytes) {
    this.#model.backfillHistory(JSON.parse(decoder.decode(bytes)));
    this.#schedule();
  }

  /** Recorded exits, and the filter that they were asked for with, as text; null: none, and the table goes on with the frames. */
  setExits(bytes, key) {
    const exits = JSON.parse(decoder.decode(bytes));
    if (key !== null) {
      this.#filter = { key, exits };
    } else {
      this.#filter = { key: null };
      this.#model.backfill(exits);
    }
    this.#schedule();
  }

  /** Further exits that the filter let through. */
  addExits(bytes) {
    if (!this.#filter.exits) return;
    this.#filter.exits = [...this.#filter.exits, ...JSON.parse(decoder.decode(bytes))].slice(-5000);
    this.#schedule();
  }

  /** Handling times, for the pane that shows them: UTF-8 JSON. */
  showLatency(bytes) {
    this.#model.latency.apply(JSON.parse(decoder.decode(bytes)));
    this.#schedule();
  }

  /** Holds the exits still while the machine goes on. */
  freeze(frozen) {
    this.#frozen = frozen;
    this.#schedule();
  }

  dispose() {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#request);
    this.#observer.disconnect();
    document.removeEventListener('visibilitychange', this.#visible);
    document.removeEventListener('hyperpatch:theme', this.#themed);
    for (const drawer of this.#drawers.values()) drawer.dispose?.();
    this.#drawers.clear();
  }

  #visible = () => { if (!document.hidden) this.#schedule(); };

  #themed = () => {
    for (const drawer of this.#drawers.values()) drawer.retheme?.();
    this.#schedule();
  };

  // At most ten times a second, and not at all for a page that nobody sees.
  #schedule() {
    if (this.#timer || this.#request || document.hidden) return;
    const wait = Math.max(0, this.#drawn + drawEvery - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#request = requestAnimationFrame(() => {
        this.#request = 0;
        this.#draw();
      });
    }, wait);
  }

  #draw() {
    this.#drawn = performance.now();
    for (const [element, drawer] of this.#drawers) {
      if (element.isConnected) continue;
      drawer.dispose?.();
      this.#drawers.delete(element);
    }
    if (!this.#model.frame) return;
    const options = { frozen: this.#frozen, filter: this.#filter };
    for (const element of this.#root.querySelectorAll('[data-hp-view]')) {
      let drawer = this.#drawers.get(element);
      if (!drawer) this.#drawers.set(element, drawer = new views[element.dataset.hpView](element));
      drawer.draw(this.#model, options);
    }
  }
}

/** Makes the view of a machine's page. */
export const create = root => new MachineView(root);
