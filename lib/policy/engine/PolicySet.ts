import { sha256 } from '../../common/data/canonical.js';
import { CALL_TOOL, groupsNamed } from '../parse/checkPolicySet.js';
import type { Evaluator, MakeEvaluator } from '../Evaluator.js';
import type { Policy } from '../Policy.js';

/** The policies that can matter to one tool. */
export interface PolicySlice {
  readonly policies: readonly Policy[];
  readonly evaluator: Evaluator;
}

/** Slices kept; the least recently used goes first. */
const MAX_SLICES = 256;

/**
 * All policies, sliced per tool: of a thousand policies, those whose scope names another tool are not even looked at. Exact, because only
 * policies are left out whose scope cannot match.
 */
export class PolicySet {
  readonly policies: readonly Policy[];
  /** SHA-256 over the policies' own hashes, sorted: files, their names and their order do not matter. */
  readonly hash: string;
  /** Names that the policies use as action groups. */
  readonly groups: ReadonlySet<string>;
  readonly #makeEvaluator: MakeEvaluator;
  /** Positions of the policies whose scope names an action: by `==`, and by `in`. */
  readonly #equals: ReadonlyMap<string, readonly number[]>;
  readonly #within: ReadonlyMap<string, readonly number[]>;
  readonly #everywhere: readonly number[];
  /** By the names that matter, and by the policies, so that tools with the same policies share one slice. */
  readonly #byNames = new Map<string, PolicySlice>();
  readonly #byPolicies = new Map<string, PolicySlice>();

  constructor(policies: readonly Policy[], makeEvaluator: MakeEvaluator) {
    this.policies = policies;
    this.hash = sha256(
      policies
        .map((policy) => policy.applied.hash)
        .sort()
        .join('\n'),
    );
    this.groups = groupsNamed(policies);
    this.#makeEvaluator = makeEvaluator;
    const indexed = [...policies.entries()];
    this.#everywhere = indexed.filter(([, { action }]) => action.kind === 'any').map(([i]) => i);
    this.#equals = index(indexed.flatMap(([i, { action }]) => (action.kind === 'equals' ? [[action.id, i] as const] : [])));
    this.#within = index(indexed.flatMap(([i, { action }]) => (action.kind === 'in' ? action.ids.map((id) => [id, i] as const) : [])));
  }

  /** The slice for a tool in some groups. */
  slice(toolName: string, groups: readonly string[]): PolicySlice {
    // names that no scope has select nothing, so however many a caller invents, the slices stay few
    const tool = this.#equals.has(toolName) || this.#within.has(toolName) ? toolName : '';
    const parents = [...new Set([CALL_TOOL, ...groups])].filter((group) => this.#within.has(group)).sort();
    const names = [tool, ...parents].join(' ');
    const known = this.#byNames.get(names);
    if (known !== undefined) return known;
    const found = [this.#equals.get(tool) ?? [], ...[tool, ...parents].map((name) => this.#within.get(name) ?? []), this.#everywhere];
    const slice = this.#sliceOf([...new Set(found.flat())].sort((a, b) => a - b));
    keep(this.#byNames, names, slice);
    return slice;
  }

  /** Everything as one slice: for trials. */
  whole(): PolicySlice {
    return makeSlice(this.policies, this.#makeEvaluator);
  }

  /** Frees the memory that its slices hold outside the JavaScript heap. They can still be used. */
  release(): void {
    for (const slice of this.#byPolicies.values()) slice.evaluator.release?.();
  }

  #sliceOf(positions: readonly number[]): PolicySlice {
    const key = positions.join();
    const known = this.#byPolicies.get(key);
    if (known !== undefined) return known;
    const slice = makeSlice(
      positions.map((i) => this.policies[i] as Policy),
      this.#makeEvaluator,
    );
    keep(this.#byPolicies, key, slice)?.evaluator.release?.();
    return slice;
  }
}

function makeSlice(policies: readonly Policy[], makeEvaluator: MakeEvaluator): PolicySlice {
  return { policies, evaluator: makeEvaluator(policies) };
}

function index(entries: readonly (readonly [string, number])[]): Map<string, number[]> {
  const map = new Map<string, number[]>();
  for (const [name, i] of entries) {
    const list = map.get(name);
    if (list === undefined) map.set(name, [i]);
    else list.push(i);
  }
  return map;
}

/** Adds an entry, and returns the oldest one if it was dropped for it. */
function keep(slices: Map<string, PolicySlice>, key: string, slice: PolicySlice): PolicySlice | undefined {
  slices.set(key, slice);
  if (slices.size <= MAX_SLICES) return undefined;
  const [oldest, dropped] = slices.entries().next().value as [string, PolicySlice];
  slices.delete(oldest);
  return dropped;
}
