import type { PolicyCall } from '../../../lib/policy/PolicyEngine.js';
import { ALWAYS, careful, type Condition, NAMES, randomCondition, VALUES, valueIs, valueIsNot } from './conditions.js';
import { callOf } from '../../support/policyCalls.js';
import { literal, type Random } from '../../policy/fuzz/random.js';

export type Effect = 'permit' | 'deny' | 'approval_needed' | 'sanitize';

/** An operation twice: as an annotation says it, and what it does; undefined where it cannot be done. */
export interface Operation {
  readonly annotation: string;
  readonly target: string;
  readonly apply: (params: Record<string, unknown>, removable: readonly string[]) => boolean;
  /** The text that is there afterwards, where it is always the same. */
  readonly leaves?: string;
}

/** One policy, as its author means it. */
export interface Written {
  readonly effect: Effect;
  /** Whom and what it is about, in Cedar and in words. */
  readonly scope: string;
  readonly isAbout: (call: PolicyCall) => boolean;
  readonly condition: Condition;
  readonly operation: Operation | undefined;
  readonly mayPermit: boolean;
}

/** What the agents of {@link randomCall} are. */
export const AGENTS = {
  bot: { roles: ['operator'], attributes: { level: 2, team: { name: 'prod' } } },
  root: { roles: ['admin'], attributes: { level: 7, team: { name: 'a' } } },
};

const PRINCIPALS = [
  ['principal', () => true],
  ['principal', () => true],
  ['principal == Aegis::Agent::"bot"', ({ agentId }) => agentId === 'bot'],
  ['principal in Aegis::Role::"admin"', ({ agentId }) => agentId === 'root'],
] satisfies [string, (call: PolicyCall) => boolean][];
const ACTIONS = [
  ['action', () => true],
  ['action', () => true],
  ['action == Aegis::Action::"tool"', ({ toolName }) => toolName === 'tool'],
  ['action == Aegis::Action::"other"', ({ toolName }) => toolName === 'other'],
  ['action in Aegis::Action::"writes"', ({ groups }) => groups.includes('writes')],
  ['action in [Aegis::Action::"tool", Aegis::Action::"third"]', ({ toolName }) => toolName === 'tool'],
  ['action in Aegis::Action::"call_tool"', () => true],
] satisfies [string, (call: PolicyCall) => boolean][];

const permitAll: Written = {
  effect: 'permit',
  scope: 'principal, action, resource',
  isAbout: () => true,
  condition: ALWAYS,
  operation: undefined,
  mayPermit: false,
};

/** Some policies, of which no two sanitize the same param: that is refused when they are loaded. */
export function randomPolicies(random: Random, mayErr = 0.03): Written[] {
  const policies = Array.from({ length: 1 + random.below(8) }, () => randomPolicy(random, mayErr));
  if (random.chance(0.6)) policies[0] = { ...permitAll, condition: random.chance(0.5) ? ALWAYS : careful(random) };
  const targets = new Set<string>();
  return policies.filter(({ operation }) => operation === undefined || (!targets.has(operation.target) && targets.add(operation.target)));
}

export function randomPolicy(random: Random, mayErr = 0.03): Written {
  const effect = random.pick<Effect>(['permit', 'permit', 'permit', 'permit', 'deny', 'approval_needed', 'sanitize', 'sanitize']);
  const [principal, isPrincipal] = effect === 'permit' && random.chance(0.6) ? PRINCIPALS[0]! : random.pick(PRINCIPALS);
  const [action, isAction] = effect === 'permit' && random.chance(0.6) ? ACTIONS[0]! : random.pick(ACTIONS);
  const operation = effect === 'sanitize' ? randomOperation(random) : undefined;
  return {
    effect,
    scope: `${principal}, ${action}, resource`,
    isAbout: (call) => isPrincipal(call) && isAction(call),
    condition: mended(random, operation) ?? (random.chance(0.3) ? changeable(random) : randomCondition(random, random.below(3), mayErr)),
    operation,
    mayPermit: effect === 'sanitize' && random.chance(0.4),
  };
}

/** About what a sanitize may change: how it was and how it will be then differ. */
function changeable(random: Random): Condition {
  const [name, value] = [random.pick(NAMES), random.pick(VALUES)];
  return random.chance(0.5) ? valueIs(name, value) : valueIsNot(name, value);
}

/** A sanitize helps only where it ends what it is about: mostly, it does. */
function mended(random: Random, operation: Operation | undefined): Condition | undefined {
  if (operation === undefined || random.chance(0.2)) return undefined;
  const { target, leaves } = operation;
  return leaves === undefined || random.chance(0.3) ? valueIs(target, random.pick(VALUES)) : valueIsNot(target, leaves);
}

function randomOperation(random: Random): Operation {
  const target = random.pick(NAMES);
  const value = random.pick(VALUES);
  const onText = (annotation: string, change: (text: string) => string): Operation => ({
    annotation: `${annotation.replace('/', `/${target}`)}`,
    target,
    apply: (params) => typeof params[target] === 'string' && ((params[target] = change(params[target])), true),
  });
  return random.pick<() => Operation>([
    () => ({
      annotation: `set /${target} ${JSON.stringify(value)}`,
      target,
      apply: (params) => ((params[target] = value), true),
      leaves: value,
    }),
    () => ({
      annotation: `set /${target} ${JSON.stringify(value)}`,
      target,
      apply: (params) => ((params[target] = value), true),
      leaves: value,
    }),
    () => ({ ...onText('redact / gone', () => 'gone'), leaves: 'gone' }),
    () => onText('truncate / 2', (text) => text.slice(0, 2)),
    () => onText('mask_email /', (text) => text.replace('a@b.c', '[email]')),
    () => ({
      annotation: `remove /${target}`,
      target,
      apply: (params, removable) => target in params && removable.includes(target) && delete params[target],
    }),
  ])();
}

/** The text of policies, each with an id of its own: `p0` and so on. */
export function cedarText(policies: readonly Written[], prefix = 'p'): string {
  return policies
    .map(({ effect, scope, condition, operation, mayPermit }, i) => {
      const soft = effect === 'approval_needed' || effect === 'sanitize' ? ` @effect("${effect}")` : '';
      const change = operation === undefined ? '' : ` @sanitize(${literal(operation.annotation)})`;
      const grant = mayPermit ? ' @may_permit("true")' : '';
      const word = effect === 'permit' ? 'permit' : 'forbid';
      return `@id("${prefix}${i}")${soft}${change}${grant} ${word} (${scope}) when { ${condition.cedar} };`;
    })
    .join('\n');
}

/** A call that the conditions find their params in, mostly. */
export function randomCall(random: Random): PolicyCall {
  const params: Record<string, unknown> = { n: random.below(4), tags: random.list(2, () => random.pick(['x', 'y', 'z'])) };
  for (const name of NAMES) if (random.chance(0.75)) params[name] = random.chance(0.95) ? random.pick(VALUES) : 7;
  if (random.chance(0.5)) params['o'] = random.chance(0.8) ? { a: random.below(3) } : {};
  if (random.chance(0.7)) params['amount'] = random.pick([0, 1, 2, 3, 2.5]);
  return callOf(params, {
    agentId: random.pick(['bot', 'bot', 'root', 'stranger']),
    toolName: random.pick(['tool', 'tool', 'other']),
    groups: random.chance(0.3) ? ['writes'] : [],
    session: random.chance(0.5) ? { user_id: random.pick(['ann', 'bob']) } : null,
    facts: { internal: random.chance(0.5) },
    removable: random.chance(0.5) ? [...NAMES] : [],
  });
}
