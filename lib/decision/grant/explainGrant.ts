import { isPlainObject } from '../../common/data/plainObject.js';
import { pointer } from '../../model/Params.js';
import type { GrantScope } from '../../model/terms/Grant.js';
import { isWholeRange } from './grantMatcher.js';
import { neverAfter, NEVER_COVERED, NEVER_IN_NAME, readTerm } from '../../model/terms/GrantTerm.js';
import type { GrantTerms, ReadTerm } from '../../model/terms/GrantTerm.js';

/**
 * What a grant covers, as Cedar policies: it covers a call where one of them permits it. Cedar has sets where JSON has lists, so that the policies do not
 * say that the items of a list must be in the order that was approved; grants demand that too.
 *
 * @param params which params: those as called, or those that would run; a grant with both demands that each permits
 */
export function explainGrant(scope: GrantScope, params: 'called' | 'effective' = 'effective'): string {
  const { agentId, toolName, loosened, session, facts } = scope;
  const shown = params === 'called' ? (scope.originalParams ?? scope.params) : scope.params;
  const roots = [
    ['context.input', shown, loosened.params],
    ['context.session', session ?? {}, loosened.session],
    ['context.facts', facts, loosened.facts],
  ] as const;
  const head = `permit (\n  principal == Aegis::Agent::${text(agentId)},\n  action == Aegis::Action::${text(toolName)},\n  resource\n)`;
  const parts = roots.map(([root, example, terms]) => conditionsOf(root, example, terms));
  // a number with decimals and a whole one are two kinds in Cedar: one policy for each combination
  let policies: readonly (readonly string[])[] = [[]];
  for (const { whole, ranges } of parts) {
    policies = policies.map((lines) => [...lines, ...whole]);
    for (const { long, decimal } of ranges)
      policies = policies.flatMap((lines) => [long, decimal].filter((line) => line !== undefined).map((line) => [...lines, line]));
  }
  return policies.map((lines) => `${head} when {\n  ${lines.join(' &&\n  ')}\n};\n`).join('\n');
}

interface Conditions {
  readonly whole: readonly string[];
  readonly ranges: readonly { readonly long: string; readonly decimal: string | undefined }[];
}

function conditionsOf(root: string, example: unknown, terms: GrantTerms): Conditions {
  const whole: string[] = [];
  const ranges: { long: string; decimal: string | undefined }[] = [];
  const write = (value: unknown, at: string, here: string): string => {
    if (Object.hasOwn(terms, at)) {
      const term = readTerm(terms[at]);
      // a term that this code does not know covers nothing
      if (typeof term === 'string') whole.push('false');
      else if (term.form === 'range') ranges.push(rangeText(here, term, value));
      else whole.push(...termText(here, term, value));
      return here;
    }
    if (!isPlainObject(value)) return literal(value);
    const fields = Object.entries(value).map(
      ([name, inner]) => `${text(name)}: ${write(inner, pointer(at, name), `${here}[${text(name)}]`)}`,
    );
    return `{${fields.join(', ')}}`;
  };
  const record = write(example, '', root);
  return { whole: [`${root} == ${record}`, ...whole], ranges };
}

function termText(here: string, term: Exclude<ReadTerm, { form: 'range' }>, example: unknown): readonly string[] {
  switch (term.form) {
    case 'any':
      // an error where it is of another kind, and what cannot be evaluated permits nothing
      return [typeof example === 'boolean' ? `(${here} || !${here})` : `${here} like "*"`];
    case 'in':
      return [`[${term.values.map(literal).join(', ')}].contains(${here})`];
    case 'startsWith':
      return [`${here} like "${pattern(term.text)}*"`, ...neverAfter(term.text).map((part) => `!(${here} like "*${pattern(part)}*")`)];
    case 'endsWith': {
      const end = pattern(term.text);
      return [
        `${here} like "*${end}"`,
        `${here} != ${text(term.text)}`,
        ...NEVER_COVERED.map((part) => `!(${here} like "*${pattern(part)}*")`),
        ...NEVER_IN_NAME.map((part) => `!(${here} like "*${pattern(part)}*${end}")`),
      ];
    }
  }
}

function rangeText(
  here: string,
  term: Extract<ReadTerm, { form: 'range' }>,
  example: unknown,
): { long: string; decimal: string | undefined } {
  const { lower, upper, withLower, withUpper } = term;
  // between whole numbers, a bound with decimals is the next whole number inside
  const least = Number.isInteger(lower) ? `${withLower ? '>=' : '>'} ${lower}` : `>= ${Math.ceil(lower)}`;
  const most = Number.isInteger(upper) ? `${withUpper ? '<=' : '<'} ${upper}` : `<= ${Math.floor(upper)}`;
  const long = `${here} ${least} && ${here} ${most}`;
  if (isWholeRange(term, example)) return { long, decimal: undefined };
  const atLeast = withLower ? 'greaterThanOrEqual' : 'greaterThan';
  const atMost = withUpper ? 'lessThanOrEqual' : 'lessThan';
  return { long, decimal: `${here}.${atLeast}(${decimal(lower)}) && ${here}.${atMost}(${decimal(upper)})` };
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (isPlainObject(value)) {
    const fields = Object.entries(value).map(([name, inner]) => `${text(name)}: ${literal(inner)}`);
    return `{${fields.join(', ')}}`;
  }
  if (typeof value === 'string') return text(value);
  return typeof value === 'number' && !Number.isInteger(value) ? decimal(value) : String(value);
}

function decimal(value: number): string {
  return `decimal("${value.toFixed(4)}")`;
}

function text(value: string): string {
  return `"${escaped(value)}"`;
}

/** Text inside a pattern, where a star would match anything. */
function pattern(value: string): string {
  return escaped(value).replaceAll('*', '\\*');
}

/** Everything but plain letters, digits and signs as its code: the text shows nothing else than it says. */
function escaped(value: string): string {
  return value.replace(/[^\x20-\x7e]|["\\]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    return character === '"' || character === '\\' ? `\\${character}` : `\\u{${code.toString(16)}}`;
  });
}
