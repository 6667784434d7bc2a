// A rate out of totals: the difference over about the last second, so that frames may come at any pace, or be missing.
const window = 1100;
const most = 24;

export class Rate {
  #times = [];
  #totals = [];

  /** Takes a total as of a moment (milliseconds) and gives the rate a second. */
  take(at, total) {
    const last = this.#totals.length - 1;
    if (last >= 0 && (total < this.#totals[last] || at < this.#times[last])) {
      this.#times = [];
      this.#totals = [];
    }
    this.#times.push(at);
    this.#totals.push(total);
    while (this.#times.length > most || (this.#times.length > 2 && at - this.#times[1] >= window)) {
      this.#times.shift();
      this.#totals.shift();
    }
    const span = at - this.#times[0];
    return span > 0 ? (total - this.#totals[0]) * 1000 / span : 0;
  }
}

/** Rates by key. */
export class Rates {
  #rates = new Map();

  take(key, at, total) {
    let rate = this.#rates.get(key);
    if (!rate) this.#rates.set(key, rate = new Rate());
    return rate.take(at, total);
  }

  /** Of keys that begin with a text, only the ones that are told stay. */
  keep(start, keys) {
    for (const key of this.#rates.keys()) if (key.startsWith(start) && !keys.has(key)) this.#rates.delete(key);
  }
}
