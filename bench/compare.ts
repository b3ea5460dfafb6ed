/** What a comparison found. Times are nanoseconds for one call. */
export interface Comparison {
  readonly name: string;
  readonly ns: number;
  readonly twinNs: number;
  /** Median over rounds of (subject / twin), each round measured back to back. */
  readonly ratio: number;
}

export interface CompareOptions {
  /** Rounds, after as many again to warm up. Default 15, in short 9. */
  readonly rounds?: number;
  /** How long one side of a round takes, in milliseconds. Default 60, in short 40. */
  readonly roundMs?: number;
}

/** Fewer and shorter rounds: enough to see what is far off, too little to write down. */
const isShort = process.argv.includes('--short');

type Work = () => unknown;

/**
 * Times a piece of work against its twin. Both take turns within a round, so that what slows the machine slows both, and the ratio of a round is
 * worth more than the quotient of two averages.
 */
export async function compare(
  name: string,
  subject: Work,
  twin: Work,
  { rounds = isShort ? 9 : 15, roundMs = isShort ? 40 : 60 }: CompareOptions = {},
): Promise<Comparison> {
  const [subjectCalls, twinCalls] = [await callsPer(subject, roundMs), await callsPer(twin, roundMs)];
  const subjectNs: number[] = [];
  const twinNs: number[] = [];
  const ratios: number[] = [];
  for (let round = -rounds; round < rounds; round++) {
    const first = round % 2 === 0;
    const a = first ? await time(subject, subjectCalls) : undefined;
    const b = await time(twin, twinCalls);
    const c = a ?? (await time(subject, subjectCalls));
    if (round < 0) continue;
    subjectNs.push(c);
    twinNs.push(b);
    ratios.push(c / b);
  }
  return { name, ns: median(subjectNs), twinNs: median(twinNs), ratio: median(ratios) };
}

/** Times one call, in nanoseconds, over `calls` calls. Awaits only what is a promise. */
export async function time(work: Work, calls: number): Promise<number> {
  const start = process.hrtime.bigint();
  if (work() instanceof Promise) for (let i = 1; i < calls; i++) await work();
  else for (let i = 1; i < calls; i++) work();
  return Number(process.hrtime.bigint() - start) / calls;
}

async function callsPer(work: Work, ms: number): Promise<number> {
  for (let calls = 10; ; calls *= 4) {
    const ns = await time(work, calls);
    if (ns * calls > ms * 250_000) return Math.max(1, Math.round((ms * 1e6) / ns));
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
