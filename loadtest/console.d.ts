/** What k6 has of `console`; its types leave it to the DOM's, which scripts must not see. */
declare const console: Readonly<
  Record<'log' | 'info' | 'warn' | 'error' | 'debug', (...values: unknown[]) => void>
>;
