// An hour of exits a second by reason, in arrays of a fixed size: a page that is open for a day holds no more than one that is new.

/** All reasons, in the order in which they are stacked. */
export const reasons = ['PortIo', 'Mmio', 'Halt', 'Cpuid', 'MsrRead', 'MsrWrite', 'ControlRegister', 'Debug', 'Breakpoint', 'Hypercall', 'InvalidOpcode', 'Shutdown', 'Failure'];

const fineCapacity = 1210;
const coarseCapacity = 730;
const coarseStep = 5000;

class Ring {
  #at;
  #rates;
  #capacity;
  count = 0;

  constructor(capacity) {
    this.#capacity = capacity;
    this.#at = new Float64Array(capacity);
    this.#rates = reasons.map(() => new Float32Array(capacity));
  }

  get first() { return Math.max(0, this.count - this.#capacity); }
  at(index) { return this.#at[index % this.#capacity]; }
  rate(reason, index) { return this.#rates[reason][index % this.#capacity]; }
  get oldest() { return this.count === 0 ? Infinity : this.at(this.first); }
  get newest() { return this.count === 0 ? -Infinity : this.at(this.count - 1); }

  push(at, rateOf) {
    const slot = this.count++ % this.#capacity;
    this.#at[slot] = at;
    for (let reason = 0; reason < reasons.length; reason++) this.#rates[reason][slot] = rateOf(reason);
  }

  clear() { this.count = 0; }
}

/** Points as they come for ten minutes, and one every five seconds for an hour. */
export class RateHistory {
  #fine = new Ring(fineCapacity);
  #coarse = new Ring(coarseCapacity);
  #sums = new Float64Array(reasons.length);
  #summed = 0;
  #since = -Infinity;

  /** When the oldest point is, in milliseconds since 1970; Infinity when there is none. */
  get oldest() { return Math.min(this.#fine.oldest, this.#coarse.oldest); }

  /** Takes a point: rates a second by name of the reason. Points come in the order of time. */
  push(at, rates) { this.#push(at, reason => rates[reasons[reason]] ?? 0); }

  /** Puts points in front of those there are: { at: [...], rates: { reason: [...] } }. */
  backfill({ at, rates }) {
    const live = [];
    for (let i = this.#fine.first; i < this.#fine.count; i++) live.push([this.#fine.at(i), reasons.map((_, reason) => this.#fine.rate(reason, i))]);
    const end = this.#fine.oldest;
    this.#fine.clear();
    this.#coarse.clear();
    // All points come again, those of the step that is not over included.
    this.#sums.fill(0);
    this.#summed = 0;
    this.#since = -Infinity;
    const columns = reasons.map(name => rates[name]);
    for (let i = 0; i < at.length && at[i] < end; i++) this.#push(at[i], reason => columns[reason]?.[i] ?? 0);
    for (const [moment, values] of live) this.#push(moment, reason => values[reason]);
  }

  /**
   * The points from start to end, and one more on either side. Where there are more than two a bin, of each bin those with the lowest
   * and the highest total, all reasons as of the same moment: the stack stays true, and no peak is lost.
   */
  select(start, end, bins) {
    const picked = [];
    const take = (ring, from, to) => {
      for (let i = ring.first; i < ring.count; i++) {
        const at = ring.at(i);
        if (at < from) {
          if (picked.length <= 1) picked[0] = { ring, index: i, at };
          continue;
        }
        if (at >= to) break;
        picked.push({ ring, index: i, at });
        if (at > end) break;
      }
    };
    take(this.#coarse, start, this.#fine.oldest);
    if (!(picked.at(-1)?.at > end)) take(this.#fine, start, Infinity);
    return picked.length > bins * 2 ? decimate(picked, bins) : picked;
  }

  /** A rate of a selected point. */
  static rate(point, reason) { return point.ring.rate(reason, point.index); }

  #push(at, rateOf) {
    if (at <= this.#fine.newest) return;
    this.#fine.push(at, rateOf);
    for (let reason = 0; reason < reasons.length; reason++) this.#sums[reason] += rateOf(reason);
    this.#summed++;
    if (this.#since === -Infinity) this.#since = at - coarseStep;
    if (at - this.#since < coarseStep) return;
    this.#coarse.push(at, reason => this.#sums[reason] / this.#summed);
    this.#sums.fill(0);
    this.#summed = 0;
    this.#since = at;
  }
}

const decimate = (points, bins) => {
  const kept = [];
  const total = point => {
    let sum = 0;
    for (let reason = 0; reason < reasons.length; reason++) sum += point.ring.rate(reason, point.index);
    return sum;
  };
  const first = points[0].at;
  const width = (points.at(-1).at - first) / bins || 1;
  let bin = -1;
  let low = null;
  let high = null;
  const flush = () => {
    if (low === null) return;
    const [a, b] = low.point.at <= high.point.at ? [low, high] : [high, low];
    kept.push(a.point);
    if (b !== a) kept.push(b.point);
  };
  for (const point of points) {
    const own = Math.min(bins - 1, Math.floor((point.at - first) / width));
    const one = { point, sum: total(point) };
    if (own !== bin) {
      flush();
      bin = own;
      low = high = one;
    } else {
      if (one.sum < low.sum) low = one;
      if (one.sum > high.sum) high = one;
    }
  }
  flush();
  return kept;
};
