import { expect } from 'chai';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import { silentLogger } from '../../../lib/common/Logger.js';
import { CedarPolicyEngine } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import { PolicyStage } from '../../../lib/policy/live/PolicyStage.js';
import { ReloadablePolicies } from '../../../lib/policy/live/ReloadablePolicies.js';
import type { ReloadablePoliciesOptions, ReloadResult } from '../../../lib/policy/live/ReloadablePolicies.js';
import { callOf, engineOf, PERMIT_ALL, withFolder } from '../../support/policyCalls.js';
import { rejection } from '../../support/rejection.js';

const NO = '@id("no") forbid (principal, action == Aegis::Action::"drop", resource);';
const STRICT = PERMIT_ALL + NO;
const hashOf = (text: string): string => engineOf(text).hash;

function setup(text: string, more: Partial<ReloadablePoliciesOptions> = {}) {
  const events: JournalEvent[] = [];
  const reloads: ReloadResult[] = [];
  const journal = { note: (event: JournalEvent) => void events.push(event) };
  const onReload = (result: ReloadResult): void => void reloads.push(result);
  const policies = new ReloadablePolicies({ source: { text }, journal, onReload, ...more });
  const decide = (toolName: string, times = 1): void => {
    for (let i = 0; i < times; i++) {
      const call = callOf({}, { toolName });
      policies.decided(call, policies.engine.evaluate(call), policies.engine);
    }
  };
  return { policies, decide, events, reloads };
}
const by = 'ann';

