import { expect } from 'chai';
import { ApprovalDesk } from '../../../../lib/decision/desk/ApprovalDesk.js';
import { takesSeats } from '../../../../lib/decision/desk/use/semantics.js';
import type { ApprovalPolicy, ApprovalRecord, ApprovalStore } from '../../../../lib/store/ApprovalStore.js';
import type { Awaitable } from '../../../../lib/common/awaitable.js';
import { BINDING_BASE, openingOf, policyOf } from '../../../support/approvalRecords.js';
import { countedSuite } from '../../../support/assurance.js';
import { rejection } from '../../../support/rejection.js';

const GROUPS = { leads: ['lea', 'both', 'mia'], finance: ['fin', 'both'], everyone: ['lea', 'both', 'fin', 'mia'] };
const PEOPLE = ['lea', 'both', 'fin'] as const;
const leads = (more: Partial<ApprovalPolicy> = {}): ApprovalPolicy => policyOf('by-leads', { approvers: ['leads'], ...more });
const finance = (more: Partial<ApprovalPolicy> = {}): ApprovalPolicy => policyOf('by-finance', { approvers: ['finance'], ...more });

/** What asks, and after which yes the call is approved at the latest: for each of the six orders below, in their order. */
const ASKING: readonly (readonly [what: string, policies: readonly ApprovalPolicy[], after: readonly number[]])[] = [
  ['two of all', [policyOf('p', { approvers: ['everyone'], quorum: 2 })], [2, 2, 2, 2, 2, 2]],
  ['three of all', [policyOf('p', { approvers: ['everyone'], quorum: 3 })], [3, 3, 3, 3, 3, 3]],
  ['one of each of two groups', [leads(), finance()], [2, 2, 1, 1, 2, 2]],
  ['one of each of two groups, who are two people', [leads({ distinct: true }), finance()], [2, 2, 2, 2, 2, 2]],
  [
    'two of one and one of another, who are three people',
    [leads({ quorum: 2, distinct: true }), finance({ distinct: true })],
    [3, 3, 3, 3, 3, 3],
  ],
  ['two of all, and one of a group', [policyOf('p', { quorum: 2 }), finance()], [2, 2, 2, 2, 2, 2]],
];

/** All orders of three people. */
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
].map((order) => order.map((i) => PEOPLE[i] as string));

/** Every order in which three people say yes, and all of them at once, on a store of this kind. */
export function countsInEveryOrder(name: string, open: () => Awaitable<ApprovalStore>): void {
  describe(`Several people who approve one call, on ${name}`, () => {
    let tried = 0;
    countedSuite(`orders in which three people approve on ${name}`, () => ({ cases: tried }));

    for (const [what, policies, after] of ASKING)
      it(`are counted in every order: ${what}`, async () => {
        const store = await open();
        for (const [n, order] of ORDERS.entries()) {
          tried += 1;
          const { desk, record } = await asked(store, policies);
          const { decisionId, digest } = record;
          const use = { decisionId, digest, bindingBase: BINDING_BASE, token: 't' };
          let yes = 0;
          for (const by of order) {
            expect((await desk.get(decisionId))?.status, `${order.join()} before ${by}`).to.equal('pending');
            expect(await desk.consume(use)).to.equal(false);
            const { status } = await desk.approve(decisionId, { by, digest });
            yes += 1;
            if (status === 'approved') break;
            // one person is one yes, whatever the case of their name
            const again = await rejection(desk.approve(decisionId, { by: by.toUpperCase(), digest }));
            const code = takesSeats(policies) ? 'already_counts' : 'not_an_approver';
            expect(again, `${order.join()} again by ${by}`).to.include({ code });
          }
          expect(yes, order.join()).to.equal(after[n]);
          expect(await desk.consume(use)).to.equal(true);
          expect(await desk.consume({ ...use, token: 'other' })).to.equal(false);
        }
        await store.close?.();
      });

    it('are counted at once, from desks of their own: each yes is there, and the last one approves', async () => {
      const store = await open();
      for (const [, policies, [first]] of ASKING) {
        tried += 1;
        const { record } = await asked(store, policies);
        const { decisionId, digest } = record;
        const given = await Promise.allSettled(
          PEOPLE.map((by) => new ApprovalDesk(store, { approverGroups: GROUPS }).approve(decisionId, { by, digest })),
        );
        const stored = (await store.get(decisionId)) as ApprovalRecord;
        expect(stored.status).to.equal('approved');
        const counted = given.filter(({ status }) => status === 'fulfilled').length;
        expect(stored.verdicts).to.have.length(counted);
        expect(counted).to.be.within(Math.min(first as number, 1), PEOPLE.length);
        expect(new Set(stored.verdicts.map(({ by }) => by)).size).to.equal(counted);
      }
      await store.close?.();
    });

    it('are overruled by one no, whenever it comes', async () => {
      const store = await open();
      for (const [, policies] of ASKING)
        for (const [first, second] of ORDERS) {
          tried += 1;
          const { desk, record } = await asked(store, policies, 'no');
          const { decisionId, digest } = record;
          const { status } = await desk.approve(decisionId, { by: first as string, digest });
          if (status === 'approved') continue;
          expect((await desk.deny(decisionId, { by: second as string })).status).to.equal('denied');
          expect(await rejection(desk.approve(decisionId, { by: 'both', digest }))).to.include({ code: 'already_denied' });
          expect(await desk.consume({ decisionId, digest, bindingBase: BINDING_BASE, token: 't' })).to.equal(false);
        }
      await store.close?.();
    });
  });
}

let asks = 0;

/** Every call is another one: what was denied stays denied for a while. */
async function asked(store: ApprovalStore, policies: readonly ApprovalPolicy[], kind = 'yes') {
  const desk = new ApprovalDesk(store, { approverGroups: GROUPS });
  const params = { amount: (asks += 1), kind };
  const outcome = await desk.open(openingOf({ policies, params, originalParams: params, timeoutMs: 600_000 }));
  if (outcome.kind !== 'opened') throw new Error(outcome.kind);
  return { desk, record: outcome.record };
}
