import {
  checkAnswer,
  checkBody,
  confirmBody,
  policiesAnswer,
  reloadAnswer,
  writeFindings,
  writePolicies,
  writeReload,
} from '../../decision/wire/policies/policiesAnswer.js';
import { readBody } from '../../decision/wire/readBody.js';
import { CapacityError } from '../../model/errors/CallErrors.js';
import { lintPolicies } from '../../policy/lint/lintPolicies.js';
import { RequestError } from '../front/RequestError.js';
import type { Answer, Route } from './Route.js';

/** A check takes a thread of its own, with memory of its own. */
const MAX_CHECKS = 2;

/** The routes by which operators read and check policies, and by which the operator of the host has them read again. */
export function policyRoutes(): readonly Route[] {
  let checks = 0;
  return [
    {
      method: 'GET',
      path: '/v1/policies',
      name: 'readPolicies',
      summary:
        'Says which policies are in force, by hash, id and place, and which reload waits to be confirmed, because it would let more run.',
      scope: 'policies:read',
      answers: { 200: policiesAnswer },
      handle: ({ tenant }) => ok(writePolicies(tenant.policies)),
    },
    {
      method: 'POST',
      path: '/v1/policies/check',
      name: 'checkPolicies',
      summary: 'Says what is wrong with policies that are not in force, in a thread of its own. Changes nothing.',
      scope: 'policies:read',
      request: checkBody,
      answers: { 200: checkAnswer },
      errors: ['capacity'],
      async handle({ body }) {
        const { files } = readBody(checkBody, body);
        if (checks >= MAX_CHECKS)
          throw new CapacityError(
            MAX_CHECKS,
            `The server already checks policies for ${MAX_CHECKS} requests. Try again when they are done.`,
          );
        checks += 1;
        try {
          return ok(writeFindings(await lintPolicies(files)));
        } finally {
          checks -= 1;
        }
      },
    },
    {
      method: 'POST',
      path: '/v1/policies/reload',
      name: 'reloadPolicies',
      summary: 'Reads the policies again, and says what became of that: what would let more run waits to be confirmed.',
      scope: 'host',
      answers: { 200: reloadAnswer },
      handle: async ({ tenant }) => ok(writeReload(await tenant.policies.reload())),
    },
    {
      method: 'POST',
      path: '/v1/policies/confirm',
      name: 'confirmPolicies',
      summary: 'Puts the reload with this hash in force.',
      scope: 'host',
      request: confirmBody,
      answers: { 200: policiesAnswer },
      errors: ['reload_not_held'],
      handle({ tenant, body }) {
        const { hash } = readBody(confirmBody, body);
        const { policies } = tenant;
        if (policies.confirm(hash)) return ok(writePolicies(policies));
        const message = 'No reload with this hash waits to be confirmed. Read GET /v1/policies, look at what it holds, and confirm that.';
        throw new RequestError(409, 'reload_not_held', message, { field: 'hash' });
      },
    },
  ];
}

function ok(body: string): Answer {
  return { status: 200, body };
}
