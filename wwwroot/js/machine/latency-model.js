// Buckets are log-linear, as in the engine: eight to each power of two.
const subBits = 3;
const most = 730;

/** Where a time lies among the buckets: 16.5 is in the middle of bucket 16. */
export const bucketOf = ns => {
  if (ns < 1 << subBits) return Math.max(0, ns);
  const exponent = Math.floor(Math.log2(ns));
  return ((exponent - subBits + 1) << subBits) + (ns / 2 ** exponent - 1) * (1 << subBits);
};

/** How many there are in cells (bucket, count, bucket, count, and so on), and the times that shares of them do not exceed. */
export const summarize = (cells, bounds, shares) => {
  let total = 0;
  for (let i = 1; i < cells.length; i += 2) total += cells[i];
  const at = share => {
    const rank = Math.min(total, Math.max(1, Math.ceil(share * total)));
    let seen = 0;
    for (let i = 0; i < cells.length; i += 2) {
      const [bucket, count] = [cells[i], cells[i + 1]];
      if (seen + count >= rank) return bounds[bucket] + (bounds[bucket + 1] - 1 - bounds[bucket]) * (rank - seen - 0.5) / count;
      seen += count;
    }
    return 0;
  };
  return { total, percentiles: shares.map(share => total === 0 ? 0 : at(share)) };
};

/** What the latency pane knows: figures as the server told them last, and the columns of its heat map. Both have a bound. */
export class LatencyModel {
  figures = [];
  bounds = [];
  columns = [];
  version = 0;

  /** Takes an update as parsed: { isFirst, figures, bounds, columns }. */
  apply({ isFirst, figures, bounds, columns }) {
    if (isFirst) {
      this.columns = [];
      this.bounds = bounds;
    }
    this.figures = figures;
    for (const { from, to, maxNs, cells } of columns) {
      const { total, percentiles: [p50, p90, p99] } = summarize(cells, this.bounds, [0.5, 0.9, 0.99]);
      this.columns.push({ from, to, cells, total, p50: Math.min(p50, maxNs), p90: Math.min(p90, maxNs), p99: Math.min(p99, maxNs), max: maxNs });
    }
    if (this.columns.length > most) this.columns.splice(0, this.columns.length - most);
    this.version++;
  }

  /** The histogram of all that is shown: of the sum, or of the one reason. */
  get buckets() { return this.figures[0]?.buckets ?? []; }
}
