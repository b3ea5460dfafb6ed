import { expect } from 'chai';
import { canonicalText } from '../../../lib/common/data/canonical.js';
import type { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { AegisModule, guard, isPending } from '../../../lib/index.js';
import type { PendingApproval } from '../../../lib/index.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import type { StateStore } from '../../../lib/store/StateStore.js';
import { toStoredJson } from '../../../lib/store/storedJson.js';
import { counted } from '../../support/assurance.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("ask") @effect("approval_needed") @approvers("leads") @editable("/amount, /meta, /big, /due, /note")
forbid (principal, action, resource) when { context.input.amount > 100 };
@id("cap") forbid (principal, action, resource) when { context.input.amount > 500 };
@id("ref") forbid (principal, action, resource) when { context.input.meta.ref == "forbidden" };
@id("closed") @effect("approval_needed") @approvers("leads") forbid (principal, action, resource) when { context.input.note == "closed" };`;

const INPUT = () => ({
  amount: 250,
  to: 'ann@example.com',
  note: 'n',
  meta: { ref: 'r', tags: ['a', 'b'] },
  big: 7n,
  due: new Date('2026-01-31T12:00:00.000Z'),
});

/** What an attack has to do with: an approval that waits. */
interface Target {
  readonly desk: ApprovalDesk;
  readonly id: string;
  readonly record: ApprovalRecord;
}

const setting =
  (set: object, more: object = {}) =>
  ({ desk, id, record }: Target): Promise<unknown> =>
    desk.amend(id, { by: 'lea', digest: record.digest, set: set as Readonly<Record<string, unknown>>, ...more });
const removing =
  (...remove: string[]) =>
  ({ desk, id, record }: Target): Promise<unknown> =>
    desk.amend(id, { by: 'lea', digest: record.digest, remove });
const cyclic: Record<string, unknown> = { ref: 'r', tags: [] };
cyclic['self'] = cyclic;
const amended = async ({ desk, id, record }: Target, amount = 200): Promise<ApprovalRecord> =>
  desk.amend(id, { by: 'lea', digest: record.digest, set: { '/amount': amount } });

/** Each is refused, and changes nothing. */
const REFUSED: Readonly<Record<string, (target: Target) => Promise<unknown>>> = {
  'a pointer into a prototype': setting({ '/__proto__/amount': 1 }),
  'a pointer at a constructor': setting({ '/constructor': 1 }),
  'a pointer through a prototype': setting({ '/meta/__proto__/polluted': true }),
  'a value with a prototype key': setting({ '/meta': JSON.parse('{"ref":"r","tags":["a"],"__proto__":{"admin":true}}') }),
  'a value with a constructor key': setting({ '/meta': { ref: 'r', tags: ['a'], constructor: 1 } }),
  'a place within a number': setting({ '/amount/x': 1 }),
  'the length of a list': setting({ '/meta/tags/length': 0 }),
  'an index that is none': setting({ '/meta/tags/01': 'x' }),
  'the place after a list': setting({ '/meta/tags/-': 'x' }),
  'an index beyond a list': setting({ '/meta/tags/5': 'x' }),
  'the whole call': setting({ '': { amount: 1 } }),
  'a name without a slash': setting({ amount: 1 }),
  'a broken pointer': setting({ '/~2': 1 }),
  'a place that is not editable': setting({ '/to': 'eve@example.com' }),
  'a place in another case': setting({ '/Amount': 1 }),
  'a place that begins like an editable one': setting({ '/metadata': { ref: 'r' } }),
  'a param that the tool does not have': setting({ '/admin': true }),
  'a text for a number': setting({ '/amount': '200' }),
  null: setting({ '/amount': null }),
  'null within a value': setting({ '/meta': { ref: 'r', tags: ['a'], more: null } }),
  NaN: setting({ '/amount': NaN }),
  Infinity: setting({ '/amount': Infinity }),
  nothing: setting({ '/amount': undefined }),
  'a number for a BigInt': setting({ '/big': 7 }),
  'a text for a date': setting({ '/due': '2026-01-31T12:00:00.000Z' }),
  'an invalid date': setting({ '/due': new Date(NaN) }),
  'an object in a list of texts': setting({ '/meta/tags': [{ a: 1 }] }),
  'another kind within an object': setting({ '/meta': { ref: 1, tags: ['a'] } }),
  'a function': setting({ '/meta': () => 'r' }),
  'a Proxy': setting({ '/meta': new Proxy({ ref: 'r' }, {}) }),
  'a value that holds itself': setting({ '/meta': cyclic }),
  'a value that is too large': setting({ '/note': 'x'.repeat(300_000) }),
  'one place and what it is in': setting({ '/meta': { ref: 'r', tags: ['a'] }, '/meta/ref': 's' }),
  'more places than an edit has': setting(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`/meta/k${i}`, 'x']))),
  'a required param left out': removing('/to'),
  'an editable param left out that the guard needs': removing('/amount'),
  'what is not there left out': removing('/meta/none'),
  'an amount that a policy forbids': setting({ '/amount': 501 }),
  'a value that makes a policy fail': removing('/meta/ref'),
  'a value that another policy forbids': setting({ '/meta/ref': 'forbidden' }),
  'a value about which a policy asks that lets no one edit': setting({ '/note': 'closed' }),
  'an edit by the requester': setting({ '/amount': 200 }, { by: 'ann' }),
  'an edit by a stranger': setting({ '/amount': 200 }, { by: 'eve' }),
  'an edit of another digest': setting({ '/amount': 200 }, { digest: 'a'.repeat(64) }),
  'an edit of another version': setting({ '/amount': 200 }, { version: 7 }),
  'an edit whose preview said other params': setting({ '/amount': 200 }, { editedDigest: 'a'.repeat(64) }),
  'an edit whose preview said other policies': setting({ '/amount': 200 }, { asking: 'a'.repeat(64) }),
  'a yes of the editor at the same time': ({ desk, id, record }) =>
    desk.approve(id, { by: 'lea', digest: record.digest, edit: { set: { '/amount': 200 } } }),
  'a denial that edits': ({ desk, id, record }) => desk.deny(id, { by: 'lea', digest: record.digest, edit: { set: { '/amount': 200 } } }),
};

/** Each is refused after an edit that was recorded. */
const REFUSED_LATER: Readonly<Record<string, (target: Target) => Promise<unknown>>> = {
  'a yes to the call as it was': async (target) => {
    await amended(target);
    await target.desk.approve(target.id, { by: 'max', digest: target.record.digest });
  },
  'a yes of the editor': async (target) => {
    const { digest } = await amended(target);
    await target.desk.approve(target.id, { by: 'lea', digest });
  },
  'a yes of the editor in capitals': async (target) => {
    const { digest } = await amended(target);
    await target.desk.approve(target.id, { by: 'LEA', digest });
  },
  'an edit by the old digest': async (target) => {
    await amended(target);
    await target.desk.amend(target.id, { by: 'max', digest: target.record.digest, set: { '/amount': 150 } });
  },
  'a sixth edit': async (target) => {
    let { record } = target;
    for (let amount = 201; amount <= 205; amount++) record = await amended({ ...target, record }, amount);
    await amended({ ...target, record }, 206);
  },
};

const ATTACKS = [...Object.keys(REFUSED), ...Object.keys(REFUSED_LATER)];

/** Tries every attack on a store: each is refused, changes nothing, and what is approved afterwards runs as it is shown. */
export function withstandsEdits(name: string, open: () => Promise<StateStore | undefined>): void {
  it(`change nothing, and run nothing else, on ${name}`, async function () {
    this.timeout(60_000);
    const wrong: string[] = [];
    const store = await open();
    const module = AegisModule.create({
      agentId: 'bot',
      policies: { text: POLICIES },
      approverGroups: { leads: ['lea', 'max', 'ann'] },
      ...(store && { store }),
    });
    const ran: unknown[] = [];
    const refund = guard(
      async (amount: number, to: string, note: string, meta: object, big: bigint, due: Date) => {
        ran.push({ amount, to, note, meta, big, due });
        return 'refunded';
      },
      {
        toolName: 'refund',
        key: `refund on ${name}`,
        params: ['amount', 'to', 'note', 'meta', 'big', 'due'],
        module,
        approval: 'defer',
        session: () => ({ user_id: 'ann', case: ran.length + cases }),
      },
    );
    let cases = 0;
    const attack = async (what: string, by: (target: Target) => Promise<unknown>, isLater: boolean): Promise<void> => {
      cases += 1;
      const { amount, to, note, meta, big, due } = INPUT();
      const pending: unknown = await refund(amount, to, note, meta, big, due);
      if (!isPending(pending)) throw new Error('it did not wait');
      const { decisionId: id } = pending as PendingApproval;
      const desk = module.approvals;
      const record = (await desk.get(id)) as ApprovalRecord;
      const error: unknown = await by({ desk, id, record }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const code = (error as { code?: string } | undefined)?.code;
      if (code === undefined) wrong.push(`${what}: ${error === undefined ? 'was taken' : (error as Error).message}`);
      const now = (await desk.get(id)) as ApprovalRecord;
      if (!isLater && toStoredJson(now) !== toStoredJson(record)) wrong.push(`${what}: changed the approval`);
      if (now.status !== 'pending' || ran.length > 0) wrong.push(`${what}: is ${now.status}, ran ${ran.length}`);
      // and what is approved then runs as it is shown
      await desk.approve(id, { by: 'max', digest: now.digest });
      await (pending as PendingApproval).completed;
      const [last] = ran.splice(0) as [object];
      if (canonicalText(last) !== canonicalText(isLater ? { ...INPUT(), amount: now.params['amount'] } : INPUT()))
        wrong.push(`${what}: ran with other params`);
      if (({} as Record<string, unknown>)['polluted'] !== undefined) wrong.push(`${what}: polluted a prototype`);
    };
    try {
      for (const [what, by] of Object.entries(REFUSED)) await attack(what, by, false);
      for (const [what, by] of Object.entries(REFUSED_LATER)) await attack(what, by, true);
    } finally {
      await module.close();
    }
    counted({ what: `edits that must not be, on ${name}: refused, and nothing else ran`, cases, wrong: wrong.length });
    expect(wrong).to.deep.equal([]);
    expect(cases).to.equal(ATTACKS.length).and.to.be.at.least(40);
  });
}
