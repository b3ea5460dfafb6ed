import { expect } from 'chai';
import type { Judge } from '../../../lib/decision/amend/decideEdited.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { amendedFields, DeskEdits, editorOf, notShown } from '../../../lib/decision/desk/DeskEdits.js';
import { writeApproval } from '../../../lib/decision/wire/approvalAnswer.js';
import type { AppliedPolicy, PolicyEngine } from '../../../lib/policy/PolicyEngine.js';
import type { Amendment, ApprovalRecord, VerdictProof } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { BINDING_BASE, openingOf, policyOf, recordOf } from '../../support/approvalRecords.js';
import { rejection } from '../../support/rejection.js';
import { ALLOW, askOutcome, denyOutcome } from '../../support/scriptedPolicies.js';

const EDITABLE = [policyOf('limit', { editable: ['/amount'] })];
const EDIT = { set: { '/amount': 2 } };
const engine = { hash: 'set' } as PolicyEngine;
const amendable = { bindingBase: BINDING_BASE, groups: [], removable: [] };

const editsOf = (judge: Judge | undefined): DeskEdits => new DeskEdits({ judge: () => judge, tenantId: null, now: () => 5 });
const editable = (more: Partial<ApprovalRecord> = {}): ApprovalRecord => recordOf({ policies: EDITABLE, amendable, ...more });

describe('Edits of a desk', () => {
  it('are not made by a desk that has no policies', async () => {
    const desk = new ApprovalDesk(new MemoryApprovalStore());
    const opened = await desk.open(openingOf({ policies: EDITABLE }));
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    const { decisionId, digest } = opened.record;
    const error = await rejection(desk.amend(decisionId, { by: 'bob', digest, ...EDIT }));
    expect(error).to.include({ name: 'VerdictError', status: 409, code: 'edit_unavailable' });
    expect(await desk.get(decisionId)).to.deep.equal(opened.record);
  });

  it('are not made of a call with a value that its approver is not shown, whatever is edited', async () => {
    const sensitive = { '/card': { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' } } as const;
    const params = { amount: 1, card: '4242424242424242' };
    const record = editable({ params, originalParams: params, sensitive });
    const error = await rejection(editsOf(() => ({ engine, facts: {}, outcome: ALLOW })).edited(record, EDIT, { by: 'bob' }));
    expect(error).to.include({ status: 403, code: 'not_editable' });
    expect(error.message).to.contain('hides values').and.not.contain('4242');
  });

  it('are not made where the edited call would hide what a policy demands to be shown, also one that asks only then', async () => {
    const sensitive = { '/card/number': { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' } } as const;
    const params = { card: { holder: 'Ann' } };
    const edit = { set: { '/card': { number: '4242424242424242' } } };
    const editableCard = policyOf('limit', { editable: ['/card'] });
    const demanding = policyOf('shows', { editable: ['/card'], showApprover: ['/card'] });
    for (const [policies, outcome] of [
      [[demanding], ALLOW],
      [[editableCard], askOutcome({ approvals: [demanding as AppliedPolicy] })],
    ] as const) {
      const record = editable({ params, originalParams: params, sensitive, policies });
      const error = await rejection(editsOf(() => ({ engine, facts: {}, outcome })).edited(record, edit, { by: 'bob' }));
      expect(error).to.include({ status: 422, code: 'edit_denied' });
      expect(error.message).to.contain('what its guard hides').and.not.contain('4242');
    }
    const record = editable({ params, originalParams: params, sensitive, policies: [editableCard] });
    const edited = await editsOf(() => ({ engine, facts: {}, outcome: ALLOW })).edited(record, edit, { by: 'bob' });
    expect(edited.params).to.deep.equal({ card: { number: '4242424242424242' } });
    // who decides the edited call is not shown it in what was changed either
    expect(writeApproval(edited, true)).to.contain('(hidden)').and.not.contain('4242');
  });

  it('keep what an approval demands of the code that decides it, and add that it is edited', async () => {
    const edits = editsOf(() => ({ engine, facts: {}, outcome: ALLOW }));
    const base = ['binding', 'begin', 'amend'];
    expect((await edits.edited(editable(), EDIT, { by: 'bob' })).requires).to.have.members(base);
    const demanding = await edits.edited(editable({ requires: ['binding', 'answer'] }), EDIT, { by: 'bob' });
    expect(demanding.requires).to.have.members([...base, 'answer']);
  });

  it('keep who edits, with the name and the groups that a directory knew at that time', () => {
    const person = { id: 'p1', name: 'Ann', ids: ['ann'], groups: ['finance'], groupsFrom: 'ldap', disabled: false };
    const known = { by: 'p1', assurance: 'host', person, groups: ['finance', 'leads'], isOperator: false } as unknown as Parameters<
      typeof editorOf
    >[0];
    expect(editorOf(known, { name: 'A.', reason: 'agreed' })).to.deep.equal({
      by: 'p1',
      name: 'Ann',
      reason: 'agreed',
      assurance: 'host',
      groups: ['finance', 'leads'],
      groupsFrom: 'ldap',
    });
    const plain = { by: 'bob', isOperator: false } as unknown as Parameters<typeof editorOf>[0];
    expect(editorOf(plain, { name: 'B.' })).to.deep.equal({ by: 'bob', name: 'B.' });
    expect(editorOf(plain, {})).to.deep.equal({ by: 'bob' });
  });

  it('are denied where the policies deny the call as its agent made it by now, and the edited call is not looked at', async () => {
    const judged: unknown[] = [];
    const edits = editsOf(({ params }) => {
      judged.push(params);
      return { engine, facts: {}, outcome: denyOutcome('closed today') };
    });
    const error = await rejection(edits.edited(editable(), EDIT, { by: 'bob' }));
    expect(error).to.include({ status: 422, code: 'edit_denied' });
    expect(error.message).to.contain('deny the call as its agent made it: ').and.contain('closed today');
    expect(judged).to.deep.equal([{ amount: 1 }]);
  });

  it('are refused where a policy that asks about the edited call alone lets no one edit that place', async () => {
    const edits = editsOf(({ params }) => ({
      engine,
      facts: {},
      outcome: params['amount'] === 2 ? askOutcome() : ALLOW,
    }));
    expect(await rejection(edits.edited(editable(), EDIT, { by: 'bob' }))).to.include({ status: 403, code: 'not_editable' });
  });

  it('have the proof of the last of them, where it was signed without a verdict; earlier ones stay as they are', () => {
    const edit = (by: string): Amendment => ({ by, atMs: 1, from: 'a', to: 'b', params: {}, changes: [], superseded: [] });
    const proof = { kind: 'passkey', credential: 'c', nonce: 'n', version: 1 } as unknown as VerdictProof;
    const record = recordOf({ amendments: [edit('ann'), edit('bob'), edit('cyd')] });
    expect(amendedFields(record, undefined).amendments).to.deep.equal(record.amendments);
    expect(amendedFields(record, proof).amendments).to.deep.equal([edit('ann'), edit('bob'), { ...edit('cyd'), proof }]);
  });

  it('are shown before a yes to them', () => {
    expect(notShown(recordOf())).to.include({ name: 'VerdictError', status: 409, code: 'edit_changed' });
  });
});
