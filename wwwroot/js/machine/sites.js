import { count, rate, vendorName, vendorOfByte } from './format.js';
import { byteCells, make, setText, stillness } from './dom.js';
import { phrase } from '../texts.js';

const freshFor = 2500;

/** How many sites speak the present vendor's language. */
export class ProgressView {
  #bar;
  #text;

  constructor(element) {
    this.#bar = element.querySelector('progress');
    this.#text = element.querySelector('[data-hp-text]');
  }

  draw(model) {
    const all = model.sites.size;
    const done = model.repaired;
    this.#bar.max = Math.max(1, all);
    this.#bar.value = done;
    setText(this.#text, all === 0 ? phrase('NoHypercallYet') : phrase('SitesInForm', done, all, vendorName(model.frame.vendor)));
  }
}

/** The hypercall sites, a row each: rows are kept and changed in place. The body is the element; data-hp-open is the site that is opened. */
export class SitesView {
  #body;
  #empty;
  #rows = new Map();

  constructor(body) {
    this.#body = body;
    this.#empty = body.closest('table')?.parentElement.querySelector('[data-hp-empty]');
  }

  draw(model) {
    const sites = [...model.sites.values()].sort((a, b) => (a.address.length - b.address.length) || (a.address < b.address ? -1 : 1));
    if (this.#empty) this.#empty.hidden = sites.length > 0;
    for (const [key, row] of this.#rows) {
      if (model.sites.get(row.id)?.address === row.address) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    const open = Number(this.#body.dataset.hpOpen || 0);
    const now = performance.now();
    let before = null;
    for (const site of sites) {
      let row = this.#rows.get(site.id);
      if (!row) this.#rows.set(site.id, row = new SiteRow(site, this.#body.dataset.hpLink));
      const place = before ? before.nextElementSibling : this.#body.firstElementChild;
      if (place !== row.element) this.#body.insertBefore(row.element, place);
      before = row.element;
      row.draw(site, now, site.id === open, model.frame.vendor);
    }
  }
}

class SiteRow {
  id;
  address;
  element = make('tr', 'hp-site');
  #bytes = make('span', 'hp-bytes');
  #instruction = make('span', 'hp-mnemonic');
  #calls = make('td', 'hp-number');
  #rate = make('td', 'hp-number hp-optional');
  #patches = make('td', 'hp-number');
  #vendor = make('span', 'hp-vendor-tag');
  #link = make('a', 'hp-site-address');
  #shownBytes = null;
  #patchedAt = 0;

  constructor(site, link) {
    this.id = site.id;
    this.address = site.address;
    this.element.dataset.testid = 'site-row';
    this.element.dataset.site = site.id;
    this.element.dataset.address = site.address;
    this.#link.textContent = site.address;
    this.#link.href = link.replace('{site}', site.id);
    this.#bytes.dataset.testid = 'site-bytes';
    const head = make('th');
    head.scope = 'row';
    head.append(this.#link);
    const bytes = make('td', 'hp-site-bytes');
    bytes.append(this.#bytes);
    const instruction = make('td');
    instruction.append(this.#instruction);
    const vendor = make('td');
    vendor.append(this.#vendor);
    this.element.append(head, bytes, instruction, this.#calls, this.#rate, this.#patches, vendor);
    this.#patchedAt = site.patchedAt;
    // The whole row opens the site; the link is what keyboards and screen readers use.
    this.element.addEventListener('click', event => {
      if (!(event.target instanceof HTMLAnchorElement) && !getSelection()?.toString()) this.#link.click();
    });
  }

  draw(site, now, isOpen, vendor) {
    if (site.bytes !== this.#shownBytes) {
      const changed = this.#shownBytes !== null;
      this.#shownBytes = site.bytes;
      this.#bytes.replaceChildren(...byteCells(site.bytes, site.patchOffset, vendorOfByte));
      this.#bytes.setAttribute('aria-label', site.bytes);
      this.#bytes.setAttribute('role', 'img');
      setText(this.#instruction, site.instruction);
      this.#instruction.dataset.vendor = site.vendor ?? '';
      if (changed) this.#turn();
    }
    if (site.patchedAt !== this.#patchedAt) {
      this.#patchedAt = site.patchedAt;
      this.#flash();
    }
    this.element.classList.toggle('hp-fresh', site.patchedAt > 0 && now - site.patchedAt < freshFor);
    this.element.classList.toggle('hp-open', isOpen);
    this.element.classList.toggle('hp-waiting', site.vendor !== null && site.vendor !== vendor);
    this.element.dataset.vendor = site.vendor ?? '';
    setText(this.#calls, count(site.calls));
    setText(this.#rate, rate(site.rate));
    setText(this.#patches, count(site.patches));
    setText(this.#vendor, vendorName(site.lastVendor) || '–');
    this.#vendor.dataset.vendor = site.lastVendor ?? '';
  }

  #turn() {
    const cell = this.#bytes.querySelector('.hp-byte-patch');
    if (!cell || stillness.matches) return;
    cell.animate([{ transform: 'rotateX(90deg) scale(1.3)' }, { transform: 'rotateX(0) scale(1.3)', offset: 0.5 }, { transform: 'none' }], { duration: 450, easing: 'ease-out' });
  }

  #flash() {
    if (stillness.matches) return;
    this.element.animate([{ backgroundColor: 'var(--hp-flash)' }, { backgroundColor: 'transparent' }], { duration: 1600, easing: 'ease-out' });
  }
}
