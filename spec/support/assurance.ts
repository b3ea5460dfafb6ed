import { appendFileSync } from 'node:fs';

/** What one assurance spec found. `wrong` counts what must never happen: the spec fails unless it is 0. */
export interface AssuranceCount {
  /** What was tried, in a few words: one row of the table in docs/assurance.md. */
  readonly what: string;
  /** How many cases were tried. */
  readonly cases: number;
  /** How many of them broke the rule. */
  readonly wrong: number;
  /** Other counts worth a reader's time, as 'name: 12'. */
  readonly beside?: Readonly<Record<string, number | string>> | undefined;
}

/** Where `npm run assurance` wants the counts, one line of JSON each. */
const file = process.env['AEGIS_ASSURANCE'];

/** 1 is what `npm run assurance` and CI run; `npm test` runs a fiftieth, `npm run fuzz` ten times as many. */
const scale = Number(process.env['AEGIS_VOLUME'] ?? 0.02);

/** Other cases than the last run's: the seed of every random spec. Fixed by default, so that a run can be repeated. */
export const seed: number = Number(process.env['AEGIS_FUZZ_SEED'] ?? 20_261_122);

/** How many cases to run where a full run makes `full` of them. */
export function volume(full: number): number {
  return Math.max(1, Math.round(full * scale));
}

/** Prints a count, and hands it to `npm run assurance`. Call it before the expectation on it, so that a failure is counted too. */
export function counted(count: AssuranceCount): void {
  const beside = Object.entries(count.beside ?? {}).map(([name, value]) => `, ${name}: ${value.toLocaleString('en')}`);
  console.log(`      ${count.what}: ${count.cases.toLocaleString('en')} cases, ${count.wrong} wrong${beside.join('')}`);
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(count)}\n`);
}

/** {@link counted} for a suite whose every `it` holds or breaks the rule: call it in `describe`. `read` is asked when all have run. */
export function countedSuite(what: string, read: () => { readonly cases: number; readonly beside?: AssuranceCount['beside'] }): void {
  after(function () {
    const wrong = this.test?.parent?.tests.filter((test) => test.state === 'failed').length ?? 0;
    counted({ what, wrong, ...read() });
  });
}
