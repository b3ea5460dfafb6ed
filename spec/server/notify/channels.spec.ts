import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import * as nodemailer from 'nodemailer';
import { Webhook } from 'standardwebhooks';
import type { IsRequester, SentCard } from '../../../lib/server/notify/Channel.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { adminMailText, MailChannel, mailText } from '../../../lib/server/notify/MailChannel.js';
import { plainLine, timeLeft } from '../../../lib/server/front/plainLine.js';
import { adminCard, SlackChannel, slackCard } from '../../../lib/server/notify/SlackChannel.js';
import { WebhookChannel } from '../../../lib/server/notify/WebhookChannel.js';
import { counted } from '../../support/assurance.js';
import { rejection } from '../../support/rejection.js';
import { adminNoticeOf, HOSTILE, itemOf, noticeOf } from './notices.js';
import { mailServer, receiver } from './receivers.js';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const NOBODY = async (): Promise<boolean> => false;
const NOW = 1_800_000;

describe('A webhook', () => {
  it('is signed as Standard Webhooks describes it', async () => {
    await using hook = await receiver();
    const channel = new WebhookChannel(0, { url: `${hook.url}/in`, secret: new SecretString(SECRET), allowPrivate: true });
    await channel.send(noticeOf({ more: 3 }), NOW);
    const [got] = hook.received;
    const oracle = new Webhook(SECRET);
    const body = oracle.verify(got?.body ?? '', got?.headers ?? {});
    expect(body).to.deep.equal({
      type: 'approval.requested',
      timestamp: '1970-01-01T00:30:00.000Z',
      data: {
        tenant: 'default',
        group: 'finance-leads',
        link: 'https://aegis.example/inbox',
        more: 3,
        approvals: [
          {
            id: 'dec-1',
            tool: 'payments.refund',
            agent: 'support-agent',
            severity: 'high',
            reason: 'Refunds over 1,000 need two finance leads',
            seats: 1,
            yes: 0,
            expires: '1970-01-01T01:00:00.000Z',
            link: 'https://aegis.example/a/dec-1',
          },
        ],
      },
    });
    expect(got?.headers).to.include({ 'webhook-id': 'n-1', 'content-type': 'application/json' });
    for (const changed of [`${got?.body} `, (got?.body ?? '').replace('dec-1', 'dec-2')])
      expect(() => oracle.verify(changed, got?.headers ?? {})).to.throw();
    expect(() => oracle.verify(got?.body ?? '', { ...got?.headers, 'webhook-id': 'n-2' })).to.throw();
    expect(() => new Webhook(randomBytes(32).toString('base64')).verify(got?.body ?? '', got?.headers ?? {})).to.throw();
  });

  it('is told of what was settled, with its status, and of what became of people', async () => {
    await using hook = await receiver();
    const channel = new WebhookChannel(0, { url: hook.url, secret: SECRET, allowPrivate: true });
    await channel.send(noticeOf({ id: 'settled-1', about: 'settled', items: [itemOf({ status: 'denied' })] }), NOW);
    await channel.sendToAdmins(adminNoticeOf());
    const [settled, people] = hook.received.map(({ headers, body }) => new Webhook(SECRET).verify(body, headers));
    expect(settled).to.deep.include({ type: 'approval.settled' });
    expect((settled as { data: { approvals: object[] } }).data.approvals[0]).to.include({ id: 'dec-1', status: 'denied' });
    expect(people).to.deep.equal({
      type: 'people.changed',
      timestamp: '1970-01-01T00:30:00.000Z',
      data: {
        tenant: 'default',
        link: 'https://aegis.example/people',
        more: 0,
        changes: [
          {
            what: 'person.changed',
            at: '1970-01-01T00:30:00.000Z',
            by: { id: 'person-1', name: 'Ann' },
            person: { id: 'person-2', name: 'Bob' },
            added: ['role admin'],
            removed: ['group finance-leads'],
            name: null,
          },
        ],
      },
    });
  });

  it('is told of people unless it is for groups, and as it says', () => {
    const url = 'https://hook.example/';
    expect(new WebhookChannel(0, { url, secret: SECRET }).servesAdmins).to.equal(true);
    expect(new WebhookChannel(0, { url, secret: SECRET, admins: false }).servesAdmins).to.equal(false);
    expect(new WebhookChannel(0, { url, secret: SECRET, groups: ['a'] }).servesAdmins).to.equal(false);
    expect(new WebhookChannel(0, { url, secret: SECRET, groups: ['a'], admins: true }).servesAdmins).to.equal(true);
  });

  it('is for the groups that it names', () => {
    const url = 'https://hook.example/';
    expect(new WebhookChannel(0, { url, secret: SECRET }).serves('any')).to.equal(true);
    expect(new WebhookChannel(1, { url, secret: SECRET, groups: ['a'] }).serves('a')).to.equal(true);
    expect(new WebhookChannel(1, { url, secret: SECRET, groups: ['a'] }).serves('b')).to.equal(false);
  });

  for (const [status, isFinal] of [
    [200, undefined],
    [204, undefined],
    [301, true],
    [307, true],
    [400, true],
    [404, true],
    [408, false],
    [410, true],
    [429, false],
    [500, false],
    [503, false],
  ] as const)
    it(`that answers ${status} ${isFinal === undefined ? 'has it' : isFinal ? 'gets nothing more of it' : 'gets it again'}`, async () => {
      await using hook = await receiver(() => ({ status, body: 'secret of the receiver' }));
      const sending = new WebhookChannel(0, { url: hook.url, secret: SECRET, allowPrivate: true }).send(noticeOf(), NOW);
      if (isFinal === undefined) return void (await sending);
      const error = await rejection(sending);
      expect(error).to.include({ name: 'DeliveryError', isFinal });
      expect(error.message).to.not.contain('secret');
    });
});

