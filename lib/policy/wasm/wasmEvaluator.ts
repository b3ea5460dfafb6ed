import type { StatefulAuthorizationCall } from '@cedar-policy/cedar-wasm/nodejs';
import { useCedar } from './CedarWasm.js';
import type { EntityValue } from '../value/Value.js';
import type { BoundEvaluator, Evaluation, Evaluator } from '../Evaluator.js';
import type { Policy } from '../Policy.js';
import { preparsedSets } from './PreparsedSets.js';
import { toCedarRecord } from './toCedar.js';

let sets = 0;

/** The parts of a request that do not depend on its context. */
type CallerJson = Omit<StatefulAuthorizationCall, 'context' | 'preparsedPolicySetId'>;

/** Evaluates by cedar-wasm, the reference: 70 to 90 µs for a small set. */
export function wasmEvaluator(policies: readonly Policy[]): Evaluator {
  const all = new PreparsedPolicies(policies);
  const permits = new PreparsedPolicies(policies.filter((policy) => policy.effect === 'permit'));
  return {
    forCaller({ principal, action, resource, entities }) {
      const caller = {
        principal: uid(principal),
        action: uid(action),
        resource: uid(resource),
        entities: entities.entities.map((entity) => ({
          uid: uid(entity.uid),
          attrs: toCedarRecord(entity.attributes),
          parents: entity.parents.map(uid),
        })),
      } as CallerJson;
      return { evaluate: all.bind(caller), evaluatePermits: permits.bind(caller) };
    },
    release() {
      all.release();
      permits.release();
    },
  };
}

class PreparsedPolicies {
  readonly #byId: ReadonlyMap<string, Policy>;
  #texts: ReadonlyMap<string, string> | undefined;

  constructor(policies: readonly Policy[]) {
    // cedar-wasm is shared by all engines: ids that no other set has prove that an answer comes from these very policies
    const set = (sets += 1);
    this.#byId = new Map(policies.map((policy, i) => [`e${set}.${i}`, policy]));
  }

  bind(caller: CallerJson): BoundEvaluator['evaluate'] {
    return (context) => {
      this.#texts ??= new Map([...this.#byId].map(([id, policy]) => [id, policy.text]));
      const preparsedPolicySetId = preparsedSets.slotFor(this, this.#texts);
      const call = { ...caller, context: toCedarRecord(context), preparsedPolicySetId } as unknown as StatefulAuthorizationCall;
      const answer = useCedar((cedar) => cedar.statefulIsAuthorized(call));
      if (answer.type !== 'success') throw new Error(answer.errors[0]?.message ?? 'cedar-wasm gave no answer');
      const { decision, diagnostics } = answer.response;
      return believable({
        decision,
        reasons: diagnostics.reason.map((id) => this.#named(id)).sort(byId),
        errors: diagnostics.errors.map(({ policyId, error }) => ({ policy: this.#named(policyId), message: error.message })),
      });
    };
  }

  release(): void {
    preparsedSets.release(this);
  }

  #named(id: string): Policy {
    const policy = this.#byId.get(id);
    if (policy === undefined) throw new Error('the answer of cedar-wasm names a policy that was not evaluated');
    return policy;
  }
}

/** Checks that an allow rests on at least one permit and nothing else, and a deny on forbids or on nothing. */
function believable(evaluation: Evaluation): Evaluation {
  const { decision, reasons } = evaluation;
  const permits = reasons.filter((policy) => policy.effect === 'permit').length;
  const fits = decision === 'allow' ? permits > 0 && permits === reasons.length : decision === 'deny' && permits === 0;
  if (!fits) throw new Error('the answer of cedar-wasm contradicts itself');
  return evaluation;
}

function uid({ type, id }: EntityValue): { type: string; id: string } {
  return { type, id };
}

function byId(a: Policy, b: Policy): number {
  return a.id < b.id ? -1 : 1;
}
