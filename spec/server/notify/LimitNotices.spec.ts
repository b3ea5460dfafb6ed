import { expect } from 'chai';
import sinon from 'sinon';
import { silentLogger } from '../../../lib/common/Logger.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { Channel } from '../../../lib/server/notify/Channel.js';
import { limitLines } from '../../../lib/server/notify/LimitNotices.js';
import type { LimitNotice } from '../../../lib/server/notify/LimitNotices.js';
import { limitMailText, MailChannel } from '../../../lib/server/notify/MailChannel.js';
import { Notifier } from '../../../lib/server/notify/Notifier.js';
import { limitCard, SlackChannel } from '../../../lib/server/notify/SlackChannel.js';
import { WebhookChannel } from '../../../lib/server/notify/WebhookChannel.js';
import type { LimitNews } from '../../../lib/server/tenant/TenantLimits.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { mailServer, receiver } from './receivers.js';

const HOUR = 3_600_000;
const START = 100_000 * HOUR;
const NOTICE: LimitNotice = {
  id: 'limit_1',
  tenantId: 'default',
  about: 'refused',
  policyId: 'cap',
  agentId: 'bot',
  toolName: 'pay',
  windowMs: HOUR,
  atMs: START,
  link: 'https://aegis.example/in/limits',
};

/** What a limit has counted for one user. */
function news(how: LimitNews['how'], user: string, policyId = 'cap'): LimitNews {
  const counter = { key: `key of ${user}`, policyId, by: { 'session/user_id': user }, kind: 'fixed', windowMs: HOUR } as const;
  return { how, agentId: 'bot', toolName: 'pay', policyIds: [policyId], counters: [counter] };
}

