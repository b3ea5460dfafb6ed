/** Control, format, private-use and unassigned characters, lone surrogates, every space, and what is not drawn. */
const UNSEEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;
const ALL_UNSEEN = new RegExp(UNSEEN, 'gu');
const MAX_LENGTH = 256;

/** What {@link personId} takes, in the words of an error. */
export const PERSON_ID =
  'the id of a person: 1 to 256 characters, without spaces within and without control, invisible or compatibility characters (such as a fullwidth A)';

/**
 * The id of a person, as every part of the library keeps it: in Unicode's form NFC and without spaces around it. It keeps its case, but ids are compared without
 * regard to case: see {@link isSamePerson}.
 *
 * @returns undefined for anything else, because two ids must not look the same
 */
export function personId(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const id = value.normalize('NFC').trim();
  if (id === '' || id.length > MAX_LENGTH || UNSEEN.test(id) || id.normalize('NFKC') !== id) return undefined;
  return id;
}

/** Whether two ids name one person. Case does not count, and neither do characters that are not drawn: a requester's id may come from anywhere. */
export function isSamePerson(a: string, b: string): boolean {
  return keyOf(a) === keyOf(b);
}

/**
 * Whether two ids may name one person: besides {@link isSamePerson}, where they are one in some language's rule of case. `STRASSE` is `straße` in capitals, and
 * in Turkish `İpek` is `ipek`. For a refusal only: a right needs the same person for sure.
 */
export function maybeSamePerson(a: string, b: string): boolean {
  return likenessOf(a) === likenessOf(b);
}

/** The same text for all ids that {@link maybeSamePerson} takes for one person: the id in capitals, in which `i` and `ı` have no dot. */
export function likenessOf(id: string): string {
  return keyOf(id).toUpperCase().normalize('NFD').replaceAll('I\u0307', 'I');
}

/** Who asks, of the session of a call: its `user_id`, a text or a number in which something can be seen. */
export function requesterOf(userId: unknown): string | undefined {
  const id = typeof userId === 'number' || typeof userId === 'bigint' ? String(userId) : userId;
  return typeof id === 'string' && keyOf(id) !== '' ? (personId(id) ?? id) : undefined;
}

function keyOf(id: string): string {
  return id.normalize('NFKC').replace(ALL_UNSEEN, '').toLowerCase().normalize('NFC');
}
