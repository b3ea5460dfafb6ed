import { inspect } from 'node:util';
import { expect } from 'chai';
import { AegisError } from '../../../lib/model/AegisError.js';
import { CallAbortedError, ForbiddenError } from '../../../lib/model/errors/RefusalErrors.js';
import { StoreError } from '../../../lib/model/errors/ServiceErrors.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { tellableError } from '../../../lib/model/view/tellableError.js';
import type { Sensitive } from '../../../lib/model/sensitive/Sensitive.js';

const CANARY = 'canary-of-the-card-0017';
const SENSITIVE: Sensitive = { '/card': { approver: 'full', log: 'hidden', model: 'full', audit: 'full' } };
const CALL = { params: { card: CANARY }, sensitive: SENSITIVE };

describe('tellableError', () => {
  it('is the error itself where nothing is hidden, nothing is quoted, or its cause is what the caller gave', () => {
    const errors = [
      new ForbiddenError('no', { code: 'policy_violation', toolName: 'pay' }),
      new StoreError('the store is away'),
      new StoreError('the store is away', { cause: undefined }),
      new CallAbortedError('pay', { card: CANARY }),
      undefined,
    ];
    for (const error of errors) expect(tellableError(error, CALL)).to.equal(error);
    const quoting = new Error(CANARY);
    expect(tellableError(quoting, { params: CALL.params })).to.equal(quoting);
  });

  it('has class, code and fields of the error, and no value', () => {
    const decision = { effect: 'deny', decisionId: 'd1', reason: CANARY } as const;
    const cause = Object.assign(new TypeError(`bad ${CANARY}`), { request: { body: CANARY } });
    const told = tellableError(new ForbiddenError(CANARY, { code: 'policy_violation', agentId: 'bot', decision, cause }), CALL);
    if (!(told instanceof ForbiddenError)) throw new Error('another class');
    expect(AegisError.is(told)).to.equal(true);
    expect(told).to.include({ name: 'ForbiddenError', code: 'policy_violation', agentId: 'bot', status: 403, message: '(hidden)' });
    expect(told.decision).to.deep.equal({ ...decision, reason: '(hidden)' });
    expect(Object.keys(told)).to.not.include('decision');
    expect(told.stack).to.contain('ForbiddenError: (hidden)').and.contain('tellableError.spec');
    expect(told.cause).to.include({ name: 'TypeError', message: 'bad (hidden)' });
    expect(inspect(told, { depth: 9, showHidden: true })).to.not.contain(CANARY);
    const problems = [{ where: 'x', message: CANARY }];
    expect(inspect(tellableError(new ConfigError(problems), CALL), { depth: 9 })).to.not.contain(CANARY);
  });

  it('keeps name, message and stack of an error of others, and nothing else', () => {
    const without = Object.assign(new Error('x'), { stack: undefined });
    const thrown: readonly unknown[] = [
      Object.assign(new Error('HTTP 400'), { config: { data: JSON.stringify(CALL.params) }, name: 'AxiosError' }),
      CANARY,
      { toString: () => CANARY },
      {
        toString() {
          throw new Error(CANARY);
        },
      },
      without,
    ];
    const told = thrown.map((error) => tellableError(error, CALL)) as Error[];
    for (const error of told) expect(inspect(error, { depth: 9, showHidden: true })).to.not.contain(CANARY);
    expect(told.map(({ name, message }) => [name, message])).to.deep.equal([
      ['AxiosError', 'HTTP 400'],
      ['NonError', '(hidden)'],
      ['NonError', '(hidden)'],
      ['NonError', 'a value was thrown that cannot be shown'],
      ['Error', 'x'],
    ]);
  });
});
