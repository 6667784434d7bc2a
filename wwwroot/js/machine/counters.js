import { count, rate } from './format.js';
import { setText } from './dom.js';

/** A total and its rate. data-hp-counter names it. */
export class CounterView {
  #name;
  #total;
  #rate;

  constructor(element) {
    this.#name = element.dataset.hpCounter;
    this.#total = element.querySelector('[data-hp-total]');
    this.#rate = element.querySelector('[data-hp-rate]');
  }

  draw(model) {
    const counter = model.counters[this.#name];
    if (!counter) return;
    setText(this.#total, count(counter.total));
    setText(this.#rate, `${rate(counter.rate)}/s`);
  }
}
