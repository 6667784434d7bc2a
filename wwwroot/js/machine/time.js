import { time } from './format.js';
import { setText } from './dom.js';

/** A moment that the server wrote as UTC into the element's datetime, in the clock of the person who looks. */
export class TimeView {
  #element;
  #shown = '';

  constructor(element) {
    this.#element = element;
  }

  draw() {
    const at = this.#element.dateTime;
    if (at === this.#shown) return;
    this.#shown = at;
    setText(this.#element, time(Date.parse(at)));
  }
}