describe('Slack', () => {
  const options = { token: 'xoxb-1', channels: { 'finance-leads': 'C0FIN', '*': 'C0ALL' }, allowPrivate: true };

  it('gets a card with a link, and changes it when it was settled', async () => {
    await using slack = await receiver((_request, count) => ({ body: JSON.stringify({ ok: true, channel: 'C0FIN', ts: `1.${count}` }) }));
    const channel = new SlackChannel({ ...options, token: new SecretString('xoxb-1'), apiUrl: `${slack.url}/api/` });
    const card = await channel.send(noticeOf(), NOW, NOBODY);
    expect(card).to.deep.equal({ channel: 'C0FIN', ts: '1.1' });
    const [posted] = slack.received;
    expect(posted).to.include({ path: '/api/chat.postMessage' });
    expect(posted?.headers).to.include({ authorization: 'Bearer xoxb-1' });
    expect(JSON.parse(posted?.body ?? '')).to.include({
      channel: 'C0FIN',
      text: '1 approval waits for finance-leads',
      unfurl_links: false,
      unfurl_media: false,
    });
    expect(posted?.body)
      .to.contain('<https://aegis.example/a/dec-1|Open the approval>')
      .and.to.contain('payments.refund (high), 30 min left');
    expect(posted?.body).to.not.contain('"button"').and.to.not.contain('action');
    await channel.update(card as SentCard, noticeOf({ items: [itemOf({ status: 'approved' })] }), NOW);
    expect(slack.received[1]?.path).to.equal('/api/chat.update');
    expect(JSON.parse(slack.received[1]?.body ?? '')).to.include({ channel: 'C0FIN', ts: '1.1', text: 'Nothing waits here any longer' });
    expect(slack.received[1]?.body).to.contain('payments.refund (high), approved').and.to.contain('|Open>');
  });

  it('names no one as an approver, and says that who asked does not decide', () => {
    const text = JSON.stringify(slackCard(noticeOf(), NOW));
    expect(text).to.contain('The people of this group decide. Who asked for a call does not.');
    expect(text).to.not.match(/<@|<!|you|decide">|and decide/i);
    expect(JSON.stringify(slackCard(noticeOf({ items: [itemOf({ status: 'denied' })] }), NOW))).to.not.contain('Who asked');
  });

  it('posts nothing of a call to the channel of the person who asked for it', async () => {
    await using slack = await receiver(() => ({ body: '{"ok":true,"ts":1}' }));
    const channel = new SlackChannel({ ...options, channels: { '*': 'U0ANN' }, apiUrl: slack.url });
    const asked: string[] = [];
    const isHers: IsRequester = async (address, { decisionId }) => {
      asked.push(address);
      return decisionId === 'dec-1';
    };
    expect(await channel.send(noticeOf(), NOW, isHers)).to.equal(undefined);
    expect(slack.received).to.deep.equal([]);
    await channel.send(noticeOf({ items: [itemOf(), itemOf({ decisionId: 'dec-2', toolName: 'other' })] }), NOW, isHers);
    expect(slack.received[0]?.body).to.contain('1 approval waits').and.not.contain('payments.refund');
    expect(new Set(asked)).to.deep.equal(new Set(['U0ANN']));
  });

  it('tells the admins, in their channel, what became of people', async () => {
    await using slack = await receiver(() => ({ body: '{"ok":true,"ts":1}' }));
    expect(new SlackChannel(options).servesAdmins).to.equal(false);
    const channel = new SlackChannel({ ...options, admins: 'C0ADMINS', apiUrl: slack.url });
    expect(channel.servesAdmins).to.equal(true);
    await channel.sendToAdmins(adminNoticeOf({ more: 2 }));
    const [posted] = slack.received;
    expect(JSON.parse(posted?.body ?? '')).to.include({ channel: 'C0ADMINS', text: 'People: 3 changes' });
    expect(posted?.body)
      .to.contain('A person was changed, 1970-01-01 00:30 UTC\\nPerson: Bob (person-2)\\nGot: role admin\\nLost: group finance-leads')
      .and.to.contain('By: Ann (person-1)')
      .and.to.contain('<https://aegis.example/people|People, and 2 more>');
  });

  it('has a channel for each group, and one for the others', async () => {
    const channel = new SlackChannel(options);
    expect(channel.serves('finance-leads')).to.equal(true);
    expect(channel.serves('toString')).to.equal(true);
    expect(new SlackChannel({ ...options, channels: { a: 'C0A' } }).serves('toString')).to.equal(false);
    await using slack = await receiver(() => ({ body: '{"ok":true,"ts":1}' }));
    await new SlackChannel({ ...options, apiUrl: slack.url }).send(noticeOf({ group: 'other', more: 5 }), NOW, NOBODY);
    expect(JSON.parse(slack.received[0]?.body ?? '')).to.include({ channel: 'C0ALL', text: '6 approvals wait for other' });
    expect(slack.received[0]?.body).to.contain('<https://aegis.example/inbox|5 more>');
  });

  for (const [answer, message, isFinal] of [
    [{ status: 200, body: '{"ok":false,"error":"channel_not_found"}' }, 'channel_not_found', true],
    [{ status: 200, body: '{"ok":false,"error":"ratelimited"}' }, 'ratelimited', false],
    [{ status: 429, body: '' }, 'HTTP 429', false],
    [{ status: 500, body: 'x' }, 'HTTP 500', false],
    [{ status: 200, body: 'no json' }, 'HTTP 200', true],
    [{ status: 200, body: 'null' }, 'HTTP 200', true],
    [{ status: 200, body: '{"ok":false,"error":"Bad <secret>"}' }, 'HTTP 200', true],
  ] as const)
    it(`that answers ${answer.status} ${answer.body} is told ${isFinal ? 'nothing more' : 'again'}`, async () => {
      await using slack = await receiver(() => answer);
      const error = await rejection(new SlackChannel({ ...options, apiUrl: slack.url }).send(noticeOf(), NOW, NOBODY));
      expect(error).to.include({ name: 'DeliveryError', isFinal, message: `Slack answered ${message}.` });
    });

  it('reads no markup in what anyone wrote', () => {
    let wrong = 0;
    for (const text of HOSTILE) {
      const { text: line, blocks } = slackCard(
        noticeOf({ group: text, items: [itemOf({ toolName: text, agentId: text, reason: text })], tenantId: text }),
        NOW,
      );
      const marked = JSON.stringify(blocks.filter((block) => JSON.stringify(block).includes('mrkdwn')));
      if (/[<>](?!!?$)/.test(line.replaceAll('&lt;', '').replaceAll('&gt;', ''))) wrong++;
      if (
        !/^\[\{"type":"context","elements":\[\{"type":"mrkdwn","text":"<https:\/\/aegis\.example\/a\/dec-1\|Open the approval>","verbatim":true\}\]\}\]$/.test(
          marked,
        )
      )
        wrong++;
      const all = JSON.stringify(blocks);
      if (/\bwww\.|evil\.example:|@evil|https?:\/\/(?!aegis\.example)/.test(all)) wrong++;
      if (/[\u200b\u202e]/.test(all) || all.length > 3_500) wrong++;
    }
    counted({ what: 'hostile texts in a card of Slack', cases: HOSTILE.length * 4, wrong });
    expect(wrong).to.equal(0);
  });
});

describe('Mail', () => {
  const options = { from: 'Aegis <aegis@example.com>', to: { 'finance-leads': ['ann@example.com', 'bob@example.com'], '*': [] } };

  it('goes to each person alone, in plain text, with a link', async () => {
    await using server = await mailServer();
    await new MailChannel({ ...options, smtp: server.url }, () => nodemailer).send(noticeOf({ more: 2 }), NOW, NOBODY);
    expect(server.mails.map(({ to }) => to)).to.deep.equal([['ann@example.com'], ['bob@example.com']]);
    const source = server.mails[0]?.source ?? '';
    expect(source)
      .to.match(/^Subject: Aegis: 3 approvals wait for finance-leads$/m)
      .and.to.match(/^From: Aegis <aegis@example\.com>$/m);
    expect(source)
      .to.match(/^Content-Type: text\/plain/m)
      .and.to.not.match(/text\/html/);
    expect(source)
      .to.contain('payments.refund (high), 30 min left')
      .and.to.contain('https://aegis.example/a/dec-1')
      .and.to.contain('2 more: https://aegis.example/inbox');
    expect(source).to.not.contain('bob@example.com');
  });

  it('does not go to the person who asked', async () => {
    await using server = await mailServer();
    const items = [itemOf(), itemOf({ decisionId: 'dec-2', toolName: 'other.tool' })];
    const channel = new MailChannel({ ...options, smtp: server.url });
    await channel.send(
      noticeOf({ items }),
      NOW,
      async (address, { decisionId }) => address === 'ann@example.com' && decisionId === 'dec-1',
    );
    expect(server.mails[0]?.source).to.contain('other.tool').and.to.not.contain('payments.refund');
    expect(server.mails[1]?.source).to.contain('payments.refund');
    await channel.send(noticeOf({ id: 'n-2' }), NOW, async (address) => address === 'ann@example.com');
    expect(server.mails.slice(2).map(({ to }) => to)).to.deep.equal([['bob@example.com']]);
  });

  it('tells each admin what became of people, and nothing that anyone hid in it', async () => {
    await using server = await mailServer();
    expect(new MailChannel({ ...options, smtp: server.url }).servesAdmins).to.equal(false);
    const channel = new MailChannel({ ...options, admins: ['root@example.com', 'ops@example.com'], smtp: server.url });
    expect(channel.servesAdmins).to.equal(true);
    await channel.sendToAdmins(adminNoticeOf());
    expect(server.mails.map(({ to }) => to)).to.deep.equal([['root@example.com'], ['ops@example.com']]);
    expect(server.mails[0]?.source)
      .to.match(/^Subject: Aegis: a change to people$/m)
      .and.to.contain('Got: role admin')
      .and.to.contain('https://aegis.example/people');
    let wrong = 0;
    for (const text of HOSTILE) {
      const changes = [
        { ...adminNoticeOf().changes[0], byName: text, by: text, person: { id: text, name: text }, added: [text], name: text },
      ];
      const notice = adminNoticeOf({ changes: changes as never, more: 1 });
      const mail = adminMailText(notice);
      if (/[\r\n]/.test(mail.subject) || /www\.|@|:\/\/(?!aegis\.example\/)/.test(mail.text) || mail.text.length > 3_000) wrong++;
      const { text: title, blocks } = adminCard(notice);
      const marked = JSON.stringify(blocks.filter((block) => JSON.stringify(block).includes('mrkdwn')));
      if (title !== 'People: 2 changes' || !marked.includes('<https://aegis.example/people|People, and 1 more>') || marked.length > 160)
        wrong++;
    }
    counted({ what: 'hostile texts in a notice to the admins', cases: HOSTILE.length * 2, wrong });
    expect(wrong).to.equal(0);
  });

  it('goes again only to those who did not get it', async () => {
    let isDown = true;
    await using server = await mailServer((address) => (isDown && address === 'ann@example.com' ? 450 : undefined));
    const channel = new MailChannel({ ...options, smtp: server.url });
    expect(await rejection(channel.send(noticeOf(), NOW, NOBODY))).to.include({ name: 'DeliveryError', isFinal: false });
    isDown = false;
    await channel.send(noticeOf(), NOW, NOBODY);
    expect(server.mails.map(({ to }) => to[0])).to.deep.equal(['bob@example.com', 'ann@example.com']);
  });

  it('is given up where the server refuses it for good, and tried again where there is none', async () => {
    await using server = await mailServer(() => 550);
    expect(await rejection(new MailChannel({ ...options, smtp: server.url }).send(noticeOf(), NOW, NOBODY))).to.include({ isFinal: true });
    expect(await rejection(new MailChannel({ ...options, smtp: 'smtp://127.0.0.1:9' }).send(noticeOf(), NOW, NOBODY))).to.include({
      isFinal: false,
    });
  });

  it('is for groups that have addresses, and needs nodemailer', () => {
    const channel = new MailChannel({ ...options, smtp: 'smtp://x' });
    expect([channel.serves('finance-leads'), channel.serves('other'), channel.canSend()]).to.deep.equal([true, false, true]);
    const without = new MailChannel({ ...options, to: {}, smtp: 'smtp://x' }, () => {
      throw new Error('Cannot find module');
    });
    expect([without.serves('other'), without.canSend()]).to.deep.equal([false, false]);
  });

  it('has no header that anyone else wrote', async () => {
    await using server = await mailServer();
    let wrong = 0;
    for (const [i, text] of HOSTILE.entries()) {
      const items = [itemOf({ toolName: text, agentId: text, reason: text })];
      const { subject, text: body } = mailText(noticeOf({ items }), NOW);
      if (/[\r\n]/.test(subject) || /www\.|@|:\/\/(?!aegis\.example\/)/.test(body) || body.length > 3_000) wrong++;
      await new MailChannel({ ...options, to: { '*': ['ann@example.com'] }, smtp: server.url }).send(
        noticeOf({ id: `n-${i}`, group: text, items }),
        NOW,
        NOBODY,
      );
      const mail = server.mails[i];
      const head = (mail?.source ?? '').split('\r\n\r\n')[0] ?? '';
      const names = head.split(/\r\n(?![ \t])/).map((line) => line.split(':')[0]);
      if (
        names.join() !== 'From,To,Subject,Message-ID,Content-Transfer-Encoding,Date,MIME-Version,Content-Type' ||
        mail?.to.join() !== 'ann@example.com'
      )
        wrong++;
    }
    counted({ what: 'hostile texts in a mail', cases: HOSTILE.length, wrong });
    expect(wrong).to.equal(0);
  });
});

describe('A line of a message', () => {
  it('is short, and no link', () => {
    expect(plainLine('see https://evil.example and www.x.y, a@b')).to.equal('see https[:]//evil.example and www[.]x.y, a[at]b');
    expect(plainLine('x'.repeat(300))).to.equal(`${'x'.repeat(199)}…`);
    expect(plainLine('a\n\u202eb', 40)).to.equal('a\\u{a}\\u{202e}b');
  });

  it('says how much time is left', () => {
    const minute = 60_000;
    for (const [ms, text] of [
      [-5, 'less than a minute'],
      [59_999, 'less than a minute'],
      [minute, '1 min'],
      [59 * minute, '59 min'],
      [214 * minute, '3 h 34 min'],
      [47 * 60 * minute, '47 h 0 min'],
      [48 * 60 * minute, '2 days'],
    ] as const)
      expect(timeLeft(ms)).to.equal(text);
  });
});
