// Light, dark or high contrast: the system's wish unless the person chose otherwise. Runs before the first paint, so that nothing flashes.
(() => {
  const key = 'hyperpatch.theme';
  const choices = ['light', 'dark', 'contrast'];
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const more = matchMedia('(prefers-contrast: more)');
  const forced = matchMedia('(forced-colors: active)');
  // Where nothing can be stored (private mode) the choice lasts as long as the page.
  let unstored = null;

  const choice = () => {
    let stored = unstored;
    try { stored = localStorage.getItem(key) ?? unstored; } catch { /* as above */ }
    return choices.includes(stored) ? stored : 'system';
  };
  const choose = value => {
    unstored = value;
    try { localStorage.setItem(key, value); } catch { /* as above */ }
  };

  // High contrast is black on white or white on black, as the system is light or dark. `hyperpatch:theme` is what charts listen for.
  const apply = () => {
    const chosen = choice();
    const theme = chosen === 'light' || chosen === 'dark' ? chosen : dark.matches ? 'dark' : 'light';
    root.dataset.theme = theme;
    root.toggleAttribute('data-contrast', chosen === 'contrast' || (chosen === 'system' && more.matches));
    document.dispatchEvent(new CustomEvent('hyperpatch:theme', { detail: { theme } }));
  };

  // The choices show what holds when they are opened, wherever it was chosen.
  document.addEventListener('beforetoggle', event => {
    if (!(event.target instanceof Element) || !event.target.matches('[data-hp-themes]') || event.newState !== 'open') return;
    for (const input of event.target.querySelectorAll('input')) input.checked = input.value === choice();
  }, true);
  document.addEventListener('toggle', event => {
    if (event.target instanceof Element && event.target.matches('[data-hp-themes]') && event.newState === 'open') event.target.querySelector('input:checked')?.focus();
  }, true);
  document.addEventListener('change', event => {
    if (!(event.target instanceof HTMLInputElement) || !event.target.closest('[data-hp-themes]')) return;
    choose(event.target.value);
    apply();
  });
  addEventListener('storage', event => { if (event.key === key) apply(); });
  for (const wish of [dark, more, forced]) wish.addEventListener('change', apply);
  apply();
})();
