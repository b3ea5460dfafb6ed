import type { Identity } from '../people/Identity.js';

/** What the people of a tenant are called, by their ids; also those who were removed. Any other id, such as `host:ann`, is its own name. */
export async function namesOfPeople({ people }: Pick<Identity, 'people'>): Promise<(id: string) => string> {
  const names = new Map((await people.list()).people.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? id;
}
