/** What a probe found: how often each rule held, and what broke one. */
export class Tally {
  readonly held: Record<string, number> = {};
  readonly wrong: string[] = [];
  readonly beside: Record<string, string> = {};

  /** Counts one try of a rule. A rule that throws is broken. */
  async check(rule: string, where: string, holds: () => Promise<boolean>): Promise<void> {
    const broken = await holds().then(
      (held) => (held ? undefined : 'does not hold'),
      (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : 'threw no Error'),
    );
    if (broken === undefined) this.held[rule] = (this.held[rule] ?? 0) + 1;
    else this.wrong.push(`${where}, ${rule}: ${broken}`);
  }
}
