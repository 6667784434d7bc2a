import { MachineModel } from './model.js';
import { count, duration, rate } from './format.js';
import { setText } from './dom.js';
import { CompareChart } from './compare-chart.js';
import { CompareSites } from './compare-sites.js';
import { reasons as order } from './rate-history.js';
import { Rows } from './rows.js';
import { phrase } from '../texts.js';

const drawEvery = 450;
const sides = ['left', 'right'];
const decoder = new TextDecoder();

const counters = [
  [phrase('Exits'), model => model.counters.exits.total, count],
  [phrase('ExitsPerSecond'), model => model.counters.exits.rate, rate],
  [phrase('Hypercalls'), model => model.counters.hypercalls.total, count],
  [phrase('HypercallsPerSecond'), model => model.counters.hypercalls.rate, rate],
  [phrase('HypercallSites'), model => model.sites.size, count],
  [phrase('InTheVendorsForm'), model => model.repaired, count],
  [phrase('Patches'), model => model.counters.patches.total, count],
  [phrase('InjectedToTheGuest'), model => model.counters.injected.total, count],
  [phrase('VendorSwitches'), model => model.frame.epoch, count],
  [phrase('EventsDropped'), model => model.counters.dropped.total, count],
];

/** Two machines on the same axes: rates, counters, reasons and sites. */
class CompareView {
  #root;
  #models = { left: new MachineModel(), right: new MachineModel() };
  #names = { left: '', right: '' };
  #timer = 0;
  #chart = null;
  #sites = null;
  #rows = new Map();

  constructor(root) {
    this.#root = root;
    document.addEventListener('hyperpatch:theme', this.#themed);
    document.addEventListener('visibilitychange', this.#schedule);
  }

  /** Two machines, by their names: what was known of others is forgotten. */
  begin(left, right) {
    this.#names = { left, right };
    this.#models = { left: new MachineModel(), right: new MachineModel() };
  }

  /** Points of the time before: UTF-8 JSON. */
  backfill(side, bytes) { this.#models[side].history.backfill(JSON.parse(decoder.decode(bytes))); }

  /** A frame of one side: UTF-8 JSON. */
  push(side, bytes) {
    this.#models[side].apply(JSON.parse(decoder.decode(bytes)));
    this.#schedule();
  }

  dispose() {
    clearTimeout(this.#timer);
    document.removeEventListener('hyperpatch:theme', this.#themed);
    document.removeEventListener('visibilitychange', this.#schedule);
    this.#chart?.dispose();
  }

  #schedule = () => {
    if (document.hidden) return;
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#draw();
    }, drawEvery);
  };

  #themed = () => {
    this.#chart?.retheme();
    this.#schedule();
  };

  #find(what) { return this.#root.querySelector(`[data-hp-compare="${what}"]`); }

  #draw() {
    if (sides.every(side => !this.#models[side].frame)) return;
    this.#drawCounters();
    this.#drawReasons();
    const body = this.#find('sites');
    if (body) {
      if (this.#sites?.body !== body) this.#sites = new CompareSites(body);
      const { rows, differing } = this.#sites.draw(this.#models);
      this.#find('no-sites').hidden = rows > 0;
      setText(this.#find('sites-note'), rows === 0 ? '' : differing === 0 ? phrase('SameBytesEverywhere') : phrase('SomeDiffer', count(differing), count(rows)));
    }
    const element = this.#find('rates');
    if (!element) return;
    if (this.#chart?.element !== element) {
      this.#chart?.dispose();
      this.#chart = new CompareChart(element, this.#schedule);
    }
    this.#chart.draw(this.#models, this.#names);
  }

  #table(what) {
    const body = this.#find(what);
    for (const known of this.#rows.keys()) if (!known.isConnected) this.#rows.delete(known);
    if (body && !this.#rows.has(body)) this.#rows.set(body, new Rows(body));
    return this.#rows.get(body);
  }

  #drawCounters() {
    this.#table('counters')?.draw(counters, ([name]) => name, ([name, value, text]) => {
      const [left, right] = sides.map(side => this.#models[side].frame ? value(this.#models[side]) : null);
      return [
        { head: true, text: name },
        { className: 'hp-number', text: left === null ? '–' : text(left) },
        { className: 'hp-number', text: right === null ? '–' : text(right) },
        { className: 'hp-number', text: left > 0 && right !== null ? `× ${(right / left).toFixed(2)}` : '–' },
      ];
    });
  }

  #drawReasons() {
    const of = (side, reason) => this.#models[side].reasons.find(known => known.reason === reason);
    const cell = (one, text) => ({ className: 'hp-number', text: one ? text(one) : '–' });
    const known = order.filter(reason => sides.some(side => of(side, reason)));
    this.#table('reasons')?.draw(known, reason => reason, reason => {
      const both = sides.map(side => of(side, reason));
      return [
        { head: true, className: 'hp-reason', text: reason, swatch: reason },
        ...both.map(one => cell(one, ({ rate: value }) => rate(value))),
        ...both.map(one => cell(one, ({ p50Ns }) => duration(p50Ns))),
        ...both.map(one => cell(one, ({ p99Ns }) => duration(p99Ns))),
      ];
    });
    const none = this.#find('no-reasons');
    if (none) none.hidden = known.length > 0;
  }
}

/** Makes the view of the page that compares. */
export const create = root => new CompareView(root);
