import type {
  ActionConstraint,
  EntityUidJson,
  Expr,
  PolicyJson,
  PrincipalConstraint,
  ResourceConstraint,
} from '@cedar-policy/cedar-wasm/nodejs';
import { didYouMean } from '../../common/didYouMean.js';
import type { CedarUid } from '../wasm/toCedar.js';
import type { ActionScope } from '../Policy.js';

/** The entity types of a request. */
export const AGENT = 'Aegis::Agent';
export const ROLE = 'Aegis::Role';
export const ACTION = 'Aegis::Action';
export const TOOLSET = 'Aegis::Toolset';

/**
 * Reports scopes that no request can match, such as `Action::"x"` without its namespace: otherwise a forbid that never matches would go unnoticed.
 */
export function checkScope(json: PolicyJson, report: (message: string) => void): void {
  for (const type of scopeTypes(json.principal)) {
    if (type !== AGENT && type !== ROLE)
      report(`The principal must be an ${AGENT}, or be in an ${ROLE}; ${type} never matches${meant(type, [AGENT, ROLE])}`);
  }
  for (const { type } of actionUids(json.action)) {
    if (type !== ACTION) report(`The action must be an ${ACTION}; ${type} never matches${meant(type, [ACTION])}`);
  }
  for (const type of scopeTypes(json.resource)) {
    if (type !== TOOLSET) report(`The resource must be an ${TOOLSET}; ${type} never matches${meant(type, [TOOLSET])}`);
  }
}

/** Ends a sentence, with the type that was probably meant if there is one: mostly it is the namespace that is missing. */
function meant(type: string, known: readonly string[]): string {
  const near = didYouMean(type.includes('::') ? type : `Aegis::${type}`, known);
  return near === '' ? '.' : near;
}

/** Which actions a policy's scope names. */
export function actionScope(action: ActionConstraint): ActionScope {
  const ids = actionUids(action).map((uid) => uid.id);
  if (action.op === 'All') return { kind: 'any' };
  if (action.op === '==') return { kind: 'equals', id: ids[0] as string };
  return { kind: 'in', ids, list: 'entities' in action };
}

/** The groups that `action in Aegis::Action::"…"` asks for inside conditions. */
export function groupsAsked(conditions: PolicyJson['conditions']): string[] {
  const groups: string[] = [];
  for (const { body } of conditions) collectGroups(body, groups);
  return groups;
}

function collectGroups(node: unknown, groups: string[]): void {
  if (typeof node !== 'object' || node === null) return;
  const group = groupOf(node);
  if (group !== undefined) groups.push(group);
  for (const child of Object.values(node)) collectGroups(child, groups);
}

function groupOf(node: object): string | undefined {
  const { in: test } = node as { in?: { left?: Expr; right?: { Value?: { __entity?: CedarUid } } } };
  const isAction = test?.left !== undefined && (test.left as { Var?: string }).Var === 'action';
  return isAction ? test.right?.Value?.__entity?.id : undefined;
}

function actionUids(action: ActionConstraint): CedarUid[] {
  if (action.op === 'All') return [];
  if ('entities' in action) return action.entities.map(uidOf);
  return 'entity' in action ? [uidOf(action.entity)] : [];
}

function scopeTypes(scope: PrincipalConstraint | ResourceConstraint): string[] {
  switch (scope.op) {
    case 'All':
      return [];
    case 'is':
      return [scope.entity_type, ...(scope.in !== undefined && 'entity' in scope.in ? [uidOf(scope.in.entity).type] : [])];
    default:
      return 'entity' in scope ? [uidOf(scope.entity).type] : [];
  }
}

/** An entity's name, in either of the forms that Cedar's JSON has for it. */
export function uidOf(uid: EntityUidJson): CedarUid {
  return '__entity' in uid ? uid.__entity : uid;
}
