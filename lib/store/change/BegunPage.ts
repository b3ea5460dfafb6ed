/**
 * A page of the list of approvals whose execution has begun. A store that signs keeps it beside the approvals, so that an approval whose row was put back
 * to an earlier state is noticed.
 */
export interface BegunPage {
  /** Its number. */
  readonly page: number;
  /** One higher with each change; a new page has 1. */
  readonly version: number;
  /** What is in it, and its signature. */
  readonly body: string;
}
