import { expect } from 'chai';
import { ApprovalDesk } from '../../../../lib/decision/desk/ApprovalDesk.js';
import { MemoryApprovalStore } from '../../../../lib/store/memory/MemoryApprovalStore.js';
import type { ApprovalPolicy } from '../../../../lib/store/ApprovalStore.js';
import { openingOf, policyOf } from '../../../support/approvalRecords.js';
import { rejection } from '../../../support/rejection.js';

/** Who is in which group. `req` has asked for the call, and is in both. */
const GROUPS = { leads: ['lea', 'both', 'req'], finance: ['fin', 'both', 'req'] };

const POLICIES: Readonly<Record<string, readonly ApprovalPolicy[]>> = {
  'two policies': [policyOf('l', { approvers: ['leads'] }), policyOf('f', { approvers: ['finance'] })],
  'the second by another person': [policyOf('l', { approvers: ['leads'] }), policyOf('f', { approvers: ['finance'], distinct: true })],
  'the first by the requester too': [
    policyOf('l', { approvers: ['leads'], selfApproval: true }),
    policyOf('f', { approvers: ['finance'], distinct: true }),
  ],
};

/** What the first and then the second yes comes to: the status, or the code of the refusal. */
type Outcome = readonly [first: string, second: string];
const P = 'pending';
const A = 'approved';
const NOT = 'not_an_approver';
const SELF = 'self_approval';
const AGAIN = 'already_counts';
const LATE = 'already_approved';

/** By policies, the first person (lea, both, req) and the second one (fin, both, req). */
const MATRIX: Readonly<Record<string, Readonly<Record<string, readonly [Outcome, Outcome, Outcome]>>>> = {
  'two policies': {
    lea: [
      [P, A],
      [P, A],
      [P, SELF],
    ],
    both: [
      [A, LATE],
      [A, LATE],
      [A, LATE],
    ],
    req: [
      [SELF, P],
      [SELF, A],
      [SELF, SELF],
    ],
  },
  'the second by another person': {
    lea: [
      [P, A],
      [P, A],
      [P, SELF],
    ],
    both: [
      [P, A],
      [P, AGAIN],
      [P, SELF],
    ],
    req: [
      [SELF, P],
      [SELF, P],
      [SELF, SELF],
    ],
  },
  'the first by the requester too': {
    lea: [
      [P, A],
      [P, A],
      [P, SELF],
    ],
    both: [
      [P, A],
      [P, AGAIN],
      [P, A],
    ],
    req: [
      [P, A],
      [P, A],
      [P, AGAIN],
    ],
  },
};

describe('Duties that are kept apart', () => {
  let tried = 0;
  after(() => expect(tried).to.equal(27));

  for (const [what, policies] of Object.entries(POLICIES))
    for (const [first, row] of Object.entries(MATRIX[what] as (typeof MATRIX)[string]))
      for (const [n, second] of ['fin', 'both', 'req'].entries())
        it(`come to what is said of them: ${what}, ${first} and then ${second}`, async () => {
          tried += 1;
          const desk = new ApprovalDesk(new MemoryApprovalStore(), { approverGroups: GROUPS });
          const outcome = await desk.open(openingOf({ policies, requester: 'req' }));
          if (outcome.kind !== 'opened') throw new Error(outcome.kind);
          const { decisionId, digest } = outcome.record;
          const say = async (by: string): Promise<string> => {
            const given = desk.approve(decisionId, { by, digest });
            return given.then(
              ({ status }) => status,
              async () => ((await rejection(given)) as Error & { code: string }).code,
            );
          };
          expect([await say(first), await say(second)]).to.deep.equal(row[n]);
        });

  it('are of no one who is in neither group', async () => {
    const desk = new ApprovalDesk(new MemoryApprovalStore(), { approverGroups: GROUPS });
    const outcome = await desk.open(openingOf({ policies: POLICIES['two policies'] as ApprovalPolicy[] }));
    if (outcome.kind !== 'opened') throw new Error(outcome.kind);
    const { decisionId, digest } = outcome.record;
    expect(await rejection(desk.approve(decisionId, { by: 'eve', digest }))).to.include({ code: NOT });
  });
});
