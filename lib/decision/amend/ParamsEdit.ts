import { isPlainObject } from '../../common/data/plainObject.js';
import { parsePointer } from '../../model/snapshot/parsePointer.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';

/** What a person makes of the params of a call that waits for approval. */
export interface ParamsEdit {
  /** New values by JSON pointer, such as `{ '/amount': 200 }`. Each must be of the kind that the present one has, and none may be null. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  /** JSON pointers of what is left out. */
  readonly remove?: readonly string[] | undefined;
}

/** An edit of the params of an approval, and what of its preview its editor was shown. */
export interface EditInput extends ParamsEdit {
  /** The `digest` of the preview. Where the edited call would run with other params by now, the edit is refused. */
  readonly editedDigest?: string | undefined;
  /** The `asking` of the preview. Where other policies ask by now, the edit is refused. */
  readonly asking?: string | undefined;
}

/** One step of an edit. */
export type EditStep = { readonly pointer: string; readonly path: readonly string[] } & (
  { readonly op: 'set'; readonly value: unknown } | { readonly op: 'remove' }
);

/** The most places that one edit may change. */
export const MAX_PLACES = 32;

const ONE_PLACE = 'a JSON pointer of a place in the params, such as /amount';

/**
 * Reads an edit; its values are copied.
 *
 * @param refuse throws, saying what is wrong
 * @throws what `refuse` throws
 */
export function readEdit({ set, remove }: ParamsEdit, refuse: (message: string) => never): readonly EditStep[] {
  if (set !== undefined && !isPlainObject(set))
    return refuse('`set` must be a plain object of new values by JSON pointer, such as { "/amount": 200 }.');
  if (remove !== undefined && !(Array.isArray(remove) && remove.every((one) => typeof one === 'string')))
    return refuse('`remove` must be a list of JSON pointers, such as ["/note"].');
  const given = Object.entries(set ?? {}).filter(([, value]) => value !== undefined);
  const places = [...given.map(([at]) => at), ...(remove ?? [])];
  if (places.length === 0) return refuse('An edit must change something: give `set` or `remove`.');
  if (places.length > MAX_PLACES)
    return refuse(`An edit changes at most ${MAX_PLACES} places, this one ${places.length}. Make two edits of it.`);
  const values = valuesOf(set, refuse);
  const steps = [
    ...given.map(([at]): EditStep => ({ op: 'set', ...placeOf(at, '`set`', refuse), value: values[at] })),
    ...(remove ?? []).map((at): EditStep => ({ op: 'remove', ...placeOf(at, '`remove`', refuse) })),
  ];
  for (const [i, { pointer }] of steps.entries())
    if (steps.some((other, n) => n !== i && isWithin(other.pointer, pointer)))
      return refuse('Two places of an edit are the same, or one lies within the other. Name each place once.');
  return steps;
}

/** Whether a place is another one, or lies within it. */
export function isWithin(pointer: string, outer: string): boolean {
  return pointer === outer || pointer.startsWith(`${outer}/`);
}

function placeOf(pointer: string, where: string, refuse: (message: string) => never): Pick<EditStep, 'pointer' | 'path'> {
  const path = parsePointer(pointer);
  return path === undefined ? refuse(`${where} must name each place by ${ONE_PLACE}.`) : { pointer, path };
}

/** All of them together are no larger than the params of a call. */
function valuesOf(set: ParamsEdit['set'], refuse: (message: string) => never): Readonly<Record<string, unknown>> {
  try {
    const { value, firstNull } = takeSnapshot({ ...set });
    if (firstNull === undefined) return value as Readonly<Record<string, unknown>>;
  } catch {
    return refuse('`set` must hold values that a call can have: JSON, BigInt or Date, within the limits of size and depth.');
  }
  return refuse('`set` must not hold null: a policy would take it for nothing. Use `remove` instead.');
}
