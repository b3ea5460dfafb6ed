import { setOwn } from '../../common/data/plainObject.js';
import { copyData } from './copyData.js';
import type { Params } from '../Params.js';

/**
 * The snapshot of positional arguments: private copies in their order, with their names. The record by name, which deciders and approvals see, is
 * only made when somebody asks; an allow that nobody looks into costs a list.
 */
export class ArgumentList {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
  readonly #nested: boolean;

  constructor(names: readonly string[], values: readonly unknown[], nested: boolean) {
    this.names = names;
    this.values = values;
    this.#nested = nested;
  }

  /** By name; what is undefined is left out. Holds the very values of this list. */
  record(): Params {
    const { names, values } = this;
    const record: Record<string, unknown> = {};
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value !== undefined) setOwn(record, names[i] as string, value);
    }
    return record;
  }

  /** A list whose values are shared with nobody. Primitives are nobody's. */
  copy(): ArgumentList {
    return this.#nested ? new ArgumentList(this.names, this.values.map(copyData), true) : this;
  }
}

/** A snapshot as the record by name that it stands for. */
export function recordOf(values: Params | ArgumentList): Params {
  return values instanceof ArgumentList ? values.record() : values;
}
