import { expect } from 'chai';
import type { PolicyOutcome } from '../../lib/policy/PolicyEngine.js';
import { callOf, engineOf } from './policyCalls.js';

export const policy = (annotations: string, condition: string): string =>
  `${annotations} forbid (principal, action, resource) when { ${condition} };\n`;
export const ids = (policies: PolicyOutcome['policies']): string[] => policies.map(({ id }) => id);
export const decide = (text: string, params: Record<string, unknown>, more: object = {}): PolicyOutcome =>
  engineOf(text).evaluate(callOf(params, more));

export const expectDeny = (outcome: PolicyOutcome, code: string): unknown => expect(outcome).to.include({ effect: 'deny', code });

export const ASK = policy(
  '@id("ask") @effect("approval_needed") @reason("ask a person")',
  'context.input has env && context.input.env == "production"',
);
export const DENY = policy('@id("no") @reason("never")', 'context.input has env && context.input.env == "forbidden"');
export const MASK = policy(
  '@id("mask") @effect("sanitize") @sanitize("mask_email /body") @reason("addresses are masked")',
  'context.input has body && context.input.body like "*@*"',
);
export const setEnv = (value: string, extra = ''): string =>
  policy(
    `@id("set-env") @effect("sanitize") @sanitize("set /env \\"${value}\\"") ${extra}`,
    'context.input has env && context.input.env == "old"',
  );
