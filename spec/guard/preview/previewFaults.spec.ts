import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { EVIDENCE } from '../../../lib/model/DecisionEvidence.js';
import { ForbiddenError } from '../../../lib/model/errors/RefusalErrors.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import type { CallPreview, PreviewFailure } from '../../../lib/model/preview/CallPreview.js';
import { countedSuite } from '../../support/assurance.js';
import { rejection } from '../../support/rejection.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("asks") @effect("approval_needed") @reason("a person decides") forbid (principal, action == Aegis::Action::"delete", resource);
@id("needs") @effect("approval_needed") @reason("a person decides") @needs_preview("true") forbid (principal, action == Aegis::Action::"drop", resource);`;

const RIGHT: CallPreview = { summary: 'Deletes 2 rows', changes: [{ what: 'rows', before: 12, after: 10 }], reversible: 'irreversible' };

class Report {
  readonly summary = 'Deletes 2 rows';
  readonly reversible = 'irreversible';
}

const cyclic: Record<string, unknown> = { ...RIGHT };
cyclic['changes'] = [{ what: 'rows', before: cyclic }];

/** What a hook does, and what the person is told. */
const FAULTS: readonly (readonly [title: string, failure: PreviewFailure, hook: (signal: AbortSignal) => unknown])[] = [
  [
    'throws',
    'threw',
    () => {
      throw new Error('the secret is 4242');
    },
  ],
  [
    'throws nothing that is an error',
    'threw',
    () => {
      throw undefined;
    },
  ],
  [
    'rejects',
    'threw',
    async () => {
      throw new Error('the secret is 4242');
    },
  ],
  [
    'is a thenable that throws',
    'threw',
    () => ({
      then: () => {
        throw new Error('no');
      },
    }),
  ],
  ['never answers', 'timeout', () => new Promise(() => {})],
  ['answers a moment too late', 'timeout', () => new Promise((resolve) => setTimeout(resolve, 2_001, RIGHT))],
  [
    'rejects once its time is over',
    'timeout',
    (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  ],
  ['has a long summary', 'too_large', () => ({ ...RIGHT, summary: 'x'.repeat(16_384) })],
  ['has letters that take more bytes than they are', 'too_large', () => ({ ...RIGHT, summary: '€'.repeat(6_000) })],
  ['has a value without end', 'too_large', () => ({ ...RIGHT, changes: [{ what: 'rows', before: 'x'.repeat(5_000_000) }] })],
  ['has very many changes', 'too_large', () => ({ ...RIGHT, changes: Array.from({ length: 20_000 }, () => ({ what: 'row' })) })],
  ['returns nothing', 'malformed', () => undefined],
  ['returns null', 'malformed', async () => null],
  ['returns text', 'malformed', () => 'Deletes 2 rows'],
  ['returns a list', 'malformed', () => [RIGHT]],
  ['has no summary', 'malformed', () => ({ reversible: 'reversible' })],
  ['has an empty summary', 'malformed', () => ({ ...RIGHT, summary: ' \n' })],
  ['has a field more', 'malformed', () => ({ ...RIGHT, approved: true })],
  ['says something else of how it can be undone', 'malformed', () => ({ ...RIGHT, reversible: 'safe' })],
  ['has changes that are not a list', 'malformed', () => ({ ...RIGHT, changes: { what: 'rows' } })],
  ['has a change of nothing', 'malformed', () => ({ ...RIGHT, changes: [{ before: 1, after: 2 }] })],
  ['has a function in it', 'not_plain', () => ({ ...RIGHT, changes: [{ what: 'rows', after: () => 1 }] })],
  ['is an instance of a class', 'not_plain', () => new Report()],
  ['is a Proxy', 'not_plain', () => new Proxy({ ...RIGHT }, {})],
  [
    'has a getter that throws',
    'not_plain',
    () => ({
      ...RIGHT,
      get changes() {
        throw new Error('the secret is 4242');
      },
    }),
  ],
  ['holds itself', 'not_plain', () => cyclic],
  ['has a number that is none', 'not_plain', () => ({ ...RIGHT, changes: [{ what: 'rows', before: NaN }] })],
  [
    'has a key that could reach a prototype',
    'not_plain',
    () => ({ ...RIGHT, changes: [JSON.parse('{"what":"rows","__proto__":{"after":1}}')] }),
  ],
];

describe('A preview that cannot be made', () => {
  let time: SinonFakeTimers;
  let aegis: AegisModule;
  const events: JournalEvent[] = [];
  let ran = 0;
  let cases = 0;
  countedSuite('a call whose preview fails runs without a person, or under a policy that demands the preview', () => ({ cases }));
  beforeEach(() => {
    time = useFakeTimers();
    events.length = 0;
    ran = 0;
    aegis = AegisModule.create({ agentId: 'bot', policies: { text: POLICIES }, journal: { note: (event) => void events.push(event) } });
  });
  afterEach(async () => {
    await aegis.close();
    time.restore();
  });

  const start = (toolName: string, hook: (signal: AbortSignal) => unknown): Promise<unknown> =>
    guard(
      async (_table: string) => {
        ran += 1;
        return 'done';
      },
      {
        toolName,
        params: ['table'],
        module: aegis,
        approval: 'wait',
        preview: (_self, _args, signal) => hook(signal) as CallPreview,
      },
    )('rows');

  for (const [title, failure, hook] of FAULTS)
    it(`${title}: the person is told that there is none (${failure}), and a policy that demands one denies`, async () => {
      cases += 2;
      const result = start('delete', hook);
      const denied = rejection(start('drop', hook));
      await time.tickAsync(2_000);
      const [record, ...others] = await aegis.approvals.list();
      expect(others).to.deep.equal([]);
      expect(record?.toolName).to.equal('delete');
      expect(record?.preview).to.include({ failure, of: record?.digest }).and.not.to.have.property('content');
      expect(JSON.stringify(record)).to.not.contain('secret');
      const error = await denied;
      expect(error).to.be.instanceOf(ForbiddenError);
      expect(error.message)
        .to.contain('A policy demands a preview of what this call would do, and there is none: ')
        .and.not.contain('secret');
      const codes = events.flatMap((event) => (event.kind === 'decided' ? [event.decision[EVIDENCE]?.code] : []));
      expect(codes.filter((code) => code !== undefined)).to.deep.equal(['preview_failed']);
      expect(ran).to.equal(0);
      await time.tickAsync(10);
      await aegis.approvals.approve(record?.decisionId as string, { by: 'ann', digest: record?.digest as string });
      expect(await result).to.equal('done');
      expect(ran).to.equal(1);
    });

  it('is none that a policy demands of a guard that makes none', async () => {
    cases += 1;
    const drop = guard(async () => void (ran += 1), { toolName: 'drop', params: [], module: aegis, approval: 'wait' });
    const error = await rejection(drop());
    expect(error).to.be.instanceOf(ForbiddenError);
    expect(error.message).to.contain('there is none: its guard makes none.');
    expect(ran).to.equal(0);
  });
});
