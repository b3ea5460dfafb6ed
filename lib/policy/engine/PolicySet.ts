import { sha256 } from '../../common/data/canonical.js';
import { inOneGo, type Steps } from '../../common/time/inSlices.js';
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
  /** Whether a policy has `@observe("true")`. */
  readonly observes: boolean;
  /** Whether a policy is a limit. */
  readonly limits: boolean;
  readonly #makeEvaluator: MakeEvaluator;
  readonly #index: PolicyIndex;
  /** By the names that matter, and by the policies, so that tools with the same policies share one slice. */
  readonly #byNames = new Map<string, PolicySlice>();
  readonly #byPolicies = new Map<string, PolicySlice>();

  /** @param index what {@link indexPolicies} made of the same policies */
  constructor(policies: readonly Policy[], makeEvaluator: MakeEvaluator, index: PolicyIndex = inOneGo(indexPolicies(policies))) {
    this.policies = policies;
    this.hash = index.hash;
    this.groups = index.groups;
    this.observes = index.observes;
    this.limits = index.limits;
    this.#makeEvaluator = makeEvaluator;
    this.#index = index;
  }

  /** The slice for a tool in some groups. */
  slice(toolName: string, groups: readonly string[]): PolicySlice {
    // names that no scope has select nothing, so however many a caller invents, the slices stay few
    const { equals, within, everywhere } = this.#index;
    const tool = equals.has(toolName) || within.has(toolName) ? toolName : '';
    const parents = [...new Set([CALL_TOOL, ...groups])].filter((group) => within.has(group)).sort();
    const names = [tool, ...parents].join(' ');
    const known = this.#byNames.get(names);
    if (known !== undefined) return known;
    const found = [equals.get(tool) ?? [], ...[tool, ...parents].map((name) => within.get(name) ?? []), everywhere];
    const slice = this.#sliceOf([...new Set(found.flat())].sort((a, b) => a - b));
    keep(this.#byNames, names, slice);
    return slice;
  }

  /** Everything in slices of so many policies: for trials. Each is to be released. */
  *parts(size: number): Generator<PolicySlice, void, void> {
    for (let i = 0; i < this.policies.length; i += size) yield makeSlice(this.policies.slice(i, i + size), this.#makeEvaluator);
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

/** What a set knows of its policies as a whole. */
export interface PolicyIndex {
  readonly hash: string;
  readonly groups: ReadonlySet<string>;
  /** Positions of the policies whose scope names an action: by `==`, and by `in`. */
  readonly equals: ReadonlyMap<string, readonly number[]>;
  readonly within: ReadonlyMap<string, readonly number[]>;
  readonly everywhere: readonly number[];
  /** Whether a policy has `@observe("true")`. */
  readonly observes: boolean;
  /** Whether a policy is a limit. */
  readonly limits: boolean;
}

/** Makes the index of some policies, in steps of a few policies. */
export function* indexPolicies(policies: readonly Policy[]): Steps<PolicyIndex> {
  const equals = new Map<string, number[]>();
  const within = new Map<string, number[]>();
  const everywhere: number[] = [];
  // by their first two digits: sorting all at once would be one long step
  const hashes = new Map<string, string[]>();
  let observes = false;
  let limits = false;
  for (const [i, { action, applied, limit, observeUntilMs }] of policies.entries()) {
    if (action.kind === 'any') everywhere.push(i);
    else if (action.kind === 'equals') addTo(equals, action.id, i);
    else for (const id of action.ids) addTo(within, id, i);
    observes ||= observeUntilMs !== undefined;
    limits ||= limit !== undefined;
    addTo(hashes, applied.hash.slice(0, 2), applied.hash);
    yield;
  }
  const sorted: string[] = [];
  for (const start of [...hashes.keys()].sort()) {
    sorted.push(...(hashes.get(start) as string[]).sort());
    yield;
  }
  return { hash: sha256(sorted.join('\n')), groups: groupsNamed(policies), equals, within, everywhere, observes, limits };
}

function addTo<T>(map: Map<string, T[]>, name: string, item: T): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [item]);
  else list.push(item);
}

/** Adds an entry, and returns the oldest one if it was dropped for it. */
function keep(slices: Map<string, PolicySlice>, key: string, slice: PolicySlice): PolicySlice | undefined {
  slices.set(key, slice);
  if (slices.size <= MAX_SLICES) return undefined;
  const [oldest, dropped] = slices.entries().next().value as [string, PolicySlice];
  slices.delete(oldest);
  return dropped;
}
