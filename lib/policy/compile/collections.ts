import { holdsNull, RecordValue, SetValue, type Value } from '../value/Value.js';
import { type Compile, type CompileKind, constant, type Expression } from './EvaluationContext.js';
import { exactFields, list, plain } from './exactFields.js';
import { contains, containsAll, containsAny } from '../value/sameValue.js';
import type { StepBudget } from '../value/StepBudget.js';
import { dependsOnNull, nullRead, wrongKinds } from './wrongKinds.js';

/** Sets and records, by their names in Cedar's JSON. */
export const COLLECTIONS: ReadonlyMap<string, CompileKind> = new Map([
  ['Set', (node, compile) => collect(list(node).map(compile), (items) => new SetValue(items, items.some(holdsNull)))],
  ['Record', record],
  ['isEmpty', isEmpty],
  ['contains', setOperator((set, value, budget) => contains(set, value, budget))],
  ['containsAll', setOperator(onSets(containsAll))],
  ['containsAny', setOperator(onSets(containsAny))],
]);

function record(node: unknown, compile: Compile): Expression {
  const fields = plain(node);
  const names = Object.keys(fields);
  return collect(
    names.map((name) => compile(fields[name])),
    (values) => new RecordValue(names, values, values.some(holdsNull)),
  );
}

/** A set or record is an error where one of its parts is; one of constants is made once. */
function collect(parts: readonly Expression[], make: (values: Value[]) => Value): Expression {
  const constants = parts.flatMap((part) => (part.constant === undefined ? [] : [part.constant]));
  if (constants.length === parts.length) return constant(make(constants));
  const runs = parts.map((part) => part.run);
  return {
    run: (n) => {
      const values: Value[] = [];
      for (const run of runs) {
        const value = run(n);
        if (value === undefined) return undefined;
        values.push(value);
      }
      return make(values);
    },
  };
}

function isEmpty(content: unknown, compile: Compile, node: unknown): Expression {
  const { run } = compile(exactFields(content, ['arg']).arg);
  return {
    boolean: true,
    run: (n) => {
      const value = run(n);
      if (!(value instanceof SetValue)) return wrongKinds(n, node, 'a Set', value);
      return value.holdsNull ? nullRead(n, node) : value.items.length === 0;
    },
  };
}

/** @param operate gives undefined where the other value has the wrong kind */
function setOperator(operate: (set: SetValue, other: Value, budget: StepBudget) => boolean | undefined): CompileKind {
  return (content, compile, node) => {
    const fields = exactFields(content, ['left', 'right']);
    const [left, right] = [compile(fields.left), compile(fields.right).run];
    const { run, constant } = left;
    return {
      boolean: true,
      run: (n) => {
        const set = constant ?? run(n);
        const other = right(n);
        if (!(set instanceof SetValue) || other === undefined) return wrongKinds(n, node, 'a Set', set);
        if (dependsOnNull(set, other)) return nullRead(n, node);
        return operate(set, other, n.budget) ?? wrongKinds(n, node, 'two Sets', set, other);
      },
    };
  };
}

function onSets(operate: (set: SetValue, other: SetValue, budget: StepBudget) => boolean) {
  return (set: SetValue, other: Value, budget: StepBudget): boolean | undefined =>
    other instanceof SetValue ? operate(set, other, budget) : undefined;
}
