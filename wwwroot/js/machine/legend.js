import { make } from './dom.js';
import { phrase } from '../texts.js';

/**
 * The legend of a chart: a button a name, which shows and hides what it names. Tab stops once for all of them, and the arrow keys go from one
 * to the next. Made anew only where the names are others.
 */
export class Legend {
  #root;
  #changed;
  #names = '';
  #hidden = new Set();

  /** Takes the chart's element, whose first part it becomes, and what is called when something is shown or hidden. */
  constructor(element, changed) {
    this.#root = make('div', 'hp-legend');
    this.#root.setAttribute('role', 'toolbar');
    this.#root.ariaLabel = phrase('Legend');
    this.#root.addEventListener('click', this.#press);
    this.#root.addEventListener('keydown', this.#key);
    this.#changed = changed;
    element.prepend(this.#root);
  }

  /** Whether what has this name is to be shown. */
  shows = name => !this.#hidden.has(name);

  /** Has these names: of reasons, and after them of marks on the axis. */
  draw(reasons, marks = []) {
    const names = [...reasons, ...marks].join();
    if (names === this.#names) return;
    this.#names = names;
    const before = this.#root.querySelector('[tabindex="0"]');
    const hadFocus = before !== null && before === document.activeElement;
    this.#root.replaceChildren(...reasons.map(name => this.#button(name, 'hp-reason')), ...marks.map(name => this.#button(name, 'hp-mark')));
    const buttons = [...this.#root.children];
    const stop = buttons.find(one => one.dataset.name === before?.dataset.name) ?? buttons[0];
    if (stop) stop.tabIndex = 0;
    if (hadFocus) stop?.focus();
  }

  dispose() { this.#root.remove(); }

  #button(name, kind) {
    const button = make('button', kind, name);
    button.type = 'button';
    button.tabIndex = -1;
    button.dataset.name = name;
    if (kind === 'hp-reason') button.dataset.reason = name;
    button.ariaPressed = String(this.shows(name));
    return button;
  }

  #press = ({ target }) => {
    const button = target.closest('button');
    if (!button) return;
    this.#stopAt(button);
    const { name } = button.dataset;
    if (!this.#hidden.delete(name)) this.#hidden.add(name);
    button.ariaPressed = String(this.shows(name));
    this.#changed();
  };

  #key = event => {
    const buttons = [...this.#root.children];
    const place = buttons.indexOf(event.target);
    const places = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: buttons.length - 1 };
    if (place < 0 || !(event.key in places) || event.ctrlKey || event.metaKey || event.altKey) return;
    // The arrow keys move the chart where that has the focus.
    event.preventDefault();
    event.stopPropagation();
    this.#stopAt(buttons[Math.min(buttons.length - 1, Math.max(0, places[event.key]))]);
  };

  #stopAt(button) {
    for (const one of this.#root.children) one.tabIndex = one === button ? 0 : -1;
    button.focus();
  }
}
