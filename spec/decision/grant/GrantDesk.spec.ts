import { expect } from 'chai';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { EmbeddedDecisionService } from '../../../lib/decision/embedded/EmbeddedDecisionService.js';
import { Grants } from '../../../lib/decision/grant/Grants.js';
import type { Decision } from '../../../lib/model/Decision.js';
import { StoreError } from '../../../lib/model/errors/ServiceErrors.js';
import type { GrantInput } from '../../../lib/model/terms/Grant.js';
import { ReloadablePolicies } from '../../../lib/policy/live/ReloadablePolicies.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import type { StoredRecord } from '../../../lib/store/RecordStore.js';
import { requestOf } from '../../support/callRequests.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { asked, decide, granted, grantModule, GRANTABLE, LOOSE, REFUND } from './grantSetup.js';

/** A store in memory, some of whose methods fail. */
class FailingRecords extends MemoryRecordStore {
  failing: readonly ('insert' | 'list' | 'replace')[] = [];
  #check(method: 'insert' | 'list' | 'replace'): void {
    if (this.failing.includes(method)) throw new StoreError('it is away');
  }
  override insert(record: StoredRecord): boolean {
    this.#check('insert');
    return super.insert(record);
  }
  override list(query: Parameters<MemoryRecordStore['list']>[0]): ReturnType<MemoryRecordStore['list']> {
    this.#check('list');
    return super.list(query);
  }
  override replace(record: StoredRecord, version: number): boolean {
    this.#check('replace');
    return super.replace(record, version);
  }
}

function setup(records: FailingRecords | undefined = new FailingRecords()) {
  const policies = new ReloadablePolicies({ source: { text: GRANTABLE } });
  const desk = new ApprovalDesk(new MemoryApprovalStore());
  const grants = new Grants({ desk, records: () => records, now: () => Date.now() });
  const service = new EmbeddedDecisionService({ policies, desk, grants });
  const ask = async (amount: number): Promise<Decision> => service.decide(requestOf({ params: { ...REFUND, amount } }));
  const approve = async (amount: number) => {
    const { decisionId } = await ask(amount);
    const digest = (await desk.get(decisionId))?.digest;
    return desk.approve(decisionId, { by: 'rita', digest, grant: LOOSE });
  };
  return { records, desk, grants, ask, approve };
}

