/** A Cedar Long: a number where that is exact (safe integers), else a BigInt. One form per Long, so `===` compares. */
export type Long = number | bigint;

/** A Cedar value as compiled policies see it. Made by `readValue` or by policies; never changed. */
export type Value = boolean | Long | string | EntityValue | QuantityValue | IpValue | SetValue | RecordValue | NullValue;

/**
 * A null. Cedar has none, and must not take it for something that is absent: `["ann", null]` is not `["ann"]`. Evaluating anything that depends on it
 * is an error. Only {@link NULL} is one.
 */
export class NullValue {
  readonly kind = 'null';
}

export const NULL: NullValue = new NullValue();

/** Names an entity. */
export class EntityValue {
  readonly type: string;
  readonly id: string;

  constructor(type: string, id: string) {
    this.type = type;
    this.id = id;
  }
}

/** A decimal in ten-thousandths, a datetime in milliseconds since 1970, or a duration in milliseconds. */
export class QuantityValue {
  readonly kind: 'decimal' | 'datetime' | 'duration';
  readonly amount: Long;

  constructor(kind: QuantityValue['kind'], amount: Long) {
    this.kind = kind;
    this.amount = amount;
  }
}

/** An IP address, or a range of them. */
export class IpValue {
  readonly version: 4 | 6;
  readonly address: bigint;
  /** Leading bits that count; 32 or 128 for one address. */
  readonly prefix: number;

  constructor(version: 4 | 6, address: bigint, prefix: number) {
    this.version = version;
    this.address = address;
    this.prefix = prefix;
  }
}

/** Members by what tells them apart: scalars by themselves, all others by their key. */
export interface SetMembers {
  readonly scalars: ReadonlySet<boolean | Long | string>;
  readonly keys: ReadonlySet<string>;
}

/** A Set. Its items may repeat: `setMembers` holds each once. */
export class SetValue {
  readonly items: readonly Value[];
  /** Whether there is a null in it, however deep. */
  readonly holdsNull: boolean;
  /** Kept by `setMembers`. */
  members: SetMembers | undefined = undefined;
  /** Kept by `valueKey`. */
  key: string | undefined = undefined;

  constructor(items: readonly Value[], holdsNull: boolean = false) {
    this.items = items;
    this.holdsNull = holdsNull;
  }
}

/** Up to this many names are searched one by one: quicker than any index. */
const SEARCHED = 12;

/** A Record: names and fields side by side, so that no name can reach a prototype. */
export class RecordValue {
  readonly names: readonly string[];
  readonly fields: readonly Value[];
  /** Whether there is a null in it, however deep. */
  readonly holdsNull: boolean;
  /** Kept by `valueKey`. */
  key: string | undefined = undefined;
  #places: ReadonlyMap<string, number> | undefined = undefined;

  /** @param names no two equal */
  constructor(names: readonly string[], fields: readonly Value[], holdsNull: boolean = false) {
    this.names = names;
    this.fields = fields;
    this.holdsNull = holdsNull;
  }

  /** The field, or undefined where there is none. */
  get(name: string): Value | undefined {
    const { names } = this;
    if (names.length > SEARCHED) return this.#find(name);
    for (let i = 0; i < names.length; i++) if (names[i] === name) return this.fields[i];
    return undefined;
  }

  #find(name: string): Value | undefined {
    this.#places ??= places(this.names);
    const place = this.#places.get(name);
    return place === undefined ? undefined : this.fields[place];
  }
}

function places(names: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (let i = 0; i < names.length; i++) found.set(names[i] as string, i);
  return found;
}

/** Gets one field of records, and remembers its place in those that share their names. */
export class FieldReader {
  readonly name: string;
  #names: readonly string[] | undefined = undefined;
  #place = -1;

  constructor(name: string) {
    this.name = name;
  }

  /** The field, or undefined where there is none. */
  read(record: RecordValue): Value | undefined {
    const { names } = record;
    if (names !== this.#names) {
      // many names, which nothing shares, are not kept from being freed
      if (names.length > SEARCHED) return record.get(this.name);
      this.#names = names;
      this.#place = names.indexOf(this.name);
    }
    return this.#place === -1 ? undefined : record.fields[this.#place];
  }
}

export const EMPTY_RECORD: RecordValue = new RecordValue([], []);

/** Whether a value is a null, or has one in it. */
export function holdsNull(value: Value): boolean {
  if (typeof value !== 'object') return false;
  return value === NULL || ((value instanceof RecordValue || value instanceof SetValue) && value.holdsNull);
}

/** Of ES2024, which every supported Node has. */
interface Unicode {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/** A text in which lone surrogates are U+FFFD: Cedar's texts are UTF-8. For ids and keys too. */
export function wellFormed(text: string): string {
  const unicode = text as string & Unicode;
  return unicode.isWellFormed() ? text : unicode.toWellFormed();
}
