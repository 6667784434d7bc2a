import { rate } from './format.js';
import { cleared, cssColor, setText } from './dom.js';

const kept = 120;
const decoder = new TextDecoder();

/** The cards of all machines: a rate and a line of the last minute each. */
class CardsView {
  #root;
  #machines = new Map();
  #colors = new Map();

  constructor(root) {
    this.#root = root;
    document.addEventListener('hyperpatch:theme', this.#themed);
  }

  /** Totals by machine: UTF-8 JSON. */
  push(bytes) {
    const now = performance.now();
    const totals = JSON.parse(decoder.decode(bytes));
    for (const id of this.#machines.keys()) if (!(id in totals)) this.#machines.delete(id);
    for (const [id, total] of Object.entries(totals)) {
      let machine = this.#machines.get(id);
      if (!machine) this.#machines.set(id, machine = { samples: [], rates: [] });
      machine.samples.push({ at: now, total });
      if (machine.samples.length > 4) machine.samples.shift();
      const first = machine.samples[0];
      if (now > first.at) machine.rates.push(Math.max(0, total - first.total) * 1000 / (now - first.at));
      if (machine.rates.length > kept) machine.rates.shift();
    }
    if (!document.hidden) this.#draw();
  }

  dispose() {
    document.removeEventListener('hyperpatch:theme', this.#themed);
    this.#machines.clear();
  }

  #themed = () => {
    this.#colors.clear();
    this.#draw();
  };

  #draw() {
    for (const canvas of this.#root.querySelectorAll('[data-hp-spark]')) {
      const machine = this.#machines.get(canvas.dataset.hpSpark);
      if (!machine) continue;
      const card = canvas.closest('[data-vendor]');
      setText(card.querySelector('[data-hp-rate]'), rate(machine.rates.at(-1) ?? 0));
      this.#line(canvas, machine.rates, this.#color(`--hp-${card.dataset.vendor}`));
    }
  }

  #color(name) {
    if (!this.#colors.has(name)) this.#colors.set(name, cssColor(name));
    return this.#colors.get(name);
  }

  #line(canvas, rates, color) {
    const { context, width, height } = cleared(canvas);
    if (rates.length < 2) return;
    const top = Math.max(1, ...rates) * 1.1;
    // The line fills the card while it is young, and moves on once it is a minute long.
    const x = index => index * width / (rates.length - 1);
    const y = value => height - 1.5 - value / top * (height - 4);
    context.beginPath();
    rates.forEach((value, index) => index === 0 ? context.moveTo(x(0), y(value)) : context.lineTo(x(index), y(value)));
    context.strokeStyle = color;
    context.lineWidth = 1.75;
    context.lineJoin = 'round';
    context.stroke();
    context.lineTo(x(rates.length - 1), height);
    context.lineTo(x(0), height);
    context.closePath();
    context.globalAlpha = 0.16;
    context.fillStyle = color;
    context.fill();
    context.globalAlpha = 1;
  }
}

/** Makes the view of the cards below an element. */
export const create = root => new CardsView(root);
