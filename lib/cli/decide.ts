import type { Effect } from '../model/Decision.js';
import type { Params, Session } from '../model/Params.js';
import type { AppliedPolicy } from '../policy/PolicyEngine.js';
import { policyAsker } from '../testing/policyAsker.js';
import { CliError, type CliIo, EXIT, writeJson, writeLines } from './CliIo.js';
import { readJsonObject } from './readJson.js';

export interface DecideOptions {
  readonly agent: string;
  readonly tool: string;
  readonly params?: string | undefined;
  readonly session?: string | undefined;
  readonly facts?: string | undefined;
  readonly attributes?: string | undefined;
  readonly role?: readonly string[] | undefined;
  readonly group?: readonly string[] | undefined;
  readonly removable?: readonly string[] | undefined;
  readonly now?: string | undefined;
  readonly json?: boolean | undefined;
}

/** The printed form of a decision. */
interface Decided extends Readonly<Record<'code' | 'reason' | 'message' | 'detail', string | undefined>> {
  readonly effect: Effect;
  readonly params: Params | undefined;
  readonly policies: readonly DecidedPolicy[];
  /** Those that are only watched, and would have asked. */
  readonly observed: readonly DecidedPolicy[] | undefined;
}

type DecidedPolicy = Pick<AppliedPolicy, 'id' | 'effect' | 'reason' | 'approvers'>;

const CODES: Readonly<Record<Effect, number>> = {
  allow: EXIT.ok,
  deny: EXIT.deny,
  approval_needed: EXIT.approvalNeeded,
  sanitize: EXIT.sanitize,
};

/** Runs `aegis decide`: prints one decision and its reasons. Shows params only if policies changed them, and never the session. */
export function decide(policies: string, options: DecideOptions, io: CliIo): number {
  const { outcome } = policyAsker(policies)({
    agentId: options.agent,
    toolName: options.tool,
    params: readJsonObject('--params', options.params),
    session: readJsonObject('--session', options.session) as Session | undefined,
    facts: readJsonObject('--facts', options.facts),
    roles: options.role,
    attributes: readJsonObject('--attributes', options.attributes),
    groups: options.group,
    removable: options.removable,
    nowMs: timeOf(options.now),
  });
  const { effect } = outcome;
  const decision: Decided = {
    effect,
    code: 'code' in outcome ? outcome.code : undefined,
    reason: 'reason' in outcome ? outcome.reason : undefined,
    message: 'message' in outcome ? outcome.message : undefined,
    detail: 'detail' in outcome ? outcome.detail : undefined,
    params: 'params' in outcome ? outcome.params : undefined,
    policies: outcome.policies.map(policyOf),
    observed: 'observed' in outcome ? outcome.observed?.map(policyOf) : undefined,
  };
  if (options.json === true) writeJson(io, decision);
  else writeLines(io.out, linesOf(decision));
  return CODES[effect];
}

function policyOf({ id, effect, reason, approvers }: AppliedPolicy): DecidedPolicy {
  return { id, effect, reason, approvers };
}

function linesOf({ effect, policies, observed = [], params, ...told }: Decided): readonly string[] {
  const fields = { ...told, params: params === undefined ? undefined : JSON.stringify(params) };
  return [
    effect,
    ...Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [line(name, value)])),
    ...policies.map(({ id, effect: said, approvers }) => line('policy', `${said} ${id}${byGroups(approvers)}`)),
    ...observed.map(({ id, effect: said, approvers }) => line('observed', `${said} ${id}${byGroups(approvers)}`)),
  ];
}

function byGroups(approvers: AppliedPolicy['approvers']): string {
  return approvers === undefined ? '' : ` (approvers: ${approvers.join(', ')})`;
}

function line(name: string, value: string): string {
  return `  ${name.padEnd(8)} ${value}`;
}

function timeOf(given: string | undefined): number | undefined {
  const time = given === undefined ? undefined : Date.parse(given);
  if (Number.isNaN(time)) throw new CliError('--now must be a time such as 2025-01-31T12:00:00Z');
  return time;
}
