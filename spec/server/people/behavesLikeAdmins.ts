import { expect } from 'chai';
import type { Identity } from '../../../lib/server/people/Identity.js';
import type { Person } from '../../../lib/server/people/Person.js';
import { counted, volume } from '../../support/assurance.js';
import type { IdentityWorld } from './behavesLikeIdentity.js';
import { identityOf } from './identitySetup.js';

type Act = (identity: Identity, id: string) => Promise<unknown>;

const ACTS: Readonly<Record<string, Act>> = {
  remove: ({ people }, id) => people.remove(id, 'spec'),
  demote: ({ people }, id) => people.change(id, { roles: ['approver'] }, 'spec'),
};
const AT_ONCE = 20;

/** There is always an admin, whoever takes the role from whom at the same instant. */
export function behavesLikeAdmins(name: string, make: () => Promise<IdentityWorld>): void {
  it(`leaves an admin in each race in which two admins remove or demote each other on ${name}`, async () => {
    const world = await make();
    // two hundred on each database take as long as all else that is asked of it
    const races = world.attackedRows === Infinity ? 200 : Math.min(200, volume(2_000));
    const pairs = Object.values(ACTS).flatMap((one) => Object.values(ACTS).map((other) => [one, other] as const));
    const wins: number[] = [];
    const race = async (i: number): Promise<void> => {
      const [here, there] = [0, 1].map(() => identityOf(world.records(`race-${i}`), { tenantId: `race-${i}` })) as [Identity, Identity];
      const [ann, bob] = [await here.people.create(admin('Ann'), 'spec'), await there.people.create(admin('Bob'), 'spec')];
      const [one, other] = pairs[i % pairs.length] as readonly [Act, Act];
      const done = await Promise.allSettled([one(here, bob.id), other(there, ann.id)]);
      for (const act of done) if (act.status === 'rejected') expect(act.reason).to.include({ status: 409, code: 'last_admin' });
      const { people } = await here.people.list();
      expect(people.filter(isAdmin).length, `race ${i}`).to.equal(1);
      wins.push(done.filter(({ status }) => status === 'fulfilled').length);
    };
    for (let i = 0; i < races; i += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => race(i + n)));
    expect(wins.length).to.be.at.least(races);
    // one wins, never none
    expect(wins).to.deep.equal(Array.from({ length: wins.length }, () => 1));
    counted({ what: `races of two admins on ${name} that left none`, cases: wins.length, wrong: 0 });
  });

  it('leaves an admin where eight admins go at the same instant, each by another one', async () => {
    const world = await make();
    const servers = [identityOf(world.records()), identityOf(world.records())] as const;
    const admins: Person[] = [];
    for (let i = 0; i < 8; i++) admins.push(await servers[0].people.create(admin(`Admin ${i}`), 'spec'));
    const done = await Promise.allSettled(
      admins.map(({ id }, i) => (ACTS[i % 2 === 0 ? 'remove' : 'demote'] as Act)(servers[i % 2] as Identity, id)),
    );
    const { people } = await servers[1].people.list();
    expect(people.filter(isAdmin).length).to.equal(1);
    expect(done.filter(({ status }) => status === 'rejected')).to.have.length(1);
  });
}

function admin(name: string): { readonly name: string; readonly roles: readonly string[] } {
  return { name, roles: ['approver', 'admin'] };
}

function isAdmin({ status, roles }: Person): boolean {
  return status === 'active' && roles.includes('admin');
}
