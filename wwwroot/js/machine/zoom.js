// The part of its time that a chart shows: all of it up to now, a width that follows the present, or a part that stands still.
export class Zoom {
  #narrowest;
  #width = null;
  #from = null;
  #start = 0;
  #end = 1;

  /** With the narrowest part that it shows, in milliseconds. */
  constructor(narrowest = 2000) { this.#narrowest = narrowest; }

  /** Whether it is everything up to now. */
  get isLive() { return this.#width === null; }

  /** What is shown, of the time that was told last. */
  get current() { return this.window(this.#start, this.#end); }

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

  /** Shows a width from a moment on, as near to that as there is time; with the present in it, it follows that. */
  show(from, width) {
    const span = this.#end - this.#start;
    if (width >= span) return this.live();
    this.#width = Math.min(span, Math.max(this.#narrowest, width));
    const first = Math.max(this.#start, from);
    this.#from = first + this.#width >= this.#end ? null : first;
  }

  /** Nearer (less than 1) or farther, around the middle; at the present, around the present. */
  by(factor) { this.around(this.#from === null ? 1 : 0.5, factor); }

  /** The same around a place of what is shown: 0 is its beginning and 1 its end. */
  around(share, factor) {
    const { from, to } = this.current;
    const width = Math.max(this.#narrowest, (to - from) * factor);
    this.show(from + share * (to - from - width), width);
  }

  /** To earlier (negative) or later, as a share of what is shown. */
  move(share) {
    if (this.isLive) this.by(0.5);
    const { from, to } = this.current;
    this.show(from + share * (to - from), to - from);
  }
}
