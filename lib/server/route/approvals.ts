import { chain } from '../../common/awaitable.js';
import { didYouMean } from '../../common/didYouMean.js';
import { approvalAnswer, approvalsAnswer, verdictBody, writeApproval, writeApprovals } from '../../decision/wire/approvalAnswer.js';
import { readBody } from '../../decision/wire/readBody.js';
import { isId, TOOL_NAME } from '../../model/Params.js';
import type { ApprovalPageQuery, ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Caller } from '../access/Caller.js';
import { coveredApproval } from '../decide/covers.js';
import { RequestError } from '../front/RequestError.js';
import type { Tenant } from '../tenant/Tenant.js';
import type { Answer, CallerInput, Route } from './Route.js';

const STATUSES: readonly string[] = ['pending', 'approved', 'denied', 'expired', 'withdrawn'] satisfies ApprovalRecord['status'][];
const DEFAULT_LIMIT = 50;

/** The routes by which operators read approvals, and by which the operator of the host decides them. */
export function approvalRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/approvals',
      name: 'listApprovals',
      summary: 'Lists approvals of the agents that the key covers, newest first, without params.',
      scope: 'approvals:read',
      query: {
        status: 'Only in this status: pending, approved, denied, expired or withdrawn.',
        agent: 'Only of this agent.',
        tool: 'Only of this tool.',
        q: 'Only with this text in the id, the agent, the tool, the requester or the reason.',
        cursor: 'The cursor of an earlier page.',
        limit: 'At most this many, 1 to 200; 50 by default.',
      },
      answers: { 200: approvalsAnswer },
      async handle({ caller, tenant, query }) {
        return ok(writeApprovals(await tenant.desk.page({ ...readQuery(query), agents: caller.agents })));
      },
    },
    {
      method: 'GET',
      path: '/v1/approvals/:id',
      name: 'readApproval',
      summary:
        'Gives an approval in full: what is asked, the params that would run, who has decided what, and whether the asker may decide it.',
      scope: 'approvals:read',
      answers: { 200: approvalAnswer },
      handle: (input) => chain(coveredApproval(input, idOf(input)), async (record) => shown(record, input)),
    },
    {
      method: 'POST',
      path: '/v1/approvals/:id/verdict',
      name: 'giveVerdict',
      summary: 'Records the verdict of the operator of the host on exactly what was shown. The first verdict stands.',
      scope: 'host',
      request: verdictBody,
      answers: { 200: approvalAnswer },
      errors: [
        'digest_mismatch',
        'assurance_too_low',
        'self_approval',
        'not_an_approver',
        'requester_unknown',
        'verdict_not_recorded',
      ].concat(STATUSES.slice(1).map((status) => `already_${status}`)),
      async handle(input) {
        const { verdict, digest, reason } = readBody(verdictBody, input.body);
        const { decisionId } = await coveredApproval(input, idOf(input));
        const { desk } = input.tenant;
        const given = { by: input.caller.id, digest, reason, assurance: 'host' } as const;
        return shown(await (verdict === 'approve' ? desk.approve(decisionId, given) : desk.deny(decisionId, given)), input);
      },
    },
  ];
}

async function shown(record: ApprovalRecord, { caller, tenant }: { readonly caller: Caller; readonly tenant: Tenant }): Promise<Answer> {
  // a key is no one; and a verdict that was recorded is told without another question to the store
  const mayDecide =
    caller.kind === 'host' && record.status === 'pending' && (await tenant.desk.mayDecide(record.decisionId, caller.id, 'host'));
  return ok(writeApproval(record, mayDecide));
}

function readQuery(query: URLSearchParams): ApprovalPageQuery {
  const read = (name: string, accepts: (text: string) => boolean, expected: string): string | undefined => {
    const text = query.get(name);
    if (text === null) return undefined;
    if (!accepts(text)) throw new RequestError(400, 'invalid_request', `The query parameter ${name} must be ${expected}.`, { field: name });
    return text;
  };
  const status = query.get('status') ?? '';
  const limit = read('limit', (text) => /^(?:[1-9][0-9]?|1[0-9]{2}|200)$/.test(text), 'a whole number from 1 to 200');
  return {
    status: read('status', (text) => STATUSES.includes(text), `one of ${STATUSES.join(', ')}${didYouMean(status, STATUSES)}`) as
      ApprovalRecord['status'] | undefined,
    agentId: read('agent', isId, 'a text of 1 to 256 characters'),
    toolName: read('tool', (text) => TOOL_NAME.test(text), 'a tool name of 1 to 128 letters, digits and _ . : / -'),
    q: read('q', isId, 'a text of 1 to 256 characters'),
    cursor: read('cursor', (text) => text !== '' && text.length <= 512, 'the cursor of an earlier page'),
    limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
  };
}

function idOf({ params }: CallerInput): string {
  return params['id'] as string;
}

function ok(body: string): Answer {
  return { status: 200, body };
}
