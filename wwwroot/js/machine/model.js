import { Rates } from './rate.js';
import { RateHistory } from './rate-history.js';
import { LatencyModel } from './latency-model.js';
import { vendorOfByte } from './format.js';

const keptExits = 5000;
const keptPatches = 50;
const pointEvery = 500;
const longestGap = 5000;
const keptSerial = 64 * 1024;
const fullEvery = 10;
const mostSites = 256;

// A guest that is reset may have another site of the same number.
const siteKey = site => `site ${site.id} ${site.address}`;

/**
 * What this page knows of its machine, put together from frames. Frames carry totals: one that is missed costs nothing but exits in
 * the table. Everything here has a bound, however long the page is open.
 */
export class MachineModel {
  frame = null;
  counters = {};
  reasons = [];
  hypercalls = [];
  processors = [];
  sites = new Map();
  exits = [];
  history = new RateHistory();
  latency = new LatencyModel();
  switches = [];
  patches = [];
  serial = '';
  serialPosition = 0;
  skipped = 0;
  #rates = new Rates();
  #totals = [];
  #seen = 0;

  /** Takes a frame as parsed. Frames that are older than what is known are left out. */
  apply(frame) {
    if (this.frame && frame.sequence < this.frame.sequence) return;
    const first = this.frame === null;
    const at = frame.at;
    if (!first && frame.epoch !== this.frame.epoch) {
      this.switches.push({ at, vendor: frame.vendor });
      if (this.switches.length > 20) this.switches.shift();
    }
    this.frame = frame;
    this.#takeCounters(frame, at);
    this.#takeSites(frame, at, first);
    this.#takeExits(frame);
    this.#takePoint(frame);
    this.#takeSerial(frame);
  }

  /** Puts recorded exits in front: what happened before this page was opened. */
  backfill(exits) {
    const known = new Set(this.exits.map(exit => exit.sequence));
    this.exits = [...exits.filter(exit => !known.has(exit.sequence)), ...this.exits].sort((a, b) => a.sequence - b.sequence).slice(-keptExits);
    this.#seen = Math.max(this.#seen, this.exits.at(-1)?.sequence ?? 0);
  }

  /** Puts points of the chart, vendor switches, patches and exits in front of those seen live. */
  backfillHistory({ points, switches, patches, exits }) {
    this.history.backfill(points);
    this.backfill(exits);
    const firstSwitch = this.switches[0]?.at ?? Infinity;
    this.switches = [...switches.filter(one => one.at < firstSwitch - 500), ...this.switches].slice(-20);
    const firstPatch = this.patches[0]?.sequence ?? Infinity;
    this.patches = [...patches.filter(patch => patch.sequence < firstPatch), ...this.patches].slice(-keptPatches);
  }

  /** Sites that hold the instruction of the vendor that the guest sees now. */
  get repaired() {
    let count = 0;
    for (const site of this.sites.values()) if (site.vendor === this.frame?.vendor) count++;
    return count;
  }

  #takeCounters(frame, at) {
    const counters = frame.counters;
    this.counters = {
      exits: { total: counters.exits, rate: this.#rates.take('exits', at, counters.exits) },
      hypercalls: { total: counters.hypercalls, rate: this.#rates.take('hypercalls', at, counters.hypercalls) },
      patches: { total: counters.patches, rate: this.#rates.take('patches', at, counters.patches) },
      injected: { total: counters.injectedUd, rate: this.#rates.take('injected', at, counters.injectedUd) },
      dropped: { total: counters.droppedEvents, rate: this.#rates.take('dropped', at, counters.droppedEvents) },
    };
    this.reasons = frame.reasons.map(reason => ({ ...reason, rate: this.#rates.take(`reason ${reason.reason}`, at, reason.count) }));
    this.hypercalls = frame.hypercalls.map(call => ({ ...call, rate: this.#rates.take(`call ${call.number}`, at, call.count) }));
    this.processors = frame.processors;
  }

  #takeSites(frame, at, first) {
    // Every tenth frame tells all of them; what it does not tell is gone (the guest was reset).
    if (frame.sequence % fullEvery === 1 && frame.sites.length < mostSites) {
      const told = new Set(frame.sites.map(site => site.id));
      for (const id of this.sites.keys()) if (!told.has(id)) this.sites.delete(id);
      this.#rates.keep('site ', new Set(frame.sites.map(siteKey)));
    }
    for (const site of frame.sites) {
      const before = this.sites.get(site.id);
      const patched = !first && site.patches > (before?.patches ?? 0);
      this.sites.set(site.id, {
        ...site,
        vendor: vendorOfByte(site.bytes.split(' ')[site.patchOffset]),
        patchedAt: patched ? performance.now() : before?.patchedAt ?? 0,
        rate: 0,
      });
    }
    for (const site of this.sites.values()) site.rate = this.#rates.take(siteKey(site), at, site.calls);
  }

  #takeExits(frame) {
    this.skipped += frame.skippedEvents;
    for (const exit of frame.events) {
      if (exit.sequence <= this.#seen) continue;
      this.#seen = exit.sequence;
      this.exits.push(exit);
      if (exit.after) this.#takePatch(exit);
    }
    if (this.exits.length > keptExits) this.exits.splice(0, this.exits.length - keptExits);
  }

  #takePatch(patch) {
    this.patches.push(patch);
    if (this.patches.length > keptPatches) this.patches.shift();
  }

  // A point every half second, each over the second before it: less jagged, and not late.
  #takePoint(frame) {
    const latest = this.#totals.at(-1);
    if (latest && frame.at - latest.at < pointEvery) return;
    const totals = Object.fromEntries(frame.reasons.map(reason => [reason.reason, reason.count]));
    const point = { at: frame.at, totals };
    if (latest && frame.at - latest.at > longestGap) {
      // Of a time without frames (a lost connection) the mean is known, and no more: a level line, not a slope that never was.
      const mean = ratesBetween(latest, point);
      this.history.push(latest.at + 1, mean);
      this.history.push(frame.at, mean);
      this.#totals = [point];
      return;
    }
    this.#totals.push(point);
    if (this.#totals.length > 3) this.#totals.shift();
    const last = this.#totals[0];
    if (last !== point) this.history.push(frame.at, ratesBetween(last, point));
  }

  #takeSerial(frame) {
    // The first frame may tell the end of the output again.
    const fresh = Math.min(frame.serial.length, frame.serialPosition - this.serialPosition);
    if (fresh <= 0) return;
    this.serial = (this.serial + frame.serial.slice(frame.serial.length - fresh)).slice(-keptSerial);
    this.serialPosition = frame.serialPosition;
  }
}

const ratesBetween = (before, after) => {
  const seconds = (after.at - before.at) / 1000;
  const rates = {};
  for (const [reason, total] of Object.entries(after.totals)) rates[reason] = Math.max(0, total - (before.totals[reason] ?? 0)) / seconds;
  return rates;
};
