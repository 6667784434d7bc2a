import { code, duration, time, vendorOfByte } from './format.js';
import { byteCells, make, setText } from './dom.js';
import { phrase } from '../texts.js';

// As in the style sheet: every row of the long table is as high as every other.
const rowHeight = 30;
const beyond = 8;

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
    setText(this.#note, newest === 0 ? phrase('NoPatchSeenYet') : '');
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

/** The latest exits, newest on top, as many as data-hp-limit says. */
class ShortExits {
  #body;
  #limit;
  #note;
  #newest = 0;

  constructor(body, note) {
    this.#body = body;
    this.#limit = Number(body.dataset.hpLimit);
    this.#note = note;
  }

  draw(model) {
    const { exits } = model;

    // Older ones came in behind newer ones: what happened before the page was opened.
    const shown = this.#body.childElementCount;
    if (shown < this.#limit && exits.length > shown) {
      this.#body.replaceChildren();
      this.#newest = 0;
    }

    const fresh = [];
    for (let i = exits.length - 1; i >= 0 && exits[i].sequence > this.#newest && fresh.length < this.#limit; i--) fresh.push(exits[i]);
    if (fresh.length > 0) {
      this.#newest = fresh[0].sequence;
      this.#body.prepend(...fresh.map(exit => row(exit)));
      while (this.#body.childElementCount > this.#limit) this.#body.lastElementChild.remove();
    }
    setText(this.#note, this.#body.childElementCount === 0 ? phrase('NoExitsYet') : '');
  }
}

/**
 * Thousands of exits, newest on top, in a part of the page that scrolls: rows are all of one height, and only those that can be seen
 * are elements. Who has scrolled down keeps the rows that are looked at, although newer ones come on top.
 */
class AllExits {
  #body;
  #note;
  #scroll;
  #above = make('tr', 'hp-spacer');
  #below = make('tr', 'hp-spacer');
  #rows = new Map();
  #exits = [];
  #key = null;
  #held = 0;
  #newest = 0;
  #range = '';
  #count;
  #stop = null;

  constructor(body, note) {
    this.#body = body;
    this.#note = note;
    this.#scroll = body.closest('.hp-scroll');
    this.#count = body.closest('table').querySelector('caption');
    for (const spacer of [this.#above, this.#below]) {
      spacer.setAttribute('aria-hidden', 'true');
      spacer.append(make('td'));
      spacer.firstChild.colSpan = 7;
    }
    this.#body.append(this.#above, this.#below);
    this.#scroll.addEventListener('scroll', this.#show, { passive: true });
    this.#body.addEventListener('keydown', this.#press);
  }

  draw(model, { frozen, filter }) {
    const exits = filter.exits ?? model.exits;
    const isOther = filter.key !== this.#key;
    if (isOther) {
      this.#key = filter.key;
      this.#scroll.scrollTop = 0;
    }
    const isHeld = frozen && !isOther && this.#exits.length > 0;
    if (isHeld) {
      setText(this.#note, phrase('ViewPaused', (model.counters.exits.total - this.#held).toLocaleString('en')));
    } else {
      this.#held = model.counters.exits.total;
      this.#take(exits);
      setText(this.#note, exits.length > 0 ? '' : this.#key === null ? phrase('NoExitsYet') : phrase('NoExitFits'));
    }
    this.#show();
  }

  dispose() {
    this.#scroll.removeEventListener('scroll', this.#show);
    this.#body.removeEventListener('keydown', this.#press);
  }

  #take(exits) {
    const newest = exits.at(-1)?.sequence ?? 0;
    if (newest === this.#newest && exits.length === this.#exits.length) return;
    let fresh = 0;
    while (fresh < exits.length && exits[exits.length - 1 - fresh].sequence > this.#newest) fresh++;
    // A row that has the focus stays where it is, too.
    const isScrolled = (this.#scroll.scrollTop > rowHeight || this.#body.contains(document.activeElement)) && this.#exits.length > 0;
    this.#newest = newest;
    this.#exits = exits.slice();
    this.#range = '';
    if (isScrolled) {
      this.#spread();
      this.#scroll.scrollTop += fresh * rowHeight;
    }
  }

  // The table's whole height, before any row is put in: what there is to scroll.
  #spread() { this.#below.style.height = `${this.#exits.length * rowHeight}px`; }

  #show = () => {
    const total = this.#exits.length;
    const first = Math.max(0, Math.min(total, Math.floor(this.#scroll.scrollTop / rowHeight) - beyond));
    const last = Math.min(total, first + Math.ceil(this.#scroll.clientHeight / rowHeight) + 2 * beyond);
    const range = `${first}-${last}-${this.#newest}-${total}-${this.#key}`;
    if (range === this.#range) return;
    this.#range = range;
    const wanted = new Set();
    let after = this.#above;
    for (let i = first; i < last; i++) {
      const exit = this.#exits[total - 1 - i];
      wanted.add(exit.sequence);
      let element = this.#rows.get(exit.sequence);
      if (!element) this.#rows.set(exit.sequence, element = this.#row(exit));
      element.ariaRowIndex = String(i + 2);
      if (after.nextElementSibling !== element) after.after(element);
      after = element;
    }
    for (const [sequence, element] of this.#rows) {
      if (wanted.has(sequence)) continue;
      element.remove();
      this.#rows.delete(sequence);
    }
    this.#above.style.height = `${first * rowHeight}px`;
    this.#below.style.height = `${(total - last) * rowHeight}px`;
    this.#above.hidden = first === 0;
    this.#below.hidden = last === total;
    this.#body.closest('table').ariaRowCount = String(total + 1);
    setText(this.#count, phrase('LatestExits', total.toLocaleString('en')));
    this.#rove();
  };

  // Thousands of rows would be thousands of stops for the Tab key: it has one, and the arrow keys go on from there.
  #rove() {
    const focused = this.#body.contains(document.activeElement) ? document.activeElement : null;
    const top = this.#exits.at(-1 - Math.ceil(this.#scroll.scrollTop / rowHeight));
    const stop = focused ?? this.#rows.get(top?.sequence)?.querySelector('a') ?? null;
    if (stop === this.#stop) return;
    if (this.#stop) this.#stop.tabIndex = -1;
    if (stop) stop.tabIndex = 0;
    this.#stop = stop;
  }

  #row(exit) {
    const element = row(exit);
    element.querySelector('a').tabIndex = -1;
    return element;
  }

  #press = event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const element = event.target.closest('tr');
    if (!step || !element || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const index = Number(element.ariaRowIndex) - 2 + step;
    const exit = this.#exits.at(-1 - index);
    if (!exit || index < 0) return;
    // The head of the table lies over the first row's height of what is scrolled.
    const place = index * rowHeight;
    const { scrollTop, clientHeight } = this.#scroll;
    if (place < scrollTop) this.#scroll.scrollTop = place;
    else if (place + 3 * rowHeight > scrollTop + clientHeight) this.#scroll.scrollTop = place + 3 * rowHeight - clientHeight;
    this.#show();
    this.#rows.get(exit.sequence)?.querySelector('a').focus({ preventScroll: true });
    this.#rove();
  };
}

/** The latest exits: a few where data-hp-limit says how many, else all that are kept. The body is the element. */
export class ExitsView {
  #view;

  constructor(body) {
    const note = body.closest('[data-hp-exits]')?.querySelector('[data-hp-note]');
    this.#view = body.dataset.hpLimit ? new ShortExits(body, note) : new AllExits(body, note);
  }

  draw(model, options) { this.#view.draw(model, options); }

  dispose() { this.#view.dispose?.(); }
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
  link.title = phrase('TheCodeThere');
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
