import type { EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { canonicalText } from '../../common/data/canonical.js';
import { uidOf } from '../parse/scope.js';

type Part = PolicyJson['principal'] | PolicyJson['action'] | PolicyJson['resource'];

/** Whether the scope of `wide` surely includes that of `narrow`. */
export function scopeIncludes(wide: PolicyJson, narrow: PolicyJson): boolean {
  return (
    partIncludes(wide.principal, narrow.principal) &&
    partIncludes(wide.action, narrow.action) &&
    partIncludes(wide.resource, narrow.resource)
  );
}

function partIncludes(wide: Part, narrow: Part): boolean {
  if (wide.op === 'All') return true;
  if (wide.op === 'is' && wide.in === undefined) {
    if (narrow.op === 'is') return narrow.entity_type === wide.entity_type;
    return narrow.op === '==' && 'entity' in narrow && uidOf(narrow.entity).type === wide.entity_type;
  }
  if (wide.op === 'in') {
    // everything is in itself
    const named = narrow.op === 'is' ? (narrow.in === undefined ? [] : namesOf(narrow.in)) : namesOf(narrow);
    const within = new Set(namesOf(wide));
    return named.length > 0 && named.every((name) => within.has(name));
  }
  return canonicalText(wide) === canonicalText(narrow);
}

function namesOf(part: object): string[] {
  const { entity, entities } = part as { entity?: EntityUidJson; entities?: EntityUidJson[] };
  return [...(entities ?? []), ...(entity === undefined ? [] : [entity])].map((uid) => canonicalText(uidOf(uid)));
}