describe('Staged policies', () => {
  it('may be files that were read elsewhere, such as those that a server is sent', async () => {
    const { policies, decide } = setup(PERMIT_ALL);
    const files = [
      { file: 'all.cedar', text: PERMIT_ALL },
      { file: 'no.cedar', text: NO },
    ];
    const staged = await policies.stage({ source: { files } });
    decide('drop', 2);
    expect(staged.report().differences).to.include({ stricter: 2 });
    policies.close();
  });

  it('decide nothing, and tell what they would have decided', async () => {
    const { policies, decide, events } = setup(PERMIT_ALL);
    expect(policies.staged).to.equal(undefined);
    const staged = await policies.stage({ source: { text: STRICT } });
    expect(policies.staged).to.equal(staged);
    decide('drop', 3);
    decide('read', 2);
    expect(policies.hash).to.equal(hashOf(PERMIT_ALL));
    expect(staged.report()).to.deep.include({ hash: hashOf(STRICT), against: hashOf(PERMIT_ALL), compared: 5 });
    expect(staged.report().differences).to.deep.equal({ newlyAllowed: 0, asksFewer: 0, milder: 0, changed: 0, stricter: 3 });
    expect(events).to.have.length(1);
    policies.close();
    expect(policies.staged).to.equal(undefined);
  });

  it('come into force under their hash, and the journal says who did it', async () => {
    const { policies, decide, events, reloads } = setup(PERMIT_ALL);
    await policies.stage({ source: { text: STRICT } });
    decide('drop', 1_000);
    const hash = hashOf(STRICT);
    expect(await policies.promote({ hash, by })).to.deep.equal({ status: 'applied', hash });
    expect(policies.hash).to.equal(hash);
    expect(policies.staged).to.equal(undefined);
    expect(events.at(-1)).to.deep.equal({ kind: 'policies', hash, previousHash: hashOf(PERMIT_ALL), by });
    expect(reloads).to.deep.equal([{ status: 'applied', hash }]);
    expect(policies.engine.evaluate(callOf({}, { toolName: 'drop' }))).to.include({ effect: 'deny' });
  });

  it('are said to be in force by who promoted them, until the files are read again', async () => {
    await withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
      const fromMs = Date.now();
      const { policies } = setup('', { source: path });
      const { sinceMs } = policies.inForce;
      expect(sinceMs).to.be.within(fromMs, Date.now());
      expect(policies.inForce).to.deep.equal({ hash: hashOf(PERMIT_ALL), source: path, sinceMs, by: undefined });
      const { hash } = await policies.stage({ source: { text: STRICT } });
      await policies.promote({ hash, by, minDecisions: 0 });
      const promoted = policies.inForce;
      expect(promoted).to.deep.equal({ hash, source: path, sinceMs: promoted.sinceMs, by });
      expect(promoted.sinceMs).to.be.at.least(sinceMs);
      write('a.cedar', STRICT);
      expect((await policies.reload()).status).to.equal('unchanged');
      expect(policies.inForce).to.deep.equal({ ...promoted, by: undefined });
      policies.close();
    });
  });

  it('are refused where the conditions are not met, and stay staged', async () => {
    const { policies, decide } = setup(STRICT, { onLoosened: 'accept' });
    const hash = hashOf(PERMIT_ALL);
    expect(await policies.promote({ hash, by })).to.deep.include({ status: 'refused', hash }).and.have.nested.property('refusal.code', 'gone'); // prettier-ignore
    const staged = await policies.stage({ source: { text: PERMIT_ALL } });
    const codeOf = async (options: object): Promise<unknown> => {
      const result = await policies.promote({ hash, by, ...options });
      return result.status === 'refused' ? result.refusal.code : result.status;
    };
    expect(await codeOf({ hash: hashOf(STRICT) })).to.equal('hash');
    decide('read', 999);
    expect(await codeOf({})).to.equal('too_few_decisions');
    decide('read');
    decide('drop', 2);
    expect(await codeOf({ maxNewlyAllowed: 1 })).to.equal('too_many_newly_allowed');
    expect(policies.staged).to.equal(staged);
    expect(policies.hash).to.equal(hashOf(STRICT));
    expect(await codeOf({ maxNewlyAllowed: 2 })).to.equal('applied');
    expect(await codeOf({ maxNewlyAllowed: 2 })).to.equal('gone');
  });

  it('are held where they are looser, until somebody confirms exactly these', async () => {
    const { policies, events, reloads } = setup(STRICT);
    const hash = hashOf(PERMIT_ALL);
    await policies.stage({ source: { text: PERMIT_ALL } });
    const result = await policies.promote({ hash, by, minDecisions: 0 });
    expect(result).to.include({ status: 'held', hash });
    expect(result.status === 'held' && result.loosened[0]).to.include({ id: 'no', how: 'removed' });
    expect(policies.pending?.hash).to.equal(hash);
    expect(reloads.map(({ status }) => status)).to.deep.equal(['held']);
    expect(policies.hash).to.equal(hashOf(STRICT));
    expect(policies.staged?.hash).to.equal(hash);
    expect(policies.confirm(hashOf(STRICT))).to.equal(false);
    expect(policies.confirm(hash)).to.equal(true);
    expect(policies.hash).to.equal(hash);
    expect(policies.staged).to.equal(undefined);
    expect(events.at(-1)).to.deep.include({ kind: 'policies', hash, by });
  });

  it('come into force once, however many promote them at the same time', async () => {
    const { policies, events } = setup(PERMIT_ALL);
    const hash = hashOf(STRICT);
    await policies.stage({ source: { text: STRICT } });
    const results = await Promise.all(Array.from({ length: 20 }, async (_, i) => policies.promote({ hash, by: `p${i}`, minDecisions: 0 })));
    expect(results.filter(({ status }) => status === 'applied')).to.have.length(1);
    expect(results.filter((result) => result.status === 'refused' && result.refusal.code === 'gone')).to.have.length(19);
    expect(events).to.have.length(2);
  });

  it('are looked at again where they were dropped, or others came into force, while they were compared', async () => {
    let current = engineOf(PERMIT_ALL);
    let during: () => void = () => {};
    const compared: string[] = [];
    const replaced: (string | undefined)[] = [];
    const stage = new PolicyStage({
      engine: () => current,
      prepare: (sources) => Promise.resolve(CedarPolicyEngine.load({ sources })),
      loosenedBy: (engine) => {
        compared.push(engine.hash);
        during();
        during = () => {};
        return Promise.resolve([]);
      },
      replace: (set) => void replaced.push(set.by),
      hold: () => void replaced.push('held'),
      report: () => {},
      logger: silentLogger,
    });
    const hash = hashOf(STRICT);
    await stage.set({ source: { text: STRICT } });
    during = () => (current = engineOf(STRICT));
    expect(await stage.promote({ hash, by, minDecisions: 0 })).to.include({ status: 'applied' });
    expect(compared).to.have.length(2);
    during = () => void stage.drop(hash);
    expect(await stage.promote({ hash, by: 'bob', minDecisions: 0 })).to.have.nested.property('refusal.code', 'gone');
    expect(replaced).to.deep.equal([by]);
  });

  it('give way to those that are staged after them, and are dropped by their hash', async () => {
    const { policies } = setup(PERMIT_ALL);
    expect(policies.dropStaged('x')).to.equal(false);
    await policies.stage({ source: { text: STRICT } });
    const second = await policies.stage({ source: { text: PERMIT_ALL + NO.replace('drop', 'other') } });
    expect(policies.dropStaged(hashOf(STRICT))).to.equal(false);
    expect(policies.staged).to.equal(second);
    expect(policies.dropStaged(second.hash)).to.equal(true);
    expect(policies.staged).to.equal(undefined);
  });

  it('are refused where they do not load, and those before them stay staged', async () => {
    const { policies } = setup(PERMIT_ALL);
    const first = await policies.stage({ source: { text: STRICT } });
    const bad: readonly object[] = [{ source: { text: 'permit' } }, { source: '/does/not/exist' }, { source: { text: STRICT }, sample: 2 }, {}, { source: { text: STRICT }, shre: 1 }]; // prettier-ignore
    for (const options of bad)
      expect(await rejection(policies.stage(options as never)), JSON.stringify(options)).to.be.instanceOf(ConfigError);
    expect(policies.staged).to.equal(first);
    policies.close();
    expect(await rejection(policies.stage({ source: { text: STRICT } }))).to.be.instanceOf(ConfigError);
  });

  it('are read from a folder as those in force are; the folder in force is taken up again when it changes', async () => {
    await withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
      await withFolder({ 'b.cedar': STRICT }, async (next) => {
        const { policies } = setup('', { source: path });
        const { hash } = await policies.stage({ source: next });
        expect(await policies.promote({ hash, by, minDecisions: 0 })).to.include({ status: 'applied' });
        // the folder as it was is looser than what was promoted
        expect((await policies.reload()).status).to.equal('held');
        write('a.cedar', STRICT);
        expect((await policies.reload()).status).to.equal('unchanged');
        policies.close();
      });
    });
  });

  it('keep an approval policy that is watched apart: what it would have asked is counted by tool', () => {
    const until = new Date(Date.now() + 60_000).toISOString();
    const text = `${PERMIT_ALL}@id("w") @effect("approval_needed") @observe("true") @observe_until("${until}") forbid (principal, action, resource) when { context.input has n };`;
    const { policies } = setup(text);
    for (const [toolName, nowMs, n] of [
      ['a', 1, 1],
      ['b', 2, 1],
      ['b', 3, 1],
      ['b', 4, undefined],
    ] as const) {
      // prettier-ignore
      const call = callOf(n === undefined ? {} : { n }, { toolName, nowMs });
      policies.decided(call, policies.engine.evaluate(call), policies.engine);
    }
    expect(policies.observed()).to.deep.equal([
      { policyId: 'w', toolName: 'b', calls: 2, firstAtMs: 2, lastAtMs: 3, untilMs: Date.parse(until) },
      { policyId: 'w', toolName: 'a', calls: 1, firstAtMs: 1, lastAtMs: 1, untilMs: Date.parse(until) },
    ]);
    for (let i = 0; i < 1_100; i++) {
      const call = callOf({ n: 1 }, { toolName: `t${i}` });
      policies.decided(call, policies.engine.evaluate(call), policies.engine);
    }
    expect(policies.observed()).to.have.length(1_000);
  });

  it('stay staged where other policies come into force', async () => {
    await withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
      const policies = new ReloadablePolicies({ source: path });
      const staged = await policies.stage({ source: { text: STRICT + NO.replaceAll('no"', 'more"') } });
      write('a.cedar', STRICT);
      expect((await policies.reload()).status).to.equal('applied');
      expect(policies.staged).to.equal(staged);
      policies.close();
    });
  });
});
