/** A group of people: letters, digits and `_ . : / @ + -`, from a letter or digit; at most 128. */
export const GROUP_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,127}$/;

/** The groups of `@approvers` and of one step of `@escalate`. */
export function parseApprovers(value: string): string[] {
  return value.split(',').map((group) => group.trim());
}
