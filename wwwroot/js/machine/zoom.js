// The part of its time that a chart shows: all of it up to now, a width that follows the present, or a part that stands still.
const narrowest = 2000;
const all = 0.5;

export class Zoom {
  #width = null;
  #from = null;
  #start = 0;
  #end = 1;

  /** Whether it is everything up to now. */
  get isLive() { return this.#width === null; }

  live() { this.#width = this.#from = null; }

  /** What is shown of the time from start to end, both milliseconds. */
  window(start, end) {
    this.#start = start;
    this.#end = end;
    // What stood still has left the time that is kept, or there is less than that: back to all of it.
    if (this.#width !== null && (this.#width >= end - start || (this.#from !== null && this.#from < start))) {
      if (this.#width >= end - start) this.live();
      else this.#from = start;
    }
    if (this.#width === null) return { from: start, to: end };
    const from = this.#from === null ? end - this.#width : Math.min(this.#from, end - this.#width);
    return { from, to: from + this.#width };
  }

  /** As the chart tells it: percents of the time that it has. */
  percents(low, high) {
    if (low <= all && high >= 100 - all) return this.live();
    const span = this.#end - this.#start;
    this.#width = Math.max(narrowest, (high - low) / 100 * span);
    this.#from = high >= 100 - all ? null : this.#start + low / 100 * span;
  }

  /** Nearer (less than 1) or farther, around the middle; at the present, around the present. */
  by(factor) {
    const { from, to } = this.window(this.#start, this.#end);
    const span = this.#end - this.#start;
    const width = Math.min(span, Math.max(Math.min(narrowest, span), (to - from) * factor));
    if (width >= span) return this.live();
    const isNow = this.#from === null;
    this.#width = width;
    this.#from = isNow ? null : Math.min(this.#end - width, Math.max(this.#start, (from + to - width) / 2));
  }

  /** To earlier (negative) or later, as a share of what is shown. */
  move(share) {
    if (this.isLive) this.by(0.5);
    const { from } = this.window(this.#start, this.#end);
    const moved = Math.max(this.#start, from + share * this.#width);
    this.#from = moved + this.#width >= this.#end ? null : moved;
  }
}
