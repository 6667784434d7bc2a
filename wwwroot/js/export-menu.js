// Export menus (data-hp-menu) close as menus do; a chart is saved as a picture; and a part of a page is printed. One listener for the
// document: menus come and go with panes.
import { pictureOf } from './card-picture.js';
import { setText } from './machine/dom.js';
import { phrase } from './texts.js';

const two = value => String(value).padStart(2, '0');

/** A moment as it stands in a file's name, in UTC as in the names that the server gives. */
export const stamp = at => `${at.getUTCFullYear()}${two(at.getUTCMonth() + 1)}${two(at.getUTCDate())}-${two(at.getUTCHours())}${two(at.getUTCMinutes())}${two(at.getUTCSeconds())}`;

const menus = () => document.querySelectorAll('[data-hp-menu][open]');

const closeAll = except => { for (const menu of menus()) if (menu !== except) menu.open = false; };

const save = button => {
  const note = button.closest('[data-hp-menu]').querySelector('[data-hp-menu-note]');
  const picture = pictureOf(button.closest('.hp-card'));
  setText(note, picture ? '' : phrase('ChartNotDrawnYet'));
  if (!picture) return false;
  const link = document.createElement('a');
  link.href = picture;
  link.download = `hyperpatch-${button.dataset.hpPng}-${stamp(new Date())}.png`;
  link.click();
  return true;
};

document.addEventListener('click', event => {
  if (!(event.target instanceof Element)) return;
  if (event.target.closest('[data-hp-print]')) return print();
  const menu = event.target.closest('[data-hp-menu]');
  const png = event.target.closest('[data-hp-png]');
  const isDone = png ? save(png) : event.target.closest('.hp-menu-list :is(a, [data-hp-saved])') !== null;
  closeAll(isDone ? null : menu);
  if (isDone) menu.querySelector('summary').focus();
});

// Before the page's shortcuts: Escape closes the menu, and not what is around it.
document.addEventListener('keydown', event => {
  if (event.key !== 'Escape') return;
  const [menu] = menus();
  if (!menu) return;
  event.preventDefault();
  closeAll(null);
  if (menu.contains(document.activeElement)) menu.querySelector('summary').focus();
}, { capture: true });

// Who goes on by keyboard leaves the menu.
document.addEventListener('focusin', event => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});
