import { escapeText } from '../../common/data/escapeText.js';
import { didYouMean } from '../../common/didYouMean.js';
import { maybeSamePerson, PERSON_ID, personId } from '../../model/personId.js';
import { RequestError } from '../front/RequestError.js';
import { LOCAL_ADMIN, ROLES } from './Person.js';
import type { Role } from './Person.js';

const MAX_TEXT = 128;
const MAX_ITEMS = 100;

/** What people are given here, checked. */
export interface PersonFields {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  readonly userIds: readonly string[];
}

/** Checks what a person shall be. @throws RequestError 422 `invalid_person` naming the field */
export function personFields({
  name,
  roles,
  groups,
  userIds,
}: Readonly<Record<'roles' | 'groups' | 'userIds', readonly string[]>> & { readonly name: string }): PersonFields {
  return { name: checkedName(name), roles: checkedRoles(roles), groups: checkedGroups(groups), userIds: checkedUserIds(userIds) };
}

/** What is wrong with a field of a person. */
export function wrongField(field: string, message: string): RequestError {
  return new RequestError(422, 'invalid_person', message, { field });
}

/** @throws RequestError 422 `invalid_person` */
export function checkedName(name: string, field: string = 'name'): string {
  const trimmed = name.normalize('NFC').trim();
  if (isShown(trimmed)) return trimmed;
  throw wrongField(field, `\`${field}\` must have 1 to ${MAX_TEXT} characters, and none that is not drawn. Type another one.`);
}

/** @throws RequestError 422 `invalid_person` */
export function checkedRoles(roles: readonly string[]): readonly Role[] {
  for (const role of roles)
    if (!(ROLES as readonly string[]).includes(role))
      throw wrongField('roles', `\`roles\` has one that does not exist${didYouMean(role, ROLES) || '.'} Choose from ${ROLES.join(', ')}.`);
  return ROLES.filter((role) => roles.includes(role));
}

/** @throws RequestError 422 `invalid_person` */
export function checkedGroups(groups: readonly string[]): readonly string[] {
  const named = [...new Set(groups.map((group) => group.normalize('NFC').trim()))];
  if (named.length <= MAX_ITEMS && named.every((group) => isShown(group) && !group.includes(','))) return named;
  throw wrongField(
    'groups',
    `\`groups\` must be at most ${MAX_ITEMS} names of 1 to ${MAX_TEXT} characters without a comma, as policies call them in @approvers.`,
  );
}

/** @throws RequestError 422 `invalid_person` */
export function checkedUserIds(ids: readonly string[]): readonly string[] {
  const checked = ids.map((id) => personId(id));
  if (checked.length > MAX_ITEMS || !ids.every(isUserId))
    throw wrongField('userIds', `\`userIds\` must be at most ${MAX_ITEMS}, each ${PERSON_ID}; \`host:\` and \`${LOCAL_ADMIN}\` are taken.`);
  return [...new Set(checked as string[])];
}

/** Whether a person may have this id: it can be one, and is no operator's of a host. */
export function isUserId(text: string): boolean {
  const id = personId(text);
  return id !== undefined && !id.toLowerCase().startsWith('host:') && !maybeSamePerson(id, LOCAL_ADMIN);
}

function isShown(text: string): boolean {
  return text !== '' && text.length <= MAX_TEXT && escapeText(text) === text;
}
