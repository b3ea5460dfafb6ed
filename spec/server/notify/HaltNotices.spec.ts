import { expect } from 'chai';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '../../../lib/common/Logger.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { HaltEvents } from '../../../lib/guard/halt/Halts.js';
import type { Halt } from '../../../lib/model/halt/Halt.js';
import { SafeEmitter } from '../../../lib/model/SafeEmitter.js';
import type { Channel } from '../../../lib/server/notify/Channel.js';
import { haltLines } from '../../../lib/server/notify/HaltNotices.js';
import type { HaltNotice } from '../../../lib/server/notify/HaltNotices.js';
import { haltMailText } from '../../../lib/server/notify/MailChannel.js';
import { Notifier } from '../../../lib/server/notify/Notifier.js';
import { haltCard } from '../../../lib/server/notify/SlackChannel.js';
import { WebhookChannel } from '../../../lib/server/notify/WebhookChannel.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { until } from '../../support/until.js';

const AT = Date.UTC(2026, 10, 29);
const HALT: Halt = Object.freeze({
  id: 'halt_1',
  scope: { agentId: 'bot' },
  pending: 'freeze',
  by: 'ann',
  reason: 'it runs wild',
  atMs: AT,
});
const LIFTED: Halt = { ...HALT, lifted: { by: 'bob', reason: 'fixed', atMs: AT + 1_000 } };

describe('Notices of halts', () => {
  const notifiers: Notifier[] = [];
  afterEach(async () => void (await Promise.all(notifiers.splice(0).map((notifier) => notifier.close()))));

  const world = async (channels: readonly Channel[], records = new MemoryRecordStore(), inForce: readonly Halt[] = []) => {
    const news = new SafeEmitter<HaltEvents>();
    const notifier = new Notifier({
      tenantId: 'default',
      desk: new ApprovalDesk(new MemoryApprovalStore()),
      records,
      channels,
      pages: 'https://aegis.example/in',
      logger: silentLogger,
      now: () => Date.now(),
      halts: { news, inForce: () => inForce },
    });
    notifiers.push(notifier);
    await notifier.start();
    return { news, records, notifier };
  };
  const kept = (name: string, servesAdmins: boolean): Channel & { readonly told: HaltNotice[] } => {
    const told: HaltNotice[] = [];
    return {
      name,
      told,
      serves: () => true,
      servesAdmins,
      send: async () => undefined,
      sendHalt: async (notice) => void told.push(notice),
    };
  };

  it('tell the admins, once, however many servers notice it', async () => {
    const [admins, groups] = [kept('admins', true), kept('groups', false)];
    const first = await world([admins, groups]);
    const second = await world([admins, groups], first.records);
    for (const { news } of [first, second]) news.emit('halted', HALT);
    await until(() => admins.told.length > 0);
    for (const { news } of [first, second]) news.emit('lifted', LIFTED);
    await until(() => admins.told.length > 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(admins.told.map(({ id, about, link }) => [id, about, link])).to.deep.equal([
      ['halt_1-halted', 'halted', 'https://aegis.example/in/halts'],
      ['halt_1-ended', 'lifted', 'https://aegis.example/in/halts'],
    ]);
    expect(groups.told).to.deep.equal([]);
    // one that starts later
    const third = await world([admins], first.records, [HALT]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(admins.told).to.have.length(2);
    await third.notifier.close();
    expect(third.news.listenerCount('halted')).to.equal(0);
  });

  it('tell of what was halted while no server ran, and of a halt whose time is over', async () => {
    const admins = kept('admins', true);
    const { news } = await world([admins], undefined, [{ ...HALT, untilMs: AT + 60_000 }]);
    await until(() => admins.told.length > 0);
    news.emit('lifted', { ...HALT, untilMs: AT + 60_000 });
    await until(() => admins.told.length > 1);
    expect(admins.told.map(({ about }) => about)).to.deep.equal(['halted', 'over']);
  });

  it('are posted to webhooks as the halt is over HTTP', async () => {
    const bodies: Record<string, unknown>[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        bodies.push(JSON.parse(body));
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const channel = new WebhookChannel(0, { url, secret: `whsec_${Buffer.alloc(32).toString('base64')}`, allowPrivate: true });
    const link = 'https://aegis.example/halts';
    const notice = { id: 'halt_1-halted', tenantId: 'default', link };
    await channel.sendHalt({ ...notice, about: 'halted', halt: HALT });
    await channel.sendHalt({ ...notice, about: 'lifted', halt: LIFTED });
    await channel.sendHalt({ ...notice, about: 'over', halt: { ...HALT, untilMs: AT + 60_000 } });
    await channel.sendHalt({ ...notice, about: 'over', halt: HALT });
    await new Promise((resolve) => server.close(resolve));
    expect(bodies.map(({ type, timestamp }) => [type, timestamp])).to.deep.equal([
      ['halt.ordered', '2026-11-29T00:00:00.000Z'],
      ['halt.ended', '2026-11-29T00:00:01.000Z'],
      ['halt.ended', '2026-11-29T00:01:00.000Z'],
      ['halt.ended', '2026-11-29T00:00:00.000Z'],
    ]);
    expect(bodies[1]?.['data']).to.deep.include({
      tenant: 'default',
      link,
      id: 'halt_1',
      scope: { agent: 'bot' },
      by: 'ann',
      reason: 'it runs wild',
    });
    const [, ended = {}] = bodies;
    expect((ended['data'] as { readonly lifted: object }).lifted).to.deep.include({ by: 'bob', reason: 'fixed' });
  });

  it('say to people what is halted, by whom, why and until when; nothing in them is hidden or becomes a link', () => {
    const notice = { id: 'i', tenantId: 'default', link: 'https://aegis.example/halts' };
    const lines = (about: HaltNotice['about'], halt: Halt): readonly string[] => haltLines({ ...notice, about, halt });
    expect(lines('halted', HALT)).to.deep.equal(['Halted: agent bot', 'By: ann', 'Why: it runs wild', 'Until: it is lifted']);
    expect(lines('halted', { ...HALT, scope: { all: true }, pending: 'cancel', untilMs: AT })).to.deep.equal([
      'Halted: everything',
      'By: ann',
      'Why: it runs wild',
      'Until: 2026-11-29T00:00:00.000Z',
      'What waits for a person ends.',
    ]);
    expect(lines('lifted', LIFTED)).to.deep.equal(['Lifted: agent bot', 'By: bob', 'Why: fixed']);
    expect(lines('over', { ...HALT, scope: { toolName: 'pay', group: 'money' } })).to.deep.equal(['A halt is over: tool pay, group money']);
    const hostile = { ...HALT, scope: { agentId: 'b\u202et' }, by: 'a\u200bn@x.example', reason: 'see https://evil.example' };
    const card = haltCard({ ...notice, about: 'halted', halt: hostile });
    const mail = haltMailText({ ...notice, about: 'halted', halt: hostile });
    for (const text of [JSON.stringify(card).replace(notice.link, ''), mail.subject, mail.text.replace(notice.link, '')])
      expect(text).not.to.match(/[\u202e\u200b@]|:\/\//);
    expect(haltCard({ ...notice, about: 'over', halt: HALT }).blocks).to.have.length(3);
    expect(mail.text).to.contain('Why: see https[:]//evil.example');
  });
});
