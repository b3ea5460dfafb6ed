import { RecordValue, SetValue, type Value } from '../value/Value.js';
import { type Compile, constant, type Expression } from './EvaluationContext.js';
import { exactFields, list, plain } from './exactFields.js';
import { contains, containsAll, containsAny } from '../value/sameValue.js';
import type { StepBudget } from '../value/StepBudget.js';

type CompileKind = (node: unknown, compile: Compile) => Expression;

const NO_SET = 'a Set is needed';

/** Sets and records, by their names in Cedar's JSON. */
export const COLLECTIONS: ReadonlyMap<string, CompileKind> = new Map([
  ['Set', (node, compile) => collect(list(node).map(compile), (items) => new SetValue(items))],
  ['Record', record],
  ['isEmpty', isEmpty],
  ['contains', (node, compile) => setOperator(node, compile, (set, value, budget) => contains(set, value, budget))],
  ['containsAll', (node, compile) => setOperator(node, compile, onSets(containsAll))],
  ['containsAny', (node, compile) => setOperator(node, compile, onSets(containsAny))],
]);

function record(node: unknown, compile: Compile): Expression {
  const fields = plain(node);
  const names = Object.keys(fields);
  return collect(
    names.map((name) => compile(fields[name])),
    (values) => new RecordValue(names, values),
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

function isEmpty(node: unknown, compile: Compile): Expression {
  const { run } = compile(exactFields(node, ['arg']).arg);
  return {
    boolean: true,
    run: (n) => {
      const value = run(n);
      return value instanceof SetValue ? value.items.length === 0 : n.fail(NO_SET);
    },
  };
}

/** @param operate gives undefined where the other value has the wrong kind */
function setOperator(
  node: unknown,
  compile: Compile,
  operate: (set: SetValue, other: Value, budget: StepBudget) => boolean | undefined,
): Expression {
  const fields = exactFields(node, ['left', 'right']);
  const [left, right] = [compile(fields.left), compile(fields.right).run];
  const { run, constant } = left;
  return {
    boolean: true,
    run: (n) => {
      const set = constant ?? run(n);
      const other = right(n);
      if (!(set instanceof SetValue) || other === undefined) return n.fail(NO_SET);
      return operate(set, other, n.budget) ?? n.fail(NO_SET);
    },
  };
}

function onSets(operate: (set: SetValue, other: SetValue, budget: StepBudget) => boolean) {
  return (set: SetValue, other: Value, budget: StepBudget): boolean | undefined =>
    other instanceof SetValue ? operate(set, other, budget) : undefined;
}
