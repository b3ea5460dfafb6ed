import { expect } from 'chai';
import type { DecisionService } from '../../../lib/decision/DecisionService.js';
import { AegisGuard, AegisModule, guard, guardCall, guardSync } from '../../../lib/index.js';
import { CallRequest } from '../../../lib/guard/call/CallRequest.js';

/** What a request makes when it is first read: copies, digests and ids that a call in this process does without. */
const MADE_WHEN_READ = ['callId', 'params', 'paramsDigest', 'sessionDigest', 'bindingBase', 'removable'] as const;

describe('what an allowed call does without', () => {
  let reason: string | undefined;
  const decisions: DecisionService = {
    decide: () => ({ effect: 'allow', decisionId: 'd-1', reason }),
    status: (decisionId) => ({ decisionId, state: 'invalid' }),
  };
  const read: string[] = [];
  const given = new Map(MADE_WHEN_READ.map((name) => [name, Object.getOwnPropertyDescriptor(CallRequest.prototype, name)]));
  let aegis: AegisModule;

  beforeEach(() => {
    read.length = 0;
    aegis = AegisModule.create({ decisions, agentId: 'a' });
    for (const [name, own] of given) {
      const get = function (this: CallRequest): unknown {
        read.push(name);
        return own?.get?.call(this);
      };
      Object.defineProperty(CallRequest.prototype, name, { get, configurable: true });
    }
  });
  afterEach(async () => {
    for (const [name, own] of given) Object.defineProperty(CallRequest.prototype, name, own ?? {});
    await aegis.close();
  });

  class Mailer {
    constructor(readonly sent: string[] = []) {}

    @AegisGuard({ module: () => aegis, params: ['to', 'text'], approval: 'wait' })
    async send(to: string, text: string): Promise<void> {
      this.sent.push(`${to}: ${text}`);
    }
  }

  it('a decorated method, guard(), guardSync() and guardCall() read nothing of a request that its service does not read', async () => {
    const mailer = new Mailer();
    await mailer.send('ann', 'hi');
    expect(mailer.sent).to.deep.equal(['ann: hi']);
    const options = { module: aegis, toolName: 't', approval: 'throw' } as const;
    expect(await guard(async (order: { id: number }) => order.id, options)({ id: 1 })).to.equal(1);
    expect(guardSync((order: { id: number }) => order.id, options)({ id: 2 })).to.equal(2);
    const outcome = await guardCall(aegis, { agentId: 'a', toolName: 't', params: { id: 3 } }, (params) => params['id']);
    expect(outcome).to.include({ kind: 'ran', value: 3 });
    expect(read).to.deep.equal([]);
  });

  it('a guard that hides a value has words read for that value, where there are some', async () => {
    const hiding = guard(async (order: { id: number }) => order.id, {
      module: aegis,
      toolName: 't',
      sensitive: { '/id': 'secret' },
      approval: 'wait',
    });
    expect(await hiding({ id: 1 })).to.equal(1);
    expect(read).to.deep.equal([]);
    reason = 'as ever';
    expect(await hiding({ id: 1 })).to.equal(1);
    expect(new Set(read)).to.deep.equal(new Set(['params']));
  });
});
