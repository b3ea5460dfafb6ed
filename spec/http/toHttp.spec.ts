import { expect } from 'chai';
import { toHttp } from '../../lib/http/toHttp.js';
import * as aegislib from '../../lib/index.js';
import { AegisModule, ForbiddenError, guard, isPending } from '../../lib/index.js';
import type { AegisError } from '../../lib/index.js';

const POLICIES = `
  @id("known") permit (principal, action, resource) when { context has session && context.session has user_id };
  @id("some") @effect("approval_needed") forbid (principal, action, resource) when { context.input.amount > 100 };`;

describe('toHttp', () => {
  const SECRET = 'key-4711 at /srv/app/secret.js:1';
  const made = (name: string): AegisError => {
    const Class = (aegislib as unknown as Record<string, new (...args: unknown[]) => AegisError>)[name] as new (
      ...args: unknown[]
    ) => AegisError;
    const pending = { taskId: 't', decisionId: 'd', toolName: 'refund', message: 'waits', params: SECRET };
    const cause = { cause: new Error(SECRET) };
    const args: Readonly<Record<string, readonly unknown[]>> = {
      ForbiddenError: ['refused', { decision: { decisionId: 'd', reason: SECRET, violations: [{ actualValue: SECRET }] }, ...cause }],
      ApprovalPendingError: [pending],
      ApprovalTimeoutError: ['t', 'd', 'late', cause],
      ParamsError: ['/amount', 'is no number', cause],
      UnsupportedParamError: ['/amount', 'is a Map'],
      SanitizeError: ['/amount', SECRET],
      CapacityError: [100, SECRET],
      CallAbortedError: ['refund', new Error(SECRET)],
      ShutdownError: [SECRET],
      DecisionUnavailableError: ['malformed', SECRET],
      ConfigError: [[{ where: SECRET, message: SECRET }]],
      GuardDefinitionError: [SECRET],
      VerdictError: [409, 'digest_mismatch', 'd', 'another digest'],
      ApprovalCancelledError: ['t', SECRET],
      OutcomeUnknownError: ['t', SECRET],
      TaskStateError: ['t', SECRET],
    };
    return new Class(...(args[name] ?? [SECRET, { code: SECRET, status: 418, ...cause }]));
  };
  const STATUSES: Readonly<Record<string, number>> = {
    ForbiddenError: 403,
    ApprovalPendingError: 202,
    ApprovalTimeoutError: 504,
    ApprovalCancelledError: 409,
    CallAbortedError: 499,
    ShutdownError: 503,
    OutcomeUnknownError: 500,
    ParamsError: 400,
    UnsupportedParamError: 400,
    SanitizeError: 500,
    CapacityError: 429,
    AuthError: 502,
    BadRequestError: 502,
    NotFoundError: 502,
    PolicyEvalError: 502,
    UnknownServiceError: 502,
    DecisionUnavailableError: 502,
    TransportError: 503,
    TimeoutError: 504,
    StoreError: 503,
    ConfigError: 500,
    GuardDefinitionError: 500,
    TaskStateError: 409,
    VerdictError: 409,
  };

  it('knows every error that the package exports', () => {
    const names = Object.keys(aegislib).filter((name) => name.endsWith('Error') && name !== 'AegisError');
    expect(names.sort()).to.deep.equal(Object.keys(STATUSES).sort());
  });

  for (const [name, status] of Object.entries(STATUSES)) {
    it(`answers ${status} for ${name}, and nothing secret`, () => {
      const answer = toHttp(made(name));
      expect(answer?.status).to.equal(status);
      expect(JSON.stringify(answer)).to.not.include('4711');
      expect(answer?.body).to.include.any.keys('error', 'status');
    });
  }

  it('takes a mistake of the guard for none of the caller', () => {
    for (const code of ['callback_failed', 'schema_failed', 'invalid_agent', 'invalid_call', 'opaque_not_durable', 'anything'])
      expect(toHttp(new aegislib.ParamsError('', SECRET, { code }))).to.deep.include({ status: 500 });
  });

  it('knows errors of another copy of the package, and an open breaker', () => {
    const foreign = Object.assign(new Error('refused'), {
      name: 'ForbiddenError',
      code: 'policy_violation',
      [Symbol.for('aegis.error')]: true,
    });
    expect(toHttp(foreign)?.status).to.equal(403);
    expect(toHttp(new aegislib.DecisionUnavailableError('circuit_open', 'open'))?.status).to.equal(503);
  });

  it('is undefined for what is no error of ours', () => {
    for (const other of [
      new Error('x'),
      Object.assign(new Error('x'), { status: 403, name: 'ForbiddenError' }),
      undefined,
      null,
      'text',
      403,
      {},
    ])
      expect(toHttp(other)).to.equal(undefined);
  });

  it('takes a pending approval as it is returned', async () => {
    await using module = AegisModule.create({ policies: { text: POLICIES } });
    const refund = guard(async (order: { amount: number }) => order.amount, {
      toolName: 'refund',
      agentId: 'web',
      module,
      session: () => ({ user_id: 'eve' }),
    });
    const pending = await refund({ amount: 500 });
    expect(isPending(pending)).to.equal(true);
    const { taskId, decisionId } = pending as { taskId: string; decisionId: string };
    expect(toHttp(pending, { tasksAt: '/api/tasks/' })).to.deep.include({
      status: 202,
      headers: { location: `/api/tasks/${taskId}` },
    });
    expect(toHttp(pending)?.body).to.include({ status: 'PENDING', task_id: taskId, approval_id: decisionId });
  });

  it('does not mistake a ForbiddenError without a decision', () => {
    expect(toHttp(new ForbiddenError('no'))).to.deep.include({ status: 403 });
  });
});
