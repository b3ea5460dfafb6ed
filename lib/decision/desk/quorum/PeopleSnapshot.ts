import { isSamePerson } from '../../../model/personId.js';

/** A person of a directory, as far as it matters to whether they may decide. */
export interface SnapshotPerson {
  readonly id: string;
  readonly ids: readonly string[];
  readonly groups: readonly string[];
  readonly groupsIncomplete?: true | undefined;
  readonly mayDecide?: boolean | undefined;
}

/** Who gave a yes, as far as that is known now. */
export interface GiverNow {
  readonly by: string;
  /** The person, where a directory knows them. */
  readonly person: SnapshotPerson | undefined;
  /** The operator of the host, who counts as one person under every name. */
  readonly isOperator: boolean;
  /** Whether the program itself, or the host, vouched for them: they stay what they were. */
  readonly isVouchedFor: boolean;
}

/** People by group, as the program names them. */
export type GroupMembers = Readonly<Record<string, readonly string[]>>;

/** All that is asked about people to say which yes counts, as it is at one time. */
export interface PeopleSnapshot {
  /** Every id of the person who asks. */
  readonly requester: readonly string[];
  /** Every id of the people who edited the params: as far as a yes goes, they have asked for the call themselves. */
  readonly editors: readonly string[];
  /** Ids of the policies that an editor may not approve. */
  readonly notForEditors: ReadonlySet<string>;
  /** For each verdict of the approval, in their order: who gave it; `undefined` for someone who may decide nothing now. */
  readonly givers: readonly (GiverNow | undefined)[];
  readonly groups: GroupMembers;
  /** Whether the program says who is in which group, and was asked when the verdict was given. */
  readonly asksProgram: boolean;
}

/** Whether someone is in one of these groups. */
export function isMember(
  approvers: readonly string[],
  { by, person }: Pick<GiverNow, 'by' | 'person'>,
  groups: GroupMembers | undefined,
): boolean {
  const ids = person === undefined ? [by] : [by, ...person.ids];
  return approvers.some(
    (name) =>
      person?.groups.includes(name) === true || membersOf(name, groups).some((member) => ids.some((id) => isSamePerson(member, id))),
  );
}

/** The members that the program names for a group. */
export function membersOf(name: string, groups: GroupMembers = {}): readonly string[] {
  const group: unknown = Object.hasOwn(groups, name) ? groups[name] : undefined;
  // a string instead of an array would match parts of a name
  return Array.isArray(group) ? group.filter((member) => typeof member === 'string') : [];
}
