import { make, setText } from './dom.js';

/** Rows by key, in the order given; cells are changed in place. */
export class Rows {
  #body;
  #rows = new Map();

  constructor(body) {
    this.#body = body;
  }

  draw(items, key, cells) {
    const seen = new Set();
    let before = null;
    for (const item of items) {
      const id = key(item);
      seen.add(id);
      const texts = cells(item);
      let row = this.#rows.get(id);
      if (!row) {
        row = make('tr');
        texts.forEach(({ head, className }) => {
          const cell = make(head ? 'th' : 'td', className);
          if (head) cell.scope = 'row';
          row.append(cell);
        });
        this.#rows.set(id, row);
      }
      const place = before ? before.nextElementSibling : this.#body.firstElementChild;
      if (place !== row) this.#body.insertBefore(row, place);
      before = row;
      texts.forEach(({ text, swatch }, index) => {
        const cell = row.children[index];
        if (swatch && !cell.dataset.reason) cell.dataset.reason = swatch;
        setText(cell, text);
      });
    }
    for (const [id, row] of this.#rows) {
      if (seen.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
  }
}
