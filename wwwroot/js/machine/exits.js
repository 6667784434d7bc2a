import { code, duration, time, vendorOfByte } from './format.js';
import { byteCells, make, setText } from './dom.js';

const most = 200;

/** The latest patches, newest on top: rare, so they stay while other exits rush by. */
export class PatchesView {
  #body;
  #limit;
  #note;
  #newest = -1;

  constructor(body) {
    this.#body = body;
    this.#limit = Number(body.dataset.hpLimit);
    this.#note = body.closest('[data-hp-exits]')?.querySelector('[data-hp-note]');
  }

  draw(model) {
    const newest = model.patches.at(-1)?.sequence ?? 0;
    if (newest === this.#newest) return;
    this.#newest = newest;
    this.#body.replaceChildren(...model.patches.slice(-this.#limit).reverse().map(patchRow));
    setText(this.#note, newest === 0 ? 'No patch seen yet. Switch the vendor: each site is repaired when it is executed next.' : '');
  }
}

const patchRow = patch => {
  const element = make('tr');
  element.dataset.sequence = patch.sequence;
  element.dataset.testid = 'patch-row';
  element.append(
    make('td', 'hp-mono hp-time', time(patch.at)),
    make('td', 'hp-number', String(patch.processor)),
    make('td', 'hp-mono', patch.site),
    detail(patch),
    make('td', 'hp-optional', patch.policy));
  return element;
};

/** The latest exits, newest on top. The body is the element; data-hp-limit bounds its rows. */
export class ExitsView {
  #body;
  #limit;
  #note;
  #newest = 0;
  #filter = '';
  #held = 0;

  constructor(body) {
    this.#body = body;
    this.#limit = Math.min(most, Number(body.dataset.hpLimit || most));
    this.#note = body.closest('[data-hp-exits]')?.querySelector('[data-hp-note]');
  }

  draw(model, { frozen, filter }) {
    const isPane = this.#limit === most;
    const exits = isPane && filter.exits ? filter.exits : model.exits;
    const key = isPane ? `${filter.reason}/${filter.processor}` : '';
    if (key !== this.#filter || exits.length === 0) {
      this.#filter = key;
      this.#newest = 0;
      this.#body.replaceChildren();
    }
    const fresh = [];
    for (let i = exits.length - 1; i >= 0 && exits[i].sequence > this.#newest && fresh.length < this.#limit; i--) fresh.push(exits[i]);
    if (isPane && frozen && this.#newest > 0) {
      const behind = model.counters.exits.total - this.#held;
      setText(this.#note, `View paused. ${behind.toLocaleString('en')} exits since.`);
      return;
    }
    this.#held = model.counters.exits.total;
    if (fresh.length > 0) {
      this.#newest = fresh[0].sequence;
      this.#body.prepend(...fresh.map(row));
      while (this.#body.childElementCount > this.#limit) this.#body.lastElementChild.remove();
    }
    const empty = this.#body.childElementCount === 0;
    setText(this.#note, empty ? (key && key !== 'null/null' ? 'No recorded exit fits the filter.' : 'No exits yet.') : '');
  }
}

const row = exit => {
  const element = make('tr');
  element.dataset.sequence = exit.sequence;
  element.dataset.reason = exit.reason;
  if (exit.outcome) element.dataset.outcome = exit.outcome;
  const reason = make('td', 'hp-reason', exit.reason);
  reason.dataset.reason = exit.reason;
  const native = make('td', 'hp-mono hp-optional', exit.nativeName);
  native.append(make('span', 'hp-native-code', code(exit.vendor, exit.nativeCode)));
  element.append(
    make('td', 'hp-mono hp-time', time(exit.at)),
    make('td', 'hp-number', String(exit.processor)),
    reason,
    native,
    place(exit),
    detail(exit),
    make('td', 'hp-number hp-optional', duration(exit.durationNs)));
  return element;
};

// Where it happened, and the way to the code there.
const place = exit => {
  const cell = make('td', 'hp-mono');
  const link = make('a', 'hp-rip', exit.rip);
  const address = new URL(location.href);
  address.search = new URLSearchParams({ pane: 'memory', address: exit.rip, ...(exit.processor ? { vcpu: exit.processor } : {}) });
  link.href = address.href;
  link.title = 'The code there';
  cell.append(link);
  return cell;
};

// A patch is shown as what it is: bytes before, bytes after.
const detail = exit => {
  const cell = make('td', 'hp-detail');
  if (!exit.after) {
    cell.textContent = exit.detail;
    return cell;
  }
  const last = exit.bytes.split(' ').length - 1;
  const from = make('span', 'hp-bytes hp-bytes-small');
  from.append(...byteCells(exit.bytes, last, vendorOfByte));
  const to = make('span', 'hp-bytes hp-bytes-small');
  to.append(...byteCells(exit.after, last, vendorOfByte));
  cell.append(from, make('span', 'hp-arrow', '→'), to);
  return cell;
};
