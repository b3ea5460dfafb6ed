import { isPlainObject } from '../../common/data/plainObject.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { pointer } from '../../model/Params.js';
import type { Params } from '../../model/Params.js';
import { requesterOf } from '../../model/personId.js';
import type { GrantCeiling } from '../../model/terms/ApprovalTerms.js';
import type { GrantScope } from '../../model/terms/Grant.js';
import { readTerm } from '../../model/terms/GrantTerm.js';
import type { GrantTerms } from '../../model/terms/GrantTerm.js';
import type { AppliedPolicy } from '../../policy/PolicyEngine.js';
import type { ApprovalPolicy } from '../../store/ApprovalStore.js';
import { deceptiveCues } from '../cue/deceptiveCues.js';
import { grantMatcher } from './grantMatcher.js';
import type { Matcher } from './grantMatcher.js';

/** A call for which policies ask for an approval. */
export interface AskedCall {
  readonly request: Pick<DecisionRequest, 'agentId' | 'toolName' | 'guardKey' | 'params' | 'session' | 'opaque' | 'remote'>;
  /** The params that would run, where a policy changed them. */
  readonly params: Params | undefined;
  readonly facts: Readonly<Record<string, unknown>>;
  /** The policies that ask. */
  readonly approvals: readonly AppliedPolicy[];
}

/** Whether a policy lets a yes count for later calls: see `@grantable`. */
export function isGrantable<P extends Pick<ApprovalPolicy, 'grantable' | 'quorum' | 'severity' | 'distinct' | 'needsPreview'>>(
  policy: P,
): policy is P & { readonly grantable: GrantCeiling } {
  const { grantable, quorum = 1, severity, distinct, needsPreview } = policy;
  return grantable !== undefined && quorum === 1 && severity !== 'critical' && distinct !== true && needsPreview !== true;
}

/** Who asks, as desks know them. */
export function requesterIn({ agentId, session }: Pick<DecisionRequest, 'agentId' | 'session'>): string {
  return requesterOf(session?.['user_id']) ?? agentId;
}

/** A grant that is ready to be compared with calls. */
export class GrantedScope {
  readonly #scope: GrantScope;
  readonly #effective: Matcher;
  readonly #called: Matcher | undefined;
  readonly #session: Matcher;
  readonly #facts: Matcher;
  /** JSON pointers of what may be any text. */
  readonly #texts: readonly string[];

  constructor(scope: GrantScope) {
    const { loosened, params, originalParams, session, facts } = scope;
    this.#scope = scope;
    this.#effective = grantMatcher(params, loosened.params);
    this.#called = originalParams && grantMatcher(originalParams, loosened.params);
    this.#session = grantMatcher(session ?? {}, loosened.session);
    this.#facts = grantMatcher(facts, loosened.facts);
    this.#texts = Object.entries(loosened).flatMap(([, terms]) => freeTextsOf(terms));
  }

  /** Whether the grant is about this call: everything about it that a grant can say. */
  covers({ request, params, facts, approvals }: AskedCall): boolean {
    const scope = this.#scope;
    return (
      request.guardKey === scope.guardKey &&
      request.agentId === scope.agentId &&
      request.toolName === scope.toolName &&
      request.opaque.length === 0 &&
      (scope.anyRequester === true || requesterIn(request) === scope.requester) &&
      // a call whose params a policy changes is another one than a call whose params it leaves
      (params !== undefined) === (this.#called !== undefined) &&
      (this.#called ?? this.#effective)(request.params) &&
      (params === undefined || this.#effective(params)) &&
      this.#session(request.session ?? {}) &&
      this.#facts(facts) &&
      approvals.every((policy) => isGrantable(policy) && lifts(scope, policy)) &&
      (this.#texts.length === 0 || !this.#mayDeceive({ request, params, facts }))
    );
  }

  /** Only a text that is new can hide something that was not seen when the grant was made. */
  #mayDeceive({ request, params, facts }: Pick<AskedCall, 'request' | 'params' | 'facts'>): boolean {
    const found: Record<string, string> = {};
    for (const [i, root] of [request.params, params ?? {}, request.session ?? {}, facts].entries())
      collectTexts(root, this.#texts, '', (text, at) => (found[`${i}${at}`] = text));
    return deceptiveCues({ ...NOTHING_SHOWN, params: found, originalParams: found }).length > 0;
  }
}

function lifts(scope: GrantScope, { id, hash }: AppliedPolicy): boolean {
  for (const lifted of scope.lifts) if (lifted.id === id && lifted.hash === hash) return true;
  return false;
}

const NOTHING_SHOWN = {
  agentId: 'a',
  toolName: 't',
  requester: 'r',
  reason: '',
  session: null,
  facts: {},
  opaque: [],
  refusals: 0,
} as const;

function freeTextsOf(terms: GrantTerms): readonly string[] {
  return Object.entries(terms).flatMap(([at, given]) => {
    const term = readTerm(given);
    return typeof term !== 'string' && (term.form === 'any' || term.form === 'startsWith' || term.form === 'endsWith') ? [at] : [];
  });
}

function collectTexts(value: unknown, pointers: readonly string[], at: string, found: (text: string, at: string) => void): void {
  if (typeof value === 'string' && pointers.includes(at)) found(value, at);
  if (isPlainObject(value)) for (const [name, inner] of Object.entries(value)) collectTexts(inner, pointers, pointer(at, name), found);
}
