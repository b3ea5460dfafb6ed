import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import {
  approvalStatusAnswer,
  statusesAnswer,
  writeApprovalStatusAnswer,
  writeStatusesAnswer,
} from '../../decision/wire/approvalStatus.js';
import { beginAnswer, beginBody, consumeAnswer, consumeBody, outcomeBody, readBody, statusesBody } from '../../decision/wire/readBody.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { answeredStatus } from '../decide/answeredStatus.js';
import { endedByHalt } from '../tenant/haltsOf.js';
import { coveredApproval, findApproval, soleAgent } from '../decide/covers.js';
import { RequestError } from '../front/RequestError.js';
import type { Answer, CallerInput, Route } from './Route.js';

/** What the routes of the use of approvals need. */
export interface ApprovalUseOptions {
  /** @defaultValue a clock of its own */
  readonly clock?: SteadyClock | undefined;
}

/** The routes by which the caller of a call follows its approval, uses it up, and says how the run ended. */
export function approvalUseRoutes({ clock = new SteadyClock() }: ApprovalUseOptions = {}): readonly Route[] {
  const statusOf = (input: CallerInput, record: ApprovalRecord): Awaitable<ApprovalRecord | undefined> =>
    answeredStatus(record, input.tenant, clock.now());
  return [
    {
      method: 'GET',
      path: '/v1/decision/:id/status',
      name: 'status',
      summary: 'Says where an approval stands.',
      scope: 'decide',
      answers: { 200: approvalStatusAnswer },
      handle: (input) => {
        const id = idOf(input);
        return chain(coveredApproval(input, id), (record) =>
          chain(statusOf(input, record), (now = record) =>
            ok(writeApprovalStatusAnswer(id, now, input.requestId, endedByHalt(input.tenant, now))),
          ),
        );
      },
    },
    {
      method: 'POST',
      path: '/v1/decisions/status',
      name: 'statuses',
      summary: 'Says where up to 1,000 approvals stand, in the order of their ids; not_found for ids that the key does not cover.',
      scope: 'decide',
      request: statusesBody,
      answers: { 200: statusesAnswer },
      handle: async (input) => {
        const { ids } = readBody(statusesBody, input.body);
        if (ids.length > 1) input.spend(ids.length - 1);
        const statuses: [string, ApprovalRecord | undefined, string | undefined][] = [];
        for (const id of ids) {
          const record = await findApproval(input, id);
          const now = record && (await statusOf(input, record));
          statuses.push([id, now, now && endedByHalt(input.tenant, now)]);
        }
        return ok(writeStatusesAnswer(statuses));
      },
    },
    {
      method: 'POST',
      path: '/v1/decision/:id/consume',
      name: 'consume',
      summary: 'Uses an approval up for exactly the call that it was given for: once, ever. The same token again is the same use.',
      scope: 'decide',
      request: consumeBody,
      answers: { 200: consumeAnswer },
      errors: ['halted', 'halt_unknown'],
      handle: (input) => {
        const decisionId = idOf(input);
        return chain(coveredApproval(input, decisionId), () => {
          const use = readBody(consumeBody, input.body);
          return chain(input.tenant.desk.consume({ decisionId, ...use }, soleAgent(input.caller)), (consumed) =>
            consumed
              ? ok(JSON.stringify({ consumed }))
              : chain(input.tenant.desk.get(decisionId), (record) =>
                  ok(JSON.stringify({ consumed, code: whyNotConsumed(record, use.token, input.tenant.limits.hasRefused(decisionId)) })),
                ),
          );
        });
      },
    },
    {
      method: 'POST',
      path: '/v1/decision/:id/begin',
      name: 'begin',
      summary: 'Records which claim enters the method, right before it does. Any other claim begins no more.',
      scope: 'decide',
      request: beginBody,
      answers: { 200: beginAnswer },
      errors: ['halted', 'halt_unknown'],
      handle: (input) => {
        const decisionId = idOf(input);
        return chain(coveredApproval(input, decisionId), () =>
          chain(input.tenant.desk.begin({ decisionId, ...readBody(beginBody, input.body) }), (begun) =>
            begun
              ? ok(JSON.stringify({ begun }))
              : chain(input.tenant.desk.get(decisionId), (record) => ok(JSON.stringify({ begun, code: whyNotBegun(record) }))),
          ),
        );
      },
    },
    end('withdraw', 'withdrawn', 'Ends an approval that its caller no longer wants.'),
    end('expire', 'expired', 'Ends an approval for which its caller waits no longer.'),
    {
      method: 'POST',
      path: '/v1/decision/:id/outcome',
      name: 'outcome',
      summary: 'Keeps what the caller says of how the run under a used approval ended.',
      scope: 'decide',
      request: outcomeBody,
      answers: { 204: undefined },
      errors: ['outcome_conflict'],
      handle: async (input) => {
        const decisionId = idOf(input);
        await coveredApproval(input, decisionId);
        const { token, status, error_code: errorCode } = readBody(outcomeBody, input.body);
        const recorded = await input.tenant.desk.recordOutcome({ decisionId, token, status, errorCode });
        if (recorded !== 'recorded') throw new RequestError(409, 'outcome_conflict', NOT_RECORDED[recorded]);
        return { status: 204 };
      },
    },
  ];
}

function end(name: 'withdraw' | 'expire', status: 'withdrawn' | 'expired', summary: string): Route {
  return {
    method: 'POST',
    path: `/v1/decision/:id/${name}`,
    name,
    summary,
    scope: 'decide',
    answers: { 204: undefined },
    handle: (input) => {
      const decisionId = idOf(input);
      return chain(coveredApproval(input, decisionId), () => chain(input.tenant.desk.end(decisionId, status), () => ({ status: 204 })));
    },
  };
}

const NOT_RECORDED = {
  not_used: 'The outcome was not recorded: the approval was not used under this token.',
  conflict: 'The outcome was not recorded: it was said before that the run ended otherwise.',
};

function idOf({ params }: CallerInput): string {
  return params['id'] as string;
}

function ok(body: string): Answer {
  return { status: 200, body };
}

/** Why an approval could not be used up, for programs. */
function whyNotConsumed(record: ApprovalRecord | undefined, token: string, isLimited: boolean): string {
  if (record === undefined) return 'approval_unknown';
  const { status, consumed } = record;
  if (status === 'pending') return 'approval_not_given';
  if (status !== 'approved') return `approval_${status}`;
  if (consumed === undefined && isLimited) return 'limit_reached';
  return consumed === undefined || consumed.token === token ? 'approval_mismatch' : 'approval_already_consumed';
}

function whyNotBegun(record: ApprovalRecord | undefined): string {
  return record?.begun === undefined ? 'approval_not_consumed' : 'approval_already_begun';
}
