import { GuardDefinitionError } from '../../lib/model/errors/SetupErrors.js';
import { expect } from 'chai';
import { ApprovalPendingError, guard } from '../../lib/index.js';
import { moduleAsking, rejection, StandInDecisions } from '../support/standInDecisions.js';

/** Mode `throw`: an equal call looks where its approval stands. */
describe('An equal call in mode throw', () => {
  for (const later of [false, true])
    it(`throws the same handle until somebody has decided, and then runs, where the service answers ${later ? 'later' : 'at once'}`, async () => {
      const service = new StandInDecisions().always({ effect: 'approval_needed' });
      const status = service.status.bind(service);
      if (later) service.status = (async (decisionId: string) => status(decisionId)) as never;
      const module = moduleAsking(service);
      let ran = 0;
      const call = guard(async (n: number) => (ran += n), { toolName: 't', params: ['n'], approval: 'throw', module });
      const first = (await rejection(call(5))) as ApprovalPendingError;
      const second = (await rejection(call(5))) as ApprovalPendingError;
      expect(second).to.be.instanceOf(ApprovalPendingError);
      expect(second.pending).to.equal(first.pending);
      expect([ran, service.requests.length]).to.deep.equal([0, 1]);
      service.state = 'approved';
      expect(await call(5)).to.equal(5);
      expect(ran).to.equal(5);
      await module.close();
    });

  it('says that a function which types would refuse is synchronous, in every mode', async () => {
    const service = new StandInDecisions().always({ effect: 'approval_needed' });
    const module = moduleAsking(service);
    const call = guard(((n: number) => n + 1) as unknown as (n: number) => Promise<number>, {
      toolName: 't',
      params: ['n'],
      approval: 'throw',
      module,
    });
    await rejection(call(5));
    service.state = 'approved';
    const given = call(5);
    expect(given).to.be.instanceOf(Promise);
    expect(await rejection(given))
      .to.be.instanceOf(GuardDefinitionError)
      .with.property('message')
      .that.includes('is synchronous');
    const promising = guard((n: number) => Promise.resolve(n + 1), { toolName: 'p', params: ['n'], module, approval: 'wait' });
    service.always({ effect: 'allow' });
    expect(await promising(5)).to.equal(6);
    await module.close();
  });
});
