import { RateHistory, reasons } from './rate-history.js';

const shapeName = 'hp-band';
const span = 1000;
let registered = false;

// The chart library copies what a shape is made of, arrays and all. So a shape has a number, by which the arrays are found.
const all = new Map();
let made = 0;

// One band of the stack as a path, straight out of the arrays. A line series of the chart library makes an object of every point of every
// redraw, which for an hour of eight reasons is most of what a redraw costs.
const register = echarts => {
  if (registered) return;
  registered = true;
  echarts.graphic.registerShape(shapeName, echarts.graphic.extendShape({
    shape: { id: 0, row: 0, at: 0, x: 0, kx: 1, y: 0, ky: 1 },
    buildPath(path, { id, row, at, x, kx, y, ky }) {
      const bands = all.get(id);
      if (!bands || bands.length === 0) return;
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

/** Rates of the selected points, stacked: when each point is, and for each reason how high its band ends there. */
export class Bands {
  #id = ++made;
  #names = [];
  at = new Float64Array(0);
  tops = [];
  length = 0;
  /** The highest of the whole stack. */
  highest = 0;

  constructor(echarts) {
    register(echarts);
    all.set(this.#id, this);
  }

  dispose() { all.delete(this.#id); }

  /** Takes points of a history, the reasons in the order of the stack, and which of them are not shown ({ name: false }). */
  take(points, names, shown) {
    this.#names = names;
    this.length = points.length;
    if (this.at.length < points.length) {
      this.at = new Float64Array(points.length * 2);
      this.tops = [];
    }
    while (this.tops.length < names.length) this.tops.push(new Float64Array(this.at.length));
    const columns = names.map(name => shown[name] === false ? -1 : reasons.indexOf(name));
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

  /** A series of the chart: the band of a reason. Its two data are the corners of what there is to show, for the axes. */
  series(row, color) {
    return {
      type: 'custom',
      silent: true,
      clip: true,
      color,
      itemStyle: { color },
      renderItem: (params, api) => {
        if (params.dataIndex > 0 || this.length === 0) return null;
        // Both axes are straight, so two places tell all of them.
        const at = this.at[0];
        const [x, y] = api.coord([at, 0]);
        const [right, up] = api.coord([at + span, span]);
        return { type: shapeName, silent: true, shape: { id: this.#id, row, at, x, kx: (right - x) / span, y, ky: (up - y) / span }, style: { fill: color, opacity: 0.6 } };
      },
    };
  }

  /** The data of such a series. */
  corners(from, to) { return [[from, 0], [to, this.highest]]; }

  /** The point that is nearest to a moment: { at, rates: [{ name, rate }] }, reasons that are not shown left out; null where there is none. */
  nearest(at, shown) {
    if (this.length === 0) return null;
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle] < at) low = middle + 1; else high = middle;
    }
    const index = low > 0 && at - this.at[low - 1] < this.at[low] - at ? low - 1 : low;
    const rates = this.#names.map((name, row) => ({ name, rate: this.tops[row][index] - (row > 0 ? this.tops[row - 1][index] : 0) }));
    return { at: this.at[index], rates: rates.filter(one => shown[one.name] !== false) };
  }
}
