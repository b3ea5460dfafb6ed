/** Tools on whose calls a person decides. */
export const ASKED: readonly string[] = Array.from({ length: 20 }, (_, i) => `ask-${i}`);

/** As many policies: ten on the tool `pay`, one on each of {@link ASKED}, and the others each on a tool of its own. Another round changes each of these. */
export function policySet(count: number, round: number): string {
  const own = Array.from(
    { length: 9 },
    (_, i) =>
      `@id("pay-${i}") forbid (principal, action == Aegis::Action::"pay", resource) when { context.input.amount > ${1_000_000 + i} && context.input has memo };`,
  );
  const asked = ASKED.map(
    (tool) => `@id("${tool}") @effect("approval_needed") forbid (principal, action == Aegis::Action::"${tool}", resource);`,
  );
  const others = Array.from(
    { length: Math.max(0, count - own.length - asked.length - 1) },
    (_, i) => `@id("p${i}") forbid (principal, action == Aegis::Action::"tool-${i}", resource) when { context.input.n > ${i - round} };`,
  );
  return ['@id("all") permit (principal, action, resource);', ...own, ...asked, ...others].join('\n');
}
