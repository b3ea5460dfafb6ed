import { expect } from 'chai';
import { inspect } from 'node:util';
import { AegisError, summarizeError } from '../../../lib/model/AegisError.js';
import * as lib from '../../../lib/index.js';
import type { Decision, PendingApproval } from '../../../lib/index.js';

const pending = { message: 'waits', toJSON: () => ({ taskId: 't' }) } as unknown as PendingApproval;
const cause = new Error('cause');

/** One of each, with its name and code. */
const ERRORS: readonly (readonly [AegisError, string, string])[] = [
  [new lib.ParamsError('/a', 'm'), 'ParamsError', 'invalid_params'],
  [new lib.UnsupportedParamError('/a', 'm'), 'UnsupportedParamError', 'unsupported_param'],
  [new lib.SanitizeError('/a', 'm'), 'SanitizeError', 'invalid_sanitize'],
  [new lib.CapacityError(5, 'm'), 'CapacityError', 'capacity'],
  [new lib.ForbiddenError('m'), 'ForbiddenError', 'forbidden'],
  [new lib.ApprovalPendingError(pending), 'ApprovalPendingError', 'approval_pending'],
  [new lib.ApprovalTimeoutError('t', 'd', 'm'), 'ApprovalTimeoutError', 'approval_timeout'],
  [new lib.ApprovalCancelledError('t', 'm'), 'ApprovalCancelledError', 'approval_cancelled'],
  [new lib.CallAbortedError('tool', cause), 'CallAbortedError', 'call_aborted'],
  [new lib.ShutdownError('m'), 'ShutdownError', 'shutdown'],
  [new lib.OutcomeUnknownError('t', 'm'), 'OutcomeUnknownError', 'outcome_unknown'],
  [new lib.AuthError('m'), 'AuthError', 'auth_failed'],
  [new lib.BadRequestError('m'), 'BadRequestError', 'invalid_request'],
  [new lib.NotFoundError('m'), 'NotFoundError', 'resource_not_found'],
  [new lib.PolicyEvalError('m'), 'PolicyEvalError', 'policy_eval_failed'],
  [new lib.TransportError('m'), 'TransportError', 'network_error'],
  [new lib.TimeoutError('m'), 'TimeoutError', 'timeout'],
  [new lib.StoreError('m'), 'StoreError', 'store_failed'],
  [new lib.UnknownServiceError('m'), 'UnknownServiceError', 'unknown_service_error'],
  [new lib.DecisionUnavailableError('malformed', 'm'), 'DecisionUnavailableError', 'decision_unavailable_malformed'],
  [new lib.ConfigError([{ where: 'a', message: 'is wrong.' }]), 'ConfigError', 'invalid_config'],
  [new lib.GuardDefinitionError('m'), 'GuardDefinitionError', 'invalid_guard'],
  [new lib.TaskStateError('t', 'm'), 'TaskStateError', 'invalid_task_state'],
  [new lib.VerdictError(409, 'c', 'd', 'm'), 'VerdictError', 'c'],
];

describe('The errors', () => {
  it('are all in this table', () => {
    const exported = Object.entries(lib).filter(([, value]) => typeof value === 'function' && value.prototype instanceof AegisError);
    expect(ERRORS.map(([, name]) => name)).to.have.members(exported.map(([name]) => name));
  });

  for (const [error, name, code] of ERRORS)
    it(`${name} has name and code of its own, which no minifier changes`, () => {
      expect(error).to.be.instanceOf(Error).and.include({ name, code });
      expect(AegisError.is(error)).to.equal(true);
      expect(error.stack).to.include(error.message);
      expect(error.message).to.not.equal('');
      expect(String(error)).to.match(new RegExp(`^${name}: `));
    });

  it('are known across copies of this package, and nothing else is', () => {
    const other = Object.assign(new Error('x'), { [Symbol.for('aegis.error')]: true });
    expect(AegisError.is(other)).to.equal(true);
    for (const value of [new Error('x'), null, undefined, 'x', {}, { name: 'ForbiddenError' }])
      expect(AegisError.is(value)).to.equal(false);
  });

  it('name every problem of a configuration and where it is', () => {
    const error = new lib.ConfigError([{ where: 'a', message: 'is wrong.' }, { where: '', message: 'All is lost.' }]); // prettier-ignore
    expect(error.message).to.equal('a: is wrong.\nAll is lost.');
    expect(error.problems).to.have.length(2);
  });

  it('give web frameworks a status', () => {
    expect(new lib.ForbiddenError('m')).to.include({ status: 403, statusCode: 403 });
    expect(new lib.VerdictError(404, 'c', 'd', 'm')).to.include({ status: 404, statusCode: 404 });
  });

  it('keep what a decision quotes to those who ask for it', () => {
    const decision = {
      effect: 'deny',
      decisionId: 'd',
      reason: 'no',
      violations: [{ type: 'a', message: 'b', actualValue: 'CANARY' }],
    } as Decision;
    const error = new lib.ForbiddenError('m', { agentId: 'a', toolName: 't', decision });
    expect(error.decision).to.equal(decision);
    expect(error.violations).to.deep.equal(decision.violations);
    expect(new lib.ForbiddenError('m').violations).to.deep.equal([]);
    for (const shown of [inspect(error, { depth: 9 }), JSON.stringify(error), JSON.stringify(Object.entries(error))])
      expect(shown).to.not.include('CANARY');
    expect(JSON.parse(JSON.stringify(error))).to.deep.equal({
      name: 'ForbiddenError',
      code: 'forbidden',
      message: 'm',
      agentId: 'a',
      toolName: 't',
    });
  });

  it('keep a cause', () => {
    expect(new lib.ForbiddenError('m', { cause }).cause).to.equal(cause);
    expect(new lib.CallAbortedError('t', cause).cause).to.equal(cause);
    expect(new lib.ParamsError('', 'm').cause).to.equal(undefined);
  });
});

describe('summarizeError', () => {
  const hostile = {
    toString(): never {
      throw new Error('x');
    },
  };
  const table: readonly (readonly [string, unknown, object])[] = [
    ['an Error', new TypeError('m'), { name: 'TypeError', message: 'm' }],
    ['one of ours', new lib.ForbiddenError('m'), { name: 'ForbiddenError', code: 'forbidden', message: 'm' }],
    ['one with a code', Object.assign(new Error('m'), { code: 'ENOENT' }), { name: 'Error', code: 'ENOENT', message: 'm' }],
    ['one whose code is no text', Object.assign(new Error('m'), { code: 5 }), { name: 'Error', message: 'm' }],
    ['a text', 'm', { name: 'NonError', message: 'm' }],
    ['undefined', undefined, { name: 'NonError', message: 'undefined' }],
    ['what cannot be shown', hostile, { name: 'NonError', message: 'a value was thrown that cannot be shown' }],
    ['an object without a prototype', Object.create(null), { name: 'NonError', message: 'a value was thrown that cannot be shown' }],
  ];
  for (const [name, error, summary] of table) it(`takes ${name}`, () => expect(summarizeError(error)).to.deep.equal(summary));
});
