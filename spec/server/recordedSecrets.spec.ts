import { expect } from 'chai';
import { SecretString } from '../../lib/common/SecretString.js';
import { signHostRequest } from '../../lib/server/access/HostSignature.js';
import { hostRequestKey } from '../../lib/server/access/serverAccess.js';
import type { AnsweredRequest } from '../../lib/server/dispatch/AnswerBatch.js';
import { counted } from '../support/assurance.js';
import { routeTable, servePlane } from '../support/servePlane.js';
import type { ServedAnswer } from '../support/serve.js';
import { POLICIES } from './tenantSetup.js';

const STATE_KEY = new SecretString('the state key of the specs of records');

describe('What is recorded of answers', () => {
  it('has no secret that was given out: no key, and no link', async () => {
    const recorded: AnsweredRequest[] = [];
    await using served = await servePlane({
      policies: { text: POLICIES },
      stateKey: STATE_KEY,
      beforeAnswer: (batch) => void recorded.push(...batch),
    });
    const key = await served.keyFor({ scopes: ['keys:admin'] });
    const byHost = (method: string, path: string, body?: object): Promise<ServedAnswer> => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const signed = { method, path, host: new URL(served.url).host, body: text };
      const signature = signHostRequest(hostRequestKey(STATE_KEY), signed, { user: 'ops', tenantId: 'default' }, Date.now());
      return served.ask(method, path, { headers: { 'x-aegis-host': signature }, body: body === undefined ? undefined : text });
    };
    const made = await served.ask('POST', '/v1/keys', { key, body: { name: 'x', scopes: ['keys:admin'] } });
    const rotated = await served.ask('POST', `/v1/keys/${(made.json as { id: string }).id}/rotate`, { key });
    const invited = await byHost('POST', '/v1/invitations', { name: 'Bob' });
    const linked = await byHost('POST', '/v1/setup-links');
    const secrets = [made, rotated, invited, linked].map(({ json, status }) => {
      expect(status).to.be.oneOf([200, 201]);
      const { key: text, secret = text } = json as { key?: string; secret?: string };
      return secret as string;
    });
    expect(new Set(secrets).size).to.equal(4);
    expect(recorded.map(({ route }) => route)).to.deep.equal(['createKey', 'rotateKey', 'createInvitation', 'makeSetupLink']);
    const wrong = secrets.filter((secret) => JSON.stringify(recorded).includes(secret)).length;
    counted({ what: 'secrets in answers, and in what is recorded of them', cases: secrets.length, wrong });
    expect(wrong).to.equal(0);
  });

  it('leaves out the answer of each route that gives one out', () => {
    const gives = (answer: unknown): boolean => {
      const { entries = {} } = (answer ?? {}) as { readonly entries?: object };
      return 'key' in entries || 'secret' in entries;
    };
    const table = routeTable();
    const giving = table.filter(({ answers }) => Object.values(answers).some(gives)).map(({ name }) => name);
    expect(giving).to.include.members(['createKey', 'createInvitation']);
    expect(table.filter(({ hasSecret }) => hasSecret === true).map(({ name }) => name)).to.have.members(giving);
  });
});
