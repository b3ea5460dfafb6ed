import type { Effect } from '../model/Decision.js';
import type { Params, Session } from '../model/Params.js';
import { AMOUNT_PARTS } from '../model/terms/LimitTerms.js';
import type { LimitTerms } from '../model/terms/LimitTerms.js';
import type { UsedLimits } from '../policy/limit/TestedLimits.js';
import type { AppliedLimit, AppliedPolicy } from '../policy/PolicyEngine.js';
import { amountText, windowText } from '../server/page/govern/windowText.js';
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
  readonly limits?: string | undefined;
  readonly json?: boolean | undefined;
}

/** The printed form of a decision. */
interface Decided extends Readonly<Record<'code' | 'reason' | 'message' | 'detail', string | undefined>> {
  readonly effect: Effect;
  readonly params: Params | undefined;
  readonly policies: readonly DecidedPolicy[];
  /** Those that are only watched, and would have asked. */
  readonly observed: readonly DecidedPolicy[] | undefined;
  /** What it would count for, if it ran; nothing is counted here. */
  readonly limits: readonly DecidedLimit[] | undefined;
}

type DecidedPolicy = Pick<AppliedPolicy, 'id' | 'effect' | 'reason' | 'approvers'>;

interface DecidedLimit extends Pick<LimitTerms, 'by' | 'kind' | 'over'> {
  readonly id: string;
  /** How much the call counts; absent where only a watched limit cannot count it. */
  readonly cost: number | undefined;
  readonly limit: number;
  readonly windowS: number;
}

const CODES: Readonly<Record<Effect, number>> = {
  allow: EXIT.ok,
  deny: EXIT.deny,
  approval_needed: EXIT.approvalNeeded,
  sanitize: EXIT.sanitize,
};

/** Runs `aegis decide`: prints one decision and its reasons. Shows params only if policies changed them, and never the session. */
export function decide(policies: string, options: DecideOptions, io: CliIo): number {
  const { outcome, counts } = policyAsker(policies)({
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
    limits: readJsonObject('--limits', options.limits) as UsedLimits | undefined,
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
    limits: 'limits' in outcome ? outcome.limits?.map((one) => limitOf(one, counts)) : undefined,
  };
  if (options.json === true) writeJson(io, decision);
  else writeLines(io.out, linesOf(decision));
  return CODES[effect];
}

function policyOf({ id, effect, reason, approvers }: AppliedPolicy): DecidedPolicy {
  return { id, effect, reason, approvers };
}

function limitOf({ policy: { id }, terms }: AppliedLimit, counts: ReadonlyMap<string, number>): DecidedLimit {
  const { by, kind, over, limit, windowMs } = terms;
  const cost = counts.get(id);
  return {
    id,
    cost: cost === undefined ? undefined : cost / AMOUNT_PARTS,
    limit: limit / AMOUNT_PARTS,
    windowS: windowMs / 1_000,
    kind,
    by,
    over,
  };
}

function limitText({ id, cost, limit, windowS, kind, by }: DecidedLimit): string {
  const what = cost === undefined ? 'cannot be counted for' : `counts ${amountText(cost)} of`;
  return `${id}: ${what} ${amountText(limit)} in ${windowText(windowS * 1_000)}, ${kind}, by ${by.join(', ')}`;
}

function linesOf({ effect, policies, observed = [], limits = [], params, ...told }: Decided): readonly string[] {
  const fields = { ...told, params: params === undefined ? undefined : JSON.stringify(params) };
  return [
    effect,
    ...Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [line(name, value)])),
    ...policies.map(({ id, effect: said, approvers }) => line('policy', `${said} ${id}${byGroups(approvers)}`)),
    ...limits.map((one) => line('limit', limitText(one))),
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
