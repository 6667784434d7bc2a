// What a person sees while the page has no connection, and how it comes back: by taking up its circuit where the server still has
// it, else by loading itself afresh. The page's state is in its address, so nothing is lost by that.
const dialog = document.getElementById('components-reconnect-modal');
const text = dialog.querySelector('[data-hp-reconnect-text]');
const reloadedKey = 'hyperpatch.reloaded';
let polling = 0;
let trying = false;

const say = words => { if (text.textContent !== words) text.textContent = words; };
const show = () => { if (!dialog.open) dialog.showModal(); };
const hide = () => { clearInterval(polling); polling = 0; if (dialog.open) dialog.close(); };

const reload = () => {
  try { sessionStorage.setItem(reloadedKey, '1'); } catch { /* the banner is a courtesy */ }
  location.reload();
};

const serverAnswers = async () => {
  try { return (await fetch('/healthz', { cache: 'no-store' })).ok; } catch { return false; }
};

const takeUp = async () => {
  if (!await serverAnswers()) { say('The server does not answer. Trying again.'); return; }
  say('The server is back.');
  let back = false;
  try { back = await Blazor.reconnect(); } catch { /* a server that was started again does not know this page */ }
  if (back) hide(); else reload();
};

// One at a time: of two attempts for the same circuit one fails, and would load the page afresh although it is back.
const tryNow = async () => {
  if (trying) return;
  trying = true;
  try { await takeUp(); } finally { trying = false; }
};

dialog.addEventListener('components-reconnect-state-changed', event => {
  switch (event.detail.state) {
    case 'show':
      say('Trying again. The machines go on meanwhile.');
      show();
      polling ||= setInterval(tryNow, 2000);
      break;
    case 'hide': hide(); break;
    case 'failed': show(); polling ||= setInterval(tryNow, 2000); break;
    case 'rejected': reload(); break;
  }
});
dialog.addEventListener('cancel', event => event.preventDefault());
dialog.querySelector('[data-hp-reconnect-now]').addEventListener('click', tryNow);

// After a reload, say why, once. The banner arrives with the layout, a moment after this script.
try {
  if (sessionStorage.getItem(reloadedKey)) {
    sessionStorage.removeItem(reloadedKey);
    const watch = new MutationObserver(() => {
      const banner = document.getElementById('hp-restarted');
      if (!banner) return;
      watch.disconnect();
      banner.hidden = false;
      banner.querySelector('[data-hp-dismiss]').addEventListener('click', () => { banner.hidden = true; });
    });
    watch.observe(document.body, { childList: true, subtree: true });
  }
} catch { /* no storage: no banner */ }
