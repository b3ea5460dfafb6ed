/** How limits are asked: a call is counted, or looked at; a dry run learns nothing of what others do. */
export interface CountingWay {
  readonly counts: 'take' | 'peek' | 'peekOwn';
  /** The approval under which it may have been counted already. */
  readonly token?: string;
  /** Whether the call is made. */
  readonly isCall?: true;
}
