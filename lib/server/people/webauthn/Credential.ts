/** A public key of a person, as it was registered. */
export interface Credential {
  /** base64url. */
  readonly id: string;
  /** COSE, base64url. */
  readonly publicKey: string;
  /** What the authenticator counted when it was last used; 0 where it does not count, as synced passkeys do not. */
  readonly counter: number;
}

/** A credential that a browser has just made. */
export interface MadeCredential extends Credential {
  readonly transports: readonly string[];
  /** Whether the person's other devices have it too. */
  readonly synced: boolean;
}

/** Where a browser finds a credential. */
export interface CredentialHint {
  readonly id: string;
  readonly transports: readonly string[];
}

/** What was signed. */
export interface Signed {
  /** What `navigator.credentials` gave, as JSON. */
  readonly response: unknown;
  readonly challenge: string;
  /** With its port. */
  readonly origin: string;
}
