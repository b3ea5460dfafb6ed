import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { rejection } from '../../support/rejection.js';
import { identityOf } from './identitySetup.js';

describe('The setup', () => {
  let clock: SinonFakeTimers;
  beforeEach(() => {
    clock = useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'performance'] });
  });
  afterEach(() => clock.restore());

  it('has one link, for 15 minutes, and a newer one replaces it', async () => {
    const identity = identityOf();
    const first = await identity.setup.begin('serve');
    const second = await identity.setup.begin('serve');
    const [one, two] = [first?.text.reveal() as string, second?.text.reveal() as string];
    expect([await identity.setup.isGood(one), await identity.setup.isGood(two)]).to.deep.equal([false, true]);
    clock.tick(15 * 60_000 - 1);
    expect(await identity.setup.isGood(two)).to.equal(true);
    clock.tick(1);
    expect(await identity.setup.isGood(two)).to.equal(false);
    expect(await rejection(identity.setup.enter(two))).to.include({ status: 410, code: 'link_used' });
  });

  it('signs in the admin of development mode once, however many try at a time', async () => {
    const identity = identityOf();
    const text = (await identity.setup.begin('serve'))?.text.reveal() as string;
    const tries = await Promise.allSettled(Array.from({ length: 64 }, () => identity.setup.enter(text)));
    const entered = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(entered).to.have.length(1);
    const found = await identity.sessions.find(entered[0]?.text.reveal() as string);
    expect(found?.person).to.include({ id: 'local-admin', status: 'active' });
    expect(found?.session.method).to.equal('setup');
    expect(tries.filter((one) => one.status === 'rejected' && (one.reason as { status: number }).status === 410)).to.have.length(63);
  });

  it('signs no one in without a passkey off loopback, and no one from when on people are known', async () => {
    const far = identityOf(new MemoryRecordStore(), { isLoopback: false });
    const text = (await far.setup.begin('serve'))?.text.reveal() as string;
    expect(await rejection(far.setup.enter(text))).to.include({ status: 403, code: 'not_development' });
    expect(await far.setup.isGood(text)).to.equal(true);

    const near = identityOf();
    const link = (await near.setup.begin('serve'))?.text.reveal() as string;
    const session = await near.setup.enter(link);
    const other = (await near.setup.begin('serve'))?.text.reveal() as string;
    await near.people.create({ name: 'Ann', roles: ['admin'] }, 'host:ops');
    expect(await near.sessions.find(session.text.reveal())).to.equal(undefined);
    expect(await rejection(near.setup.enter(other))).to.include({ status: 403, code: 'not_development' });
    expect(await near.setup.begin('serve')).to.equal(undefined);
    const reopened = await near.setup.reopen('host:ops');
    expect(await near.setup.isGood(reopened.text.reveal())).to.equal(true);
  });
});
