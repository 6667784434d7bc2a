import { count, duration, time } from './format.js';
import { cleared, setText } from './dom.js';
import { heatColors, heatStep } from './heat-colors.js';
import { bucketOf } from './latency-model.js';
import { ZoomControl } from './zoom-control.js';
import { phrase } from '../texts.js';

const shortest = 15_000;
const narrowest = 10_000;
const fewestRows = 24;
const left = 62;
const right = 10;
const top = 26;
const bottom = 24;
const pathOfText = '12px system-ui, "Segoe UI", sans-serif';
const ticksOfTime = [5, 10, 30, 60, 120, 300, 600, 900].map(seconds => seconds * 1000);

/**
 * Handling times over time: a column a second (or five), a row a bucket, the count as colour, with p50 and p99 as lines. Drawn as one
 * picture, a pixel a cell, and stretched: an hour costs no more than a minute. data-hp-range is how much time it shows in milliseconds;
 * of that it is zoomed and moved.
 */
export class HeatMapView {
  #element;
  #canvas;
  #readout;
  #said;
  #help;
  #picture = document.createElement('canvas');
  #painted = null;
  #resize;
  #colors = null;
  #version = -1;
  #latency = null;
  #view = null;
  #cursor = null;
  #control;

  constructor(element) {
    this.#element = element;
    this.#canvas = element.querySelector('canvas');
    const card = element.closest('.hp-card');
    this.#readout = card?.querySelector('[data-hp-readout]');
    this.#said = card?.querySelector('[data-hp-said]');
    this.#help = this.#readout?.textContent ?? '';
    this.#resize = new ResizeObserver(() => this.#redraw());
    this.#resize.observe(element);
    this.#control = new ZoomControl(element, {
      plot: () => this.#view && { left, top, width: this.#view.width, height: this.#view.height },
      changed: () => this.#redraw(),
      narrowest,
    });
    this.#listen('addEventListener');
  }

  /** Light and dark changed places. */
  retheme() {
    this.#colors = null;
    this.#painted = null;
    this.#version = -1;
  }

  draw({ latency }) {
    if (latency.version === 0 || latency.version === this.#version) return;
    this.#version = latency.version;
    this.#latency = latency;
    this.#redraw();
  }

  dispose() {
    this.#resize.disconnect();
    this.#control.dispose();
    this.#listen('removeEventListener');
  }

  #listen(how) {
    this.#element[how]('keydown', this.#key);
    for (const event of ['pointermove', 'pointerdown']) this.#element[how](event, this.#point);
    for (const event of ['pointerleave', 'blur']) this.#element[how](event, this.#leave);
  }

  #redraw() {
    const { clientWidth, clientHeight } = this.#element;
    if (!this.#latency || clientWidth <= left + right || clientHeight <= top + bottom) return;
    const { context, width, height, scale } = cleared(this.#canvas);
    this.#colors ??= heatColors();
    this.#view = this.#measure(width - left - right, height - top - bottom);
    context.font = pathOfText;
    this.#axes(context);
    if (this.#view.most > 0) {
      this.#cells(context, scale);
      this.#legend(context, width);
    }
    this.#within(context, () => {
      this.#lines(context);
      this.#cross(context);
    });
    this.#tell();
  }

  // What is shown: from when to when, and from which bucket to which.
  #measure(width, height) {
    const { columns } = this.#latency;
    const range = Number(this.#element.dataset.hpRange) || 60_000;
    const end = columns.at(-1)?.to ?? Date.now();
    const start = Math.max(end - range, Math.min(columns[0]?.from ?? end, end - shortest));
    const { from, to } = this.#control.window(start, end);
    const kept = columns.filter(column => column.to > start);
    const shown = kept.filter(column => column.to > from && column.from < to);
    let low = Infinity;
    let high = -Infinity;
    let most = 0;
    for (const { cells } of shown) {
      if (cells.length === 0) continue;
      low = Math.min(low, cells[0]);
      high = Math.max(high, cells[cells.length - 2]);
      for (let i = 1; i < cells.length; i += 2) most = Math.max(most, cells[i]);
    }
    if (low > high) [low, high] = [bucketOf(1000), bucketOf(1_000_000)];
    const missing = Math.max(0, fewestRows - (high - low + 1));
    low = Math.max(0, low - Math.ceil(missing / 2));
    high = Math.min(this.#latency.bounds.length - 2, high + Math.ceil(missing / 2));
    const rows = high - low + 1;
    return {
      kept, shown, from, to, low, high, rows, most, width, height,
      x: at => left + (at - from) / (to - from) * width,
      y: bucket => top + height - (bucket - low) / rows * height,
    };
  }

  #cells(context, scale) {
    const { width, height, low, rows, from, to } = this.#view;
    const wide = Math.max(1, Math.round(width * scale));
    // A cross-hair that moves needs no new picture.
    const wanted = `${this.#latency.version} ${wide} ${low} ${rows} ${from} ${to}`;
    if (wanted !== this.#painted) this.#paint(wide, scale);
    this.#painted = wanted;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#picture, left, top, width, height);
  }

  #paint(wide, scale) {
    const { shown, low, rows, most, x } = this.#view;
    const counts = new Float64Array(wide * rows);
    for (const column of shown) {
      const first = Math.max(0, Math.round((x(column.from) - left) * scale));
      const end = Math.min(wide, Math.max(first + 1, Math.round((x(column.to) - left) * scale)));
      for (let i = 0; i < column.cells.length; i += 2) {
        const row = (rows - 1 - (column.cells[i] - low)) * wide;
        // Where columns are narrower than a pixel, the fullest is seen.
        for (let at = row + first; at < row + end; at++) if (column.cells[i + 1] > counts[at]) counts[at] = column.cells[i + 1];
      }
    }
    Object.assign(this.#picture, { width: wide, height: rows });
    const brush = this.#picture.getContext('2d');
    const image = brush.createImageData(wide, rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let at = 0; at < counts.length; at++) if (counts[at] > 0) pixels[at] = this.#colors.ramp[heatStep(counts[at], most)];
    brush.putImageData(image, 0, 0);
  }

  // Nothing beside the plot: columns at its ends reach beyond it where a part of the time is shown.
  #within(context, draw) {
    const { width, height } = this.#view;
    context.save();
    context.beginPath();
    context.rect(left - 2, top - 2, width + 4, height + 4);
    context.clip();
    draw();
    context.restore();
  }

  // Each line with a border of the surface's colour, so that it is seen on any cell.
  #lines(context) {
    const { shown, most, x, y } = this.#view;
    if (most === 0) return;
    for (const [name, dashes] of [['p50', [5, 4]], ['p99', []]]) {
      context.beginPath();
      let isDown = false;
      for (const column of shown) {
        if (column.total === 0) { isDown = false; continue; }
        const height = y(bucketOf(column[name]));
        if (isDown) context.lineTo(Math.max(left, x(column.from)), height);
        else context.moveTo(Math.max(left, x(column.from)), height);
        context.lineTo(x(column.to), height);
        isDown = true;
      }
      for (const [color, thickness] of [[this.#colors.surface, 3.5], [this.#colors.text, 1.5]]) {
        Object.assign(context, { strokeStyle: color, lineWidth: thickness });
        context.setLineDash(dashes);
        context.stroke();
      }
    }
    context.setLineDash([]);
  }

  #axes(context) {
    const { from, to, low, high, width, height, x, y } = this.#view;
    const { muted, border, line } = this.#colors;
    Object.assign(context, { fillStyle: muted, strokeStyle: line, lineWidth: 1, textBaseline: 'middle', textAlign: 'right' });
    let lowest = Infinity;
    for (let power = 1; power <= 1e10; power *= 10) {
      // Powers of ten; where fewer than two are in sight, twos and fives as well.
      for (const step of high - low < 56 ? [1, 2, 5] : [1]) {
        const bucket = bucketOf(power * step);
        if (bucket < low || bucket > high + 1) continue;
        const height = Math.round(y(bucket)) + 0.5;
        if (lowest - height < 18) continue;
        lowest = height;
        this.#stroke(context, left, height, left + width, height);
        context.fillText(duration(power * step).replace('.0', ''), left - 6, height);
      }
    }
    Object.assign(context, { textAlign: 'center', textBaseline: 'top', strokeStyle: border });
    const step = ticksOfTime.find(one => (to - from) / one * 84 <= width) ?? ticksOfTime.at(-1);
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      const place = x(at);
      if (place < left + 30 || place > left + width - 24) continue;
      this.#stroke(context, Math.round(place) + 0.5, top + height, Math.round(place) + 0.5, top + height + 4);
      context.fillText(time(at).slice(0, 8), place, top + height + 8);
    }
    this.#stroke(context, left, top + height + 0.5, left + width, top + height + 0.5);
  }

  #legend(context, width) {
    const { most } = this.#view;
    const { ramp, muted, text } = this.#colors;
    const label = count(most);
    Object.assign(context, { fillStyle: muted, textBaseline: 'middle', textAlign: 'right' });
    context.fillText(label, width - right, 11);
    const end = width - right - context.measureText(label).width - 6;
    const long = 96;
    const bytes = new Uint8Array(ramp.buffer);
    for (let at = 0; at < long; at++) {
      const index = Math.round(at / (long - 1) * 255) * 4;
      context.fillStyle = `rgb(${bytes[index]} ${bytes[index + 1]} ${bytes[index + 2]})`;
      context.fillRect(end - long + at, 6, 1.5, 10);
    }
    context.fillStyle = muted;
    context.fillText('1', end - long - 6, 11);
    context.fillStyle = text;
    context.fillText(phrase('HeatLegend'), end - long - 12 - context.measureText('1').width - 6, 11);
  }

  #cross(context) {
    const column = this.#columnOf(this.#cursor);
    if (!column) return;
    const { low, high, x, y, rows, height } = this.#view;
    const bucket = this.#cursor.bucket = Math.min(high, Math.max(low, this.#cursor.bucket));
    const [x0, x1] = [Math.max(left, x(column.from)), Math.min(left + this.#view.width, x(column.to))];
    Object.assign(context, { strokeStyle: this.#colors.text, lineWidth: 1 });
    context.strokeRect(Math.round(x0) - 0.5, top - 0.5, Math.max(2, Math.round(x1 - x0)) + 1, height + 1);
    context.lineWidth = 2;
    context.strokeRect(x0 - 1, y(bucket + 1) - 1, Math.max(4, x1 - x0 + 2), Math.max(4, height / rows + 2));
  }

  #stroke(context, x0, y0, x1, y1) {
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
  }

  // A place keeps its moment while time goes on, until that has left the chart.
  #columnOf(cursor) {
    if (!cursor || !this.#view) return null;
    return this.#view.shown.find(column => cursor.at > column.from && cursor.at <= column.to) ?? null;
  }

  // Keeps a column in sight, where a part of the time is shown.
  #follow({ from, to }) {
    const { zoom } = this.#control;
    const shown = zoom.current;
    if (from < shown.from) zoom.show(from, shown.to - shown.from);
    else if (to > shown.to) zoom.show(to - (shown.to - shown.from), shown.to - shown.from);
  }

  #tell(aloud = false) {
    const column = this.#columnOf(this.#cursor);
    let text = this.#help;
    if (column) {
      const { bounds } = this.#latency;
      const { bucket } = this.#cursor;
      const at = column.cells.findIndex((value, index) => index % 2 === 0 && value === bucket);
      const own = at < 0 ? 0 : column.cells[at + 1];
      const all = column.total === 0 ? phrase('NoExitAtAll') : phrase('ExitsInAll', count(column.total), duration(column.p50), duration(column.p99), duration(column.max));
      text = phrase(own === 1 ? 'HeatOneExit' : 'HeatExits', time(column.to).slice(0, 8), duration(bounds[bucket]), duration(bounds[bucket + 1]), count(own), all);
    }
    setText(this.#readout, text);
    if (aloud) setText(this.#said, column ? text : '');
  }

  #point = event => {
    if (!this.#view || this.#control.isDragging) return;
    const box = this.#element.getBoundingClientRect();
    const { from, to, low, high, rows, width, height } = this.#view;
    const [x, y] = [event.clientX - box.left - left, event.clientY - box.top - top];
    if (x < 0 || x > width || y < 0 || y > height) return this.#leave();
    this.#cursor = { at: from + x / width * (to - from), bucket: Math.min(high, Math.floor(low + (height - y) / height * rows)) };
    this.#redraw();
  };

  #leave = () => {
    if (!this.#cursor) return;
    this.#cursor = null;
    this.#redraw();
  };

  #key = event => {
    // With shift the arrow keys move the whole, as on the other charts.
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !this.#view || this.#view.shown.length === 0) return;
    const { kept, shown, low, high } = this.#view;
    const column = this.#columnOf(this.#cursor);
    const index = kept.indexOf(column ?? shown.at(-1));
    const bucket = column ? this.#cursor.bucket : Math.floor(bucketOf(kept[index].p50));
    const to = (place, row) => {
      const next = kept[Math.min(kept.length - 1, Math.max(0, place))];
      this.#cursor = { at: next.to, bucket: Math.min(high, Math.max(low, row)) };
      this.#follow(next);
    };
    // The first key shows the cross-hair; it is on the median of the latest column.
    const step = column ? 1 : 0;
    switch (event.key) {
      case 'ArrowLeft': to(index - step, bucket); break;
      case 'ArrowRight': to(index + step, bucket); break;
      case 'ArrowUp': to(index, bucket + step); break;
      case 'ArrowDown': to(index, bucket - step); break;
      case 'PageUp': to(index - 10 * step, bucket); break;
      case 'PageDown': to(index + 10 * step, bucket); break;
      case 'Home': to(kept.indexOf(shown[0]), bucket); break;
      case 'End': to(kept.indexOf(shown.at(-1)), bucket); break;
      case 'Escape': if (!column) return; this.#cursor = null; break;
      default: return;
    }
    event.preventDefault();
    event.stopPropagation();
    this.#redraw();
    this.#tell(true);
  };
}
