/** Where policies come from: a path or file URL of a folder (every `*.cedar` in it) or of one file, or the text itself. */
export type PolicySource = string | URL | { readonly text: string };

/** One policy file that was read. */
export interface SourceText {
  /** How problems name it. Has no influence on any decision or hash. */
  readonly file: string;
  readonly text: string;
}
