import { cssColor } from './dom.js';

const two = value => String(value).padStart(2, '0');

/** A moment as it stands in a file's name, in the clock of the person who looks. */
const stamp = at => `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;

// The chart as it is, on the page's own background.
const save = (element, name) => {
  const chart = globalThis.echarts?.getInstanceByDom(element);
  if (!chart) return;
  const link = document.createElement('a');
  link.href = chart.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor: cssColor('--hp-surface') });
  link.download = `${name}-${stamp(new Date())}.png`;
  link.click();
};

/** Lets the export menus below an element close as menus do, and save the chart of the card they are in. Gives what undoes it. */
export const bindExportMenus = root => {
  const closeAll = except => {
    for (const menu of root.querySelectorAll('[data-hp-menu][open]')) if (menu !== except) menu.open = false;
  };
  const click = event => {
    if (!(event.target instanceof Element)) return;
    const menu = event.target.closest('[data-hp-menu]');
    const png = event.target.closest('[data-hp-png]');
    if (png) save(png.closest('.hp-card').querySelector('.hp-chart'), png.dataset.hpPng);
    closeAll(event.target.closest('.hp-menu-list') ? null : menu);
  };
  const key = event => {
    if (event.key !== 'Escape') return;
    const menu = root.querySelector('[data-hp-menu][open]');
    if (!menu) return;
    menu.open = false;
    menu.querySelector('summary').focus();
  };
  document.addEventListener('click', click);
  document.addEventListener('keydown', key);
  return () => {
    document.removeEventListener('click', click);
    document.removeEventListener('keydown', key);
  };
};
