/** Prints what a suite tried and found, as the specs of the library do. */
export function counted({ what, cases, wrong }: { readonly what: string; readonly cases: number; readonly wrong: number }): void {
  console.log(`      ${what}: ${cases} cases, ${wrong} wrong`);
}
