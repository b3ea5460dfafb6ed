import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { Identity } from '../../../lib/server/people/Identity.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import type { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import { checkedNotify, ofGroup } from '../../../lib/server/notify/NotifyOptions.js';
import { servePlane } from '../../support/servePlane.js';
import { until } from '../../support/until.js';
import { mailServer, receiver } from './receivers.js';

const secret = `whsec_${randomBytes(24).toString('base64')}`;
const POLICIES = {
  text: '@id("all") permit (principal, action, resource); @id("a") @effect("approval_needed") @approvers("leads") @severity("high") @reason("a person looks") forbid (principal, action, resource);',
};

function problems(given: unknown): readonly string[] {
  try {
    checkedNotify('notify', given as never);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ where, message }) => `${where} ${message}`);
  }
}

describe('The options of notices', () => {
  it('may be all there are', () => {
    const options = {
      webhooks: [
        { url: 'https://hooks.example/x', secret, groups: ['a'], admins: true },
        { url: 'http://127.0.0.1:1/', secret: new SecretString(secret), allowPrivate: true },
      ],
      slack: { token: 'xoxb-1', channels: { a: 'C0123ABCD', '*': 'G0123' }, admins: 'C0ADMINS', apiUrl: 'https://slack-gov.com/api' },
      mail: {
        smtp: new SecretString('smtps://u:p@mail.example'),
        from: 'Aegis <a@b.example>',
        to: { a: ['ann@b.example'], b: [] },
        admins: ['root@b.example'],
      },
    };
    expect(checkedNotify('notify', options)).to.deep.equal(options);
    expect(problems({})).to.deep.equal([]);
  });

  const bad: readonly (readonly [what: string, given: unknown, where: string])[] = [
    [
      'a channel of admins that is a name',
      { slack: { token: 'x', channels: {}, admins: '#admins' } },
      'notify.slack.admins must be the id',
    ],
    [
      'admins that are no addresses',
      { mail: { smtp: 'smtp://x', from: 'a@b.example', to: {}, admins: ['root'] } },
      'notify.mail.admins must be a list of mail addresses',
    ],
    ['a list', [], 'notify must be a plain object'],
    ['a channel that does not exist', { teams: {} }, 'notify.teams is not an option'],
    ['webhooks that are one', { webhooks: {} }, 'notify.webhooks must be a list'],
    ['a webhook that is a URL', { webhooks: ['https://x.example'] }, 'notify.webhooks[0] must be a plain object'],
    ['a webhook without a secret', { webhooks: [{ url: 'https://x.example' }] }, 'notify.webhooks[0].secret is missing'],
    ['a webhook without a URL', { webhooks: [{ secret }] }, 'notify.webhooks[0].url is missing'],
    [
      'a misspelt option',
      { webhooks: [{ url: 'https://x.example', secret, alowPrivate: true }] },
      'notify.webhooks[0].alowPrivate is not an option',
    ],
    ['plain http', { webhooks: [{ url: 'http://x.example', secret }] }, 'notify.webhooks[0].url must be an https URL'],
    ['a URL with a password', { webhooks: [{ url: 'https://u:p@x.example', secret }] }, 'notify.webhooks[0].url must be an https URL'],
    ['another scheme', { webhooks: [{ url: 'file:///etc/passwd', secret, allowPrivate: true }] }, 'notify.webhooks[0].url must be'],
    ['no URL', { webhooks: [{ url: 'x', secret }] }, 'notify.webhooks[0].url must be'],
    [
      'a secret that is short',
      { webhooks: [{ url: 'https://x.example', secret: 'whsec_YWJj' }] },
      'notify.webhooks[0].secret must be whsec_',
    ],
    [
      'a secret of another kind',
      { webhooks: [{ url: 'https://x.example', secret: 'x'.repeat(40) }] },
      'notify.webhooks[0].secret must be whsec_',
    ],
    ['Slack without channels', { slack: { token: 'x' } }, 'notify.slack.channels is missing'],
    ['the name of a channel', { slack: { token: 'x', channels: { a: '#finance' } } }, 'notify.slack.channels must have the id'],
    ['an API of Slack by http', { slack: { token: 'x', channels: {}, apiUrl: 'http://x.example' } }, 'notify.slack.apiUrl must be'],
    [
      'mail to one address',
      { mail: { smtp: 'smtp://x', from: 'a@b.example', to: { a: 'ann@b.example' } } },
      'notify.mail.to must have a list',
    ],
    [
      'an address with a line end',
      { mail: { smtp: 'smtp://x', from: 'a@b.example', to: { a: ['ann@b.example\r\nBcc: x@y.example'] } } },
      'notify.mail.to must have a list',
    ],
    [
      'two addresses in one',
      { mail: { smtp: 'smtp://x', from: 'a@b.example', to: { a: ['ann@b.example,x@y.example'] } } },
      'notify.mail.to must have a list',
    ],
    [
      'a sender with a line end',
      { mail: { smtp: 'smtp://x', from: 'a@b.example\nBcc: x@y.example', to: {} } },
      'notify.mail.from must be one line',
    ],
    ['no SMTP', { mail: { smtp: 'mail.example', from: 'a@b.example', to: {} } }, 'notify.mail.smtp must be an smtp:// or smtps:// URL'],
  ];
  for (const [what, given, expected] of bad)
    it(`are not ${what}`, () => {
      const found = problems(given);
      expect(found).to.have.length(1);
      expect(found[0]).to.contain(expected);
      expect(found[0]).to.not.contain('u:p').and.to.not.contain('YWJj');
    });

  it('have an entry for a group, or for the others', () => {
    expect(ofGroup({ a: 1, '*': 2 }, 'a')).to.equal(1);
    expect(ofGroup({ a: 1, '*': 2 }, 'toString')).to.equal(2);
    expect(ofGroup({ a: 1 }, 'toString')).to.equal(undefined);
  });

  it('need a public URL, in every form', () => {
    const notify = { webhooks: [{ url: 'https://x.example', secret }] };
    const faultOf = (options: object): string => {
      try {
        createDataPlane(options as never);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(faultOf({ policies: POLICIES, notify }))
      .to.contain('publicUrl')
      .and.to.contain('`notify` sends links');
    expect(faultOf({ tenants: { default: { policies: POLICIES, notify } } })).to.contain('publicUrl');
    expect(faultOf({ policies: POLICIES, publicUrl: 'https://a.example', notify: { webhooks: [{}] } })).to.contain(
      'notify.webhooks[0].url',
    );
  });
});

describe('A Data Plane with notices', () => {
  it('tells by webhook, Slack and mail, once, and changes the card when it was decided', async () => {
    await using hook = await receiver();
    await using slack = await receiver(() => ({ body: '{"ok":true,"channel":"C0ALL","ts":"1.5"}' }));
    await using mail = await mailServer();
    await using served = await servePlane({
      policies: POLICIES,
      approverGroups: { leads: ['ann@example.com', 'eve@example.com'] },
      publicUrl: 'http://127.0.0.1/aegis',
      notify: {
        webhooks: [{ url: hook.url, secret, allowPrivate: true }],
        slack: { token: 'xoxb-1', channels: { '*': 'C0ALL' }, apiUrl: slack.url, allowPrivate: true },
        mail: { smtp: mail.url, from: 'aegis@example.com', to: { leads: ['ann@example.com', 'eve@example.com'] } },
      },
    });
    const key = await served.keyFor();
    const params = { note: 'secret param' };
    const { status, json } = await served.ask('POST', '/v1/decision', {
      key,
      body: { agent_id: 'bot', tool: { name: 'mail.send', params }, session: { user_id: 'eve@example.com' } },
    });
    expect(status, JSON.stringify(json)).to.equal(200);
    await until(() => hook.received.length === 1 && slack.received.length === 1 && mail.mails.length === 1);
    expect([hook.received.length, slack.received.length, mail.mails.length]).to.deep.equal([1, 1, 1]);
    const id = String(json.decision_id);
    expect(mail.mails[0]?.to).to.deep.equal(['ann@example.com']);
    for (const text of [hook.received[0]?.body, slack.received[0]?.body, mail.mails[0]?.source]) {
      expect(text).to.contain('mail.send').and.to.contain(`http://127.0.0.1/aegis/a/${id}`).and.to.contain('a person looks');
      expect(text).to.not.contain('secret param').and.to.not.contain('eve@example.com');
    }
    expect((await served.ask('POST', `/v1/decision/${id}/withdraw`, { key })).status).to.be.below(300);
    await until(() => slack.received.length === 2);
    expect(slack.received[1]?.path).to.equal('/chat.update');
    expect(slack.received[1]?.body).to.contain('withdrawn');
    await until(() => hook.received.length === 2);
    const settled = JSON.parse(hook.received[1]?.body ?? '') as { type: string; data: { approvals: { id: string; status: string }[] } };
    expect([settled.type, settled.data.approvals.map((one) => [one.id, one.status])]).to.deep.equal([
      'approval.settled',
      [[id, 'withdrawn']],
    ]);
    expect([hook.received.length, mail.mails.length]).to.deep.equal([2, 1]);
  });

  it('tells the admins that a limit is nearly used up, and that it refuses, without what it counts', async () => {
    await using hook = await receiver();
    const text = `@id("all") permit (principal, action, resource);
@id("cap") @effect("limit") @limit("4/1d by agent,session/user_id") @warn_at("50") forbid (principal, action, resource);`;
    await using served = await servePlane({
      policies: { text },
      publicUrl: 'http://127.0.0.1/aegis',
      notify: { webhooks: [{ url: hook.url, secret, allowPrivate: true }] },
    });
    const key = await served.keyFor({ sessionTrusted: true });
    const body = { agent_id: 'bot', tool: { name: 'mail.send', params: { note: 'secret param' } }, session: { user_id: 'eve' } };
    for (let i = 0; i < 7; i++) await served.ask('POST', '/v1/decision', { key, body });
    await until(() => hook.received.length >= 2);
    const told = hook.received.map((one) => JSON.parse(one.body) as { readonly type: string; readonly data: object });
    expect(told.map(({ type }) => type)).to.have.members(['limit.near', 'limit.refused']);
    for (const { data } of told)
      expect(data).to.deep.equal({
        tenant: 'default',
        link: 'http://127.0.0.1/aegis/limits',
        policy: 'cap',
        agent: 'bot',
        tool: 'mail.send',
        window_s: 86_400,
      });
    expect(JSON.stringify(hook.received)).not.to.match(/secret param|eve/);
  });

  it('tells the admins that someone was invited by a command, without the link', async () => {
    await using hook = await receiver();
    const store = new MemoryStateStore();
    const stateKey = new SecretString('the state key of the specs of notices');
    await using served = await servePlane({
      policies: POLICIES,
      store,
      stateKey,
      publicUrl: 'http://127.0.0.1/aegis',
      notify: { webhooks: [{ url: hook.url, secret, allowPrivate: true }] },
    });
    const { records } = signedTenantStore(store.forTenant('default', { forOthers: true }), { stateKey, tenantId: 'default' });
    const { text } = await new Identity({ tenantId: 'default', records, stateKey }).invitations.create(
      { name: 'Bob', roles: ['admin'] },
      'host:ops',
    );
    const key = await served.keyFor();
    // any approval wakes what tells; else it looks every five seconds
    await served.ask('POST', '/v1/decision', { key, body: { agent_id: 'bot', tool: { name: 'x', params: {} }, session: null } });
    await until(() => hook.received.length === 2);
    const told = hook.received.map(({ body }) => JSON.parse(body) as { type: string; data: { changes: object[]; link: string } });
    const people = told.find(({ type }) => type === 'people.changed');
    expect(people?.data.link).to.equal('http://127.0.0.1/aegis/people');
    expect(people?.data.changes[0]).to.deep.include({
      what: 'invitation.made',
      by: { id: 'host:ops', name: null },
      person: { id: null, name: 'Bob' },
      added: ['role admin'],
    });
    expect(JSON.stringify(told)).to.not.contain(text.reveal());
  });

  it('tells each tenant of its own approvals', async () => {
    await using one = await receiver();
    await using other = await receiver();
    const tenant = (url: string): object => ({ policies: POLICIES, notify: { webhooks: [{ url, secret, allowPrivate: true }] } });
    await using served = await servePlane({
      tenants: { a: tenant(one.url), b: tenant(other.url) },
      publicUrl: 'http://127.0.0.1',
    } as never);
    const key = await served.keyFor({}, 'a');
    await served.ask('POST', '/v1/decision', { key, body: { agent_id: 'bot', tool: { name: 'x', params: {} }, session: null } });
    await until(() => one.received.length === 1);
    expect(one.received[0]?.body).to.contain('"tenant":"a"');
    expect(other.received).to.be.empty;
  });
});
