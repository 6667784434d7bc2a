import { RateHistory, reasons } from './rate-history.js';

const shapeName = 'hp-band';
const span = 1000;
const opacity = 0.6;
const half = 5.5;
let registered = false;

// The chart library copies what a shape is made of, arrays and all. So a shape has a number, by which the arrays are found.
const all = new Map();
let made = 0;

// One band of the stack as a path, straight out of the arrays. A line series of the chart library makes an object of every point of every
// redraw, which for an hour of eight reasons is most of what a redraw costs.
const register = library => {
  if (registered) return;
  registered = true;
  library.graphic.registerShape(shapeName, library.graphic.extendShape({
    shape: { id: 0, row: 0, at: 0, x: 0, kx: 1, y: 0, ky: 1 },
    buildPath(path, { id, row, at, x, kx, y, ky }) {
      const bands = all.get(id);
      if (!bands) return;
      bands.shapes[row] = this;
      if (bands.length === 0) return;
      const top = bands.tops[row];
      const bottom = row > 0 ? bands.tops[row - 1] : null;
      const across = index => x + (bands.at[index] - at) * kx;
      path.moveTo(across(0), y + top[0] * ky);
      for (let i = 1; i < bands.length; i++) path.lineTo(across(i), y + top[i] * ky);
      for (let i = bands.length - 1; i >= 0; i--) path.lineTo(across(i), bottom ? y + bottom[i] * ky : y);
      path.closePath();
    },
  }));
};

/**
 * Rates of the selected points, stacked: when each point is, and for each reason how high its band ends there. All of them are one series
 * of the chart: a series costs the library more than the bands in it.
 */
export class Bands {
  #id = ++made;
  #names = [];
  #shows = () => true;
  at = new Float64Array(0);
  tops = [];
  length = 0;
  /** What the library made of the bands, a shape each. */
  shapes = [];
  /** The highest of the whole stack. */
  highest = 0;
  /** What is marked besides: lines across all of it as { at, color, text }, and triangles on the axis as { at, color }. */
  lines = [];
  ticks = [];

  constructor(library) {
    register(library);
    all.set(this.#id, this);
  }

  dispose() { all.delete(this.#id); }

  /** Takes points of a history, the reasons in the order of the stack, and which of them are shown. */
  take(points, names, shows) {
    this.#names = names;
    this.#shows = shows;
    this.length = points.length;
    if (this.at.length < points.length) {
      this.at = new Float64Array(points.length * 2);
      this.tops = [];
    }
    while (this.tops.length < names.length) this.tops.push(new Float64Array(this.at.length));
    const columns = names.map(name => shows(name) ? reasons.indexOf(name) : -1);
    this.highest = 0;
    for (let i = 0; i < points.length; i++) {
      this.at[i] = points[i].at;
      let sum = 0;
      for (let row = 0; row < columns.length; row++) {
        if (columns[row] >= 0) sum += RateHistory.rate(points[i], columns[row]);
        this.tops[row][i] = sum;
      }
      if (sum > this.highest) this.highest = sum;
    }
  }

  /** The series of the chart, in colours by name of the reason. Its two data are the corners of what there is to show, for the axes. */
  series(colors, more) {
    return { type: 'custom', silent: true, clip: false, renderItem: ({ dataIndex, coordSys }, api) => dataIndex > 0 ? null : this.#draw(coordSys, api, colors), ...more };
  }

  /** Draws the bands anew where neither the axes nor what is marked has changed: the chart's own work is most of a redraw. */
  refresh() { for (const shape of this.shapes) shape.dirtyShape(); }

  /** The data of the series. */
  corners(from, to) { return [[from, 0], [to, this.highest]]; }

  /** The point that is nearest to a moment: { at, rates: [{ name, rate }] }, reasons that are not shown left out; null where there is none. */
  nearest(at) {
    if (this.length === 0) return null;
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle] < at) low = middle + 1; else high = middle;
    }
    const index = low > 0 && at - this.at[low - 1] < this.at[low] - at ? low - 1 : low;
    const rates = this.#names.map((name, row) => ({ name, rate: this.tops[row][index] - (row > 0 ? this.tops[row - 1][index] : 0) }));
    return { at: this.at[index], rates: rates.filter(one => this.#shows(one.name)) };
  }

  #draw({ x: left, y: top, width, height }, api, colors) {
    // Both axes are straight, so two places tell all of them.
    const at = this.length > 0 ? this.at[0] : 0;
    const [x, y] = api.coord([at, 0]);
    const [right, up] = api.coord([at + span, span]);
    const kx = (right - x) / span;
    const shape = { id: this.#id, at, x, kx, y, ky: (up - y) / span };
    const across = moment => x + (moment - at) * kx;
    const floor = top + height;
    return {
      type: 'group',
      children: [
        {
          type: 'group',
          clipPath: { type: 'rect', shape: { x: left, y: top, width, height } },
          children: this.#names.map((name, row) => ({ type: shapeName, silent: true, shape: { ...shape, row }, style: { fill: colors[name], opacity } })),
        },
        ...this.lines.flatMap(({ at: moment, color, text }) => [
          { type: 'line', silent: true, shape: { x1: across(moment), y1: top, x2: across(moment), y2: floor }, style: { stroke: color, lineWidth: 2 } },
          { type: 'text', silent: true, x: across(moment), y: top - 4, style: { text, fill: color, font: '700 12px sans-serif', align: 'center', verticalAlign: 'bottom' } },
        ]),
        ...this.ticks.map(({ at: moment, color }) => ({
          type: 'polygon', silent: true, z2: 5, shape: { points: [[across(moment), floor - 2 * half], [across(moment) + half, floor], [across(moment) - half, floor]] }, style: { fill: color },
        })),
      ],
    };
  }
}
