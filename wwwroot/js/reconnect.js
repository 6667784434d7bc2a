// What a person sees while the page has no connection, and how it comes back: by taking up its circuit where the server still has
// it, else by loading itself afresh. The page's state is in its address, so nothing is lost by that.
import { phrase } from './texts.js';
const dialog = document.getElementById('components-reconnect-modal');
const text = dialog.querySelector('[data-hp-reconnect-text]');
const instance = document.querySelector('meta[name="hyperpatch-instance"]')?.content;
const reloadedKey = 'hyperpatch.reloaded';
let polling = 0;
let trying = false;

const say = words => { if (text.textContent !== words) text.textContent = words; };
const show = () => { if (!dialog.open) dialog.showModal(); };
const hide = () => { clearInterval(polling); polling = 0; if (dialog.open) dialog.close(); };

// Why: 'restarted' or 'lost', as the banner of the layout has words for it.
const reload = why => {
  try { sessionStorage.setItem(reloadedKey, why); } catch { /* the banner is a courtesy */ }
  location.reload();
};

// Null where the server does not answer; 'restarted' where it is not the one that this page came from.
const askServer = async () => {
  try {
    const answer = await fetch('/healthz', { cache: 'no-store' });
    if (!answer.ok) return null;
    return answer.headers.get('Hyperpatch-Instance') === instance ? 'same' : 'restarted';
  } catch { return null; }
};

const takeUp = async () => {
  const server = await askServer();
  if (!server) { say(phrase('ServerDoesNotAnswer')); return; }
  say(phrase('ServerIsBack'));
  let back = false;
  if (server === 'same') {
    try { back = await Blazor.reconnect(); } catch { /* it has given this page's circuit up */ }
  }
  if (back) hide(); else reload(server === 'restarted' ? 'restarted' : 'lost');
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
      say(phrase('TryingAgain'));
      show();
      polling ||= setInterval(tryNow, 2000);
      break;
    case 'hide': hide(); break;
    case 'failed': show(); polling ||= setInterval(tryNow, 2000); break;
    case 'rejected': askServer().then(server => reload(server === 'restarted' ? 'restarted' : 'lost')); break;
  }
});
dialog.addEventListener('cancel', event => event.preventDefault());
dialog.querySelector('[data-hp-reconnect-now]').addEventListener('click', tryNow);

// After a reload, say why, once. The banner arrives with the layout, a moment after this script.
try {
  const why = sessionStorage.getItem(reloadedKey);
  if (why) {
    sessionStorage.removeItem(reloadedKey);
    const watch = new MutationObserver(() => {
      const banner = document.getElementById('hp-restarted');
      if (!banner) return;
      watch.disconnect();
      banner.querySelector(`[data-hp-why="${why === 'restarted' ? why : 'lost'}"]`).hidden = false;
      banner.hidden = false;
      banner.querySelector('[data-hp-dismiss]').addEventListener('click', () => { banner.hidden = true; });
    });
    watch.observe(document.body, { childList: true, subtree: true });
  }
} catch { /* no storage: no banner */ }
