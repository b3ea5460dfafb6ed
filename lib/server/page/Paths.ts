/** Which approvals the inbox lists. */
export type InboxTab = 'me' | 'all' | 'mine';

/** What a list is asked for. Fields that are absent are not in the query. */
export type PathQuery = Readonly<Record<string, string | undefined>>;

/** The paths of pages, as links spell them. Nothing else makes a link: what comes from data is encoded here, and never names a place of its own. */
export class Paths {
  /** What stands before each path; empty at the root. */
  readonly base: string;

  /** @param base the path below which the server is, without a slash at its end */
  constructor(base = '') {
    this.base = base;
  }

  inbox(query: PathQuery = {}): string {
    return this.#path('/inbox', query);
  }

  /** The calls of one agent, tool and set of policies. */
  group(query: PathQuery): string {
    return this.#path('/inbox/group', query);
  }

  approval(decisionId: string, query: PathQuery = {}): string {
    return this.#path(`/a/${encodeURIComponent(decisionId)}`, query);
  }

  /** Where the form for edits of an approval is sent. */
  edit(decisionId: string): string {
    return this.#path(`/a/${encodeURIComponent(decisionId)}/edit`);
  }

  /** Where the form of an approval is sent to be counted again, with the grant that it would make: it leads back to that part of the page. */
  grantPreview(decisionId: string): string {
    return this.#path(`/a/${encodeURIComponent(decisionId)}/grant-preview`) + '#grant';
  }

  /** Where the form of an approval is sent. */
  verdict(decisionId: string): string {
    return this.#path(`/v1/approvals/${encodeURIComponent(decisionId)}/verdict`);
  }

  /** Where a script asks what a passkey has to sign. */
  challenge(decisionId: string): string {
    return this.#path(`/v1/approvals/${encodeURIComponent(decisionId)}/challenge`);
  }

  /** Where a person goes to sign in again, for a yes to exactly this. */
  signInAgain({ decisionId, digest, version }: { readonly decisionId: string; readonly digest: string; readonly version: number }): string {
    return this.#path('/signin/again', { approval: decisionId, digest, version: String(version) });
  }

  grants(query: PathQuery = {}): string {
    return this.#path('/grants', query);
  }

  /** Where the form is sent that takes a grant back. */
  revokeGrant(id: string): string {
    return this.#path(`/v1/grants/${encodeURIComponent(id)}/revoke`);
  }

  halts(query: PathQuery = {}): string {
    return this.#path('/halts', query);
  }

  /** Where the form is sent that lifts a halt. */
  liftHalt(): string {
    return this.#path('/halts/lift');
  }

  limits(query: PathQuery = {}): string {
    return this.#path('/limits', query);
  }

  history(query: PathQuery = {}): string {
    return this.#path('/history', query);
  }

  /** The history as a file. */
  historyExport(query: PathQuery): string {
    return this.#path('/history/export', query);
  }

  unknown(query: PathQuery = {}): string {
    return this.#path('/unknown', query);
  }

  /** Where the form is sent that says how a run ended. */
  settle(taskId: string): string {
    return this.#path(`/unknown/${encodeURIComponent(taskId)}`);
  }

  agents(): string {
    return this.#path('/agents');
  }

  audit(): string {
    return this.#path('/audit');
  }

  policies(): string {
    return this.#path('/policies');
  }

  /** Where the form is sent that puts staged policies in force. */
  promotePolicies(): string {
    return this.#path('/policies/promote');
  }

  /** Where the form is sent that drops staged policies. */
  dropPolicies(): string {
    return this.#path('/policies/drop');
  }

  people(): string {
    return this.#path('/people');
  }

  /** What a person sees of themselves. */
  me(): string {
    return this.#path('/me');
  }

  signIn(): string {
    return this.#path('/signin');
  }

  signOut(): string {
    return this.#path('/signout');
  }

  help(part = ''): string {
    return `${this.#path('/help')}${part === '' ? '' : `#${part}`}`;
  }

  #path(path: string, query: PathQuery = {}): string {
    const search = new URLSearchParams();
    for (const [name, value = ''] of Object.entries(query)) if (value !== '') search.set(name, value);
    return `${this.base}${path}${search.size === 0 ? '' : `?${search.toString()}`}`;
  }
}
