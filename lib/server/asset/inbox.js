// @ts-check
// The script of the inbox. Pages work without it; it adds news, the clock, keys and the arm delay. It writes text, classes, `hidden` and `aria-*`, and
// never HTML: the policy of the pages lets nothing else through. What it says is checked again by the server.
'use strict';
(() => {
  /** A press that began sooner after the page was shown, got the focus back, or changed does not decide, in milliseconds. */
  const ARM_MS = 700;
  const GATHER_MS = 50;
  const root = document.documentElement;
  const base = root.dataset.base ?? '';

  /** @template {Element} [E=HTMLElement] @param {string} selector @param {ParentNode} [within] @returns {E | null} */
  const one = (selector, within = document) => within.querySelector(selector);
  /** @template {Element} [E=HTMLElement] @param {string} selector @param {ParentNode} [within] @returns {E[]} */
  const all = (selector, within = document) => /** @type {E[]} */ ([...within.querySelectorAll(selector)]);
  /** @param {string} text tells it to people who do not see the page, too */
  const say = (text) => {
    const line = one('[data-say]');
    if (line) line.textContent = text;
  };

  // -- the arm delay ----------------------------------------------------------------------------------------------------------------------------------

  let armedAt = 0;
  /** When the press began that may become a click: on which button, and when. */
  let press = /** @type {{ button: Element, at: number } | undefined} */ (undefined);
  /** A key that has been held since before: what it repeats decides nothing. */
  let held = false;
  const disarm = () => {
    armedAt = performance.now() + ARM_MS;
    press = undefined;
  };
  /** @param {EventTarget | null} target */
  const verdictButton = (target) => (target instanceof Element ? target.closest('button[data-verdict]') : null);

  disarm();
  addEventListener('pageshow', disarm);
  addEventListener('focus', disarm);
  document.addEventListener('visibilitychange', disarm);
  addEventListener(
    'pointerdown',
    (event) => {
      const button = verdictButton(event.target);
      press = button && event.isTrusted ? { button, at: performance.now() } : undefined;
    },
    true,
  );
  addEventListener(
    'keydown',
    (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      const button = verdictButton(event.target);
      if (event.repeat) held = true;
      if (!button) return;
      if (event.repeat || !event.isTrusted) event.preventDefault();
      else press = { button, at: performance.now() };
    },
    true,
  );
  addEventListener(
    'keyup',
    () => {
      // after the click that a released space bar makes
      setTimeout(() => (held = false));
    },
    true,
  );
  addEventListener(
    'click',
    (event) => {
      const button = verdictButton(event.target);
      if (!button) return;
      // a screen reader clicks without a press
      const began = press?.button === button ? press.at : event.detail === 0 && !press ? performance.now() : -Infinity;
      press = undefined;
      if (event.isTrusted && !held && began >= armedAt && !button.matches('[aria-disabled=true]')) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.isTrusted) say('Nothing was decided: the page had just been shown or had changed. Press again.');
    },
    true,
  );
  // a button that is pressed twice sends once
  addEventListener('submit', (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.dataset.sent !== undefined) return event.preventDefault();
    if (event.defaultPrevented || form.method !== 'post') return;
    form.dataset.sent = '';
  });
  addEventListener('pageshow', () => all('form[data-sent]').forEach((form) => form.removeAttribute('data-sent')));

  // -- where the page is among the others: in sight also on a phone, where the bar is wider than the window ---------------------------------------------

  const here = one('.top nav [aria-current]');
  if (here?.parentElement) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 16;

  // -- the clock: the server's ------------------------------------------------------------------------------------------------------------------------

  const serverNow = Number(root.dataset.now ?? 0);
  const shownAt = performance.now();
  const announced = new Set();
  /** @param {number} ms */
  const spelled = (ms) => {
    const minutes = Math.ceil(ms / 60_000);
    if (minutes >= 48 * 60) return `${Math.floor(minutes / 1_440)} days left`;
    if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
    return minutes > 1 ? `${minutes} min left` : `${Math.max(0, Math.ceil(ms / 1_000))} s left`;
  };
  const tick = () => {
    const now = serverNow + performance.now() - shownAt;
    for (const clock of all('[data-ends]')) {
      const left = Number(clock.dataset.ends) - now;
      clock.textContent = left > 0 ? spelled(left) : 'time is over';
      clock.classList.toggle('soon', left < 20 * 60_000);
      if (clock.dataset.announce === undefined) continue;
      for (const minutes of [5, 1]) {
        if (left > minutes * 60_000 || left <= 0 || announced.has(minutes)) continue;
        announced.add(minutes);
        if (left > (minutes - 1) * 60_000) say(`${minutes} ${minutes === 1 ? 'minute' : 'minutes'} left to decide.`);
      }
    }
  };
  if (serverNow > 0 && one('[data-ends]')) {
    tick();
    setInterval(tick, 1_000);
  }

  // -- keys: none decides -----------------------------------------------------------------------------------------------------------------------------

  const KEYS_OFF = 'aegis-keys-off';
  const keysOff = () => {
    try {
      return localStorage.getItem(KEYS_OFF) !== null;
    } catch {
      return false;
    }
  };
  const help = /** @type {HTMLDialogElement | null} */ (one('dialog[data-keys]'));
  let afterG = 0;
  const rows = () => all('[data-row]').filter((row) => row.offsetParent !== null);
  /** @param {number} step */
  const move = (step) => {
    const list = rows();
    const at = list.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
    const next = list[Math.max(0, Math.min(list.length - 1, at < 0 ? 0 : at + step))];
    (next?.matches('a') ? next : next && one('a', next))?.focus();
  };
  /** @param {string} selector */
  const follow = (selector) => {
    const link = /** @type {HTMLAnchorElement | null} */ (one(selector));
    if (link) location.assign(link.href);
  };
  /** @type {Record<string, () => void>} */
  const keys = {
    j: () => move(1),
    k: () => move(-1),
    o: () =>
      document.activeElement instanceof HTMLAnchorElement && document.activeElement.closest('[data-row]') && document.activeElement.click(),
    u: () => follow('a[rel=up]'),
    n: () => follow('a[rel=next]'),
    p: () => follow('a[rel=prev]'),
    '/': () => one('input[type=search]')?.focus(),
    d: () => one('button[data-verdict=deny]')?.focus(),
    a: () => (all('[data-needed]').find((field) => 'value' in field && field.value === '') ?? one('button[data-verdict=approve]'))?.focus(),
    '?': () => help?.showModal(),
  };
  /** @type {Record<string, string>} */
  const places = { i: '/inbox', h: '/history', a: '/agents', u: '/unknown' };
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat || keysOff()) return;
    const target = /** @type {Element} */ (event.target);
    if (target.closest('input, textarea, select, [contenteditable], dialog')) return;
    if (performance.now() < afterG) {
      afterG = 0;
      const place = Object.hasOwn(places, event.key) ? places[event.key] : undefined;
      if (place !== undefined) location.assign(base + place);
      return;
    }
    if (event.key === 'g') {
      afterG = performance.now() + 1_000;
      return;
    }
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
  const keysSwitch = /** @type {HTMLInputElement | null} */ (one('input[data-keys-switch]'));
  if (keysSwitch) {
    keysSwitch.checked = !keysOff();
    keysSwitch.addEventListener('change', () => {
      if (keysSwitch.checked) localStorage.removeItem(KEYS_OFF);
      else localStorage.setItem(KEYS_OFF, '1');
    });
  }

  const ask = one('button[data-notify]');
  if (ask && 'Notification' in window) {
    ask.hidden = Notification.permission !== 'default';
    ask.addEventListener('click', () => {
      void Notification.requestPermission().then(() => (ask.hidden = Notification.permission !== 'default'));
    });
  }

  // -- news: one connection a browser, whichever of its tabs holds it -----------------------------------------------------------------------------------

  /** What the server says: `waits`: one approval more, or one less, waits for this person; `mine`: it was asked for in their name; `halted`: what is. */
  /** @typedef {{ type: string, at?: string, id?: string, status?: string, version?: number, waits?: number, mine?: boolean, halted?: string }} News */
  const live = one('[data-live]');
  if (!live) return;
  const channel = new BroadcastChannel(`aegis-inbox${base}`);
  const title = document.title;
  let waiting = Number(live.dataset.live || 0);
  let newer = 0;
  /** Those that wait for this person among the newer ones. */
  let newerForMe = 0;
  const newerLine = one('[data-newer]');
  /** What was counted last, so that news that comes twice counts once: however many come, only so many are remembered. */
  const MAX_SEEN = 2_000;
  /** @type {Map<string, number>} */
  const seen = new Map(all('[data-approval]').map((row) => [row.dataset.approval ?? '', Number(row.dataset.version ?? 1)]));
  /** @param {string} id @param {number} version @returns {boolean} */
  const isNews = (id, version) => {
    const known = seen.get(id);
    if (known !== undefined && known >= version) return false;
    seen.delete(id);
    seen.set(id, version);
    if (seen.size > MAX_SEEN) seen.delete(/** @type {string} */ (seen.keys().next().value));
    return true;
  };
  const showCount = () => {
    const text = waiting > 0 ? `(${waiting}) ${title}` : title;
    if (document.title !== text) document.title = text;
    if (newer === 0 || !newerLine) return;
    newerLine.hidden = false;
    (one('[data-newer-text]', newerLine) ?? newerLine).textContent = `${newer} newer ${newer === 1 ? 'request' : 'requests'}`;
  };
  showCount();

  /** @type {Record<string, string>} */
  const STATE = { approved: 'Approved', denied: 'Denied', expired: 'Nobody decided in time', withdrawn: 'Withdrawn' };
  /** @param {News} news whether the list that is open lists it */
  const isListed = ({ waits, mine }) => {
    const list = newerLine?.dataset.newer;
    return list === 'all' || (list === 'mine' ? mine === true : waits === 1);
  };
  /** @param {News} news */
  const take = (news) => {
    const { type, id = '', status = '', version = 0, waits = 0 } = news;
    if (type === 'resync') return again('Something may be missing here.');
    if (type === 'halts') return showHalts(news.halted ?? '');
    const isFirst = !seen.has(id);
    if (isNews(id, version)) {
      waiting = Math.max(0, waiting + waits);
      if (type === 'requested' && isFirst) {
        if (isListed(news)) newer += 1;
        if (waits === 1) newerForMe += 1;
      }
    }
    // what is new has no row yet
    if (type === 'requested') return;
    for (const row of all(`[data-approval="${CSS.escape(id)}"]`)) {
      const state = one('[data-state]', row);
      if (type === 'settled' && state) {
        row.classList.add('settled');
        state.textContent = STATE[status] ?? status;
        state.hidden = false;
      }
      if (row.dataset.version === undefined || Number(row.dataset.version) >= version) continue;
      changed(row);
    }
  };
  /** @param {string} text what is halted; empty where nothing is */
  const showHalts = (text) => {
    const banner = one('[data-halts]');
    const line = one('[data-halts-text]');
    if (!banner || !line) return;
    line.textContent = text;
    banner.hidden = text === '';
    if (text === '') banner.removeAttribute('aria-label');
    else banner.setAttribute('aria-label', 'Halted');
    say(text === '' ? 'Nothing is halted any longer.' : `Halted: ${text}.`);
  };
  /** @param {HTMLElement} page the approval on this page is not what was shown */
  const changed = (page) => {
    // without a form nothing can be lost, and nothing is under the pointer; what a form was answered with is not sent again
    const shown = /** @type {HTMLAnchorElement | null} */ (one('[data-again] a'));
    if (page.dataset.form === undefined && shown) return location.replace(shown.href);
    for (const button of all('button[data-verdict]', page)) button.setAttribute('aria-disabled', 'true');
    disarm();
    again('Changed since you opened this.');
  };
  /** @param {string} text */
  const again = (text) => {
    const line = one('[data-again]');
    if (!line) return;
    line.hidden = false;
    (one('[data-again-text]', line) ?? line).textContent = text;
  };
  const notice = () => {
    if (!document.hidden || !('Notification' in window) || Notification.permission !== 'granted') return;
    new Notification('Aegis', {
      body: newerForMe === 1 ? 'A request waits for a decision.' : `${newerForMe} requests wait for a decision.`,
      tag: 'aegis',
    });
  };
  /** @type {News[]} */
  let gathered = [];
  /** @param {News} news */
  const gather = (news) => {
    if (gathered.length === 0)
      setTimeout(() => {
        const together = gathered;
        gathered = [];
        const before = newerForMe;
        together.forEach(take);
        showCount();
        if (newerForMe > before) notice();
      }, GATHER_MS);
    gathered.push(news);
  };
  /** @param {'live' | 'lost' | 'out'} state @param {string} since */
  const showState = (state, since) => {
    live.textContent = state === 'live' ? 'Live' : state === 'lost' ? `Not live since ${since}. Trying again.` : 'Signed out';
    live.classList.toggle('lost', state !== 'live');
    if (state !== 'out') return;
    const bar = one('[data-signed-out]');
    if (bar) bar.hidden = false;
    for (const button of all('button[data-verdict]')) button.setAttribute('aria-disabled', 'true');
  };
  /** The last event that this page knows of: at first, the last one before it was made. */
  let lastId = live.dataset.seen ?? '';
  /** What this tab is called among those of the browser. */
  const self = String(Math.random());
  /** What the tab that holds the connection has heard of late, for tabs that come later. */
  let kept = /** @type {News[] | undefined} */ (undefined);
  const MAX_KEPT = 1_000;
  /** All events after this one are kept. */
  let keptFrom = '';
  let state = /** @type {readonly ['live' | 'lost' | 'out', string] | undefined} */ (undefined);
  /** @param {string} [id] @returns {readonly [boot: string, number: number]} */
  const placeOf = (id = '') => [id.slice(0, id.lastIndexOf('-')), Number(id.slice(id.lastIndexOf('-') + 1))];
  /** Tells a tab what has happened since its page was made. @param {string} to @param {string} last */
  const catchUp = (to, last) => {
    if (!kept) return;
    const [boot, number] = placeOf(last);
    const [from, first] = placeOf(keptFrom);
    const missed = boot !== from || number < first ? [{ type: 'resync' }] : kept.filter(({ at }) => placeOf(at)[1] > number);
    for (const news of missed) channel.postMessage({ ...news, to });
    if (state) channel.postMessage({ state: state[0], since: state[1], to });
  };
  channel.addEventListener('message', ({ data }) => {
    if (data.hello !== undefined) return catchUp(data.hello, data.last);
    if (data.to !== undefined && data.to !== self) return;
    if (data.state !== undefined) return showState(data.state, data.since);
    lastId = data.at ?? lastId;
    gather(data);
  });
  channel.postMessage({ hello: self, last: lastId });
  const time = () => new Date().toTimeString().slice(0, 5);
  /** @type {(state: 'live' | 'lost' | 'out', since: string) => void} */
  const tellState = (now, since) => {
    state = [now, since];
    showState(now, since);
    channel.postMessage({ state: now, since });
  };

  const lead = () =>
    new Promise(() => {
      let since = '';
      kept = [];
      keptFrom = lastId;
      const open = () => {
        const source = new EventSource(`${base}/v1/inbox/events${lastId === '' ? '' : `?last=${encodeURIComponent(lastId)}`}`);
        source.addEventListener('open', () => {
          since = '';
          tellState('live', '');
        });
        source.addEventListener('error', () => {
          since ||= time();
          tellState('lost', since);
          if (source.readyState === EventSource.CLOSED) void lookAgain();
        });
        for (const type of ['requested', 'verdict', 'settled', 'changed', 'halts', 'resync'])
          source.addEventListener(type, (event) => {
            lastId = event.lastEventId;
            const news = { ...JSON.parse(event.data), type, at: lastId };
            if (type === 'resync') kept = [];
            else kept?.push(news);
            if (type === 'resync') keptFrom = lastId;
            else if (kept && kept.length > MAX_KEPT) keptFrom = kept.shift()?.at ?? '';
            gather(news);
            channel.postMessage(news);
          });
      };
      const lookAgain = async () => {
        await new Promise((resolve) => setTimeout(resolve, 2_000 + 2_000 * Math.random()));
        const answer = await fetch(`${base}/me`, { method: 'HEAD', redirect: 'manual' }).catch(() => undefined);
        if (answer?.type === 'opaqueredirect' || answer?.status === 401) tellState('out', '');
        else open();
      };
      open();
    });
  if (navigator.locks) void navigator.locks.request(`aegis-inbox${base}`, lead);
  else void lead();
})();
