import { expect } from 'chai';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalDeskOptions } from '../../../lib/decision/desk/ApprovalDeskOptions.js';
import type { DeskPeople, DirectoryPerson } from '../../../lib/decision/desk/Directory.js';
import type { VerdictInput } from '../../../lib/decision/desk/verdict.js';
import { EmbeddedDecisionService } from '../../../lib/decision/embedded/EmbeddedDecisionService.js';
import { Grants } from '../../../lib/decision/grant/Grants.js';
import type { Decision } from '../../../lib/model/Decision.js';
import { ReloadablePolicies } from '../../../lib/policy/live/ReloadablePolicies.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { countedSuite } from '../../support/assurance.js';
import { requestOf } from '../../support/callRequests.js';
import { rejection } from '../../support/rejection.js';

const textOf = (more: string): string => `@id("all") permit (principal, action, resource);
@id("refund") @effect("approval_needed") @grantable("5 uses; 1h") ${more} forbid (principal, action, resource);`;

function setup(annotations: string, options: ApprovalDeskOptions, text: string = textOf(annotations)) {
  const policies = new ReloadablePolicies({ source: { text } });
  const desk = new ApprovalDesk(new MemoryApprovalStore(), options);
  const grants = new Grants({ desk, records: () => new MemoryRecordStore(), now: () => Date.now() });
  const service = new EmbeddedDecisionService({ policies, desk, grants });
  const decide = async (user = 'u1'): Promise<Decision> => service.decide(requestOf({ params: { amount: 1 }, session: { user_id: user } }));
  const approve = async (verdict: Partial<VerdictInput>, more = {}): Promise<void> => {
    const { decisionId } = await decide();
    const digest = (await desk.get(decisionId))?.digest;
    await desk.approve(decisionId, { by: 'rita', digest, grant: { uses: 5, forMs: 3_600_000, ...more }, ...verdict });
  };
  return { desk, grants, decide, approve };
}

const person = (more: Partial<DirectoryPerson> = {}): DirectoryPerson => ({ id: 'rita', name: 'Rita', ids: ['rita'], groups: ['finance'], groupsFrom: 'spec', epoch: 1, ...more }); // prettier-ignore
const peopleOf = (now: () => DirectoryPerson | undefined, isHeld = true): DeskPeople => ({
  directory: {
    personOf: (id) => {
      const found = now();
      return found?.ids.includes(id) === true ? found : undefined;
    },
    hasPeople: () => true,
  },
  proofs: { verify: () => true, isHeld: () => isHeld },
});

