// Keyboard shortcuts. Whatever has data-hp-key is pressed by that key; data-hp-key-label says in the list (key ?) what it does. So the
// list is always that of the page, and a control that is disabled is so for the keyboard, too.
import { phrase } from './texts.js';
const typing = 'input, textarea, select, [contenteditable="true"]';
const pressedBySpace = 'button, a, summary, [role="button"]';
const names = { Space: phrase('SpaceKey'), Escape: phrase('EscapeKey'), ArrowLeft: '←', ArrowRight: '→' };

const usable = element => !element.disabled && element.getClientRects().length > 0;
const find = key => [...document.querySelectorAll('[data-hp-key]')].find(element => element.dataset.hpKey === key && usable(element));

const showHelp = () => {
  const dialog = document.querySelector('[data-hp-shortcuts-dialog]');
  const list = dialog?.querySelector('[data-hp-shortcuts-list]');
  if (!list || dialog.open) return;
  const rows = new Map([['?', phrase('ThisList')]]);
  for (const element of document.querySelectorAll('[data-hp-key]')) {
    if (element.getClientRects().length > 0) rows.set(element.dataset.hpKey, element.dataset.hpKeyLabel);
  }
  list.replaceChildren(...[...rows].map(([key, label]) => {
    const row = document.createElement('div');
    const term = document.createElement('dt');
    const sign = document.createElement('kbd');
    const text = document.createElement('dd');
    sign.textContent = names[key] ?? key;
    text.textContent = label;
    term.append(sign);
    row.append(term, text);
    return row;
  }));
  dialog.showModal();
};

document.addEventListener('keydown', event => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.closest(typing) || document.querySelector('dialog[open], [popover]:popover-open')) return;
  if (event.key === '?') {
    event.preventDefault();
    showHelp();
    return;
  }
  const key = event.key === ' ' ? 'Space' : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // The space bar belongs to the control that has the focus.
  if (key === 'Space' && target.closest(pressedBySpace)) return;
  const element = find(key);
  if (!element) return;
  event.preventDefault();
  element.click();
});

document.addEventListener('click', event => {
  if (event.target instanceof Element && event.target.closest('[data-hp-shortcuts]')) showHelp();
});
