import { code, count, duration, rate } from './format.js';
import { Rows } from './rows.js';
import { phrase } from '../texts.js';

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
      { head: true, className: 'hp-number', text: call.number < 0 ? phrase('OtherNumbers') : String(call.number) },
      { className: 'hp-mono', text: call.number < 0 ? phrase('NoSuchHypercall') : call.name },
      { className: 'hp-number', text: count(call.count) },
      { className: 'hp-number', text: rate(call.rate) },
      ...['p50Ns', 'p90Ns', 'p99Ns', 'maxNs'].map(name => ({ className: 'hp-number', text: call.times ? duration(call.times[name]) : '–' })),
      { className: 'hp-number hp-mono', text: call.lastResult === null || call.lastResult === undefined ? '–' : result(call.lastResult) },
      { className: 'hp-mono', text: call.lastArguments?.join('  ') ?? '–' },
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
