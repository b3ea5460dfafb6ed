import {
  grantAnswer,
  grantsAnswer,
  looseningOfBody,
  proposalAnswer,
  proposalBody,
  revokeBody,
} from '../../../decision/wire/grant/grantAnswer.js';
import { writeGrant, writeGrants, writeProposal } from '../../../decision/wire/grant/grantAnswer.js';
import { readBody } from '../../../decision/wire/readBody.js';
import type { Grant } from '../../../model/terms/Grant.js';
import { BadRequestError, NotFoundError } from '../../../model/errors/ServiceErrors.js';
import { covers, coveredApproval } from '../../decide/covers.js';
import type { Answer, CallerInput, Route } from '../Route.js';

/** What the routes of grants need. */
export interface GrantRoutesOptions {
  readonly now: () => number;
}

/** The fields of the form that revokes a grant. */
const REVOKE_FORM: Readonly<Record<string, number>> = { reason: 10_000 };

/** The routes by which standing verdicts are read and taken back. They are made together with a yes: see `giveVerdict`. */
export function grantRoutes({ now }: GrantRoutesOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/grants',
      name: 'listGrants',
      summary: 'Lists the grants of the tenant, oldest first.',
      scope: 'approvals:read',
      query: { agent: 'Only for this agent.', tool: 'Only for this tool.', active: 'true: only those that cover calls now.' },
      answers: { 200: grantsAnswer },
      async handle({ caller, tenant, query }) {
        const active = query.get('active');
        if (active !== null && active !== 'true' && active !== 'false') throw new BadRequestError('`active` must be true or false.');
        const asked = { agentId: query.get('agent') ?? undefined, toolName: query.get('tool') ?? undefined, active: active === 'true' };
        const grants = await tenant.grants.list(asked);
        return ok(
          writeGrants(
            grants.filter(({ agentId }) => covers(caller, agentId)),
            now(),
          ),
        );
      },
    },
    {
      method: 'GET',
      path: '/v1/grants/:id',
      name: 'readGrant',
      summary: 'Gives one grant, with what it covers as Cedar policies.',
      scope: 'approvals:read',
      answers: { 200: grantAnswer },
      handle: async (input) => shown(input, await coveredGrant(input), now()),
    },
    {
      method: 'POST',
      path: '/v1/grants/:id/revoke',
      name: 'revokeGrant',
      summary: 'Takes a grant back, at once and for good, at every server. Any approver or admin may, and the operator of the host.',
      scope: 'verdict',
      roles: ['approver', 'admin'],
      request: revokeBody,
      form: REVOKE_FORM,
      answers: { 200: grantAnswer, 303: undefined },
      errors: ['role_missing', 'invalid_verdict'],
      async handle(input) {
        const { id } = await coveredGrant(input);
        const { form, caller, tenant } = input;
        const given = form === undefined ? (input.body === '' ? {} : readBody(revokeBody, input.body)) : { reason: form['reason'] };
        const text = given.reason?.trim();
        const grant = await tenant.grants.revoke(id, { by: caller.id, reason: text === '' ? undefined : text });
        return form === undefined ? shown(input, grant, now()) : { status: 303, headers: { location: `${input.site.base}/grants` } };
      },
    },
    {
      method: 'GET',
      path: '/v1/approvals/:id/grant-proposal',
      name: 'proposeGrant',
      summary:
        'Says what a grant made with this approval could be, and which calls of the last 30 days one that loosens nothing would have covered. Makes nothing.',
      scope: 'approvals:read',
      answers: { 200: proposalAnswer },
      async handle(input) {
        const { decisionId } = await coveredApproval(input, input.params['id'] as string);
        return ok(writeProposal(await input.tenant.grants.propose(decisionId)));
      },
    },
    {
      method: 'POST',
      path: '/v1/approvals/:id/grant-proposal',
      name: 'proposeLoosenedGrant',
      summary:
        'Says the same of a grant that loosens what the body names: its history counts the calls that such a grant would have covered.',
      scope: 'approvals:read',
      request: proposalBody,
      answers: { 200: proposalAnswer },
      errors: ['invalid_grant'],
      async handle(input) {
        const { decisionId } = await coveredApproval(input, input.params['id'] as string);
        const loosening = looseningOfBody(input.body === '' ? {} : readBody(proposalBody, input.body));
        return ok(writeProposal(await input.tenant.grants.propose(decisionId, loosening)));
      },
    },
  ];
}

/** @throws NotFoundError for an unknown id and, with the very same words, for one of an agent that the caller does not speak for */
async function coveredGrant({ caller, tenant, params }: CallerInput): Promise<Grant> {
  const grant = await tenant.grants.get(params['id'] as string);
  if (grant !== undefined && covers(caller, grant.agentId)) return grant;
  throw new NotFoundError('There is no grant with this id.');
}

async function shown({ tenant }: CallerInput, grant: Grant, nowMs: number): Promise<Answer> {
  return ok(writeGrant(grant, await tenant.grants.explain(grant.id), nowMs));
}

function ok(body: string): Answer {
  return { status: 200, body };
}
