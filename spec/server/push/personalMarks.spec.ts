import { expect } from 'chai';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { Reader } from '../../../lib/server/decide/Reader.js';
import type { HubEvent } from '../../../lib/server/push/EventHub.js';
import { personalMarks } from '../../../lib/server/push/personalMarks.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { openingOf, policyOf, recordOf } from '../../support/approvalRecords.js';

const readers = {
  lead: { ids: ['p-ann'], groups: new Set(['leads']), isApprover: true, isOperator: false },
  risk: { ids: ['p-rob'], groups: new Set(['risk']), isApprover: true, isOperator: false },
  both: { ids: ['p-kim'], groups: new Set(['leads', 'risk']), isApprover: true, isOperator: false },
  other: { ids: ['p-dan'], groups: new Set<string>(), isApprover: true, isOperator: false },
  viewer: { ids: ['p-vic'], groups: new Set(['leads', 'risk']), isApprover: false, isOperator: false },
  asker: { ids: ['p-eve', 'eve@acme.example'], groups: new Set(['leads', 'risk']), isApprover: true, isOperator: false },
  operator: { ids: ['local-admin'], groups: new Set<string>(), isApprover: true, isOperator: true },
} as const satisfies Readonly<Record<string, Reader>>;

/** What happens to an approval of two policies, as each of these people is told it. */
async function told(
  happens: (desk: ApprovalDesk, record: ApprovalRecord) => Promise<unknown>,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const desk = new ApprovalDesk(new MemoryApprovalStore(), { approverGroups: { leads: ['ann'], risk: ['rob'] } });
  const events: (readonly [HubEvent['type'], ApprovalRecord])[] = [];
  for (const type of ['requested', 'changed', 'settled'] as const) desk.on(type, (record) => events.push([type, record]));
  const policies = [policyOf('one', { approvers: ['leads'] }), policyOf('two', { approvers: ['risk'] })];
  const opened = await desk.open(openingOf({ policies, requester: 'eve@acme.example' }));
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  await happens(desk, opened.record);
  const of = (reader: Reader): readonly string[] =>
    events.map(([type, record]) => `${type} ${JSON.stringify(personalMarks(type, record).of(reader))}`);
  return Object.fromEntries(Object.entries(readers).map(([name, reader]) => [name, of(reader)]));
}

describe('What an event says to each person', () => {
  it('is that one more waits for those who may decide, one less once their part has its yes, and whose request it is', async () => {
    const heard = await told(async (desk, { decisionId, digest }) => {
      await desk.approve(decisionId, { by: 'ann', digest });
      await desk.approve(decisionId, { by: 'rob', digest });
      // there is more to know of it
      await desk.onChange(decisionId);
    });
    const [more, less, none] = ['{"waits":1}', '{"waits":-1}', '{}'];
    expect(heard).to.deep.equal({
      lead: [`requested ${more}`, `changed ${less}`, `settled ${none}`, `changed ${none}`],
      risk: [`requested ${more}`, `changed ${none}`, `settled ${less}`, `changed ${none}`],
      both: [`requested ${more}`, `changed ${none}`, `settled ${less}`, `changed ${none}`],
      other: [`requested ${none}`, `changed ${none}`, `settled ${none}`, `changed ${none}`],
      viewer: [`requested ${none}`, `changed ${none}`, `settled ${none}`, `changed ${none}`],
      asker: ['requested', 'changed', 'settled', 'changed'].map((type) => `${type} {"mine":true}`),
      operator: [`requested ${more}`, `changed ${none}`, `settled ${less}`, `changed ${none}`],
    });
  });

  for (const [what, happens] of [
    ['a no', (desk, { decisionId }) => desk.deny(decisionId, { by: 'rob' })],
    ['the end of its time', async (desk, { decisionId }) => desk.end(decisionId, 'expired')],
    ['a withdrawal', async (desk, { decisionId }) => desk.end(decisionId, 'withdrawn')],
  ] as readonly (readonly [string, (desk: ApprovalDesk, record: ApprovalRecord) => Promise<unknown>])[])
    it(`is one less for each of those for whom it waited, after ${what}`, async () => {
      const heard = await told(happens);
      for (const name of ['lead', 'risk', 'both', 'operator'])
        expect(heard[name], name).to.deep.equal(['requested {"waits":1}', 'settled {"waits":-1}']);
      for (const name of ['other', 'viewer']) expect(heard[name], name).to.deep.equal(['requested {}', 'settled {}']);
    });

  it('is one less only once: where its time ends after it was approved, and where only a part waited', async () => {
    const late = await told(async (desk, { decisionId, digest }) => {
      await desk.approve(decisionId, { by: 'ann', digest });
      await desk.approve(decisionId, { by: 'rob', digest });
      await desk.end(decisionId, 'expired');
    });
    const sums = (heard: typeof late, name: string): number =>
      (heard[name] ?? []).reduce((sum, text) => sum + Number(/"waits":(-?1)/.exec(text)?.[1] ?? 0), 0);
    for (const name of Object.keys(readers)) expect(sums(late, name), name).to.equal(0);
    const partly = await told(async (desk, { decisionId, digest }) => {
      await desk.approve(decisionId, { by: 'ann', digest });
      await desk.end(decisionId, 'withdrawn');
    });
    for (const name of Object.keys(readers)) expect(sums(partly, name), name).to.equal(0);
    expect(partly['lead']).to.deep.equal(['requested {"waits":1}', 'changed {"waits":-1}', 'settled {}']);
  });

  it('keeps of the approval who may decide and who asked, and nothing that it says', () => {
    const record = recordOf({
      params: { secret: 'canary' },
      reason: 'canary',
      policies: [policyOf('p', { approvers: ['leads'], reason: 'canary', selfApproval: true })],
    });
    const { bytes, of } = personalMarks('requested', record);
    expect(bytes).to.be.within(10, 200);
    expect(of({ ...readers.lead, ids: [record.requester] })).to.deep.equal({ waits: 1, mine: true });
  });
});
