import { code, count, duration, rate } from './format.js';
import { make, setText } from './dom.js';

/** Rows by key, in the order given; cells are changed in place. */
class Rows {
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

/** Hypercalls by number. */
export class HypercallsView {
  #rows;
  #empty;

  constructor(body) {
    this.#rows = new Rows(body);
    this.#empty = body.closest('table').parentElement.querySelector('[data-hp-empty]');
  }

  draw(model) {
    if (this.#empty) this.#empty.hidden = model.hypercalls.length > 0;
    this.#rows.draw(model.hypercalls, call => call.number, call => [
      { head: true, className: 'hp-number', text: call.number < 0 ? 'others' : String(call.number) },
      { className: 'hp-mono', text: call.number < 0 ? '(no such hypercall)' : call.name },
      { className: 'hp-number', text: count(call.count) },
      { className: 'hp-number', text: rate(call.rate) },
      { className: 'hp-mono', text: call.lastArguments?.join('  ') ?? '–' },
      { className: 'hp-number hp-mono', text: call.lastResult === null || call.lastResult === undefined ? '–' : result(call.lastResult) },
    ]);
  }
}

/** Exits by reason with their handling times. */
export class ReasonsView {
  #rows;

  constructor(body) {
    this.#rows = new Rows(body);
  }

  draw(model) {
    this.#rows.draw(model.reasons, reason => reason.reason, reason => [
      { head: true, className: 'hp-reason', text: reason.reason, swatch: reason.reason },
      { className: 'hp-mono', text: `${reason.nativeName} ${code(model.frame.vendor, reason.nativeCode)}` },
      { className: 'hp-number', text: count(reason.count) },
      { className: 'hp-number', text: rate(reason.rate) },
      { className: 'hp-number', text: duration(reason.p50Ns) },
      { className: 'hp-number', text: duration(reason.p99Ns) },
    ]);
  }
}

const errors = { '-1': '-EPERM', '-14': '-EFAULT', '-22': '-EINVAL', '-95': '-EOPNOTSUPP', '-1000': '-ENOSYS' };
const result = value => errors[value] ? `${value} (${errors[value]})` : String(value);
