import { Rate } from './rate.js';
import { count, rate } from './format.js';
import { setText } from './dom.js';

/** The part of a processor's card that changes all the time. data-hp-processor is its index. */
export class ProcessorLineView {
  #element;
  #index;
  #rate = new Rate();

  constructor(element) {
    this.#element = element;
    this.#index = Number(element.dataset.hpProcessor);
  }

  draw(model) {
    const processor = model.processors[this.#index];
    if (!processor) return;
    setText(this.#element.querySelector('[data-hp-rate]'), rate(this.#rate.take(model.frame.at, processor.exits)));
    setText(this.#element.querySelector('[data-hp-total]'), count(processor.exits));
    setText(this.#element.querySelector('[data-hp-rip]'), processor.rip);
  }
}
