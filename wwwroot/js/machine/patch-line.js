import { vendorName } from './format.js';
import { setText } from './dom.js';

const sayEvery = 2000;

/** The latest patch in one sentence. Read out, so not more often than one can listen. */
export class PatchLineView {
  #element;
  #said = 0;
  #sequence = 0;

  constructor(element) {
    this.#element = element;
  }

  draw(model) {
    const patch = model.patches.at(-1);
    if (!patch || patch.sequence === this.#sequence || performance.now() - this.#said < sayEvery) return;
    this.#sequence = patch.sequence;
    this.#said = performance.now();
    setText(this.#element, `vCPU ${patch.processor} met #UD at ${patch.site}: ${patch.bytes} became ${patch.after} (${vendorName(patch.vendor)}, policy ${patch.policy})`);
  }
}
