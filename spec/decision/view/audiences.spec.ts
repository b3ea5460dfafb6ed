import { inspect } from 'node:util';
import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { ToolGuard } from '../../../lib/adapter/tool/ToolGuard.js';
import { decidedRecord } from '../../../lib/audit/record/recordOf.js';
import { approvalRecords } from '../../../lib/audit/record/approvalRecords.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { describeApproval } from '../../../lib/decision/desk/describeApproval.js';
import { writeApproval } from '../../../lib/decision/wire/approvalAnswer.js';
import type { DecisionService } from '../../../lib/decision/DecisionService.js';
import { guard } from '../../../lib/guard/guard.js';
import { ForbiddenError } from '../../../lib/model/errors/RefusalErrors.js';
import type { DecidedEvent } from '../../../lib/model/Journal.js';
import { withoutValues } from '../../../lib/model/view/withoutValues.js';
import type { SensitiveOption } from '../../../lib/model/sensitive/Sensitive.js';
import { elements } from '../../support/pageElements.js';
import { approvalPage } from '../../../lib/server/page/approval/approvalPage.js';
import { approvalCard } from '../../../lib/store/approval/approvalCard.js';
import { counted } from '../../support/assurance.js';
import { rejection } from '../../support/rejection.js';
import { approvalView, mayDecide } from '../../server/page/inboxExamples.js';

type Call = Readonly<Record<string, unknown>>;

/** Twenty values, each where an agent can put one. */
const CANARIES: readonly string[] = Array.from(
  { length: 20 },
  (_, i) => `canary${String(i).padStart(2, '0')}x${(i * 7_919).toString(36)}qz`,
);

/** Each canary at a place of its own, and how the place is named. */
function placed(i: number): { readonly params: Call; readonly pointer: `/${string}` } {
  const text = CANARIES[i] as string;
  const shapes: readonly (readonly [params: Call, pointer: `/${string}`])[] = [
    [{ value: text }, '/value'],
    [{ card: { number: text } }, '/card/number'],
    [{ card: { number: text } }, '/card'],
    [{ to: ['a', text] }, '/to/1'],
    [{ to: [text, { deep: text }] }, '/to'],
  ];
  const [params, pointer] = shapes[i % shapes.length] as (typeof shapes)[number];
  return { params, pointer };
}

