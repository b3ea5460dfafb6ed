import { chain } from '../../common/awaitable.js';
import { didYouMean } from '../../common/didYouMean.js';
import { approvalAnswer, approvalsAnswer, writeApprovals } from '../../decision/wire/approvalAnswer.js';
import { isId, TOOL_NAME } from '../../model/Params.js';
import type { ApprovalPageQuery, ApprovalRecord } from '../../store/ApprovalStore.js';
import { coveredApproval } from '../decide/covers.js';
import { RequestError } from '../front/RequestError.js';
import type { Answer, CallerInput, Route } from './Route.js';
import { shownApproval } from './verdicts.js';

const STATUSES: readonly string[] = ['pending', 'approved', 'denied', 'expired', 'withdrawn'] satisfies ApprovalRecord['status'][];
const DEFAULT_LIMIT = 50;

/** The routes by which operators and people read approvals. */
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
      handle: (input) => chain(coveredApproval(input, idOf(input)), async (record) => shownApproval(record, input)),
    },
  ];
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
