import { Zoom } from './zoom.js';

const clickRadius = 4;
const wheelPace = 0.0015;
const longestTurn = 300;
const lineHeight = 16;

/**
 * Zooms a chart whose time runs across, and moves it: by wheel, pinch and dragging on its surface, by the keys plus, minus and 0, shift
 * and the arrow keys (where the chart has no other use for them, the arrow keys alone), and back by the button of its card.
 */
export class ZoomControl {
  zoom;
  #element;
  #surface;
  #back;
  #plot;
  #changed;
  #hasArrows;
  #pointers = new Map();
  #grip = null;

  /**
   * Takes what has the focus, and of its options: surface (what is dragged; else the same), plot (gives left, top, width and height of
   * the part of the surface that has the axis of time, or null), changed (is called when there is something else to show), hasArrows,
   * and the narrowest time.
   */
  constructor(element, { surface = element, plot, changed, hasArrows = false, narrowest }) {
    this.#element = element;
    this.#surface = surface;
    this.#plot = plot;
    this.#changed = changed;
    this.#hasArrows = hasArrows;
    this.zoom = new Zoom(narrowest);
    this.#back = element.closest('.hp-card')?.querySelector('[data-hp-live]');
    this.#listen('addEventListener');
  }

  /** Whether the chart is on its way with a pointer: what is under it is then not pointed at. */
  get isDragging() { return this.#grip?.isMoved ?? false; }

  /** What is shown of the time from start to end, both milliseconds; the button back is there where that is not all. */
  window(start, end) {
    const shown = this.zoom.window(start, end);
    if (this.#back) this.#back.hidden = this.zoom.isLive;
    return shown;
  }

  dispose() { this.#listen('removeEventListener'); }

  #listen(how) {
    this.#element[how]('keydown', this.#key);
    this.#back?.[how]('click', this.#live);
    const surface = this.#surface;
    surface[how]('dblclick', this.#live);
    surface[how]('wheel', this.#wheel, { passive: false });
    surface[how]('pointerdown', this.#press);
    surface[how]('pointermove', this.#drag);
    for (const end of ['pointerup', 'pointercancel']) surface[how](end, this.#release);
  }

  #live = () => {
    this.zoom.live();
    this.#changed();
  };

  // Where a pointer is in the plot: 0 at its left, 1 at its right; null where it is beside it.
  #share({ clientX, clientY }) {
    const plot = this.#plot();
    if (!plot) return null;
    const box = this.#surface.getBoundingClientRect();
    const [x, y] = [clientX - box.left - plot.left, clientY - box.top - plot.top];
    return x < 0 || y < 0 || x > plot.width || y > plot.height ? null : x / plot.width;
  }

  #wheel = event => {
    const share = this.#share(event);
    // Who is at the whole already turns the page on.
    if (share === null || event.deltaY === 0 || (event.deltaY > 0 && this.zoom.isLive)) return;
    event.preventDefault();
    const turn = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : lineHeight);
    this.zoom.around(share, Math.exp(Math.max(-longestTurn, Math.min(longestTurn, turn)) * wheelPace));
    this.#changed();
  };

  #press = event => {
    if (event.button !== 0 || this.#pointers.size > 1 || this.#share(event) === null) return;
    this.#pointers.set(event.pointerId, event.clientX);
    this.#hold();
  };

  // What the pointers have hold of from now on. It moves with them, as a sheet of paper does.
  #hold(isMoved = false) {
    const places = [...this.#pointers.values()];
    const { from, to } = this.zoom.current;
    this.#grip = places.length === 0 ? null : { places, from, width: to - from, isMoved: isMoved || places.length > 1 };
  }

  #drag = event => {
    if (!this.#pointers.has(event.pointerId)) return;
    // Let go of where nobody told: beside the surface, before it had the pointer to itself.
    if (event.buttons === 0) return this.#release(event);
    this.#pointers.set(event.pointerId, event.clientX);
    const { places: [first, second], from, width, isMoved } = this.#grip;
    const [now, other] = this.#pointers.values();
    if (!isMoved) {
      if (Math.abs(now - first) < clickRadius) return;
      this.#grip.isMoved = true;
      this.#surface.setPointerCapture(event.pointerId);
      this.#surface.classList.add('hp-dragging');
    }
    const plot = this.#plot();
    if (!plot) return;
    if (other === undefined) {
      this.zoom.show(from - (now - first) / plot.width * width, width);
    } else {
      const left = this.#surface.getBoundingClientRect().left + plot.left;
      const wide = Math.max(clickRadius, Math.abs(second - first)) / Math.max(clickRadius, Math.abs(other - now)) * width;
      const held = from + ((first + second) / 2 - left) / plot.width * width;
      this.zoom.show(held - ((now + other) / 2 - left) / plot.width * wide, wide);
    }
    this.#changed();
  };

  #release = event => {
    if (!this.#pointers.delete(event.pointerId)) return;
    this.#hold(this.#grip.isMoved);
    if (!this.#grip) this.#surface.classList.remove('hp-dragging');
  };

  #key = event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = event.shiftKey || this.#hasArrows;
    if (event.key === '+' || event.key === '=') this.zoom.by(0.5);
    else if (event.key === '-' || event.key === '_') this.zoom.by(2);
    else if (event.key === 'ArrowLeft' && moves) this.zoom.move(-0.25);
    else if (event.key === 'ArrowRight' && moves) this.zoom.move(0.25);
    else if (event.key === '0' || (event.key === 'Home' && this.#hasArrows)) this.zoom.live();
    else return;
    // The pane's shortcuts are digits, too.
    event.preventDefault();
    event.stopPropagation();
    this.#changed();
  };
}
