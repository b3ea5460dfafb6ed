import { canonicalDigest } from '../../common/data/canonical.js';
import { toolSchema } from './toolSchema.js';

/** Beyond these limits an input counts as one that fits: the framework refuses it in the end, and only a person is asked in vain. */
const MAX_DEPTH = 64;
const MAX_STEPS = 10_000;

type Node = Readonly<Record<string, unknown>>;
interface Walk {
  readonly root: unknown;
  left: number;
}

/**
 * Whether a tool's own schema accepts an input, for frameworks that ask before they check: no one should be asked about a call that cannot be made.
 *
 * @param schema a Standard Schema or a JSON Schema; anything else accepts all
 * @returns false only where the schema certainly refuses the input
 */
export async function fitsSchema(schema: unknown, input: unknown): Promise<boolean> {
  const standard = toolSchema(schema);
  if (standard === undefined) return fits(input, schema, { root: schema, left: MAX_STEPS }, 0);
  try {
    return (await standard['~standard'].validate(input)).issues === undefined;
  } catch {
    return true;
  }
}

function fits(value: unknown, schema: unknown, walk: Walk, depth: number): boolean {
  if (schema === false) return false;
  if (!isNode(schema) || depth > MAX_DEPTH || (walk.left -= 1) < 0) return true;
  const within = (child: unknown, of: unknown): boolean => fits(child, of, walk, depth + 1);
  const { $ref, allOf, anyOf, oneOf, type, enum: choices } = schema;
  if (typeof $ref === 'string' && !within(value, resolved($ref, walk.root))) return false;
  if (Array.isArray(allOf) && !allOf.every((one) => within(value, one))) return false;
  for (const some of [anyOf, oneOf]) if (Array.isArray(some) && !some.some((one) => within(value, one))) return false;
  if (type !== undefined && !(Array.isArray(type) ? type : [type]).some((one) => isOfType(value, one))) return false;
  if (Array.isArray(choices) && !choices.some((choice) => same(choice, value))) return false;
  if (Object.hasOwn(schema, 'const') && !same(schema['const'], value)) return false;
  if (typeof value === 'number') return isBetween(value, schema, 'minimum', 'maximum') && isWithinOpenBounds(value, schema);
  if (typeof value === 'string') return isLong(value, schema);
  if (Array.isArray(value)) return isBetween(value.length, schema, 'minItems', 'maxItems') && itemsFit(value, schema, within);
  return !isNode(value) || propertiesFit(value, schema, within);
}

function itemsFit(value: readonly unknown[], { items, prefixItems }: Node, within: (child: unknown, of: unknown) => boolean): boolean {
  const first: readonly unknown[] = Array.isArray(prefixItems) ? prefixItems : [];
  return value.every((item, i) => within(item, i < first.length ? first[i] : items));
}

function propertiesFit(value: Node, schema: Node, within: (child: unknown, of: unknown) => boolean): boolean {
  const { required, properties, patternProperties, additionalProperties } = schema;
  if (Array.isArray(required) && required.some((name) => typeof name === 'string' && !Object.hasOwn(value, name))) return false;
  const known = isNode(properties) ? properties : {};
  // which of the others a pattern names is not looked at
  const others = isNode(patternProperties) ? undefined : additionalProperties;
  return Object.keys(value).every((name) => within(value[name], Object.hasOwn(known, name) ? known[name] : others));
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case 'object':
      return isNode(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type;
    default:
      return true;
  }
}

function isBetween(size: number, schema: Node, least: string, most: string): boolean {
  const { [least]: min, [most]: max } = schema;
  return !(typeof min === 'number' && size < min) && !(typeof max === 'number' && size > max);
}

/** Some schemas count UTF-16 units, others code points, of which there are fewer: only what both refuse is refused. */
function isLong(text: string, { minLength, maxLength }: Node): boolean {
  return isBetween(text.length, { minLength }, 'minLength', '') && isBetween(Array.from(text).length, { maxLength }, '', 'maxLength');
}

function isWithinOpenBounds(value: number, { exclusiveMinimum: above, exclusiveMaximum: below }: Node): boolean {
  return !(typeof above === 'number' && value <= above) && !(typeof below === 'number' && value >= below);
}

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  try {
    return canonicalDigest(a) === canonicalDigest(b);
  } catch {
    return true;
  }
}

/** What a reference within the schema names; one that cannot be followed names what accepts all. */
function resolved(ref: string, root: unknown): unknown {
  if (!ref.startsWith('#')) return undefined;
  return ref
    .split('/')
    .slice(1)
    .reduce<unknown>((at, step) => (isNode(at) && Object.hasOwn(at, step) ? at[step] : undefined), root);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
