import { vendorName } from './format.js';
import { setText } from './dom.js';
import { phrase } from '../texts.js';

const sayEvery = 3000;

/** The latest patch in one sentence: shown at once, read out no more often than one can listen. */
export class PatchLineView {
  #shown;
  #said;
  #saidAt = 0;

  constructor(element) {
    this.#shown = element.querySelector('[data-hp-shown]');
    this.#said = element.querySelector('[data-hp-said]');
  }

  draw(model) {
    const patch = model.patches.at(-1);
    if (!patch) return;
    const text = phrase('PatchLine', patch.processor, patch.site, patch.bytes, patch.after, vendorName(patch.vendor), patch.policy);
    setText(this.#shown, text);
    if (performance.now() - this.#saidAt < sayEvery || this.#said.textContent === text) return;
    this.#saidAt = performance.now();
    setText(this.#said, text);
  }
}
