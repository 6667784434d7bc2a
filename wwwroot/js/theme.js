// Light or dark: the browser's wish unless the person chose otherwise. Runs before the first paint, so that nothing flashes.
(() => {
  const key = 'hyperpatch.theme';
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');

  const stored = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const isDark = () => { const choice = stored(); return choice ? choice === 'dark' : system.matches; };

  // `change` is what charts listen for; Fluent UI's components have a theme of their own to be told.
  const apply = () => {
    const theme = isDark() ? 'dark' : 'light';
    root.dataset.theme = theme;
    globalThis.Blazor?.theme?.setThemeMode?.(theme);
    document.dispatchEvent(new CustomEvent('hyperpatch:theme', { detail: { theme } }));
  };

  document.addEventListener('click', event => {
    if (!(event.target instanceof Element) || !event.target.closest('[data-hp-theme-toggle]')) return;
    try { localStorage.setItem(key, isDark() ? 'light' : 'dark'); } catch { /* private mode: the choice lasts as long as the page */ }
    apply();
  });
  addEventListener('storage', event => { if (event.key === key) apply(); });
  system.addEventListener('change', apply);
  apply();
  addEventListener('load', apply);
})();
