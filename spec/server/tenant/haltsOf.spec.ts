import { expect } from 'chai';
import type { AegisError } from '../../../lib/model/AegisError.js';
import { ForbiddenError } from '../../../lib/model/errors/RefusalErrors.js';
import { DecisionUnavailableError, StoreError } from '../../../lib/model/errors/ServiceErrors.js';
import { haltOn, unlessHalted } from '../../../lib/server/tenant/haltsOf.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { thrown } from '../../support/standInDecisions.js';

const CALL = { agentId: 'bot', toolName: 'refund' };
const halted = new ForbiddenError('Everything is halted.', { code: 'halted', ...CALL });
const doubted = new DecisionUnavailableError('halt_unknown', 'someone has changed them');
const failed = new DecisionUnavailableError('halt_unknown', 'not confirmed', { cause: new Error('CANARY') });

describe('What a server does about halts', () => {
  const finding = (found: AegisError | undefined) => ({ changes: 7, look: () => found, refresh: () => {} });

  it('says why a call is halted, and that the store fails where it does', () => {
    for (const found of [undefined, halted, doubted]) expect(haltOn(finding(found), CALL)).to.equal(found);
    const error = thrown(() => haltOn(finding(failed), CALL));
    expect(error).to.be.instanceOf(StoreError).and.have.property('cause', failed.cause);
    expect(error).to.have.property('message').that.does.not.contain('CANARY');
  });

  it('uses no approval while its call is halted, while that is in doubt, or while the store fails', () => {
    const refusals = { count: 0 };
    const use = (found: AegisError | undefined) => unlessHalted(finding(found), new Map(), refusals)(CALL as ApprovalRecord);
    expect(use(undefined)).to.equal(7);
    expect(thrown(() => use(halted))).to.include({ name: 'RequestError', status: 409, code: 'halted' });
    expect(thrown(() => use(doubted))).to.include({ name: 'RequestError', status: 409, code: 'halt_unknown' });
    expect(thrown(() => use(failed))).to.include({ name: 'StoreError', code: 'store_failed' });
    expect(refusals.count).to.equal(2);
  });
});
