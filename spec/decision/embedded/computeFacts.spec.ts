import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { computeFacts } from '../../../lib/decision/embedded/computeFacts.js';
import type { FactsHook } from '../../../lib/decision/embedded/computeFacts.js';
import { requestOf } from '../../support/callRequests.js';

describe('computeFacts', () => {
  const facts = (hook: FactsHook | undefined): unknown => computeFacts(hook, requestOf({ session: { user_id: 'ann' } }), 1_000);

  it('is an empty record without a hook', () => {
    expect(facts(undefined)).to.deep.equal({ ok: true, facts: {} });
  });

  it('tells the hook the call, and answers at once where the hook does', () => {
    let call: unknown;
    expect(facts((c) => ((call = c), { verb: 'SELECT' }))).to.deep.equal({ ok: true, facts: { verb: 'SELECT' } });
    expect(call).to.deep.equal({ agentId: 'bot', toolName: 'refund', params: { amount: 1 }, session: { user_id: 'ann' } });
  });

  it('copies and freezes what the hook says, so that nothing changes what was shown and decided', async () => {
    const said = { list: [{ a: 1 }] };
    const outcome = (await facts(async () => said)) as { facts: typeof said };
    said.list[0]!.a = 2;
    said.list.push({ a: 3 });
    expect(outcome.facts).to.deep.equal({ list: [{ a: 1 }] });
    expect(() => outcome.facts.list.push({ a: 4 })).to.throw(TypeError);
    expect(() => ((outcome.facts.list[0] as { a: number }).a = 5)).to.throw(TypeError);
  });

  describe('of a call with a null', () => {
    const params = { to: ['ann', null], one: null, o: { a: [{ b: null }], at: new Date(5) }, n: 1 };
    const of = (hook: FactsHook): unknown => computeFacts(hook, requestOf({ params }), 1_000);
    const reading: readonly (readonly [string, string, FactsHook])[] = [
      ['a parameter', '/one', ({ params: { one } }) => ({ one: one === null })],
      ['an item', '/to/1', ({ params: { to } }) => ({ some: (to as unknown[]).includes('bob') })],
      ['what is deep', '/o/a/0/b', ({ params: { o } }) => ({ b: (o as { a: [{ b: unknown }] }).a[0].b })],
      ['all of it', '/to/1', ({ params: all }) => ({ size: JSON.stringify(all).length })],
      ['it later', '/one', async ({ params: all }) => (await Promise.resolve(), { one: String(all['one']) })],
    ];
    for (const [what, at, hook] of reading)
      it(`are none where the hook reads ${what}`, async () => {
        expect(await of(hook)).to.deep.equal({ ok: false, detail: `the facts hook read ${at}, which is null` });
      });

    it('are there where it reads other things', async () => {
      const hook: FactsHook = ({ params: { n, to, o } }) => ({ n, first: (to as string[])[0], ms: (o as { at: Date }).at.getTime() });
      expect(await of(hook)).to.deep.equal({ ok: true, facts: { n: 1, first: 'ann', ms: 5 } });
    });
  });

  const failing: Record<string, FactsHook> = {
    throws: () => {
      throw new Error('database down, password hunter2');
    },
    'throws no error': () => {
      throw 'a string';
    },
    rejects: async () => Promise.reject(new Error('no')),
    'gives nothing': () => undefined as never,
    'gives null': () => null as never,
    'gives a text': () => 'fact' as never,
    'gives a list': () => [],
    'gives a date': () => new Date(0),
    'has a promise inside': () => ({ count: Promise.resolve(1) }),
    'has a function inside': () => ({ count: () => 1 }),
    'has a getter that throws': () => ({
      get count(): number {
        throw new Error('no');
      },
    }),
    'has a forbidden key': () => JSON.parse('{"__proto__": {"admin": true}}') as object,
    'is a thenable that throws': () => ({
      get then(): never {
        throw new Error('no');
      },
    }),
  };
  for (const [what, hook] of Object.entries(failing)) {
    it(`gives none where the hook ${what}, and says no value of it`, async () => {
      const outcome = (await facts(hook)) as { ok: boolean; detail: string };
      expect(outcome.ok).to.equal(false);
      expect(outcome.detail).to.be.a('string').that.does.not.contain('hunter2');
      expect((await facts(async () => hook({} as never))) as object).to.include({ ok: false });
    });
  }

  it('waits for the hook no longer than its time, and holds no timer afterwards', async () => {
    const time = useFakeTimers();
    try {
      const never = facts(async () => new Promise<object>(() => {})) as Promise<object>;
      await time.tickAsync(1_000);
      expect(await never).to.deep.equal({ ok: false, detail: 'the facts hook failed: FactsTimeout' });
      const soon = facts(async () => ({ a: 1 })) as Promise<object>;
      expect(await soon).to.deep.equal({ ok: true, facts: { a: 1 } });
      expect(time.countTimers()).to.equal(0);
      await facts(async () => Promise.reject(new Error('no')));
      expect(time.countTimers()).to.equal(0);
    } finally {
      time.restore();
    }
  });
});
