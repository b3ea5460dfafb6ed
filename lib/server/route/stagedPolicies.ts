import {
  promoteAnswer,
  promoteBody,
  stageAnswer,
  stageBody,
  stagedAnswer,
  writeStaged,
} from '../../decision/wire/policies/stagedAnswer.js';
import { readBody } from '../../decision/wire/readBody.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { dropStaged, promoteStaged } from '../tenant/policyActs.js';
import { RequestError } from '../front/RequestError.js';
import type { Answer, Route } from './Route.js';

/** The routes by which policies are tried on live calls, and put in force. */
export function stagedPolicyRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/policies/staged',
      name: 'readStagedPolicies',
      summary:
        'Says what the staged policies would have decided otherwise, newly allowed calls first, and what watched policies would have asked.',
      scope: 'policies:read',
      answers: { 200: stagedAnswer },
      handle: ({ tenant }) => ok(writeStaged(tenant.policies)),
    },
    {
      method: 'POST',
      path: '/v1/policies/staged',
      name: 'stagePolicies',
      summary: 'Tries policies on live calls, after these were answered. They decide nothing.',
      scope: 'host',
      request: stageBody,
      answers: { 200: stageAnswer },
      async handle({ tenant, body }) {
        const { files, sample } = readBody(stageBody, body);
        try {
          const { hash } = await tenant.policies.stage({ source: { files }, sample });
          return ok(JSON.stringify({ status: 'staged', hash }));
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          return ok(JSON.stringify({ status: 'failed', hash: null, problems: error.problems }));
        }
      },
    },
    {
      method: 'POST',
      path: '/v1/policies/staged/promote',
      name: 'promotePolicies',
      summary:
        'Puts the staged policies with this hash in force, if they meet the conditions. What would let more run waits to be confirmed.',
      scope: 'host',
      request: promoteBody,
      answers: { 200: promoteAnswer },
      errors: ['not_promoted'],
      async handle({ tenant, caller, body }) {
        const { hash, max_newly_allowed: maxNewlyAllowed, min_decisions: minDecisions } = readBody(promoteBody, body);
        const result = await promoteStaged(tenant, { hash, by: caller.id, maxNewlyAllowed, minDecisions });
        if (result.status === 'refused') throw new RequestError(409, 'not_promoted', result.refusal.message);
        return ok(JSON.stringify(result));
      },
    },
    {
      method: 'DELETE',
      path: '/v1/policies/staged/:id',
      name: 'dropStagedPolicies',
      summary: 'Stops trying the staged policies with this hash.',
      scope: 'host',
      answers: { 204: undefined },
      async handle({ tenant, caller, params }) {
        await dropStaged(tenant, params['id'] as string, caller.id);
        return { status: 204 };
      },
    },
  ];
}

function ok(body: string): Answer {
  return { status: 200, body };
}