let cases = 0;
describe('Who makes a grant, and answers by it', () => {
  countedSuite('who may make a grant and answer by it', () => ({ cases }));
  const APPROVERS = '@approvers("finance")';
  const approverGroups = { finance: ['rita', 'u1'], legal: ['leo'] };
  const matter = (title: string, check: () => Promise<unknown>): void => {
    cases += 1;
    it(title, async () => {
      await check();
    });
  };

  for (const [title, annotations, options, verdict, more] of [
    ['someone outside of the group', APPROVERS, { approverGroups: { finance: ['ann'] } }, {}, {}],
    ['the requester', APPROVERS, { approverGroups }, { by: 'u1' }, {}],
    ['the requester under another spelling', '', {}, { by: 'U1' }, {}],
    ['the requester, also where a policy lets them approve', '@self_approval("true")', {}, { by: 'u1' }, {}],
    ['someone whom mayApprove refuses', '', { mayApprove: () => false }, {}, {}],
    ['a session alone, for severity high', '@severity("high")', {}, { assurance: 'session' }, {}],
  ] as const)
    matter(`it is not made by ${title}`, async () => {
      const { grants, approve } = setup(annotations, options as ApprovalDeskOptions);
      expect((await rejection(approve(verdict, more))).status).to.equal(403);
      expect(await grants.list()).to.deep.equal([]);
    });

  matter('it is not made by who may decide only one of two policies', async () => {
    const two = `@id("all") permit (principal, action, resource);
@id("a") @effect("approval_needed") @approvers("finance") @grantable("5 uses; 1h") forbid (principal, action, resource);
@id("b") @effect("approval_needed") @approvers("legal") @grantable("5 uses; 1h") forbid (principal, action, resource);`;
    const { approve, grants } = setup('', { approverGroups }, two);
    expect(await rejection(approve({}))).to.include({ status: 403, code: 'not_an_approver' });
    expect(await grants.list()).to.deep.equal([]);
  });

  matter('it has the lowest of all ceilings', async () => {
    const two = `@id("all") permit (principal, action, resource);
@id("a") @effect("approval_needed") @grantable("3 uses; 1h") forbid (principal, action, resource);
@id("b") @effect("approval_needed") @grantable("5 uses; 30m") forbid (principal, action, resource);`;
    const { approve, decide } = setup('', {}, two);
    expect(await rejection(approve({}, { uses: 4, forMs: 1_000 }))).to.include({ code: 'invalid_grant' });
    expect(await rejection(approve({}, { uses: 3, forMs: 1_800_001 }))).to.include({ code: 'invalid_grant' });
    await approve({}, { uses: 3, forMs: 1_800_000 });
    expect((await decide()).effect).to.equal('allow');
  });

  matter('it is not made where one of two policies does not allow it', async () => {
    const two = `${textOf('')}\n@id("b") @effect("approval_needed") forbid (principal, action, resource);`;
    expect(await rejection(setup('', {}, two).approve({}))).to.include({ code: 'not_grantable' });
  });

  matter('it answers for a maker in the group, once and for all where no one knows people', async () => {
    const { approve, decide } = setup(APPROVERS, { approverGroups });
    await approve({});
    for (let i = 0; i < 5; i++) expect((await decide()).effect).to.equal('allow');
    expect((await decide()).effect).to.equal('approval_needed');
  });

  matter('it answers no other user, unless it says so; and never who made it', async () => {
    const { approve, decide, grants } = setup('', {});
    await approve({});
    expect((await decide('u2')).effect).to.equal('approval_needed');
    const every = setup('', {});
    await every.approve({}, { anyRequester: true });
    expect((await every.decide('u2')).effect).to.equal('allow');
    expect((await every.decide('rita')).effect).to.equal('approval_needed');
    expect(await grants.list()).to.have.lengthOf(1);
  });

  matter('it answers nothing once mayApprove says no, or throws', async () => {
    let says: () => boolean = () => true;
    const { approve, decide } = setup('', { mayApprove: () => says() });
    await approve({});
    expect((await decide()).effect).to.equal('allow');
    for (const now of [
      () => false,
      () => {
        throw new Error('down');
      },
    ]) {
      says = now;
      expect((await decide()).effect).to.equal('approval_needed');
    }
  });

  const changes: readonly (readonly [title: string, now: () => DirectoryPerson | undefined, effect: string])[] = [
    ['still the same', () => person(), 'allow'],
    ['gone', () => undefined, 'approval_needed'],
    ['no longer in the group', () => person({ groups: [] }), 'approval_needed'],
    ['no longer allowed to decide', () => person({ mayDecide: false }), 'approval_needed'],
    ['back after a right was taken', () => person({ epoch: 2 }), 'approval_needed'],
    ['the requester too, under another id', () => person({ ids: ['rita', 'u1'] }), 'approval_needed'],
    ['not to be known now', () => { throw new Error('down'); }, 'approval_needed'], // prettier-ignore
  ];
  for (const [title, now, effect] of changes)
    matter(`its maker is ${title}: ${effect}`, async () => {
      let found: () => DirectoryPerson | undefined = () => person();
      const { desk, approve, decide } = setup(APPROVERS, {});
      desk.usePeople(peopleOf(() => found()));
      await approve({ assurance: 'step-up' });
      found = now;
      expect((await decide()).effect).to.equal(effect);
    });

  for (const [what, annotations, options] of [
    ['anyone may decide', '', {}],
    ['the program names its groups', APPROVERS, { approverGroups }],
    ['mayApprove says who may', APPROVERS, { mayApprove: () => true }],
  ] as const)
    matter(`it answers nothing once its maker is no longer in the directory of the program, where ${what}`, async () => {
      const { id, name, ids, groups, groupsFrom } = person();
      let found: DirectoryPerson | undefined = { id, name, ids, groups, groupsFrom };
      const directory = { personOf: (one: string) => (one === 'rita' ? found : undefined), hasPeople: () => true };
      const { approve, decide } = setup(annotations, { ...options, directory });
      await approve({});
      expect((await decide()).effect).to.equal('allow');
      const then = found;
      found = undefined;
      expect((await decide()).effect).to.equal('approval_needed');
      found = then;
      expect((await decide()).effect).to.equal('allow');
    });

  for (const [before, after, effect] of [
    [[1, 1], [1, 1], 'allow'],
    [[1, 1], [1, 2], 'approval_needed'],
    [[1, 1], [2, 1], 'approval_needed'],
    [[1, 2], [2, 1], 'approval_needed'],
    [[1, undefined], [1, undefined], 'allow'],
    [[1, undefined], [1, 1], 'approval_needed'],
    [[undefined, 1], [undefined, 2], 'approval_needed'],
  ] as const)
    matter(
      `its maker had the epochs ${before.join(' and ')} at the server and in the directory, and has ${after.join(' and ')}: ${effect}`,
      async () => {
        let epochs: readonly (number | undefined)[] = before;
        const directory = { personOf: (one: string) => (one === 'rita' ? person({ epoch: epochs[1] }) : undefined), hasPeople: () => true };
        const { desk, approve, decide } = setup(APPROVERS, { directory });
        desk.usePeople(peopleOf(() => person({ epoch: epochs[0] })));
        await approve({ assurance: 'step-up' });
        epochs = after;
        expect((await decide()).effect).to.equal(effect);
      },
    );

  matter('it answers nothing once the passkey that signed it is gone', async () => {
    const { desk, approve, decide } = setup(APPROVERS, {});
    const proof = { kind: 'passkey', credential: 'c', nonce: 'n', clientDataJSON: 'd', authenticatorData: 'a', signature: 's' } as const;
    desk.usePeople(peopleOf(() => person()));
    await approve({ assurance: 'passkey', proof });
    expect((await decide()).effect).to.equal('allow');
    desk.usePeople(peopleOf(() => person(), false));
    expect((await decide()).effect).to.equal('approval_needed');
  });
});
