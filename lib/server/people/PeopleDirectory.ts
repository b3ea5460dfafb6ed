import { monotonicNow } from '../../common/time/SteadyClock.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import type { Directory, DirectoryPerson } from '../../decision/desk/Directory.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { isSamePerson } from '../../model/personId.js';
import { idsOf } from './People.js';
import type { People, PeopleList } from './People.js';
import type { Person } from './Person.js';

/** How long what an issuer said of someone's groups is believed, in milliseconds. */
export const GROUPS_MS: number = 3_600_000;
/** How long the list is kept, in milliseconds: a removal on another server counts this late. */
const KEPT_MS = 500;

/** The people of one tenant, as those who compare people ask for them. */
export class PeopleDirectory implements Directory {
  readonly #people: People;
  readonly #clock: SteadyClock;
  readonly #hasPeople: () => Promise<boolean>;
  #kept: { readonly list: Promise<PeopleList>; readonly untilMs: number; readonly changes: number } | undefined;

  constructor(people: People, clock: SteadyClock, hasPeople: () => Promise<boolean>) {
    this.#people = people;
    this.#clock = clock;
    this.#hasPeople = hasPeople;
  }

  /**
   * @throws StoreError where two people have the id, and where no one has it but rows of people were changed by someone without the state key: it cannot tell then
   */
  async personOf(id: string): Promise<DirectoryPerson | undefined> {
    const { people, tampered } = await this.#list();
    const [found, ...others] = people.filter((person) => person.status !== 'removed' && idsOf(person).some((one) => isSamePerson(one, id)));
    if (others.length > 0) throw new StoreError('Two people have this id, so it is not known who it is. Take it from one of them.');
    if (found !== undefined) return this.#shown(found);
    if (!tampered) return undefined;
    throw new StoreError(
      'Rows of people were changed by someone without the state key, so it is not known who this is. Check who can write the store.',
    );
  }

  hasPeople(): Promise<boolean> {
    return this.#hasPeople();
  }

  #shown(person: Person): DirectoryPerson {
    const { id, name, status, accounts, roles, epoch } = person;
    const named = accounts.filter(({ groups }) => groups !== undefined);
    const fresh = named.filter(({ atMs }) => this.#clock.now() - atMs <= GROUPS_MS);
    // who was not confirmed yet is someone, and in no group
    const own = status === 'active' ? person.groups : [];
    const theirs = status === 'active' ? fresh.flatMap(({ groups = [] }) => groups) : [];
    const from = [...(own.length > 0 || fresh.length === 0 ? ['aegis'] : []), ...fresh.map(({ issuer }) => issuer)];
    const shown = {
      id,
      name,
      ids: idsOf(person),
      groups: [...new Set([...own, ...theirs])],
      groupsFrom: [...new Set(from)].join(', '),
      epoch,
      mayDecide: roles.includes('approver'),
    };
    return fresh.length < named.length ? { ...shown, groupsIncomplete: true } : shown;
  }

  async #list(): Promise<PeopleList> {
    const kept = this.#kept;
    if (kept !== undefined && monotonicNow() < kept.untilMs && kept.changes === this.#people.changes) return kept.list;
    const list = this.#people.list();
    const made = { list, untilMs: monotonicNow() + KEPT_MS, changes: this.#people.changes };
    this.#kept = made;
    // a list that could not be read is not kept
    list.catch(() => {
      if (this.#kept === made) this.#kept = undefined;
    });
    return list;
  }
}