describe('The grants of a desk', () => {
  for (const failing of ['list', 'replace'] as const)
    for (const key of [undefined, 'key-1'])
      it(`are ended by a refusal that is given again after ${failing} of the store failed, ${key === undefined ? 'without a key' : 'with the same key'}`, async () => {
        const { records, desk, grants, ask, approve } = setup();
        const { decisionId } = await ask(41);
        await approve(40);
        const refuse = () => desk.deny(decisionId, { by: 'bob', ...(key !== undefined && { key }) });
        records.failing = [failing];
        const error = await rejection(refuse());
        expect(error).to.include({ status: 503, code: 'store_unavailable', decisionId });
        expect(error.cause).to.be.instanceOf(StoreError);
        expect((await desk.get(decisionId))?.status).to.equal('pending');
        records.failing = [];
        expect((await grants.list())[0]?.revoked).to.equal(undefined);
        expect((await refuse()).status).to.equal('denied');
        expect((await grants.list())[0]?.revoked).to.include({ by: 'bob' });
      });

  it('answer nothing where the store fails: a person is asked, and it is told', async () => {
    const { records, ask, approve } = setup();
    await approve(40);
    records.failing = ['replace'];
    const seen = await diagnosed(async () => expect((await ask(7)).effect).to.equal('approval_needed'));
    expect(seen).to.deep.include({ kind: 'callback', where: 'grants', error: { name: 'StoreError', message: 'it is away' } });
    records.failing = [];
    expect((await ask(8)).effect).to.equal('allow');
    // now it is known who may make such a grant, so that the store is asked at once
    records.failing = ['replace'];
    const again = await diagnosed(async () => expect((await ask(9)).effect).to.equal('approval_needed'));
    expect(again).to.deep.include({ kind: 'callback', where: 'grants', error: { name: 'StoreError', message: 'it is away' } });
  });

  it('stand in for each other: a call whose grant was used up meanwhile is answered by the next one, and by a person when none is left', async () => {
    const { desk, grants, ask } = setup();
    const asked = [await ask(40), await ask(41)];
    for (const { decisionId } of asked) {
      const digest = (await desk.get(decisionId))?.digest;
      await desk.approve(decisionId, { by: 'rita', digest, grant: { ...LOOSE, uses: 1 } });
    }
    // all of them find both grants, before any has used one
    const decisions = await Promise.all([ask(1), ask(2), ask(3)]);
    expect(decisions.map(({ effect }) => effect).sort()).to.deep.equal(['allow', 'allow', 'approval_needed']);
    const listed = await grants.list();
    expect(listed.map(({ used }) => used)).to.deep.equal([1, 1]);
    const answering = decisions.flatMap((decision) => (decision.effect === 'allow' ? [decision.grantId] : []));
    expect(answering).to.have.members(listed.map(({ id }) => id));
  });

  it('that could not be stored are said so, though the call is approved', async () => {
    const { records, desk, grants, approve } = setup();
    records.failing = ['insert'];
    const error = await rejection(approve(40));
    expect(error).to.include({ status: 503, code: 'grant_not_made' });
    expect((await desk.get(String(error['decisionId'])))?.status).to.equal('approved');
    expect(await grants.list()).to.deep.equal([]);
  });

  it('that could not be stored are said so each time that the same yes is given again, and those that were stored are not made twice', async () => {
    for (const failing of [['insert'], []] as const) {
      const { records, desk, grants, ask } = setup();
      const { decisionId } = await ask(40);
      const digest = (await desk.get(decisionId))?.digest;
      const approve = () => desk.approve(decisionId, { by: 'rita', digest, grant: LOOSE, key: 'key-1' });
      records.failing = failing;
      const isMade = failing.length === 0;
      if (isMade) await approve();
      else expect(await rejection(approve())).to.include({ status: 503, code: 'grant_not_made' });
      records.failing = [];
      if (isMade) expect((await approve()).status).to.equal('approved');
      else expect(await rejection(approve())).to.include({ status: 503, code: 'grant_not_made', decisionId });
      expect(await grants.list()).to.have.lengthOf(isMade ? 1 : 0);
    }
  });

  it('are in what is signed with the yes: all that they say, and nothing that may not be', async () => {
    const { desk, ask } = setup();
    const { decisionId } = await ask(40);
    const digest = (await desk.get(decisionId))?.digest;
    const challenge = (grant: GrantInput | undefined) => desk.challengeOf(decisionId, true, { by: 'rita', digest, grant }, 'nonce');
    const inputs = [undefined, LOOSE, { ...LOOSE, uses: 9 }, { ...LOOSE, forMs: 1_000 }, { uses: 10, forMs: 3_600_000 }];
    const challenges = await Promise.all(inputs.map(challenge));
    expect(new Set(challenges).size).to.equal(inputs.length);
    expect(await challenge({ ...LOOSE })).to.equal(challenges[1]);
    expect(await rejection(challenge({ ...LOOSE, uses: 51 }))).to.include({ status: 400, code: 'invalid_grant' });
  });

  it('are none where a durable store is not signed', async () => {
    const desk = new ApprovalDesk(new MemoryApprovalStore());
    const grants = new Grants({ desk, records: undefined, now: () => Date.now() });
    const policies = new ReloadablePolicies({ source: { text: GRANTABLE } });
    const service = new EmbeddedDecisionService({ policies, desk, grants });
    const { effect, decisionId } = await service.decide(requestOf({ params: REFUND }));
    expect(effect).to.equal('approval_needed');
    const digest = (await desk.get(decisionId))?.digest;
    const error = await rejection(desk.approve(decisionId, { by: 'rita', digest, grant: LOOSE }));
    expect(error).to.include({ status: 409, code: 'grants_unavailable' });
    expect(await rejection(grants.list())).to.include({ code: 'invalid_config' });
  });

  it('of a call that a policy changed cover such calls only, and explain both', async () => {
    const text = `${GRANTABLE}
@id("clean") @effect("sanitize") @sanitize("set /note \\"clean\\"") forbid (principal, action, resource)
when { context.input has note && context.input.note != "clean" };`;
    await using aegis = grantModule({ policies: { text } });
    const before = await asked(aegis, { ...REFUND, amount: 9, note: 'raw' });
    const { id } = await granted(aegis, {}, { ...REFUND, note: 'raw' });
    const cedar = await aegis.grants.explain(id);
    expect(cedar).to.match(/^\/\/ The params as called:\n[^]*"raw"[^]*\n\/\/ The params that would run:\n[^]*"clean"/);
    expect(await decide(aegis, { ...REFUND, amount: 7, note: 'raw' })).to.include({ grantId: id, effect: 'sanitize' });
    for (const note of ['clean', 'other']) expect((await decide(aegis, { ...REFUND, amount: 8, note })).effect).to.equal('approval_needed');
    await aegis.approvals.deny(before.decisionId, { by: 'bob' });
    expect((await aegis.grants.get(id))?.revoked).to.include({ by: 'bob' });
  });

  it('loosen no value that was an object before a policy changed it: every object would be covered', async () => {
    const text = `${GRANTABLE}
@id("clean") @effect("sanitize") @sanitize("set /note \\"clean\\"") forbid (principal, action, resource)
when { context.input has note && context.input.note != "clean" };`;
    await using aegis = grantModule({ policies: { text } });
    const { decisionId, digest } = await asked(aegis, { ...REFUND, note: { to: 'ann' } });
    const grant = { ...LOOSE, loosen: { '/note': 'any' as const } };
    expect(await rejection(aegis.approvals.approve(decisionId, { by: 'rita', digest, grant }))).to.include({ code: 'invalid_grant' });
    expect(await aegis.grants.list()).to.deep.equal([]);
  });

  it('are ended by a no to an edited call, where they cover it as its agent made it or as it was edited', async () => {
    const text = GRANTABLE.replace('@grantable', '@editable("/amount") @grantable');
    for (const [called, edited, upTo, isEnded] of [
      [41, 30, 100, true],
      [41, 130, 100, true],
      [130, 30, 100, true],
      [130, 131, 100, false],
    ] as const) {
      await using aegis = grantModule({ policies: { text } });
      const before = await asked(aegis, { ...REFUND, amount: called });
      const { id } = await granted(aegis, { loosen: { '/amount': { '>=': 0, '<=': upTo } } });
      const { decisionId, digest } = before;
      await aegis.approvals.amend(decisionId, { by: 'bob', digest, set: { '/amount': edited } });
      await aegis.approvals.deny(decisionId, { by: 'bob' });
      expect((await aegis.grants.get(id))?.revoked?.by, `${called}, ${edited}`).to.equal(isEnded ? 'bob' : undefined);
    }
  });

  it('that loosen a text ask about one that may deceive, also where there is no session', async () => {
    await using aegis = grantModule();
    const { id } = await granted(aegis, { loosen: { '/to': 'any' } });
    expect(await decide(aegis, { ...REFUND, to: 'bob@example.com' })).to.include({ effect: 'allow', grantId: id });
    for (const to of ['a\u202eb', 'p\u0430ypal']) expect((await decide(aegis, { ...REFUND, to })).effect, to).to.equal('approval_needed');
  });

  it('are not made of params that no policy sees, of what is never covered, and loosen nothing within a list', async () => {
    await using aegis = grantModule();
    const opaque = await asked(aegis, REFUND, { opaque: ['file'] } as never);
    expect((await aegis.grants.propose(opaque.decisionId)).why).to.contain('no policy sees');
    const empty = await asked(aegis, { ...REFUND, note: null });
    expect((await aegis.grants.propose(empty.decisionId)).why).to.contain('holds a null');
    const { decisionId, digest } = await asked(aegis, { ...REFUND, tags: ['a'] });
    const grant = { ...LOOSE, loosen: { '/tags/0': 'any' as const } };
    const error = await rejection(aegis.approvals.approve(decisionId, { by: 'rita', digest, grant }));
    expect(error).to.include({ code: 'invalid_grant' });
    expect(error.message).to.contain('outside of lists');
  });
});
