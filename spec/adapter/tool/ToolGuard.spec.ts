import { expect } from 'chai';
import * as v from 'valibot';
import { toolSchema } from '../../../lib/adapter/tool/toolSchema.js';
import { refuseUnguardable } from '../../../lib/adapter/tool/AdapterOptions.js';
import { ToolGuard } from '../../../lib/adapter/tool/ToolGuard.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import type { AdapterOptions } from '../../../lib/adapter/tool/AdapterOptions.js';
import type { ToolInvocation } from '../../../lib/adapter/tool/ToolInvocation.js';
import type { ToolOutcome } from '../../../lib/adapter/tool/ToolInvocation.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { StoreError } from '../../../lib/model/errors/ServiceErrors.js';
import { ConfigError, GuardDefinitionError } from '../../../lib/model/errors/SetupErrors.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { runInChild } from '../../support/runInChild.js';
import { moduleAsking, StandInDecisions } from '../../support/standInDecisions.js';

interface Context {
  readonly user?: string;
  readonly chat?: string;
}

const POLICIES = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @self_approval("true") forbid (principal, action, resource) when { context.input has ask };
  @id("other") @effect("approval_needed") forbid (principal, action, resource) when { context.input has other };
  @id("text") @effect("sanitize") @sanitize("mask_email /input") forbid (principal, action, resource) when { context.input has input && context.input.input like "*@*" };`;

describe('ToolGuard', () => {
  let module: AegisModule;
  let runs: unknown[];
  beforeEach(() => {
    module = AegisModule.create({ policies: { text: POLICIES }, agentId: 'agent' });
    runs = [];
  });
  afterEach(() => module.close());

  const run = (input: unknown): string => {
    runs.push(input);
    return 'ran';
  };
  const guardOf = (options: AdapterOptions<Context> = {}, native = true): ToolGuard<Context> =>
    new ToolGuard('frame', { module, ...options }, native);
  const invocation = (more: Partial<ToolInvocation<Context>> = {}): ToolInvocation<Context> => ({
    name: 'tool',
    input: { a: 1 },
    context: {},
    callId: 'c1',
    ...more,
  });
  const asks = (more: Partial<ToolInvocation<Context>> = {}): ToolInvocation<Context> => invocation({ input: { ask: 1 }, ...more });
  const approveAll = async (): Promise<void> => {
    for (const { decisionId, digest } of await module.approvals.list({ status: 'pending' }))
      await module.approvals.approve(decisionId, { by: 'bob', digest });
  };
  const codeOf = (outcome: ToolOutcome<unknown> | { readonly kind: string }): string =>
    'error' in outcome ? outcome.error.code : outcome.kind;

  it('says what the framework would have to do: run, refuse, ask, and with what words', async () => {
    const guard = guardOf();
    expect(await guard.call(invocation(), run)).to.deep.equal({ kind: 'ran', value: 'ran' });
    expect(await guard.preflight(invocation())).to.deep.equal({ kind: 'allowed' });
    const pending = await guard.preflight(asks());
    expect(pending).to.include({ kind: 'pending' });
    expect('text' in pending && JSON.parse(pending.text)).to.include({ aegis: 'pending', tool: 'tool', retry: false });
    const denied = await guardOf({ toolName: () => 'no name' }).call(invocation(), run);
    expect('text' in denied && JSON.parse(denied.text)).to.include({ aegis: 'denied', tool: 'tool', retry: false });
    expect(runs).to.deep.equal([{ a: 1 }]);
  });

  it('counts a call once that a framework asks about before it makes it, and tells no journal that it ran twice', async () => {
    const events: JournalEvent[] = [];
    const counting = AegisModule.create({
      agentId: 'bot',
      policies: {
        text: `@id("all") permit (principal, action, resource);
          @id("no") forbid (principal, action, resource) when { context.input has no };
          @id("cap") @effect("limit") @limit("4/1h by agent") forbid (principal, action == Aegis::Action::"tool", resource);`,
      },
      journal: { note: (event) => events.push(event) },
    });
    const guard = guardOf({ module: counting });
    const before = runs.length;
    for (let i = 1; i <= 4; i++) {
      for (let asked = 0; asked < i; asked++) expect(await guard.preflight(invocation())).to.deep.equal({ kind: 'allowed' });
      expect((await guard.call(invocation(), run)).kind).to.equal('ran');
      expect((await counting.limits.list())[0]?.used).to.equal(i);
    }
    expect(runs.length - before).to.equal(4);
    expect(events.filter(({ kind }) => kind === 'entering')).to.have.length(4);
    // what is denied is decided, and not only looked at
    for (const denied of [invocation(), invocation({ input: { no: 1 } })]) {
      events.length = 0;
      expect(codeOf(await guard.preflight(denied))).to.be.oneOf(['limit_reached', 'policy_violation']);
      expect(events.filter((event) => event.kind === 'decided' && event.dryRun !== true)).to.have.length(1);
    }
    await counting.close();
  });

  it('decides a call that its service cannot look at otherwise, and says that it may run', async () => {
    const allow = { effect: 'allow', decisionId: 'd-1' } as const;
    const status = (decisionId: string): { decisionId: string; state: 'invalid' } => ({ decisionId, state: 'invalid' });
    for (const more of [{}, { dryRun: () => allow, requires: () => [] }, { dryRun: () => allow, requires: () => ['consume'] as const }]) {
      const decided: string[] = [];
      const service = {
        decide: ({ callId }: { readonly callId: string }) => {
          decided.push(callId);
          return allow;
        },
        status,
        ...more,
      };
      const other = AegisModule.create({ decisions: service, agentId: 'bot' });
      expect(await guardOf({ module: other }).preflight(invocation())).to.deep.equal({ kind: 'allowed' });
      expect(decided).to.have.length('requires' in more && more.requires().length > 0 ? 0 : 1);
      await other.close();
    }
    expect(runs).to.deep.equal([]);
  });

  it('names the decision that denied', async () => {
    const service = new StandInDecisions().always({ effect: 'deny', decisionId: 'd-1', reason: 'no' });
    const other = moduleAsking(service);
    for (const outcome of [
      await guardOf({ module: other }).call(invocation(), run),
      await guardOf({ module: other }).preflight(invocation()),
    ])
      expect('text' in outcome && JSON.parse(outcome.text)).to.deep.include({
        decision_id: 'd-1',
        reason: "Tool 'tool' is not allowed: no",
      });
    await other.close();
  });

  it('takes an input that is no object for the one parameter `input`, and gives it back as it came', async () => {
    const guard = guardOf();
    await guard.call(invocation({ input: 'write to ann@example.com' }), run);
    await guard.call(invocation({ input: 'plain', callId: undefined }), run);
    expect(runs).to.deep.equal(['write to [email]', 'plain']);
  });

  it('has the tool’s schema check what policy made of the input, never the input itself', async () => {
    const guard = guardOf();
    // the framework has the output of a schema that transforms
    const transforming = v.pipe(v.string(), v.transform(Number));
    expect(await guard.call(invocation({ input: { a: 1 }, schema: v.object({ a: transforming }) as never }), run)).to.include({
      kind: 'ran',
    });
    const later = {
      '~standard': { ...v.string()['~standard'], validate: async (value: unknown) => v.string()['~standard'].validate(value) },
    };
    for (const schema of [v.string(), later])
      expect(await guard.call(invocation({ input: 'a@b.example', schema: schema as never }), run)).to.include({ kind: 'ran' });
    for (const schema of [v.pipe(v.string(), v.email()), v.number()])
      expect(codeOf(await guard.call(invocation({ input: 'a@b.example', schema: schema as never }), run))).to.equal('invalid_sanitize');
    expect(runs).to.deep.equal([{ a: 1 }, '[email]', '[email]']);
  });

  it('asks as whom and for whom the options say', async () => {
    const service = new StandInDecisions();
    const other = moduleAsking(service, { agentId: 'default' });
    const options: AdapterOptions<Context> = {
      module: other,
      agentId: ({ user }) => `agent of ${user}`,
      session: ({ user }) => ({ user_id: user }),
      toolName: (name) => `mcp.${name}`,
      groups: (name) => [`group-of-${name}`],
    };
    await guardOf(options).call(invocation({ context: { user: 'ann' } }), run);
    expect(service.last).to.deep.include({
      agentId: 'agent of ann',
      toolName: 'mcp.tool',
      session: { user_id: 'ann' },
      groups: ['group-of-tool'],
    });
    await guardOf({ module: other }).call(invocation(), run);
    expect(service.last).to.include({ agentId: 'default', toolName: 'tool', session: null });
    await guardOf({ module: other, session: () => undefined }).call(invocation(), run);
    expect(service.last).to.include({ session: null });
    await other.close();
  });

  it('has the tool’s own words for the person who decides, where the options say so', async () => {
    const aegis = AegisModule.create({
      agentId: 'bot',
      policies: {
        text: '@id("all") permit (principal, action, resource); @id("ask") @effect("approval_needed") forbid (principal, action, resource);',
      },
    });
    const asked: unknown[] = [];
    const guarded = guardOf({
      module: aegis,
      preview: (name) =>
        name === 'tool'
          ? ({ a }, signal) => (asked.push(signal.aborted), { summary: `Does ${String(a)}`, reversible: 'reversible' })
          : undefined,
    });
    await guarded.call(invocation({ input: { a: 7 } }), run);
    await guarded.call(invocation({ name: 'other', input: { a: 8 } }), run);
    const records = await aegis.approvals.list();
    expect(records.map(({ preview }) => preview?.content?.summary)).to.deep.equal(['Does 7', undefined]);
    expect(asked).to.deep.equal([false]);
    await aegis.close({ graceMs: 0 });
  });

  it('finds the session of its scope, where the module looks for one', async () => {
    // in a process of its own: once AsyncLocalStorage is on, it is on for all
    const urlOf = (path: string): string => JSON.stringify(new URL(`../../../lib/${path}.js`, import.meta.url).href);
    const { code, stdout, stderr } = await runInChild(`
      const { AegisModule } = await import(${urlOf('guard/module/AegisModule')});
      const { ToolGuard } = await import(${urlOf('adapter/tool/ToolGuard')});
      const sessions = [];
      const decisions = { decide: ({ session }) => (sessions.push(session), { effect: 'allow', decisionId: 'd' + sessions.length }), status: () => ({}) };
      const module = AegisModule.create({ decisions, agentId: 'agent', sessions: 'async-local' });
      const guard = new ToolGuard('frame', { module }, false);
      const call = () => guard.call({ name: 'tool', input: {}, context: {} }, () => 1);
      await module.withSession({ user_id: 'eve' }, call);
      await call();
      console.log(JSON.stringify(sessions));
      await module.close();`);
    expect(code, stderr).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.equal([{ user_id: 'eve' }, null]);
  });

  it('refuses, and runs nothing, where module, agent, name or an option of the program is missing or throws', async () => {
    const boom = (): never => {
      throw new Error('secret');
    };
    const nobody = AegisModule.create({ policies: { text: POLICIES } });
    const bad: readonly [string, AdapterOptions<Context>][] = [
      ['invalid_config', { module: undefined }],
      ['invalid_config', { module: nobody }],
      ['invalid_config', { module: {} as never }],
      ['callback_failed', { session: boom }],
      ['callback_failed', { agentId: boom }],
      ['callback_failed', { scope: boom }],
      ['callback_failed', { groups: boom }],
      ['invalid_call', { agentId: () => '' }],
    ];
    for (const [code, options] of bad) {
      for (const outcome of [await guardOf(options).call(invocation(), run), await guardOf(options).preflight(invocation())]) {
        expect(codeOf(outcome), JSON.stringify(Object.keys(options))).to.equal(code);
        expect('text' in outcome && outcome.text).to.not.include('secret');
      }
    }
    expect(runs).to.deep.equal([]);
    await nobody.close();
  });

  it('uses the module that is configured, where none is given', async () => {
    AegisModule.configure({ policies: { text: POLICIES }, agentId: 'global', env: false });
    expect(await new ToolGuard('frame', {}, false).call(invocation(), run)).to.include({ kind: 'ran' });
    await AegisModule.close();
  });

  it('refuses options that cannot be', () => {
    expect(() => guardOf({ approval: 'perhaps' as never })).to.throw(ConfigError, 'native, defer, wait, deny');
    expect(() => guardOf({ approval: 'native' }, false)).to.throw(ConfigError, 'defer, wait, deny.');
    expect(() => guardOf({ approval: 'waits' as 'wait' }, false)).to.throw(ConfigError, "deny; did you mean 'wait'?");
    expect(() => guardOf({ approval: 'toString' as never })).to.throw(ConfigError);
    expect(() => guardOf({ module: undefined, verdictBy: () => 'ann' })).to.throw(ConfigError, 'verdictBy');
    expect([guardOf().interrupts, guardOf({}, false).interrupts, guardOf({ approval: 'wait' }).interrupts]).to.deep.equal([
      true,
      false,
      false,
    ]);
  });

  it('asks nobody about a call whose arguments do not fit the tool, and runs nothing', async () => {
    const guard = guardOf();
    const never = asks({ fits: async () => false });
    for (const outcome of [
      await guard.call(never, run),
      await guard.preflight(never),
      await guard.refuse(never),
      await guard.misfit(never),
    ]) {
      expect(outcome !== undefined && codeOf(outcome)).to.equal('schema_mismatch');
      expect(outcome !== undefined && 'text' in outcome && outcome.text).to.include('do not fit its schema');
    }
    expect([await module.approvals.list(), runs]).to.deep.equal([[], []]);
    const fitting = asks({ fits: async () => true });
    expect([await guard.misfit(fitting), await guard.misfit(asks())]).to.deep.equal([undefined, undefined]);
    expect((await guard.call(fitting, run)).kind).to.equal('pending');
    expect(await module.approvals.list()).to.have.length(1);
  });

  it('hands on what the tool itself throws, and the reason of an abort', async () => {
    const broken = new TypeError('broken');
    expect(await rejection(guardOf().call(invocation(), () => Promise.reject(broken)))).to.equal(broken);
    const reason = new Error('left');
    expect(await rejection(guardOf().call(invocation({ signal: AbortSignal.abort(reason) }), run))).to.equal(reason);
    expect(await rejection(guardOf().preflight(invocation({ signal: AbortSignal.abort(reason) })))).to.equal(reason);
    expect(runs).to.deep.equal([]);
  });

  describe('with a framework that can be interrupted', () => {
    it('runs what was approved at the desk, when it is called again, once', async () => {
      const guard = guardOf();
      expect((await guard.call(asks(), run)).kind).to.equal('pending');
      expect((await guard.call(asks(), run)).kind).to.equal('pending');
      await approveAll();
      expect((await guard.call(asks(), run)).kind).to.equal('ran');
      expect((await guard.call(asks(), run)).kind).to.equal('pending');
      expect(runs).to.have.length(1);
    });

    it('takes an approval for no other call: another scope, input or tool', async () => {
      const guard = guardOf({ scope: ({ chat }) => chat });
      await guard.preflight(asks());
      await approveAll();
      for (const more of [{ scope: 'run-2' }, { context: { chat: 'b' } }, { input: { ask: 2 } }, { name: 'other' }])
        expect((await guard.call(asks(more), run)).kind, JSON.stringify(more)).to.equal('pending');
      expect((await guard.call(asks(), run)).kind).to.equal('ran');
      expect(runs).to.have.length(1);
    });

    it('finds the approval by the input where the framework names no call', async () => {
      const guard = guardOf();
      const nameless = asks({ callId: undefined });
      await guard.call(nameless, run);
      await approveAll();
      expect((await guard.call(nameless, run)).kind).to.equal('ran');
    });

    it('takes the framework’s yes for a verdict of the person that the host names, for what had been asked before, and where policy lets it', async () => {
      const guard = guardOf({ session: ({ user = '' }) => ({ user_id: user }), verdictBy: ({ user }) => user });
      const context = { user: 'ann' };
      // the first call asks: nobody can have said yes to it, and that yes is to no later question either
      for (let i = 0; i < 2; i++) expect((await guard.call(asks({ context, approvedThere: true }), run)).kind).to.equal('pending');
      const second = { context, callId: 'c2' };
      await guard.preflight(asks(second));
      expect((await guard.call(asks(second), run)).kind).to.equal('pending');
      expect((await guard.call(asks({ ...second, approvedThere: true }), run)).kind).to.equal('ran');
      const others = asks({ context, input: { other: 1 }, approvedThere: true });
      await guard.preflight(others);
      expect((await guard.call(others, run)).kind, 'not the own call').to.equal('pending');
      const nameless = guardOf({ verdictBy: () => undefined });
      await nameless.preflight(asks({ callId: 'c9' }));
      expect((await nameless.call(asks({ callId: 'c9', approvedThere: true }), run)).kind, 'nobody').to.equal('pending');
      expect(runs).to.have.length(1);
    });

    it('takes a no for a verdict where it may be one, and lets the approval go where it may not', async () => {
      const guard = guardOf({ session: ({ user = '' }) => ({ user_id: user }), verdictBy: ({ user }) => user });
      const context = { user: 'ann' };
      await guard.preflight(asks({ context }));
      const refused = await guard.refuse(asks({ context }), 'not now');
      expect([codeOf(refused), refused.text.includes('not now')]).to.deep.equal(['approval_refused', true]);
      expect((await module.approvals.list({ status: 'denied' })).map(({ verdicts }) => verdicts[0]?.by)).to.deep.equal(['ann']);
      const others = asks({ context, input: { other: 1 } });
      await guard.preflight(others);
      expect(codeOf(await guard.refuse(others))).to.equal('approval_refused');
      expect(await module.approvals.list({ status: 'pending' })).to.deep.equal([]);
      expect((await guard.call(asks({ context }), run)).kind).to.equal('denied');
      expect(runs).to.deep.equal([]);
    });

    it('lets the approval go where nobody is named who could have said no', async () => {
      await guardOf().preflight(asks());
      expect(codeOf(await guardOf().refuse(asks()))).to.equal('approval_refused');
      expect(await module.approvals.list({ status: 'pending' })).to.deep.equal([]);
    });

    it('refuses what a person refused, though no approval is needed for it, or it is denied anyway', async () => {
      expect(codeOf(await guardOf().refuse(invocation()))).to.equal('approval_refused');
      expect(codeOf(await guardOf({ toolName: () => '' }).refuse(invocation()))).to.not.equal('approval_refused');
      expect(runs).to.deep.equal([]);
    });

    it('takes a yes for no other decision than the one that was shown', async () => {
      const guard = guardOf({ verdictBy: () => 'bob' });
      const asked = await guard.preflight(asks());
      const shown = asked.kind === 'pending' ? asked.pending.decisionId : '';
      expect((await guard.call(asks({ approvedThere: true, shownDecision: 'another' }), run)).kind).to.equal('pending');
      expect((await guard.call(asks({ approvedThere: true, shownDecision: shown }), run)).kind).to.equal('ran');
      expect(runs).to.have.length(1);
    });

    it('takes a yes that names no decision for no question that was asked again, as its facts are others', async () => {
      let level = 1;
      const other = AegisModule.create({ policies: { text: POLICIES }, agentId: 'agent', facts: () => ({ level }) });
      const guard = guardOf({ module: other, verdictBy: () => 'bob' });
      const approve = async (): Promise<void> => {
        for (const { decisionId, digest } of await other.approvals.list({ status: 'pending' }))
          await other.approvals.approve(decisionId, { by: 'eve', digest });
      };
      expect((await guard.call(asks(), run)).kind).to.equal('pending');
      await approve();
      level = 2;
      expect((await guard.call(asks(), run)).kind, 'asked again').to.equal('pending');
      expect((await guard.call(asks({ approvedThere: true }), run)).kind, 'perhaps a yes to the first question').to.equal('pending');
      expect([(await other.approvals.list({ status: 'pending' })).length, runs]).to.deep.equal([1, []]);
      await approve();
      expect((await guard.call(asks({ approvedThere: true }), run)).kind).to.equal('ran');
      expect(runs).to.have.length(1);
      await other.close();
    });

    it('knows whether the person’s answer would count, before anybody asks', async () => {
      const mayAnswer = async (options: AdapterOptions<Context>, input: object): Promise<boolean> => {
        const guard = guardOf({ session: () => ({ user_id: 'ann' }), ...options });
        const asked = await guard.preflight(asks({ input }));
        return asked.kind === 'pending' && guard.mayAnswer(asks({ input }), asked.pending);
      };
      expect(await mayAnswer({ verdictBy: () => 'ann' }, { ask: 1 })).to.equal(true);
      expect(await mayAnswer({ verdictBy: () => 'ann' }, { other: 1 })).to.equal(false);
      expect(await mayAnswer({ verdictBy: () => 'bob' }, { other: 2 })).to.equal(true);
      expect(await mayAnswer({ verdictBy: () => undefined }, { ask: 2 })).to.equal(false);
      expect(await mayAnswer({}, { ask: 3 })).to.equal(false);
      const throws = (): never => {
        throw new Error('who?');
      };
      expect(await mayAnswer({ verdictBy: throws }, { ask: 4 })).to.equal(false);
    });

    it('finds what was asked before although the adapter was made anew, as in a handler of requests', async () => {
      await guardOf().preflight(asks());
      await approveAll();
      expect((await guardOf().call(asks(), run)).kind).to.equal('ran');
    });

    it('refuses where who spoke cannot be told, and where an approval cannot be let go', async () => {
      const throws = (): never => {
        throw new Error('who?');
      };
      const guard = guardOf({ verdictBy: throws });
      const asked = await guard.preflight(asks());
      expect(codeOf(await guard.refuse(asks()))).to.equal('callback_failed');
      expect(codeOf(await guard.call(asks({ approvedThere: true }), run))).to.equal('callback_failed');
      if (asked.kind !== 'pending') throw new Error(asked.kind);
      expect(codeOf(await guard.withdraw(asks(), asked.pending, 'it was not answered'))).to.equal('approval_refused');
      const stuck = { ...asked.pending, cancel: () => Promise.reject(new StoreError('away')) };
      expect(codeOf(await guard.withdraw(asks(), stuck, 'it was not answered'))).to.equal('store_failed');
      expect(runs).to.deep.equal([]);
    });

    it('says that it was refused at the desk', async () => {
      const guard = guardOf();
      await guard.preflight(asks());
      for (const { decisionId, digest } of await module.approvals.list()) await module.approvals.deny(decisionId, { by: 'bob', digest });
      const refused = await guard.call(asks(), run);
      expect(codeOf(refused)).to.equal('approval_denied');
      expect('text' in refused && refused.text, 'the model is not told who')
        .to.include('by a person')
        .and.not.include('bob');
      expect(runs).to.deep.equal([]);
    });

    it('gives no verdict on what the desk does not know, or knows the end of', async () => {
      const guard = guardOf({ verdictBy: () => 'bob' });
      await guard.preflight(asks());
      const { approvals } = module;
      const get = approvals.get.bind(approvals);
      for (const found of [undefined, 'denied']) {
        approvals.get = async (id) => (found === undefined ? undefined : ({ ...(await get(id)), status: found } as never));
        expect((await guard.call(asks({ approvedThere: true }), run)).kind).to.not.equal('ran');
      }
      expect(runs).to.deep.equal([]);
    });

    it('gives no yes to params that a person edited since: the framework has shown what its model asked for', async () => {
      const guard = guardOf({ verdictBy: () => 'bob' });
      await guard.preflight(asks());
      const { approvals } = module;
      const get = approvals.get.bind(approvals);
      approvals.get = async (id) => ({ ...(await get(id)), amendments: [] }) as never;
      expect((await guard.call(asks({ approvedThere: true }), run)).kind).to.equal('pending');
      expect((await approvals.list()).map(({ status }) => status)).to.deep.equal(['pending']);
      expect(runs).to.deep.equal([]);
      // a no is one to both
      expect((await guard.refuse(asks())).kind).to.equal('denied');
      expect(await approvals.list({ status: 'denied' })).to.have.length(1);
    });

    it('reports a desk that fails, and takes that for no verdict', async () => {
      const guard = guardOf({ verdictBy: () => 'bob' });
      await guard.preflight(asks());
      const { approvals } = module;
      approvals.get = () => Promise.reject(new Error('away'));
      const seen = await diagnosed(async () => {
        expect((await guard.call(asks({ approvedThere: true }), run)).kind).to.equal('pending');
      });
      expect(seen).to.have.length(1);
    });
  });

  describe('with equal calls under ids of their own', () => {
    const equal = (count: number, from = 0): ToolInvocation<Context>[] =>
      Array.from({ length: count }, (_, i) => asks({ callId: `c${from + i}` }));
    const kinds = (outcomes: readonly { readonly kind: string }[]): string => [...new Set(outcomes.map(({ kind }) => kind))].join();

    for (const approval of ['native', 'defer', 'wait'] as const) {
      it(`asks one question, runs once on its approval, and asks again later (${approval})`, async () => {
        const guard = guardOf({ approval });
        const first = equal(64).map((call) => guard.call(call, run));
        while ((await module.approvals.list()).length === 0) await new Promise(setImmediate);
        expect(await module.approvals.list()).to.have.length(1);
        if (approval !== 'wait') expect(kinds(await Promise.all(first))).to.equal('pending');
        await approveAll();
        const answers = approval === 'native' ? equal(64, 64).map((call) => guard.call(call, run)) : first;
        if (approval !== 'defer') expect(kinds(await Promise.all(answers))).to.equal('ran');
        while (runs.length === 0) await new Promise(setImmediate);
        if (approval !== 'wait') for (const call of equal(10, 200)) expect((await guard.call(call, run)).kind).to.equal('pending');
        expect([runs.length, (await module.approvals.list()).length]).to.deep.equal([1, approval === 'wait' ? 0 : 1]);
      });
    }

    it('gives what lets somebody else run the tool to the one call whose own run was entered', async () => {
      const guard = new ToolGuard<Context>('frame', { module }, true, undefined, true);
      await guard.preflight(asks());
      await approveAll();
      const outcomes = await Promise.all(equal(64).map((call) => guard.call(call, run)));
      expect(outcomes.filter(({ kind }) => kind === 'ran')).to.have.length(1);
      const [denied] = outcomes.filter(({ kind }) => kind !== 'ran');
      expect([codeOf(denied ?? { kind: 'none' }), runs.length]).to.deep.equal(['approval_refused', 1]);
    });

    it('remembers a no for all of them, as long as the desk does', async () => {
      const guard = guardOf({ approval: 'defer' });
      await guard.call(asks(), run);
      for (const { decisionId, digest } of await module.approvals.list()) await module.approvals.deny(decisionId, { by: 'bob', digest });
      while ((await module.tasks.listTasks({ status: 'denied' })).length === 0) await new Promise(setImmediate);
      for (const call of equal(4)) expect((await guard.call(call, run)).kind).to.equal('denied');
      expect(await module.approvals.list()).to.deep.equal([]);
      expect((await guard.call(asks({ scope: 'another' }), run)).kind).to.equal('pending');
    });

    it('takes a yes only of a call that had asked the question before', async () => {
      const guard = guardOf({ verdictBy: () => 'bob' });
      await guard.preflight(asks());
      const yes = { approvedThere: true };
      expect((await guard.call(asks({ ...yes, callId: 'c2' }), run)).kind, 'never asked').to.equal('pending');
      await guard.preflight(asks({ ...yes, callId: 'c3' }));
      expect((await guard.call(asks({ ...yes, callId: 'c3' }), run)).kind, 'the yes was there before').to.equal('pending');
      expect((await guard.call(asks({ ...yes, callId: undefined }), run)).kind, 'no call').to.equal('pending');
      await guard.preflight(asks({ callId: 'c2' }));
      expect((await guard.call(asks({ ...yes, callId: 'c2' }), run)).kind).to.equal('ran');
      expect(runs).to.have.length(1);
    });

    it('keeps no more than a thousand calls that asked one question', async () => {
      const guard = guardOf({ verdictBy: () => 'bob' });
      for (const call of equal(1_002)) await guard.preflight(call);
      expect((await guard.call(asks({ callId: 'c1001', approvedThere: true }), run)).kind).to.equal('pending');
      expect((await guard.call(asks({ callId: 'c999', approvedThere: true }), run)).kind).to.equal('ran');
    });

    it('leaves the question of another adapter alone that runs its calls in its own way', async () => {
      const preflight = await guardOf().preflight(asks());
      expect((await guardOf({ approval: 'defer' }).call(asks(), run)).kind).to.equal('pending');
      expect(codeOf(await guardOf({ approval: 'deny' }).call(asks(), run))).to.equal('approval_refused');
      expect([preflight.kind, (await module.approvals.list()).length]).to.deep.equal(['pending', 2]);
      await approveAll();
      while (runs.length === 0) await new Promise(setImmediate);
      expect((await guardOf().call(asks(), run)).kind).to.equal('ran');
      expect(runs).to.have.length(2);
    });
  });

  it('takes a call apart from the others where its invocation says so, and refuses for a reason of the adapter', async () => {
    const denied = guardOf().deny(invocation(), 'it was never asked for');
    expect([codeOf(denied), denied.text.includes('it was never asked for')]).to.deep.equal(['approval_refused', true]);
    expect(codeOf(await guardOf().call(asks({ approval: 'deny' }), run))).to.equal('approval_refused');
    expect(runs).to.deep.equal([]);
  });

  it('runs it in the background where it is told to, waits where it is told to, and asks nobody where it is told to', async () => {
    expect((await guardOf({ approval: 'defer' }).call(asks(), run)).kind).to.equal('pending');
    const waiting = guardOf({ approval: 'wait' }).call(asks({ input: { ask: 2 } }), run);
    while ((await module.approvals.list()).length < 2) await new Promise(setImmediate);
    await approveAll();
    expect(await waiting).to.deep.equal({ kind: 'ran', value: 'ran' });
    while (runs.length < 2) await new Promise(setImmediate);
    expect(codeOf(await guardOf({ approval: 'deny' }).call(asks({ input: { ask: 3 } }), run))).to.equal('approval_refused');
    expect(codeOf(await guardOf({ approval: 'wait', waitMs: 5 }).call(asks({ input: { ask: 4 } }), run))).to.equal('approval_timeout');
    expect(await module.approvals.list({ status: 'pending' })).to.deep.equal([]);
    expect(runs).to.have.length(2);
  });
});

describe('A schema of a tool', () => {
  it('is used where it is a Standard Schema', () => {
    const schema = v.object({});
    expect(toolSchema(schema)).to.equal(schema);
    const callable = Object.assign(() => {}, schema);
    expect(toolSchema(callable)).to.equal(callable);
    for (const other of [undefined, null, 'text', {}, { '~standard': {} }, { type: 'object' }])
      expect(toolSchema(other)).to.equal(undefined);
  });
});

describe('A tool that cannot be guarded', () => {
  it('is refused by name, unless told otherwise', async () => {
    expect(() => refuseUnguardable('frame', 'search', 'it runs elsewhere')).to.throw(
      GuardDefinitionError,
      "'search' cannot be guarded: it runs elsewhere",
    );
    expect(() => refuseUnguardable('frame', 'search', 'why', 'ignore')).to.not.throw();
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    refuseUnguardable('frame', 'search', 'it runs elsewhere', 'warn');
    expect(await warned).to.include({ name: 'AegisWarning', code: 'unguardable_tool' });
  });
});
