import { setOwn } from '../../common/data/plainObject.js';
import { copyData } from './copyValue.js';
import type { Params } from '../Params.js';

/**
 * The snapshot of positional arguments: private copies in their order, with their names. The record by name, which deciders and approvals see, is
 * only made on demand; an allow that does not read it costs a list.
 */
export class ArgumentList {
  /** One name for each value, or more. */
  readonly names: readonly string[];
  /** Private copies of the arguments, in their order. */
  readonly values: readonly unknown[];
  readonly #nested: boolean;

  constructor(names: readonly string[], values: readonly unknown[], nested: boolean) {
    this.names = names;
    this.values = values;
    this.#nested = nested;
  }

  /** The values by name, without undefined ones. Shares its values with this list. */
  record(): Params {
    const { names, values } = this;
    const record: Record<string, unknown> = {};
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value !== undefined) setOwn(record, names[i] as string, value);
    }
    return record;
  }

  /** A list that shares no object with this one. */
  copy(): ArgumentList {
    return this.#nested ? new ArgumentList(this.names, this.values.map(copyData), true) : this;
  }
}

/** A snapshot as a record by name. */
export function recordOf(values: Params | ArgumentList): Params {
  return values instanceof ArgumentList ? values.record() : values;
}