describe('Notices of limits', () => {
  let clock: sinon.SinonFakeTimers;
  const notifiers: Notifier[] = [];
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: START });
  });
  afterEach(async () => {
    await Promise.all(notifiers.splice(0).map((notifier) => notifier.close()));
    clock.restore();
  });

  const kept = (name: string, servesAdmins: boolean): Channel & { readonly told: LimitNotice[] } => {
    const told: LimitNotice[] = [];
    return {
      name,
      told,
      serves: () => true,
      servesAdmins,
      send: async () => undefined,
      sendLimit: async (notice) => void told.push(notice),
    };
  };
  const started = async (channels: readonly Channel[], records = new MemoryRecordStore()) => {
    const listeners: ((one: LimitNews) => void)[] = [];
    const notifier = new Notifier({
      tenantId: 'default',
      desk: new ApprovalDesk(new MemoryApprovalStore()),
      records,
      channels,
      pages: 'https://aegis.example/in',
      logger: silentLogger,
      now: () => Date.now(),
      limits: { on: (listener) => void listeners.push(listener) },
    });
    notifiers.push(notifier);
    await notifier.start();
    const happens = async (...all: readonly LimitNews[]): Promise<void> => {
      for (const one of all) for (const listener of listeners) listener(one);
      await clock.tickAsync(10);
    };
    return { happens, records, notifier, listeners };
  };

  it('tell the admins of the first call that a counter refuses in a window, on one of several servers', async () => {
    const [admins, groups] = [kept('admins', true), kept('groups', false)];
    const first = await started([admins, groups]);
    const second = await started([admins, groups], first.records);
    for (let i = 0; i < 20; i++) await first.happens(news('refused', 'ann'));
    await second.happens(news('refused', 'ann'));
    const [{ id = '', ...told } = {}, ...others] = admins.told;
    expect(others).to.deep.equal([]);
    expect(id).to.match(/^limit_/);
    expect(told).to.deep.equal({
      tenantId: 'default',
      about: 'refused',
      policyId: 'cap',
      agentId: 'bot',
      toolName: 'pay',
      windowMs: HOUR,
      atMs: START,
      link: 'https://aegis.example/in/limits',
    });
    // the next window
    await clock.tickAsync(HOUR);
    await first.happens(news('refused', 'ann'));
    expect(admins.told).to.have.length(2);
    expect(groups.told).to.deep.equal([]);
    expect(JSON.stringify(admins.told)).not.to.match(/ann|key of/);
  });

  it('tell of what is nearly used up, and of what cannot be counted, apart', async () => {
    const admins = kept('admins', true);
    const { happens } = await started([admins]);
    await happens(news('near', 'ann'), news('near', 'ann'), news('refused', 'ann'));
    const uncounted: LimitNews = { how: 'refused', agentId: 'bot', toolName: 'pay', policyIds: ['cap', 'other'], counters: [] };
    await happens(uncounted, uncounted);
    expect(admins.told.map(({ about, policyId }) => `${about} ${policyId}`)).to.have.members([
      'near cap',
      'refused cap',
      'uncounted cap',
      'uncounted other',
    ]);
    expect(admins.told.map(({ about, windowMs }) => `${about} ${windowMs ?? ''}`)).to.include('uncounted ');
  });

  it('tell of one limit once in five minutes, however many people it counts for, and of the next one then', async () => {
    const admins = kept('admins', true);
    const { happens } = await started([admins]);
    const all = Array.from({ length: 500 }, (_, i) => news('refused', `user ${i}`));
    await happens(...all, news('refused', 'ann', 'other'));
    expect(admins.told.map(({ policyId }) => policyId)).to.have.members(['cap', 'other']);
    await clock.tickAsync(300_000);
    await happens(...all);
    expect(admins.told).to.have.length(3);
  });

  it('are for admins only, and end with the server', async () => {
    const groups = kept('groups', false);
    expect((await started([groups])).listeners).to.deep.equal([]);
    const admins = kept('admins', true);
    const { happens, notifier } = await started([admins]);
    await notifier.close();
    await happens(news('refused', 'ann'));
    expect(admins.told).to.deep.equal([]);
  });

  it('go on once the store is there again', async () => {
    const admins = kept('admins', true);
    const { happens, records } = await started([admins]);
    const insert = sinon.stub(records, 'insert').throws(new Error('the disk is full'));
    await happens(news('refused', 'ann'));
    expect(admins.told).to.deep.equal([]);
    insert.restore();
    await clock.tickAsync(10_000);
    expect(admins.told).to.have.length(1);
  });

  it('say which limit, of whose call and when; nothing in them is hidden or becomes a link', () => {
    const lines = (about: LimitNotice['about']): string => limitLines({ ...NOTICE, about })[0];
    expect(lines('near')).to.equal('A limit is nearly used up: cap');
    expect(lines('uncounted')).to.equal('A limit refuses calls that it cannot count: cap');
    expect(limitLines(NOTICE)).to.deep.equal([
      'A limit refuses calls: cap',
      'Agent: bot',
      'Tool: pay',
      `At: ${new Date(START).toISOString()}`,
    ]);
    const hostile = { ...NOTICE, policyId: 'c\u202eap', agentId: 'a\u200bn@x.example', toolName: 'https://evil.example' };
    const mail = limitMailText(hostile);
    for (const text of [JSON.stringify(limitCard(hostile)).replace(NOTICE.link, ''), mail.subject, mail.text.replace(NOTICE.link, '')])
      expect(text).not.to.match(/[\u202e\u200b@]|:\/\//);
  });
});

describe('Notices of limits, on their way', () => {
  it('are posted to webhooks, to Slack and as mail', async () => {
    await using hook = await receiver(() => ({ body: '{"ok":true,"ts":"1"}' }));
    const secret = `whsec_${Buffer.alloc(32).toString('base64')}`;
    const webhook = new WebhookChannel(0, { url: hook.url, secret, allowPrivate: true });
    await webhook.sendLimit(NOTICE);
    await webhook.sendLimit({ ...NOTICE, about: 'uncounted', windowMs: undefined });
    const slack = new SlackChannel({ token: 'xoxb-1', channels: {}, admins: 'C9', apiUrl: hook.url, allowPrivate: true });
    await slack.sendLimit(NOTICE);
    const data = { tenant: 'default', link: NOTICE.link, policy: 'cap', agent: 'bot', tool: 'pay' };
    const [refused, uncounted, card] = hook.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(refused).to.deep.equal({ type: 'limit.refused', timestamp: new Date(START).toISOString(), data: { ...data, window_s: 3_600 } });
    expect(uncounted).to.deep.include({ type: 'limit.uncounted', data });
    expect(card).to.include({ channel: 'C9', text: 'A limit refuses calls: cap' });
    await using server = await mailServer();
    const mail = new MailChannel({ smtp: server.url, from: 'aegis@example.com', to: {}, admins: ['root@example.com'] });
    await mail.sendLimit(NOTICE);
    expect(server.mails[0]?.source).to.contain('Subject: Aegis: A limit refuses calls: cap').and.contain(NOTICE.link);
  });
});
