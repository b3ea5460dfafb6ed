const ALL = [
  'effective-digest',
  'types',
  'consume',
  'begin',
  'reevaluate',
  'events',
  'statuses',
  'outcome',
  'views',
  'amend',
  'preview',
] as const;

/** What a decision service can do for a call, beyond deciding it and saying where its approval stands. */
export type Capability = (typeof ALL)[number];

/** All of them. */
export const CAPABILITIES: readonly Capability[] = /* @__PURE__ */ Object.freeze(ALL);

/** One list for each combination: 100,000 tasks may wait at once. */
const lists = new Map<string, readonly Capability[]>();

/**
 * The capabilities in a list that this version knows, without duplicates and in one order.
 *
 * @returns the same frozen list for the same capabilities; `undefined` for what is not a list
 */
export function readCapabilities(given: unknown): readonly Capability[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const known = CAPABILITIES.filter((name) => given.includes(name));
  const key = known.join();
  const list = lists.get(key) ?? Object.freeze(known);
  lists.set(key, list);
  return list;
}

/** Whether a service does this for an approval. Without `offers` it does all that it has a method for. */
export function isOffered({ offers }: { readonly offers?: readonly Capability[] | undefined }, capability: Capability): boolean {
  return offers?.includes(capability) ?? true;
}
