/** A value of Cedar's extension types, in Cedar's JSON form. */
export interface CedarExtension {
  readonly __extn: { readonly fn: string; readonly arg: string } | { readonly fn: 'offset'; readonly args: readonly CedarExtension[] };
}

/** A Cedar value in Cedar's JSON form: Long, String, Boolean, Set, Record or an extension value. For cedar-wasm; only `toCedar` makes them. */
export type CedarValue = boolean | number | string | readonly CedarValue[] | CedarRecord | CedarExtension;

/** A Cedar Record: no prototype, own keys only. */
export interface CedarRecord {
  readonly [key: string]: CedarValue;
}

/** Names an entity. Two are equal where type and id are: never compare them joined. */
export interface CedarUid {
  readonly type: string;
  readonly id: string;
}