const HIDDEN: SensitiveOption = { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' };
const POLICIES =
  '@id("all") permit (principal, action, resource); @id("ask") @effect("approval_needed") forbid (principal, action == Aegis::Action::"pay", resource);';

describe('What is hidden from an audience', () => {
  let looks = 0;
  let time: SinonFakeTimers | undefined;
  afterEach(() => time?.restore());
  after(() => counted({ what: 'values hidden from an audience, looked for in all that it is shown', cases: looks, wrong: 0 }));

  const expectNone = (i: number, texts: Readonly<Record<string, string>>): void => {
    for (const [place, text] of Object.entries(texts)) {
      expect(text.includes(CANARIES[i] as string), `canary ${i} in ${place}`).to.equal(false);
      looks += 1;
    }
  };

  it('is in nothing that the person who decides is shown', async () => {
    for (let i = 0; i < CANARIES.length; i++) {
      const { params, pointer } = placed(i);
      const aegis = AegisModule.create({ agentId: 'bot', policies: { text: POLICIES } });
      const pay = guard(async (_call: Call): Promise<string> => 'paid', {
        toolName: 'pay',
        module: aegis,
        approval: 'throw',
        sensitive: { [pointer]: HIDDEN },
      });
      await rejection(pay(params));
      const [record] = await aegis.approvals.list();
      if (record === undefined) throw new Error('no one was asked');
      expect(record.params).to.deep.equal(params);
      const all = { ...approvalView(record, { viewer: mayDecide() }), all: true };
      expectNone(i, {
        terminal: describeApproval(record).join('\n'),
        api: writeApproval(record, true),
        card: JSON.stringify(approvalCard(record)),
        page: elements(approvalPage(approvalView(record, { viewer: mayDecide() }))).text('.cols'),
        'page with ?all': elements(approvalPage(all)).text('.cols'),
      });
      await aegis.close();
    }
  });

  it('is in nothing that a model hears, or an error says, of a service that quotes what it was asked', async () => {
    for (let i = 0; i < CANARIES.length; i++) {
      const { params, pointer } = placed(i);
      const quoted = `refused because of ${JSON.stringify(params)}`;
      const decisions: DecisionService = {
        decide: () => ({
          effect: 'deny',
          decisionId: `d${i}`,
          reason: quoted,
          violations: [{ type: 'policy', message: quoted, actualValue: params }],
        }),
        status: (decisionId) => ({ decisionId, state: 'pending' }),
      };
      const lines: string[] = [];
      const log = (...args: unknown[]): void => void lines.push(inspect(args, { depth: 9 }));
      const logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
      const aegis = AegisModule.create({ agentId: 'bot', decisions, logger, debug: true });
      const tools = new ToolGuard('spec', { module: aegis, sensitive: () => ({ [pointer]: HIDDEN }) }, false);
      const outcome = await tools.call({ name: 'pay', input: params, context: undefined }, () => 'paid');
      if (outcome.kind !== 'denied') throw new Error(outcome.kind);
      expect(outcome.text).to.contain('refused because of').and.contain('(hidden)');
      const { error } = outcome;
      expectNone(i, {
        model: outcome.text,
        error: error.message,
        json: JSON.stringify(error),
        inspected: inspect(error, { depth: 9 }),
        log: lines.join('\n'),
      });
      await aegis.close();
    }
  });

  it('is in nothing that a program, its log or its tasks get, whichever answer of a service quotes it, and in whichever field', async () => {
    const canary = 'canary-zq17-xyz';
    const params = { ssn: canary, when: new Date('2031-05-06T07:08:09.123Z'), people: { 'name-5533': { a: 1 } }, n: 123_456_789n };
    const hidden = [canary, '2031', 'name-5533', '123456789'];
    const quoted = `because of ${canary}, ${params.when.toISOString()} or ${String(params.when)}, name-5533 and 123456789`;
    const violations = [{ type: quoted, field: quoted, condition: quoted, message: quoted, limitType: quoted, actualValue: params }];
    const evaluations: unknown[] = [{ [quoted]: quoted, n: 123_456_789, ok: true, map: new Map([[1, canary]]), at: params.when }];
    evaluations.push(evaluations);
    const cited = { reason: quoted, violations, policyEvaluations: evaluations } as const;
    const asks = { effect: 'approval_needed', decisionId: 'd1', message: quoted, ...cited } as const;
    const deny = { effect: 'deny', ...cited } as const;
    const throwing = (error: unknown) => (): never => {
      throw error;
    };
    const foreign = Object.assign(new Error(quoted, { cause: params }), { config: { data: quoted } });
    const services: Readonly<Record<string, Partial<DecisionService>>> = {
      'a denial': { decide: () => ({ ...deny, decisionId: 'd1' }) },
      'an error of an HTTP client': { decide: throwing(foreign) },
      'something that is no error': { decide: throwing(quoted) },
      'an error of this library': {
        decide: throwing(new ForbiddenError(quoted, { code: 'policy_violation', cause: foreign, decision: { ...deny, decisionId: 'd1' } })),
      },
      'a sanitize that does not fit': {
        decide: () => ({ effect: 'sanitize', decisionId: 'd1', message: quoted, ...cited, params: { n: 1 } }),
      },
      'the no of a person': { decide: () => asks, status: (decisionId) => ({ decisionId, state: 'denied', by: 'ann', reason: quoted }) },
      'a halt at the service': {
        decide: () => asks,
        status: (decisionId) => ({ decisionId, state: 'denied', code: 'halted', reason: quoted }),
      },
      'a status that is none': { decide: () => asks, status: (decisionId) => ({ decisionId, state: 'invalid', reason: quoted }) },
      'a denial right before it runs': {
        decide: () => asks,
        status: (decisionId) => ({ decisionId, state: 'approved' }),
        reevaluate: () => ({ ...deny, decisionId: 'd2' }),
      },
      'a question that is asked again': {
        decide: () => asks,
        status: (decisionId) => (decisionId === 'd1' ? { decisionId, state: 'approved' } : { decisionId, state: 'denied', reason: quoted }),
        reevaluate: () => ({ ...asks, decisionId: 'd2' }),
      },
    };
    time = useFakeTimers();
    for (const [title, service] of Object.entries(services)) {
      const lines: string[] = [];
      const log = (...args: unknown[]): void => void lines.push(inspect(args, { depth: 9 }));
      const logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
      const decisions = { status: (decisionId: string) => ({ decisionId, state: 'pending' }), ...service } as DecisionService;
      const aegis = AegisModule.create({ agentId: 'bot', decisions, logger, debug: true });
      const names = ['/ssn', '/when', '/people', '/n'] as const;
      const pay = guard(async (_call: Call): Promise<string> => 'paid', {
        toolName: 'pay',
        module: aegis,
        approval: 'wait',
        sensitive: Object.fromEntries(names.map((name) => [name, 'personal'])),
      });
      const refused = rejection(pay(params));
      await time.tickAsync(60_000);
      const error = await refused;
      const tasks = (await aegis.tasks.listTasks()).map(({ params: _params, ...task }) => task);
      const { decision } = error as { readonly decision?: unknown };
      const told = inspect([error, decision, JSON.stringify(error), tasks, lines], { depth: 12, showHidden: true });
      for (const text of hidden) {
        expect(told.includes(text), `${text} in ${title}`).to.equal(false);
        looks += 1;
      }
      expect(told, title).to.contain('(hidden)');
      await aegis.close();
    }
  });

  it('is in no place that a person edited, where the names in it are hidden too', async () => {
    const editable = `@id("all") permit (principal, action, resource);
      @id("ask") @effect("approval_needed") @editable("/people, /n") @editor_may_approve("true") forbid (principal, action == Aegis::Action::"pay", resource);`;
    const aegis = AegisModule.create({ agentId: 'bot', policies: { text: editable } });
    const tools = new ToolGuard('spec', { module: aegis, approval: 'wait', sensitive: () => ({ '/people': 'personal' }) }, false);
    aegis.approvals.on('requested', ({ decisionId, digest }) => {
      const set = { '/people': { 'name-5533': 1 }, '/n': 2 };
      void aegis.approvals.approve(decisionId, { by: 'ann', digest, edit: { set } });
    });
    const outcome = await tools.call({ name: 'pay', input: { people: { 'name-4422': 1 }, n: 1 }, context: undefined }, (input) => input);
    expect(outcome).to.deep.include({ kind: 'ran', edited: ['/people', '/n'] });
    const [task] = await aegis.tasks.listTasks();
    expect((task as { readonly edited?: unknown }).edited).to.deep.equal(['/people', '/n']);
    looks += 2;
    await aegis.close();
  });

  it('is not kept beside the commitments of an audit log, and neither is the salt with which it could be guessed', async () => {
    for (let i = 0; i < CANARIES.length; i++) {
      const { params, pointer } = placed(i);
      const events: DecidedEvent[] = [];
      const journal = { note: (event: { readonly kind: string }) => void (event.kind === 'decided' && events.push(event as DecidedEvent)) };
      const aegis = AegisModule.create({ agentId: 'bot', policies: { text: POLICIES }, journal });
      for (const sensitive of [{ [pointer]: HIDDEN }, { [pointer]: { ...HIDDEN, audit: 'full' as const } }]) {
        const pay = guard(async (_call: Call): Promise<string> => 'paid', {
          toolName: 'read',
          module: aegis,
          approval: 'throw',
          sensitive,
        });
        await pay(params);
      }
      const [hidden, full] = events.map((event) => decidedRecord(event));
      expect(hidden?.opening).to.equal(undefined);
      expect(JSON.stringify(full?.opening)).to.contain(CANARIES[i]);
      expectNone(i, { record: JSON.stringify(hidden), 'record with an opening': JSON.stringify(full?.record) });
      await aegis.close();
    }
  });

  it('has no opening of a verdict either', async () => {
    const aegis = AegisModule.create({ agentId: 'bot', policies: { text: POLICIES } });
    const pay = guard(async (_call: Call): Promise<string> => 'paid', {
      toolName: 'pay',
      module: aegis,
      approval: 'throw',
      sensitive: { '/card': 'personal' },
    });
    await rejection(pay({ card: 'x' }));
    const [asked] = await aegis.approvals.list();
    if (asked === undefined) throw new Error('no one was asked');
    const decided = await aegis.approvals.deny(asked.decisionId, { by: 'bob', reason: 'no' });
    const { sensitive: _sensitive, ...others } = decided;
    expect(approvalRecords.verdict(decided).opening).to.equal(undefined);
    expect(approvalRecords.verdict(others).opening).to.not.equal(undefined);
    await aegis.close();
  });
});

describe('withoutValues', () => {
  it('takes out every value, longer ones first, and leaves what is short or shown', () => {
    const sensitive = {
      '/a': { approver: 'full', log: 'hidden', model: 'last4', audit: 'full' },
      '/b': { approver: 'full', log: 'full', model: 'full', audit: 'full' },
    } as const;
    const params = { a: ['secret', 'secret-long', 'abc', 'say "hi"', 123_456], b: 'shown' };
    const text = 'secret-long, secret, abc, shown, 123456, "say \\"hi\\""';
    expect(withoutValues(text, params, sensitive, 'log')).to.equal('(hidden), (hidden), abc, shown, (hidden), "(hidden)"');
    expect(withoutValues(text, params, sensitive, 'approver')).to.equal(text);
    expect(withoutValues('undefined', {}, sensitive, 'model')).to.equal('undefined');
  });
});
