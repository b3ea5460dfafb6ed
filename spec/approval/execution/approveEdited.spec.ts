import { expect } from 'chai';
import { useFakeTimers, type SinonFakeTimers } from 'sinon';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { guard, isPending } from '../../../lib/index.js';
import type { PendingApproval } from '../../../lib/index.js';
import type { DecisionStatus } from '../../../lib/model/Decision.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { schedulerSetup } from '../../support/schedulerSetup.js';
import { moduleAsking, StandInDecisions } from '../../support/standInDecisions.js';

const EDITED = { amount: 200 };
const digest = canonicalDigest(EDITED);

/** A service that says yes, to what a spec tells it. */
class EditingDecisions extends StandInDecisions {
  edit: Partial<DecisionStatus> = {};
  offersEdits: boolean | undefined = true;

  override status(decisionId: string): DecisionStatus {
    return { ...super.status(decisionId), ...this.edit };
  }

  amends(): boolean {
    return this.offersEdits === true;
  }
}

/** More than it takes until the service is asked for the first time. */
const FIRST_POLL_MS = 2_500;

describe('A yes to edited params', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: 0 })));
  afterEach(() => time.restore());

  const asked = async (
    edit: Partial<DecisionStatus>,
    {
      offersEdits = true,
      offers,
      schema,
    }: { readonly offersEdits?: boolean; readonly offers?: readonly string[]; readonly schema?: object } = {},
  ): Promise<{
    readonly pending: PendingApproval<string>;
    readonly service: EditingDecisions;
    readonly ran: unknown[];
    readonly close: () => Promise<void>;
  }> => {
    const service = new EditingDecisions().always({ effect: 'approval_needed', ...(offers && { offers }) });
    Object.assign(service, { edit, offersEdits, state: 'approved' });
    const module = moduleAsking(service);
    const ran: unknown[] = [];
    const call = guard(async (amount: number) => (ran.push(amount), `refunded ${amount}`), {
      toolName: 'refund',
      params: ['amount'],
      module,
      approval: 'defer',
      ...(schema && { schema: schema as never }),
    });
    const pending = await call(250);
    if (!isPending<string>(pending)) throw new Error('it did not wait');
    // by then the service was asked what became of it
    await time.tickAsync(FIRST_POLL_MS);
    return { pending, service, ran, close: () => module.close() };
  };

  it('is one to what was asked about, where that is what they are', async () => {
    const params = { amount: 250 };
    const { pending, ran, close } = await asked({ params, digest: canonicalDigest(params) });
    expect(await pending.completed).to.equal('refunded 250');
    expect([ran, pending.edited]).to.deep.equal([[250], undefined]);
    await close();
  });

  it('runs with them', async () => {
    const { pending, ran, close } = await asked({ params: EDITED, digest });
    expect(await pending.completed).to.equal('refunded 200');
    expect([ran, pending.edited]).to.deep.equal([[200], ['/amount']]);
    await close();
  });

  for (const [what, options] of [
    ['edits nothing', { offersEdits: false }],
    ['did not offer it for this approval', { offers: ['consume'] }],
  ] as const)
    it(`runs nothing where the service ${what}, and is a finding`, async () => {
      let codes: readonly string[] = [];
      const found = await diagnosed(async () => {
        const { pending, service, ran, close } = await asked({ params: EDITED, digest }, options);
        const error = await rejection(pending.completed);
        expect([error.name, error.code]).to.deep.equal(['ForbiddenError', 'edit_invalid']);
        expect(ran).to.deep.equal([]);
        expect(service.withdrawn).to.deep.equal([pending.decisionId]);
        await close();
      });
      codes = securityCodes(found);
      expect(codes).to.deep.equal(['edit_not_offered']);
    });

  for (const [what, edit, why] of [
    ['have another digest', { params: EDITED, digest: 'a'.repeat(64) }, 'They do not have the digest that was approved.'],
    ['have no digest', { params: EDITED }, 'They do not have the digest that was approved.'],
    ['are not there', { digest }, ''],
    ['have one more', { params: { amount: 200, to: 'eve' }, digest: canonicalDigest({ amount: 200, to: 'eve' }) }, ''],
    ['have no canonical form', { params: { amount: () => 1 } as never, digest }, ''],
  ] as const)
    it(`runs nothing where they ${what}`, async () => {
      const { pending, service, ran, close } = await asked(edit);
      const error = await rejection(pending.completed);
      expect([error.name, error.code]).to.deep.equal(['ForbiddenError', 'edit_invalid']);
      expect(error.message).to.contain(why);
      expect([ran, service.withdrawn]).to.deep.equal([[], [pending.decisionId]]);
      await close();
    });

  it('runs nothing where checking them fails with an error that is none of the guard, and says none of its words', async () => {
    const decisions = new EditingDecisions();
    Object.assign(decisions, { edit: { params: EDITED, digest }, state: 'approved' });
    const { submit } = schedulerSetup({ decisions });
    const { handle, runs } = await submit(
      {},
      {
        admit: () => {
          throw new RangeError('secret');
        },
      },
    );
    const failed = rejection(handle.completed);
    await time.tickAsync(FIRST_POLL_MS);
    const error = await failed;
    expect([error.name, error.code]).to.deep.equal(['ForbiddenError', 'edit_invalid']);
    expect(error.message).to.contain('could not be checked').and.not.contain('secret');
    expect([runs, decisions.withdrawn]).to.deep.equal([[], [handle.decisionId]]);
  });

  it('runs nothing where the call was cancelled while its schema looked at them', async () => {
    let looked: () => void = () => undefined;
    let answer: () => void = () => undefined;
    const looking = new Promise<void>((resolve) => (looked = resolve));
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const { pending, ran, close } = await asked(
      { params: EDITED, digest },
      {
        schema: {
          '~standard': {
            version: 1,
            vendor: 'x',
            validate: async (value: { amount: number }) => {
              if (value.amount === 200) {
                looked();
                await answered;
              }
              return { value };
            },
          },
        },
      },
    );
    await looking;
    await pending.cancel();
    answer();
    const error = await rejection(pending.completed);
    expect(error.name).to.equal('ApprovalCancelledError');
    await close();
    expect([ran, pending.status, pending.edited]).to.deep.equal([[], 'cancelled', undefined]);
  });

  it('runs nothing where the schema of the guard throws, and says none of its words', async () => {
    const { pending, ran, close } = await asked(
      { params: EDITED, digest },
      {
        schema: {
          '~standard': {
            version: 1,
            vendor: 'x',
            validate: (value: { amount: number }) => {
              if (value.amount === 200) throw new RangeError('secret');
              return { value };
            },
          },
        },
      },
    );
    const error = await rejection(pending.completed);
    expect([error.name, error.code]).to.deep.equal(['ForbiddenError', 'edit_invalid']);
    expect(error.message).not.to.contain('secret');
    expect(ran).to.deep.equal([]);
    await close();
  });
});
