import type { HttpRequest } from '../../../lib/common/transport/HttpExchange.js';
import { believedApproval, believedDecision, digestOf, type Asked } from './answerOracle.js';
import { mutated } from './mutatedText.js';
import type { Random } from '../../policy/fuzz/random.js';

/** One call, and what a Data Plane says to it. */
export interface RemoteCase {
  readonly params: Record<string, unknown>;
  /** The decision's text, for what the client asked. */
  readonly decision: (asked: Asked) => string;
  /** The text that was answered. */
  readonly decisionText: string;
  /** The text of the status, where it is asked for. */
  readonly status: string;
  /** What may run. */
  readonly expected: object | undefined;
}

/** What the client asked, as it put it into the body. */
export function askedOf({ body = '' }: HttpRequest): Asked {
  const { agent_id, tool } = JSON.parse(body) as { agent_id: string; tool: { name: string; params: Asked['params'] } };
  return { agentId: agent_id, toolName: tool.name, params: tool.params };
}

const EFFECTS = ['allow', 'allow', 'sanitize', 'sanitize', 'approval_needed', 'approval_needed', 'deny'] as const;
const OVERLAYS = [{ text: 'masked' }, { amount: 3, text: '' }, { options: { deep: [{ a: null }] } }, {}] as const;

/**
 * A right-minded answer, and for an approval a yes; one of the two texts is mutated.
 *
 * @param seen the digests of the params that the ids of earlier answers were for: an id is never believed for others, nor for a second approval
 */
export function remoteCase(random: Random, decisionId: string, seen: Map<string, string>): RemoteCase {
  const params = { amount: random.below(3), text: random.pick(['hello', 'ä\u2028']), options: { deep: [1, { b: true }] } };
  const effect = random.pick(EFFECTS);
  const inStatus = effect === 'approval_needed' && random.chance(0.6);
  let text = '';
  let status = '';
  let expected: object | undefined;
  const decision = (asked: Asked): string => {
    const right = answerOf(random, asked, decisionId, effect);
    text = inStatus ? JSON.stringify(right) : mutated(random, right);
    const believed = believedDecision(text, asked);
    const id = believed?.decisionId ?? decisionId;
    const said = { decision_id: id, status: 'OK', effect: random.chance(0.8) ? 'allow' : 'deny', request_id: 'req-2' };
    status = inStatus ? mutated(random, said) : JSON.stringify(said);
    const digest = digestOf(asked.params);
    const replayed = seen.has(id) && (seen.get(id) !== digest || believed?.when === 'approved');
    const may = believed?.when === 'now' || (believed?.when === 'approved' && believedApproval(status, id));
    expected = may && !replayed ? believed?.params : undefined;
    if (believed !== undefined && !seen.has(id)) seen.set(id, digest);
    return text;
  };
  return {
    params,
    decision,
    get decisionText() {
      return text;
    },
    get status() {
      return status;
    },
    get expected() {
      return expected;
    },
  };
}

function answerOf(random: Random, { agentId, toolName, params }: Asked, decisionId: string, effect: string): object {
  const overlay = effect === 'sanitize' || (effect === 'approval_needed' && random.chance(0.4)) ? random.pick(OVERLAYS) : undefined;
  const digest = random.chance(0.3) ? digestOf({ ...params, ...overlay }) : null;
  const sanitize = overlay === undefined ? null : { message: 'masked', params: overlay, effective_digest: digest };
  const violations = [{ type: 'parameter', message: 'holds an address', field: 'text', actual_value: 'x' }];
  return {
    request_id: 'req-1',
    tenant_id: random.pick([null, 'tenant']),
    agent_id: agentId,
    decision_id: decisionId,
    tool: toolName,
    final_decision: { effect, reason: null, sanitize, violations: random.chance(0.3) ? violations : [], approval_id: null },
    policy_evaluations: [{ id: 'p', matched: true }],
    latency_ms: 3,
  };
}
