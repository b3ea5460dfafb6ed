import type { StandardSchema } from '../../guard/call/StandardSchema.js';

/** What a guard reads from the JSON Schema of a tool's parameters. */
export interface JsonParameters {
  /** Whether the schema has a parameter of that name. */
  readonly knows: (name: string) => boolean;
  /**
   * Returns a schema for a call with this input. It checks after a sanitize that no parameter is unknown or missing, and that nulls are only where the JSON Schema allows
   * them. Returns `undefined` if the input itself has a null that the JSON Schema does not allow, or if the JSON Schema names no parameters: a guard without a
   * schema refuses nulls and unknown parameters.
   */
  readonly schemaFor: (input: unknown) => StandardSchema | undefined;
}

/** A model's input can be deeply nested, and a schema can describe it in many ways. Beyond these limits, nulls are refused. */
const MAX_DEPTH = 64;
const MAX_STEPS = 10_000;

interface Walk {
  readonly root: unknown;
  left: number;
}
type Node = Readonly<Record<string, unknown>>;

/** Reads what a guard has to know from a JSON Schema. The framework checks the rest. */
export function jsonParameters(root: unknown): JsonParameters {
  const { properties, required, additionalProperties } = nodeOf(root);
  const knows = (name: string): boolean => Object.hasOwn(nodeOf(properties), name);
  const needed = Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
  const open = additionalProperties === true || isNode(additionalProperties);
  const fits = (input: unknown): boolean => nullsFit(input, root, { root, left: MAX_STEPS });
  const schema: StandardSchema = {
    '~standard': {
      version: 1,
      vendor: 'aegis',
      validate: (value) => {
        const names = Object.keys(nodeOf(value));
        const wrong = [...names.filter((name) => !open && !knows(name)), ...needed.filter((name) => !names.includes(name))];
        if (wrong.length > 0) return { issues: wrong.map((name) => ({ message: 'unknown or missing', path: [name] })) };
        return fits(value) ? { value } : { issues: [{ message: 'null where the schema does not name it' }] };
      },
    },
  };
  return { knows, schemaFor: (input) => (isNode(properties) && fits(input) ? schema : undefined) };
}

/**
 * Whether all nulls of a value are where the schema allows them. Models send null for parameters that they leave out, where a strict schema requires every parameter.
 * Elsewhere a null is refused, because policies would treat it as absent.
 */
function nullsFit(value: unknown, schema: unknown, walk: Walk, depth = 0): boolean {
  if (typeof value !== 'object') return true;
  if (depth > MAX_DEPTH || (walk.left -= 1) < 0) return false;
  const { $ref, anyOf, oneOf, type, enum: choices, const: only, properties, additionalProperties, items } = nodeOf(schema);
  const further = (child: unknown, of: unknown): boolean => nullsFit(child, of, walk, depth + 1);
  const branches = [anyOf, oneOf].flatMap((some): unknown[] => (Array.isArray(some) ? some : []));
  if (typeof $ref === 'string') branches.push(resolved($ref, walk.root));
  if (branches.some((branch) => further(value, branch))) return true;
  if (value === null)
    return (
      [type, choices].some((some) => (Array.isArray(some) ? some.includes('null') || some.includes(null) : some === 'null')) ||
      only === null
    );
  if (Array.isArray(value)) return value.every((item) => further(item, items));
  const known = nodeOf(properties);
  return Object.entries(value).every(([name, child]) => further(child, Object.hasOwn(known, name) ? known[name] : additionalProperties));
}

function resolved(ref: string, root: unknown): unknown {
  if (!ref.startsWith('#')) return undefined;
  return ref
    .split('/')
    .slice(1)
    .reduce<unknown>((at, step) => (Object.hasOwn(nodeOf(at), step) ? nodeOf(at)[step] : undefined), root);
}

function nodeOf(value: unknown): Node {
  return isNode(value) ? value : {};
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
