import { expect } from 'chai';
import type { DecidedRecord } from '../../../lib/audit/record/AuditRecord.js';
import { replayLog } from '../../../lib/audit/replay/replayLog.js';
import type { AuditSource, Opening } from '../../../lib/audit/sink/AuditSink.js';
import { MemoryLogs, MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import { engineOf, PERMIT_ALL } from '../../support/policyCalls.js';

const NO = '@id("no") forbid (principal, action == Aegis::Action::"drop", resource);';
const MASK = '@id("mask") @effect("sanitize") @sanitize("redact /ssn") forbid (principal, action, resource) when { context.input has ssn && context.input.ssn != "[redacted]" };'; // prettier-ignore
const ASK = '@id("ask") @effect("approval_needed") forbid (principal, action == Aegis::Action::"pay", resource);';

interface Made {
  readonly toolName: string;
  readonly params?: Record<string, unknown>;
  readonly session?: Record<string, unknown>;
  readonly groups?: readonly string[];
}

/** Logs of calls that a module decided. */
async function logged(text: string, calls: readonly Made[], more: Partial<AegisOptions> = {}): Promise<{ logs: MemoryLogs }> {
  const logs = new MemoryLogs();
  const log = auditLog({ sink: new MemorySink(logs), origin: 'spec', key: AuditKey.generate() });
  const aegis = AegisModule.create({ agentId: 'bot', policies: { text }, journal: log, ...more });
  for (const { toolName, params = {}, session, groups } of calls)
    await guardCall(aegis, { agentId: 'bot', toolName, params, session, groups }, () => undefined);
  await aegis.decide({ toolName: 'asked-about', params: {} });
  await aegis.close();
  await log.close();
  return { logs };
}
const replay = async (logs: AuditSource, text: string, more: Parameters<typeof engineOf>[1] = {}) =>
  replayLog(logs, { engine: engineOf(text, more) });

describe('replayLog', () => {
  it('finds no difference with the policies that decided, whatever a call has', async () => {
    const text = `${PERMIT_ALL}${NO}${MASK}${ASK}
      @id("reads") forbid (principal, action in Aegis::Action::"reads", resource) unless { context.session has user_id && context.session.user_id == "ann" };
      @id("facts") forbid (principal, action == Aegis::Action::"facts", resource) unless { context.facts.n == 1 };
      @id("long") forbid (principal, action == Aegis::Action::"typed", resource) when { context.input.n > 4 || context.input.at < datetime("2020-01-01") };`;
    const calls: readonly Made[] = [
      { toolName: 'drop' },
      { toolName: 'send', params: { ssn: '1' } },
      { toolName: 'pay', params: { n: 1 } },
      { toolName: 'pay', params: { ssn: '1' } },
      { toolName: 'read', groups: ['reads'] },
      { toolName: 'read', groups: ['reads'], session: { user_id: 'ann' } },
      { toolName: 'facts' },
      { toolName: 'typed', params: { n: 3n, at: new Date('2026-01-01') } },
      { toolName: 'typed', params: { n: 5n, at: new Date('2026-01-01') } },
      { toolName: 'typed', params: { n: 3n, at: new Date('2019-01-01') } },
    ];
    const { logs } = await logged(text, calls, { facts: () => ({ n: 1 }) });
    const report = await replay(logs, text);
    expect(report).to.deep.include({ decisions: 10, compared: 10, erased: 0, notByPolicies: 0, unreadable: 0, rows: [] });
    // and the effects were not all the same
    const effects = new Set([...(logs.logs.get('w0')?.lines ?? [])].map((line) => (JSON.parse(line) as DecidedRecord).effect));
    expect(effects).to.include.members(['allow', 'deny', 'sanitize', 'approval_needed']);
  });

  it('lists what other policies decide otherwise, newly allowed first', async () => {
    const { logs } = await logged(PERMIT_ALL + NO + MASK, [{ toolName: 'drop' }, { toolName: 'drop' }, { toolName: 'send', params: { ssn: '1' } }, { toolName: 'pay' }]); // prettier-ignore
    const report = await replay(logs, PERMIT_ALL + ASK + MASK.replace('redact /ssn', 'redact /ssn x').replace('[redacted]', 'x'));
    expect(report.differences).to.deep.equal({ newlyAllowed: 2, asksFewer: 0, milder: 0, changed: 1, stricter: 1 });
    expect(
      report.rows.map(({ kind, toolName, from, to, before, after, calls }) => [kind, toolName, from, to, before, after, calls]),
    ).to.deep.equal([
      ['newlyAllowed', 'drop', 'deny', 'allow', ['no'], ['permit-all'], 2],
      ['changed', 'send', 'sanitize', 'sanitize', ['mask', 'permit-all'], ['mask', 'permit-all'], 1],
      ['stricter', 'pay', 'allow', 'approval_needed', ['permit-all'], ['ask', 'permit-all'], 1],
    ]);
  });

  it('uses the agents that it is given', async () => {
    const text = '@id("boss") permit (principal in Aegis::Role::"boss", action, resource);';
    const agents = { bot: { roles: ['boss'] } };
    const { logs } = await logged(text, [{ toolName: 'a' }], { agents });
    expect((await replay(logs, text, { agents })).rows).to.deep.equal([]);
    expect((await replay(logs, text)).differences.stricter).to.equal(1);
  });

  it('counts what was erased, as a whole or in part, and compares the rest', async () => {
    const { logs } = await logged(PERMIT_ALL, [
      { toolName: 'a' },
      { toolName: 'b', session: { user_id: 'ann' } },
      { toolName: 'c', session: { user_id: 'bob' } },
    ]);
    const withOpenings = (change: (opening: Opening, i: number) => Opening | undefined): AuditSource => ({
      writers: () => logs.writers(),
      lines: (writer) => logs.lines(writer),
      checkpoints: (writer) => logs.checkpoints(writer),
      async *openings(writer) {
        let i = 0;
        for await (const opening of logs.openings(writer)) {
          const left = change(opening, i++);
          if (left !== undefined) yield left;
        }
      },
    });
    expect(await replay(withOpenings((opening, i) => (i === 0 ? undefined : opening)), PERMIT_ALL)).to.include({ decisions: 3, erased: 1, compared: 2 }); // prettier-ignore
    expect(await replay(withOpenings(withoutSession), PERMIT_ALL)).to.include({ decisions: 3, erased: 2, compared: 1 });
    expect(await replay(withOpenings(() => undefined), PERMIT_ALL)).to.include({ decisions: 3, erased: 3, compared: 0 }); // prettier-ignore
  });

  it('takes a call that a person had refused, or for which no one was there, for one that policies asked about', async () => {
    const { logs } = await logged(PERMIT_ALL + ASK, [{ toolName: 'pay' }], { unattended: 'deny' });
    expect(await replay(logs, PERMIT_ALL + ASK)).to.deep.include({ compared: 1, rows: [] });
    expect((await replay(logs, PERMIT_ALL + ASK + MASK)).rows).to.deep.equal([]);
    expect((await replay(logs, PERMIT_ALL)).rows[0]).to.include({ kind: 'newlyAllowed', from: 'approval_needed', to: 'allow' });
  });

  it('tells calls that still ask, but fewer or other policies or fewer people, from all others, after the newly allowed ones', async () => {
    const large = '@id("large") @effect("approval_needed") @quorum("2") @approvers("leads") forbid (principal, action == Aegis::Action::"pay", resource);'; // prettier-ignore
    const calls: readonly Made[] = [{ toolName: 'pay', params: { ssn: '1' } }, { toolName: 'pay' }, { toolName: 'drop' }];
    const { logs } = await logged(PERMIT_ALL + NO + MASK + ASK + large, calls);
    const kinds = async (text: string): Promise<readonly string[]> =>
      (await replay(logs, text)).rows.map(({ kind, toolName, calls: times }) => `${kind} ${toolName} ${times}`);
    expect(await kinds(PERMIT_ALL + NO + MASK + ASK + large)).to.deep.equal([]);
    expect(await kinds(PERMIT_ALL + MASK + ASK)).to.deep.equal(['newlyAllowed drop 1', 'asksFewer pay 1', 'asksFewer pay 1']);
    expect(await kinds(PERMIT_ALL + NO + MASK + ASK + large.replace('"2"', '"1"'))).to.deep.equal(['asksFewer pay 1', 'asksFewer pay 1']);
    expect(await kinds(PERMIT_ALL + NO + MASK + ASK + large.replace('leads', 'all'))).to.deep.equal(['asksFewer pay 1', 'asksFewer pay 1']);
    expect(await kinds(PERMIT_ALL + NO + MASK + ASK + large.replace('"2"', '"3"'))).to.deep.equal(['stricter pay 1', 'stricter pay 1']);
    const unattended = await logged(PERMIT_ALL + ASK + large, [{ toolName: 'pay' }], { unattended: 'deny' });
    expect((await replay(unattended.logs, PERMIT_ALL + ASK)).rows.map(({ kind }) => kind)).to.deep.equal(['asksFewer']);
  });

  it('leaves out what policies had no part in, and lines that it cannot read', async () => {
    const { logs } = await logged(PERMIT_ALL, [{ toolName: 'a' }], {
      facts: () => {
        throw new Error('no');
      },
    });
    expect(await replay(logs, PERMIT_ALL)).to.include({ decisions: 1, notByPolicies: 1, compared: 0 });

    const opening = (seq: number, original: string): Opening => ({ seq, decisionId: 'd', at: 1, salt: '', values: { original } });
    const decided = (seq: number, more = ''): string => `{"v":1,"seq":${seq},"at":1,"writer":"w","kind":"decided","agentId":"a","effect":"allow","original":"c","toolName":"t"${more}}`; // prettier-ignore
    const odd: AuditSource = {
      writers: () => ['w', 'empty'],
      async *lines(writer) {
        if (writer === 'empty') return;
        yield [decided(0), 'nonsense', decided(1), decided(2, ',"x"'), '{"v":1,"kind":"closed","note":"\\"kind\\":\\"decided\\""}'];
        yield [decided(3, ',"approvalId":"d"'), '{"v":1,"kind":"other","note":{"kind":"decided"}}'];
        yield { torn: '{"v":1' };
        yield [decided(9)];
      },
      async *checkpoints() {},
      async *openings(writer) {
        if (writer === 'w') yield* [opening(0, '{}'), opening(1, '{oops'), opening(5, '{}'), opening(9, '{"a":1n}')];
      },
    };
    expect(await replay(odd, PERMIT_ALL)).to.include({ decisions: 3, compared: 2, unreadable: 3, erased: 0 });
  });

  it('tells how far it is', async () => {
    const line = '{"v":1,"seq":0,"at":1,"writer":"w","kind":"decided","agentId":"a","effect":"allow","original":"c","toolName":"t"}';
    const many: AuditSource = {
      writers: () => ['w'],
      async *lines() {
        for (let i = 0; i < 21; i++) yield Array.from({ length: 1_000 }, () => line);
      },
      async *checkpoints() {},
      async *openings() {},
    };
    const told: number[] = [];
    await replayLog(many, { engine: engineOf(PERMIT_ALL), onProgress: (n) => told.push(n) });
    expect(told).to.deep.equal([10_000, 20_000]);
  });
});

function withoutSession(opening: Opening): Opening {
  const { session: _, ...values } = opening.values;
  return { ...opening, values };
}
