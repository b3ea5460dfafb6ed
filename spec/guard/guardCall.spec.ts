import { expect } from 'chai';
import { guardCall, ParamsError, SanitizeError } from '../../lib/index.js';
import type { AegisModule, GuardOutcome } from '../../lib/index.js';
import { moduleAsking, StandInDecisions } from '../support/standInDecisions.js';

describe('guardCall', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
  });
  afterEach(() => module.close());

  const call = (more: object = {}): Promise<GuardOutcome<unknown>> =>
    guardCall(module, { agentId: 'a', toolName: 't', params: { a: 1 }, ...more }, (params) => params);
  const errorOf = (outcome: GuardOutcome<unknown>): Error | undefined => (outcome.kind === 'denied' ? outcome.error : undefined);

  it('takes a call without a session, however that is said', async () => {
    for (const session of [undefined, null]) {
      expect(await call({ session })).to.include({ kind: 'ran' });
      expect(service.last.session).to.equal(null);
    }
  });

  it('takes names of 256 characters, and no longer ones', async () => {
    expect(await call({ agentId: 'a'.repeat(256), guardKey: 'k'.repeat(256) })).to.include({ kind: 'ran' });
    for (const long of [{ agentId: 'a'.repeat(257) }, { guardKey: 'k'.repeat(257) }])
      expect(errorOf(await call(long)))
        .to.be.instanceOf(ParamsError)
        .and.have.property('code', 'invalid_call');
    expect(service.requests).to.have.length(1);
  });

  it('quotes no more of a wrong tool name than a right one could have', async () => {
    const error = errorOf(await call({ toolName: `${'x'.repeat(200)} ` }));
    expect(error).to.be.instanceOf(ParamsError);
    expect(error?.message).to.include(`'${'x'.repeat(128)}' is not a tool name`);
  });

  it('refuses a param that a sanitize adds, where nobody says which params the call knows', async () => {
    service.always({ effect: 'sanitize', params: { a: 1, admin: true } });
    const error = errorOf(await call());
    expect(error).to.be.instanceOf(SanitizeError).and.have.property('path', '/admin');
  });

  it('takes a param that a sanitize adds, where the call knows it', async () => {
    service.always({ effect: 'sanitize', params: { a: 1, note: 'x' } });
    expect(await call({ knows: (name: string) => name === 'note' })).to.deep.include({ kind: 'ran', value: { a: 1, note: 'x' } });
  });

  it('takes views of values for what `sensitive` says, and nothing else', async () => {
    expect(await call({ sensitive: { '/a': 'secret' } })).to.include({ kind: 'ran' });
    expect(service.last.sensitive?.['/a']).to.be.an('object');
    for (const sensitive of [{ '/a': 'hidden' }, { a: 'secret' }, ['/a']]) {
      const error = errorOf(await call({ sensitive }));
      expect(error).to.be.instanceOf(ParamsError).and.have.property('code', 'invalid_call');
      expect(error?.message).to.match(/guardCall\(\): `sensitive` (?:at \/a must have|has the key|must be an object)/);
    }
    expect(service.requests).to.have.length(1);
  });

  it('hands on, as the cause, what the decision service threw', async () => {
    const cause = new Error('no disk');
    service.answer = () => {
      throw cause;
    };
    expect(errorOf(await call())).to.have.property('cause', cause);
  });
});
