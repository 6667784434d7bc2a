import { byteCells, make, setText } from './dom.js';
import { count, vendorOfByte } from './format.js';
import { phrase } from '../texts.js';

const sides = ['left', 'right'];
const mostRows = 256;
const words = { 'right only': phrase('RightOnly'), 'left only': phrase('LeftOnly'), same: phrase('SameBytes'), differ: phrase('DifferentBytes') };

/** Hypercall sites of two machines in one table: a row an address, the bytes of either side in it. */
export class CompareSites {
  body;
  #rows = new Map();

  constructor(body) { this.body = body; }

  /** Draws them and tells how many rows there are, and in how many the bytes of both sides differ. */
  draw(models) {
    const addresses = new Map();
    for (const side of sides) {
      for (const site of models[side].sites.values()) addresses.set(site.address, { ...addresses.get(site.address), [side]: site });
    }
    const sorted = [...addresses].map(([address, both]) => ({ address, both, number: BigInt(address) }))
      .sort((a, b) => a.number < b.number ? -1 : a.number > b.number ? 1 : 0).slice(0, mostRows);
    let differing = 0;
    let before = null;
    for (const { address, both } of sorted) {
      let row = this.#rows.get(address);
      if (!row) this.#rows.set(address, row = this.#make(address));
      const place = before ? before.nextElementSibling : this.body.firstElementChild;
      if (place !== row) this.body.insertBefore(row, place);
      before = row;
      sides.forEach((side, index) => this.#fill(row, 1 + index * 3, both[side]));
      const word = !both.left ? 'right only' : !both.right ? 'left only' : both.left.bytes === both.right.bytes ? 'same' : 'differ';
      if (word === 'differ') differing++;
      row.dataset.bytes = word;
      setText(row.lastElementChild, words[word]);
    }
    const shown = new Set(sorted.map(({ address }) => address));
    for (const [address, row] of this.#rows) {
      if (shown.has(address)) continue;
      row.remove();
      this.#rows.delete(address);
    }
    return { rows: sorted.length, differing };
  }

  #make(address) {
    const row = make('tr');
    row.dataset.testid = 'compare-site';
    const head = make('th', 'hp-mono', address);
    head.scope = 'row';
    row.append(head);
    for (let side = 0; side < 2; side++) row.append(make('td'), make('td', 'hp-number'), make('td', 'hp-number hp-optional'));
    row.append(make('td', 'hp-muted'));
    return row;
  }

  #fill(row, index, site) {
    const cell = row.children[index];
    const bytes = site?.bytes ?? '';
    if (cell.dataset.bytes !== bytes) {
      cell.dataset.bytes = bytes;
      const cells = make('span', 'hp-bytes hp-bytes-small');
      if (site) cells.append(...byteCells(bytes, site.patchOffset, vendorOfByte));
      cell.replaceChildren(site ? cells : '–');
    }
    setText(row.children[index + 1], site ? count(site.calls) : '–');
    setText(row.children[index + 2], site ? count(site.patches) : '–');
  }
}
