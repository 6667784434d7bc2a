import { setText } from './dom.js';

// What a guest writes is shown, never obeyed: control characters become their pictures.
// eslint-disable-next-line no-control-regex
const printable = text => text.replace(/\r\n?/g, '\n').replace(/[\x00-\x08\x0b-\x1f]/g, c => String.fromCharCode(0x2400 + c.charCodeAt(0))).replace(/\x7f/g, '\u2421');

/** Serial output; follows its end unless the person has scrolled up. */
export class SerialView {
  #element;
  #position = -1;

  constructor(element) {
    this.#element = element;
  }

  draw(model) {
    if (model.serialPosition === this.#position) return;
    this.#position = model.serialPosition;
    const atEnd = this.#element.scrollHeight - this.#element.scrollTop - this.#element.clientHeight < 24;
    setText(this.#element, printable(model.serial));
    if (atEnd) this.#element.scrollTop = this.#element.scrollHeight;
  }
}
