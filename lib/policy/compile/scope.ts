import type { EntityValue } from '../value/Value.js';
import { readEntity } from './expression.js';
import type { Caller } from '../Evaluator.js';
import { exactFields, list, plain, text, Uncompilable } from './exactFields.js';

/** Whether a policy's scope includes a caller. */
export type InScope = (caller: Caller) => boolean;

/** One of the three parts of a scope. */
type Part = (uid: EntityValue, caller: Caller) => boolean;

/** Compiles a policy's scope. @throws Uncompilable */
export function compileScope({ principal, action, resource }: Record<'principal' | 'action' | 'resource', unknown>): InScope {
  const [ofPrincipal, ofAction, ofResource] = [compilePart(principal), compilePart(action), compilePart(resource)];
  return (caller) => ofPrincipal(caller.principal, caller) && ofAction(caller.action, caller) && ofResource(caller.resource, caller);
}

function compilePart(node: unknown): Part {
  switch (plain(node)['op']) {
    case 'All':
      exactFields(node, ['op']);
      return () => true;
    case '==': {
      const wanted = readEntity(exactFields(node, ['op', 'entity']).entity);
      return (uid) => uid.id === wanted.id && uid.type === wanted.type;
    }
    case 'in':
      return isIn(node);
    case 'is': {
      const fields = exactFields(node, ['op', 'entity_type'], ['in']);
      const type = text(fields.entity_type);
      const outer = fields.in === undefined ? undefined : readEntity(exactFields(fields.in, ['entity']).entity);
      return (uid, caller) => uid.type === type && (outer === undefined || caller.entities.isIn(uid, outer));
    }
    default:
      throw new Uncompilable('a scope is not known');
  }
}

function isIn(node: unknown): Part {
  const outer = Object.hasOwn(plain(node), 'entities')
    ? list(exactFields(node, ['op', 'entities']).entities).map(readEntity)
    : [readEntity(exactFields(node, ['op', 'entity']).entity)];
  return (uid, caller) => outer.some((entity) => caller.entities.isIn(uid, entity));
}
